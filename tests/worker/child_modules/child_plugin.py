"""Forecasters that need NumPy alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from harness import Contexts, Forecast, ForecasterSpec, TrainingData, hookimpl


@dataclass
class PhaseMean:
    """The mean of the last values of the same phase, with an interval of the training data's standard deviation."""

    seasons: int = 2
    packages: str = ""  # the top-level packages that its process had imported when it was fitted

    def fit(self, train: TrainingData) -> None:
        """Measure the standard deviation of the targets."""
        self.deviation = float(np.std(train.panel.values))
        self.packages = " ".join(sorted({name.partition(".")[0] for name in sys.modules}))

    def predict(self, contexts: Contexts) -> Forecast:
        """Point forecasts, and quantiles of a normal distribution."""
        season, steps = contexts.season_length, np.arange(contexts.horizon)
        past = contexts.last_targets(self.seasons * season).reshape(len(contexts), self.seasons, season, -1)
        mean = past.mean(axis=1)[:, steps % season]
        return Forecast.from_normal(mean, np.full_like(mean, self.deviation), contexts.quantile_levels)


@dataclass
class FutureTimes:
    """The seconds since 1970 of each step, as a point forecast."""

    def fit(self, train: TrainingData) -> None:
        """Nothing."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The times of the steps ahead."""
        return Forecast.point(contexts.times().astype("M8[s]").astype(np.float64)[:, :, None])


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """Both."""
    return [
        ForecasterSpec("phase-mean", PhaseMean, draws=False),
        ForecasterSpec("future-times", FutureTimes, draws=False),
    ]
