"""A plugin that is never edited: a hash of this file is part of the keys that version 0.2.0 gave its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness import (
    Context,
    DatasetSpec,
    Floats,
    Forecast,
    ForecasterSpec,
    LocalForecaster,
    Metric,
    Outcomes,
    Panel,
    hookimpl,
)


@dataclass
class Last(LocalForecaster):
    """Repeats the last value."""

    def predict_series(self, context: Context) -> Floats:
        return np.tile(context.target[-1], (context.horizon, 1))


@dataclass
class MeanOf(LocalForecaster):
    """Repeats the mean of the last values, with quantiles a fixed distance around it."""

    length: int = 4
    width: float = 2.0

    def predict_series(self, context: Context) -> Forecast:
        mean = np.tile(context.target[-self.length :].mean(axis=0), (context.horizon, 1))
        levels = context.quantile_levels
        around = np.array([self.width * (2 * level - 1) for level in levels])
        return Forecast(mean[None], levels, (mean[..., None] + around)[None] if levels else None)


@dataclass
class Noisy(LocalForecaster):
    """The last value, moved by eighths that the seed decides."""

    seed: int = 0

    def predict_series(self, context: Context) -> Floats:
        moved = np.random.default_rng([self.seed, context.cutoff]).integers(-8, 9, context.horizon) / 8
        return context.target[-1] + moved[:, None]


@dataclass
class Broken(LocalForecaster):
    """Raises."""

    def predict_series(self, context: Context) -> Floats:
        raise ValueError("never works")


@dataclass
class Sometimes(LocalForecaster):
    """Raises in every third window."""

    def predict_series(self, context: Context) -> Floats:
        if context.cutoff % 3 == 0:
            raise ValueError("not here")
        return np.tile(context.target[-1] + 0.5, (context.horizon, 1))


def panel() -> Panel:
    """Two series of eighths, which every machine computes alike."""
    steps = np.arange(60)
    return Panel.of(
        [steps / 4 + (7 * steps) % 13 / 8, 20 - steps / 8 + (5 * steps) % 11 / 4],
        ids=("up", "down"),
        season_length=4,
        start="2020-01-01",
        freq="MS",
    )


def waves() -> Panel:
    """Six triangle waves."""
    steps = np.arange(40)
    return Panel.of([(1 + i / 4) * np.abs((steps + i) % 8 - 4) for i in range(6)], season_length=8)


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    return [
        ForecasterSpec("frozen-last", Last),
        ForecasterSpec("frozen-mean", MeanOf, trained_on=("frozen-waves",)),
        ForecasterSpec("frozen-noisy", Noisy),
        ForecasterSpec("frozen-broken", Broken),
        ForecasterSpec("frozen-sometimes", Sometimes),
    ]


@hookimpl
def harness_datasets() -> list[DatasetSpec]:
    return [
        DatasetSpec("frozen-panel", panel, source="computed", licence="CC0-1.0"),
        DatasetSpec("frozen-waves", waves, source="computed", licence="CC0-1.0"),
    ]


@hookimpl
def harness_metrics() -> list[Metric]:
    return [Metric("frozen-cubes", lambda outcomes: outcomes.absolute_error**3, description="mean cubed error")]


def frozen_outcomes(outcomes: Outcomes) -> Floats:
    """Not a hook; other code of a plugin is part of its source too."""
    return outcomes.error
