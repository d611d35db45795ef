"""A plugin file with a forecaster that needs NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness import Context, Floats, ForecasterSpec, LocalForecaster, hookimpl


@dataclass
class WeekMean(LocalForecaster):
    """The mean of the same weekday in the last `weeks` weeks."""

    weeks: int = 3

    def predict_series(self, context: Context) -> Floats:
        """The forecasts of one series."""
        past = context.target[-7 * self.weeks :]
        return np.stack([past[step % 7 :: 7].mean(axis=0) for step in range(context.horizon)])


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """That forecaster."""
    return [ForecasterSpec("week-mean", WeekMean, missing="ffill", draws=False)]
