"""A task and its panel → folds: each is one fit, and the windows that it forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from harness.arrays import Ints
from harness.data.calendar import iso_time, period
from harness.data.missing import check_delays
from harness.data.panel import Panel
from harness.errors import BadData, BadTask, Failure, HarnessError, attempt
from harness.tasks.categorical import check_targets
from harness.tasks.protocols import Cutoffs
from harness.tasks.splits import HeldOut, NoSplit, Split, SplitLengths
from harness.tasks.task import Task
from harness.tasks.training import Rows, TrainingData
from harness.tasks.windows import LeftOut, Windows


@dataclass(frozen=True, eq=False)
class Fold:
    """One fit, and all the windows up to the next one."""

    train: TrainingData
    windows: Windows


@dataclass(frozen=True, eq=False)
class Backtest:
    """The windows of a task on a panel, fit by fit, and those that were left out."""

    task: Task
    panel: Panel
    fold_windows: tuple[Cutoffs, ...]  # fit by fit
    split_lengths: SplitLengths
    left_out: tuple[LeftOut, ...] = ()

    @property
    def season_length(self) -> int:
        """The task's season length where it names one, else the panel's."""
        return self.panel.season_length if self.task.season_length is None else self.task.season_length

    @cached_property
    def cutoffs(self) -> Cutoffs:
        """All windows, in the order in which folds forecast them."""
        if len(self.fold_windows) == 1:
            return self.fold_windows[0]
        return Cutoffs(
            np.concatenate([fold.series for fold in self.fold_windows]),
            np.concatenate([fold.cutoffs for fold in self.fold_windows]),
            np.concatenate([fold.cutoff_index for fold in self.fold_windows]),
        )

    @property
    def cutoff_index(self) -> Ints:
        """Which of its series' cutoffs each window has, in the order of `windows`."""
        return self.cutoffs.cutoff_index

    @cached_property
    def windows(self) -> Windows:
        """All windows, in the order in which folds forecast them."""
        return self.windows_at(self.cutoffs)

    def windows_at(self, cutoffs: Cutoffs) -> Windows:
        """The windows at these cutoffs."""
        return Windows(
            self.panel,
            cutoffs.series,
            cutoffs.cutoffs,
            self.task.horizon,
            self.task.gap,
            self.task.quantile_levels,
            self.season_length,
            self.task.protocol.max_context,
        )

    @property
    def period(self) -> tuple[str, str] | None:
        """The times of the first and of the last forecast step over all windows, in ISO 8601; None without a calendar.

        Times are to the second, and dates where a time is midnight.
        """
        panel, cutoffs = self.panel, self.cutoffs
        if panel.freq is None:
            return None
        firsts, lasts = np.full(len(panel), np.iinfo(np.int64).max), np.full(len(panel), -1)
        np.minimum.at(firsts, cutoffs.series, cutoffs.cutoffs)
        np.maximum.at(lasts, cutoffs.series, cutoffs.cutoffs)
        used, gap, horizon = lasts >= 0, self.task.gap, self.task.horizon
        first, last = period(panel.start[used], panel.freq, firsts[used] + gap, lasts[used] + gap + horizon - 1)
        return iso_time(first), iso_time(last)

    def of_series(self, first: int, last: int) -> Backtest:
        """The same windows and fits of series `first` to `last` − 1 alone, without the fits that forecast none."""
        fold_windows = []
        for fold in self.fold_windows:
            inside = fold.take((fold.series >= first) & (fold.series < last))
            if len(inside.series):
                fold_windows.append(replace(inside, series=inside.series - first))
        lengths = self.split_lengths
        parts = (lengths.training, lengths.validation, lengths.test)
        own_lengths = SplitLengths(*(part[first:last] for part in parts))
        return Backtest(self.task, self.panel[first:last], tuple(fold_windows), own_lengths)

    def folds(self) -> Iterator[Fold]:
        """The fits in their order."""
        latest = np.zeros(len(self.panel), dtype=np.int64)  # cutoffs; a series that has ended is still learnt from
        for cutoffs in self.fold_windows:
            windows = self.windows if len(self.fold_windows) == 1 else self.windows_at(cutoffs)
            firsts = _first_cutoffs(len(self.panel), windows)
            latest = np.where(firsts > 0, firsts, latest)
            yield Fold(self._training_data(latest), windows)

    def _training_data(self, cutoffs: Ints) -> TrainingData:
        panel, task = self.panel, self.task
        fits_once = task.protocol.windows_per_fit is None
        ends = _split(task).training_ends(panel, self.split_lengths, cutoffs, fits_once)
        train_length = task.protocol.train_length
        begins = np.zeros_like(ends.training) if train_length is None else np.maximum(ends.training - train_length, 0)
        train = Rows(panel, begins, ends.training)
        validation = Rows(panel, ends.validation_begin, ends.validation_end)
        if not (train.ends > train.begins).any():
            raise BadTask(f"task {task.label!r} leaves nothing to train on; make its training part longer")
        held_out = validation if self.split_lengths.validation.any() else None
        return TrainingData(train, held_out, task.horizon, task.gap, task.quantile_levels, self.season_length)


