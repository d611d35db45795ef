"""Presets: the networks of the lectures (F. Chollet, Deep Learning with Python, 2021, chapter 10).

    PRESETS["lstm"].make(seed=1, target="change")

Each is a forecaster of the catalog with the lecture's hyperparameters, as a board would set them in TOML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness import Forecaster
from harness_models.neural import SPECS

Value = None | bool | int | float | str | list[int]

LECTURE: Mapping[str, Value] = {
    "lookback": 120,
    "scale": "training",
    "target": "level",
    "linear_path": False,
    "head": "mean",
    "initialisation": "keras",
    "optimiser": "rmsprop",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "clip": 0.0,
    "batch_size": 256,
    "epochs": 10,
}


@dataclass(frozen=True)
class Preset:
    """A forecaster of the catalog, and its hyperparameters in the lecture."""

    name: str
    own: Mapping[str, Value]

    @property
    def parameters(self) -> dict[str, Value]:
        """All hyperparameters that differ from the forecaster's defaults."""
        return {**LECTURE, **self.own}

    def make(self, seed: int = 0, **changes: Value) -> Forecaster:
        """The forecaster, with some of its hyperparameters changed."""
        spec = next(spec for spec in SPECS if spec.name == self.name)
        return spec.make({**self.parameters, **changes}, seed)  # type: ignore[dict-item]


PRESETS = {
    "dense": Preset("dense", {"hidden": 16}),
    "cnn": Preset("cnn", {"filters": 8, "kernels": [24, 12, 6]}),
    "lstm": Preset("lstm", {"hidden": 16}),
    "lstm, recurrent dropout": Preset("lstm", {"hidden": 32, "recurrent_dropout": 0.25, "dropout": 0.5}),
    "stacked gru": Preset("gru", {"hidden": 32, "layers": 2, "recurrent_dropout": 0.5, "dropout": 0.5}),
    "bidirectional lstm": Preset("lstm", {"hidden": 16, "bidirectional": True}),
}
