"""A plugin of careless and hostile forecasters, and a small dataset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import Contexts, DatasetSpec, Forecast, ForecasterSpec, Panel, Resources, TrainingData, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS, MEMORY = 4.0, 400 << 20


@dataclass
class Hostile:
    """Does what `fault` names; otherwise it repeats the last value."""

    fault: str
    at: str = "predict"

    def __post_init__(self) -> None:
        if self.at == "init":
            self._do(None)

    def fit(self, train: TrainingData) -> None:
        if self.at == "fit":
            self._do(None)

    def predict(self, contexts: Contexts) -> Any:
        found = self._do(contexts) if self.at == "predict" else None
        mean = np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)
        return Forecast.point(mean) if found is None else found

    def _do(self, contexts: Contexts | None) -> Any:
        import hostile_faults

        return hostile_faults.FAULTS[self.fault](contexts)


def waves() -> Panel:
    generator = np.random.default_rng(5)
    steps = np.arange(60.0)
    series = [10 + np.sin(steps * rate) + generator.normal(0, 0.3, 60) for rate in (0.5, 1.0, 1.5)]
    return Panel.of(series, season_length=4)


@hookimpl
def harness_datasets() -> list[DatasetSpec]:
    return [DatasetSpec("waves", waves, source="drawn", licence="CC0-1.0")]


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    spec: Callable[..., ForecasterSpec] = partial(ForecasterSpec, draws=False, pool="local")
    short = Resources(seconds=SECONDS)
    hostile = "hostile_plugin:Hostile"
    return [
        spec("hostile", hostile),
        spec("hostile-slow", hostile, resources=short),
        spec("hostile-large", hostile, resources=Resources(memory=MEMORY)),
        spec("hostile-torch", hostile, imports=("torch",)),
        spec("hanging-import", "hanging_import:Hostile", resources=short),
        spec("hanging-imports", hostile, imports=("hanging_import",), resources=short),
        spec("exiting-import", "exiting_import:Hostile"),
        spec("exiting-imports", hostile, imports=("exiting_import",)),
        spec("crashing-import", "crashing_import:Hostile"),
        spec("crashing-imports", hostile, imports=("crashing_import",)),
        spec("raising-import", "raising_import:Hostile"),
        spec("hanging-fork", hostile, imports=("hanging_fork",), resources=short),
    ]
