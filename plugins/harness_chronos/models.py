"""The forecaster of each model; `harness_chronos.models.BoltTiny` is that of `chronos:Bolt-Tiny`."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from harness import Weights
from harness_chronos.names import CHRONOS_2, MODELS
from harness_chronos.pretrained import PretrainedBolt, PretrainedChronos, PretrainedChronos2

NAMES = {name.replace("-", ""): name for name in MODELS}


@cache
def forecaster_class(name: str) -> type[PretrainedChronos]:
    """The forecaster of a published model."""
    base: type[PretrainedChronos] = PretrainedChronos2 if name == CHRONOS_2 else PretrainedBolt
    attributes = {
        "__doc__": f"{MODELS[name].description}.\n\n{base.__doc__}",
        "__module__": __name__,
        "weights": Weights(MODELS[name].repository, licence="Apache-2.0"),
    }
    return dataclasses.dataclass(type(name.replace("-", ""), (base,), attributes))


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return forecaster_class(NAMES[name])
