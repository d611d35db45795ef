"""The time of checking a forecast: of what an evaluation does with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.data.panel import Panel
from harness.efficiency.cold_start import Fitted
from harness.efficiency.scenarios import _checking
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import LocalForecaster
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.windows import Context


class OfLevels(LocalForecaster):
    """Quantiles of levels of its own, two of which cross."""

    def predict_series(self, context: Context) -> Forecast:
        values = np.tile([1.0, 3.0, 2.9, 4.0], (1, context.horizon, 1, 1))
        return Forecast.quantiles_only((0.1, 0.4, 0.6, 0.9), values)


class Unconformed(OfLevels):
    def predict(self, contexts: Any) -> Forecast:
        return self.predict_series(next(iter(contexts)))


@pytest.mark.parametrize("forecaster", [OfLevels(), Unconformed()])
def test_forecasts_that_an_evaluation_accepts_are_measured(forecaster: LocalForecaster) -> None:
    task = Task("ramp", RollingOrigin(3, windows=1), quantile_levels=(0.1, 0.5, 0.95))
    contexts = backtest(task, Panel.of([np.arange(20.0)])).windows.contexts
    work: Any = SimpleNamespace(window=lambda _: contexts)
    clock: Any = None

    assert _checking(Fitted(forecaster, work, clock)) > 0
