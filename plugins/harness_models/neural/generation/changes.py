"""Levels and changes: what a free-running network learns and generates."""

from __future__ import annotations

import numpy as np

from harness import Floats, Panel
from harness_models.neural.generation.training_windows import TrainingWindows
from harness_models.pasts import evenly_spaced

TARGETS = ("level", "change")
COMPARED = 1024  # windows, at most
SHARE = 0.5  # of the error of the mean, below which the last value is much better


def changes_of(panel: Panel) -> Panel:
    """The panel with the changes of its targets from the row before in place of their values; none in first rows."""
    values = panel.values.copy()
    targets = list(panel.targets)
    values[1:, targets] = np.diff(panel.values[:, targets], axis=0)
    values[np.ix_(panel.offsets[:-1], targets)] = np.nan
    return panel.with_values(values)


def are_near_last(windows: TrainingWindows, ahead: int) -> bool:
    """Whether the last value of the warm-up forecasts much better than its mean: half of the squared error.

    If so, the level moves away from that of the past, and a network of levels must extrapolate.
    """
    values = windows.take(evenly_spaced(windows.starts(ahead), COMPARED), ahead).numpy()
    past, following = values[: windows.warm_up], values[windows.warm_up :]
    of_last, of_mean = (float(((following - value) ** 2).mean()) for value in (past[-1], past.mean(axis=0)))
    return of_last < SHARE * of_mean


def levels_of(changes: Floats, last: Floats) -> Floats:
    """The values (step, window) that follow from these changes and the last values (window,)."""
    return np.asarray(np.cumsum(changes, axis=0) + last)
