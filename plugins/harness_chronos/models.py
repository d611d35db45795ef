"""The forecaster of each published model; `harness_chronos.models.BoltTiny` is that of `chronos:Bolt-Tiny`."""

from __future__ import annotations

from dataclasses import dataclass

from harness_chronos.names import WEIGHTS
from harness_chronos.pretrained import PretrainedBolt, PretrainedChronos2


@dataclass
class Chronos2(PretrainedChronos2):
    """Chronos-2, 120 million parameters."""

    weights = WEIGHTS["Chronos-2"]


@dataclass
class BoltTiny(PretrainedBolt):
    """Chronos-Bolt, 9 million parameters."""

    weights = WEIGHTS["Bolt-Tiny"]


@dataclass
class BoltMini(PretrainedBolt):
    """Chronos-Bolt, 21 million parameters."""

    weights = WEIGHTS["Bolt-Mini"]


@dataclass
class BoltSmall(PretrainedBolt):
    """Chronos-Bolt, 48 million parameters."""

    weights = WEIGHTS["Bolt-Small"]


@dataclass
class BoltBase(PretrainedBolt):
    """Chronos-Bolt, 205 million parameters."""

    weights = WEIGHTS["Bolt-Base"]
