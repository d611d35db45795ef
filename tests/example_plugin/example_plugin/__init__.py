"""A plugin for harness: a forecaster, a dataset, a metric and a board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import Context, DatasetSpec, Floats, ForecasterSpec, LocalForecaster, Metric, Outcomes, Panel, hookimpl


@dataclass
class MovingAverage(LocalForecaster):
    """Repeats the mean of the last values."""

    length: int = 24

    def predict_series(self, context: Context) -> Floats:
        """The mean of what was observed, at every step ahead."""
        return np.tile(np.nanmean(context.target[-self.length :], axis=0), (context.horizon, 1))


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The forecaster of this package."""
    return [ForecasterSpec("moving-average", MovingAverage, description="the mean of the last values")]


def tides() -> Panel:
    """Three sines of twelve steps, a third of a turn apart, around levels of 1, 2 and 3."""
    turns = np.arange(72) / 12
    series = [1 + i + np.sin(2 * np.pi * (turns + i / 3)) for i in range(3)]
    return Panel.of(series, ids=("north", "south", "west"), season_length=12)


@hookimpl
def harness_datasets() -> list[DatasetSpec]:
    """The dataset of this package."""
    return [DatasetSpec("tides", tides, description="three sines", source="computed here", licence="CC0-1.0")]


def log_cosh(outcomes: Outcomes) -> Floats:
    """log cosh of each error, without overflow: a square near zero, a straight line far from it."""
    size = outcomes.absolute_error
    return size + np.log1p(np.exp(-2 * size)) - np.log(2)


@hookimpl
def harness_metrics() -> list[Metric]:
    """The metric of this package."""
    return [Metric("log-cosh", log_cosh, description="mean of log cosh of the error")]


@hookimpl
def harness_leaderboards() -> list[Path]:
    """The board of this package."""
    return [Path(__file__).parent / "tides" / "leaderboard.toml"]
