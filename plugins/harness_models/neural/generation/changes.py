"""Levels and changes: what a free-running network learns and generates.

A change is the difference from the value `lag` rows before: 1, or a season. Levels have the lag 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness import Floats, Panel
from harness_models.neural.generation.training_windows import TrainingWindows
from harness_models.pasts import evenly_spaced

TARGETS = ("level", "change", "seasonal-change")
COMPARED = 1024  # windows, at most
SHARE = 0.6  # of the error of the mean, below which a repeated value is much better


def changes_of(panel: Panel, lag: int) -> Panel:
    """The panel with the changes of its targets in place of their values; missing in the first rows of a series."""
    if lag == 0:
        return panel
    values, targets = panel.values.copy(), list(panel.targets)
    values[lag:, targets] -= panel.values[:-lag, targets]
    row_in_series = np.arange(len(values)) - np.repeat(panel.offsets[:-1], panel.lengths)
    first_rows = np.flatnonzero(row_in_series < lag)
    values[first_rows[:, None], targets] = np.nan
    return panel.with_values(values)


def levels_of(changes: Floats, past: Floats) -> Floats:
    """The values (step, window) that follow from these changes and the values before (lag, window)."""
    lag = len(past)
    levels = np.concatenate([past, changes])
    for step in range(len(changes) if lag else 0):
        levels[lag + step] += levels[step]
    return levels[lag:]


def accumulate(errors: Floats, lag: int) -> Floats:
    """The errors of levels (step, window) that follow from those of changes."""
    return levels_of(errors, np.zeros((lag, errors.shape[1])))


def best_lag(windows: TrainingWindows, ahead: int, season: int, longest: int) -> int:
    """The lag, at most `longest`, whose values forecast best if repeated: 1 or the season; 0 if neither is good.

    It is good if its squared error is less than 0.6 times that of the mean of the warm-up. Otherwise a network of
    levels need neither extrapolate nor learn the season first.
    """
    lags = [lag for lag in sorted({1, season}) if lag <= longest]
    wide = replace(windows, warm_up=max([windows.warm_up, *lags]))
    starts = wide.starts(ahead)
    if not lags or not len(starts):
        return 0
    values = wide.take(evenly_spaced(starts, COMPARED), ahead).numpy()
    past, following = values[: wide.warm_up], values[wide.warm_up :]
    errors = {lag: _squared_error(following, past[-lag:][np.arange(len(following)) % lag]) for lag in lags}
    best = min(errors, key=lambda lag: errors[lag])
    return best if errors[best] < SHARE * _squared_error(following, past[-windows.warm_up :].mean(axis=0)) else 0


def _squared_error(actuals: Floats, forecast: Floats) -> float:
    return float(((actuals - forecast) ** 2).mean())
