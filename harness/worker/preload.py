"""What the template has loaded before it forks a worker: the light core, with the names that plugins import of it."""

from __future__ import annotations

import mmap  # noqa: F401
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

ROUNDS = 10  # after about eight calls the interpreter has specialised a function
MODULES = (
    "harness.data.calendar",
    "harness.data.dataset",
    "harness.data.panel",
    "harness.evaluation.metrics",
    "harness.fields.references",
    "harness.forecasters.card",
    "harness.forecasters.forecaster",
    "harness.forecasters.generation",
    "harness.forecasters.pools",
    "harness.forecasters.spec",
    "harness.plugins.discovery",
    "harness.plugins.hookspecs",
    "harness.tasks.protocols",
    "harness.tasks.splits",
    "harness.tasks.task",
    "harness.tasks.training",
    "harness.worker.serve",
    "importlib.metadata",
    "pandas",
)


def preload() -> None:
    """Load it."""
    for name in MODULES:
        import_module(name)
    harness_version()
    numerical_libraries()
    warm_up(ROUNDS)


def warm_up(rounds: int) -> None:
    """Use the contexts and forecasts of a small panel, so that the first call in a worker is no slower than others."""
    import numpy as np

    from harness.data.panel import Panel
    from harness.forecasters.forecast import Forecast
    from harness.tasks.training import Rows, TrainingData
    from harness.tasks.windows import Contexts
    from harness.worker.values import forecast_answer

    panel = Panel.of([np.arange(40.0), np.arange(30.0)], season_length=4)
    train = TrainingData(Rows(panel, np.zeros(2, dtype=np.int64), panel.lengths), None, horizon=3)
    series, cutoffs = np.repeat([0, 1], 5), np.tile(np.arange(20, 25), 2)
    for _ in range(rounds):
        for contexts in (Contexts(panel, series, cutoffs, 3, season_length=4), train.contexts(series, cutoffs)):
            last = contexts.last_targets(4)
            for context in contexts:
                _ = context.target, context.known_past
            mean = np.repeat(last[:, -1:], 3, axis=1)
            for forecast in (Forecast.point(mean), Forecast.from_normal(mean, np.ones_like(mean), (0.1, 0.5, 0.9))):
                forecast.finite()
                forecast_answer(forecast, {})
            contexts.times()


@lru_cache(maxsize=1)
def harness_version() -> str:
    """The version of the installed package."""
    from importlib.metadata import version

    return version("forecast-harness")


@lru_cache(maxsize=1)
def numerical_libraries() -> ThreadpoolController:
    """BLAS and OpenMP, as far as they are loaded when this is first called; looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
