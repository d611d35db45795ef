"""WindowArrays: windows as arrays of one size, which networks and other global models learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.arrays import Bools, Floats, Ints
from harness.errors import BadInput, Unsupported
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

MOST_WINDOWS = 20_000


@dataclass(frozen=True, eq=False)
class WindowArrays:
    """Windows as arrays, which are filled with zeros where there is no value.

    The last row of `past` is that before the cutoff.
    """

    past: Floats  # (window, lookback, channel)
    mask: Bools  # (window, lookback, channel), whether `past` has a value there: False before the start of a series
    known: Floats  # (window, gap + horizon, known covariate), NaN where there is no value
    targets: Floats | None = None  # (window, horizon, target), in training only
    series: Ints | None = None  # (window,) positions in the panel, in training only
    cutoffs: Ints | None = None  # (window,) observations known, in training only

    def __len__(self) -> int:
        return len(self.past)


def window_arrays(contexts: Contexts, lookback: int) -> WindowArrays:
    """The windows of `predict` as arrays, with the last `lookback` rows of each; shorter histories begin with zeros.

    windows = harness.window_arrays(contexts, lookback=24)
    windows.past[:, :, list(contexts.targets)]
    """
    _check_at_least("lookback", lookback, 1)
    past = contexts.last(lookback)
    mask = ~np.isnan(past)
    return WindowArrays(np.where(mask, past, 0.0), mask, contexts.known())


def training_windows(train: TrainingData, lookback: int, *, stride: int = 1, most: int = MOST_WINDOWS) -> WindowArrays:
    """The windows of the training data as `predict` would receive them, with the targets that follow.

    A window begins every `stride` steps of each series, where all its targets are observed; if these are more than
    `most` windows, as many of them, evenly spaced. Series that are too short for a whole window give windows with at
    least half of the lookback. Raises Unsupported if there is no window.

        windows = harness.training_windows(train, lookback=24)
        model.fit(windows.past.reshape(len(windows), -1), windows.targets.reshape(len(windows), -1))
    """
    for name, number in (("lookback", lookback), ("stride", stride), ("most", most)):
        _check_at_least(name, number, 1)
    panel, ahead = train.panel, train.gap + train.horizon
    least = np.where(panel.lengths < lookback + ahead, max(1, lookback // 2), lookback)
    counts = np.maximum((panel.lengths - ahead - least) // stride + 1, 0)
    series = np.repeat(np.arange(len(panel)), counts)
    position = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
    last = panel.lengths - ahead  # the cutoffs are counted back from the latest one
    cutoffs = (last[series] - position * stride).astype(np.int64)
    order = np.lexsort((cutoffs, series))
    series, cutoffs = series[order], cutoffs[order]
    rows = panel.offsets[series] + cutoffs + train.gap
    missing = np.concatenate([[0], np.cumsum(np.isnan(panel.target_values).any(axis=1))])
    complete = np.flatnonzero(missing[rows + train.horizon] == missing[rows])
    if not len(complete):
        raise Unsupported(
            f"no window of the training data has {max(1, lookback // 2)} rows of history and all values of the "
            f"{train.horizon} steps after them"
        )
    kept = complete[np.unique(np.linspace(0, len(complete) - 1, min(most, len(complete))).astype(np.int64))]
    series, cutoffs, rows = series[kept], cutoffs[kept], rows[kept]
    windows = window_arrays(train.contexts(series, cutoffs), lookback)
    targets = panel.target_values[rows[:, None] + np.arange(train.horizon)]
    return WindowArrays(windows.past, windows.mask, windows.known, targets, series, cutoffs)


def automatic_lookback(train: TrainingData) -> int:
    """The length of the windows of a global model that is told none.

    It is the largest of two seasons, two horizons with the gap, and 24 steps, but at most half of the rows of the
    longest series that a first window leaves.
    """
    ahead = train.gap + train.horizon
    half = (int(train.panel.lengths.max()) - ahead) // 2
    return max(1, min(max(2 * train.season_length, 2 * ahead, 24), half))


def _check_at_least(name: str, number: object, least: int) -> None:
    if not isinstance(number, int | np.integer) or isinstance(number, bool) or number < least:
        raise BadInput(f"{name} must be a whole number of at least {least}, not {number!r:.80}")
