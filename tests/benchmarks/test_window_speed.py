"""One window at a time, and many at once: what a forecast costs beside the model's own arithmetic.

Goals are for a machine that does nothing else; bounds are twice as wide, since CPU time swells on shared cores.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness import Contexts, Forecast, Panel, TrainingData
from harness.forecasters.forecaster import predict_and_check
from harness.plugins.catalog import load_catalog
from harness.tasks.windows import Windows

HORIZON, SEASON, LEVELS = 48, 24, (0.1, 0.5, 0.9)
LENGTH, SERIES, CUTOFFS = 960, 414, 20
ALONE = {  # goals in µs a window: of a point forecast, with quantiles
    "naive": (50, 50),
    "seasonal-naive": (50, 50),
    "drift": (50, 60),
    "mean": (50, 60),
    "autoreg": (50, 50),
    "ridge": (100, 180),  # 48 steps in turn, of which none can be less than a product and a root
}
TOGETHER = 1  # of each of them, with quantiles and without; twice that of ridge with quantiles
CASES = [(name, levels) for name in ALONE for levels in ((), LEVELS)]
IDS = [f"{name}, {'quantiles' if levels else 'point'}" for name, levels in CASES]


class Nothing:
    """Has its forecast ready: what is left is harness'."""

    def __init__(self, forecast: Forecast) -> None:
        self.forecast = forecast

    def fit(self, train: TrainingData) -> None:
        """Nothing."""

    def predict(self, contexts: Contexts) -> Forecast:
        return self.forecast


@pytest.fixture(scope="module")
def hourly() -> Panel:
    rng, hours = np.random.default_rng(0), np.arange(LENGTH)
    waves = [50 + 10 * np.sin(hours / 24 * 2 * np.pi + phase) for phase in rng.uniform(0, 6, SERIES)]
    return Panel.of([wave + rng.normal(size=LENGTH) for wave in waves], season_length=SEASON)


def microseconds(action: Callable[[], object], calls: int, windows: int = 1, rounds: int = 7) -> float:
    """CPU time a window: the median of rounds."""
    action()
    found = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(calls):
            action()
        found.append((time.process_time() - start) / calls / windows)
    return statistics.median(found) * 1e6


def fitted(name: str, panel: Panel, contexts: Contexts) -> object:
    forecaster = load_catalog().forecasters[name].spec.make({})
    train = panel.between(np.zeros(len(panel), int), panel.lengths - CUTOFFS - HORIZON)
    forecaster.fit(TrainingData(train, None, HORIZON, 0, contexts.quantile_levels, SEASON))
    if hasattr(forecaster, "fit_contexts"):
        forecaster.fit_contexts(contexts)
    return forecaster


@pytest.mark.parametrize("levels", [(), LEVELS], ids=["point", "quantiles"])
def test_harness_adds_little_to_one_window(levels, hourly, record_ratio) -> None:
    windows = Windows(hourly, np.array([3]), np.array([800]), HORIZON, 0, levels, SEASON)
    quantiles = np.zeros((1, HORIZON, 1, len(levels))) if levels else None
    forecaster = Nothing(Forecast(np.zeros((1, HORIZON, 1)), levels, quantiles))

    def ours() -> object:  # as evaluation does: contexts, filling, the checked call, and whether it is finite
        return predict_and_check(forecaster, replace(windows).contexts.filled("ffill")).finite()

    spent = microseconds(ours, 2000)
    record_ratio(f"harness about one window, {len(levels)} levels, µs", round(spent, 1), 100)

    assert spent < 100


@pytest.mark.parametrize(("name", "levels"), CASES, ids=IDS)
def test_one_window_alone(name, levels, hourly, record_ratio) -> None:
    contexts = Contexts(hourly, np.array([3]), np.array([900]), HORIZON, 0, levels, SEASON)
    forecaster, goal = fitted(name, hourly, contexts), ALONE[name][bool(levels)]

    spent = microseconds(lambda: forecaster.predict(contexts), 500)
    record_ratio(f"{name} of one window, {len(levels)} levels, µs (goal {goal})", round(spent, 1), 2 * goal)

    assert spent < 2 * goal


@pytest.mark.parametrize(("name", "levels"), CASES, ids=IDS)
def test_many_windows_at_once(name, levels, hourly, record_ratio) -> None:
    cutoffs = LENGTH - HORIZON - np.arange(CUTOFFS)[::-1]
    series = np.repeat(np.arange(SERIES), CUTOFFS)
    contexts = Contexts(hourly, series, np.tile(cutoffs, SERIES), HORIZON, 0, levels, SEASON)
    forecaster, goal = fitted(name, hourly, contexts), TOGETHER * (2 if name == "ridge" and levels else 1)

    spent = microseconds(lambda: forecaster.predict(contexts), 1, len(contexts), rounds=5)
    what = f"{name} of {len(contexts):,} windows, {len(levels)} levels, µs each (goal {goal})"
    record_ratio(what, round(spent, 2), 2 * goal)

    assert spent < 2 * goal