def backtest(task: Task, panel: Panel) -> Backtest:
    """The windows and fits of a task on a panel.

    Raises BadTask if the task does not fit the panel, BadData if a series has no target value, a value of a categorical
    target is none of its categories, or a delay hides all values of a channel.
    """
    split = _split(task)
    if task.standardise and split.holds_out_series:
        raise BadTask(f"task {task.label!r} standardises by each series' training part; held-out series have none")
    if task.targets is not None:
        panel = panel.with_targets(task.targets)
    if task.covariates is not None:
        panel = _with_covariates(task, task.covariates, panel)
    panel.check_observed()
    check_targets(task, panel)
    check_delays(panel)
    try:
        lengths = split.lengths(panel)
        held_out = split.held_out(panel, lengths)
        cutoffs = _cutoffs(task, held_out)
        _check_inside(task, held_out, cutoffs)
    except BadTask as error:
        raise BadTask(f"task {task.label!r} on dataset {task.dataset!r}: {error}") from error
    return _without_empty_contexts(Backtest(task, panel, _folds(task, cutoffs), lengths, cutoffs.left_out))


def _with_covariates(task: Task, names: tuple[str, ...], panel: Panel) -> Panel:
    """The panel with exactly these covariates; raises BadTask for another name."""
    try:
        return panel.with_covariates(names)
    except BadData as error:
        raise BadTask(f"task {task.label!r} on dataset {task.dataset!r}: {error}") from error


def _split(task: Task) -> Split:
    return NoSplit() if task.split is None else task.split


def _cutoffs(task: Task, held_out: HeldOut) -> Cutoffs:
    """The windows of the protocol, which may be that of a plugin, as arrays of whole numbers."""
    kind, found = task.protocol.kind, attempt(lambda: task.protocol.cutoffs(held_out))
    if isinstance(found, Failure):
        if isinstance(found.error, HarnessError):
            raise found.error
        raise BadTask(f"protocol {kind!r} cannot cut the series into windows: {found}") from found.error
    if not isinstance(found, Cutoffs):
        raise BadTask(f"protocol {kind!r} must return Cutoffs, not {type(found).__name__}")
    arrays = [np.asarray(array) for array in (found.series, found.cutoffs, found.cutoff_index)]
    if not any(array.size for array in arrays):
        raise BadTask(f"protocol {kind!r} has no windows")
    if any(array.ndim != 1 or array.dtype.kind not in "iu" or len(array) != len(arrays[0]) for array in arrays):
        raise BadTask(f"the Cutoffs of protocol {kind!r} must be three arrays of whole numbers, one for each window")
    if not 0 <= arrays[0].min() <= arrays[0].max() < len(held_out.panel):
        raise BadTask(f"the Cutoffs of protocol {kind!r} name series by positions from 0 to {len(held_out.panel) - 1}")
    series, cutoffs, index = (np.asarray(array, dtype=np.int64) for array in arrays)
    return Cutoffs(series, cutoffs, index, tuple(found.left_out))


def _check_inside(task: Task, held_out: HeldOut, cutoffs: Cutoffs) -> None:
    """Raise BadTask unless each window lies in the held-out rows."""
    begins, ends = held_out.begins[cutoffs.series], held_out.ends[cutoffs.series]
    lasts = cutoffs.cutoffs + task.gap + task.horizon
    outside = (cutoffs.cutoffs < np.maximum(begins, 1)) | (lasts > ends)
    if outside.any():
        cutoff = int(cutoffs.cutoffs[outside][0])
        series = held_out.panel.ids[cutoffs.series[outside][0]]
        raise BadTask(
            f"protocol {task.protocol.kind!r} has cutoff {cutoff} of series {series!r}, "
            "whose window is not inside the held-out rows"
        )


def _folds(task: Task, cutoffs: Cutoffs) -> tuple[Cutoffs, ...]:
    """The windows of each fit."""
    if task.protocol.windows_per_fit is None:
        return (cutoffs,)
    fits = cutoffs.cutoff_index // task.protocol.windows_per_fit
    return tuple(cutoffs.take(fits == fit) for fit in np.unique(fits))


def _first_cutoffs(count: int, windows: Windows) -> Ints:
    """The first cutoff of each series, (series,); 0 where it has no window."""
    none = np.iinfo(np.int64).max
    firsts = np.full(count, none)
    np.minimum.at(firsts, windows.series, windows.cutoffs)
    return np.where(firsts == none, 0, firsts)


def _without_empty_contexts(result: Backtest) -> Backtest:
    """The backtest without the windows whose context holds no value; they are reported as left out."""
    if result.panel.complete:
        return result
    fold_windows, left_out = [], list(result.left_out)
    for cutoffs in result.fold_windows:
        observed = result.windows_at(cutoffs).observed() > 0
        series, counts = np.unique(cutoffs.series[~observed], return_counts=True)
        for i, count in zip(series, counts, strict=True):
            left_out.append(LeftOut(result.panel.ids[i], int(count), "nothing but missing values in its context"))
        if observed.any():
            fold_windows.append(cutoffs.take(observed))
    if not fold_windows:
        raise BadTask(f"task {result.task.label!r} has no window whose context holds a value")
    return replace(result, fold_windows=tuple(fold_windows), left_out=tuple(left_out))
