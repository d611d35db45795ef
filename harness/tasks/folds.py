"""A task and its panel → folds: each one fit, and the windows it serves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.arrays import Bools, Ints
from harness.data.panel import Panel
from harness.errors import BadTask
from harness.tasks.cutoffs import observations_until
from harness.tasks.protocols import Generation, Part, RollingOrigin, SeriesSplit, TimeSplit
from harness.tasks.task import Task
from harness.tasks.training import Rows, TrainingData
from harness.tasks.windows import LeftOut, Windows


@dataclass(frozen=True, eq=False)
class Fold:
    """One fit, and all the windows up to the next one."""

    train: TrainingData
    windows: Windows


@dataclass(frozen=True, eq=False)
class FoldWindows:
    """The windows that one fit serves."""

    series: Ints  # (window,)
    cutoffs: Ints
    cutoff_index: Ints  # which of its series' cutoffs each is, as the protocol counts them

    def take(self, windows: Ints | Bools) -> FoldWindows:
        """Some of the windows."""
        return FoldWindows(self.series[windows], self.cutoffs[windows], self.cutoff_index[windows])


@dataclass(frozen=True, eq=False)
class Backtest:
    """Everything that a task asks of a panel: the windows, fit by fit, and what was left out."""

    task: Task
    panel: Panel
    fold_windows: tuple[FoldWindows, ...]  # fit by fit
    split_lengths: SplitLengths
    left_out: tuple[LeftOut, ...] = ()

    @property
    def season_length(self) -> int:
        """The task's season length where it names one, else the panel's."""
        return self.panel.season_length if self.task.season_length is None else self.task.season_length

    @cached_property
    def windows(self) -> Windows:
        """All windows, in the order in which folds forecast them."""
        if len(self.fold_windows) == 1:
            return self._windows(self.fold_windows[0])
        return self._windows(
            FoldWindows(
                np.concatenate([one.series for one in self.fold_windows]),
                np.concatenate([one.cutoffs for one in self.fold_windows]),
                self.cutoff_index,
            )
        )

    @property
    def cutoff_index(self) -> Ints:
        """Which of its series' cutoffs each window has, in the order of `windows`."""
        cutoff_index = [one.cutoff_index for one in self.fold_windows]
        return cutoff_index[0] if len(cutoff_index) == 1 else np.concatenate(cutoff_index)

    def _windows(self, of: FoldWindows) -> Windows:
        protocol = self.task.protocol
        return Windows(
            self.panel,
            of.series,
            of.cutoffs,
            protocol.horizon,
            self.task.gap,
            self.task.quantile_levels,
            self.season_length,
            protocol.max_context if isinstance(protocol, RollingOrigin) else None,
        )

    def folds(self) -> Iterator[Fold]:
        """The fits in their order."""
        latest = np.zeros(len(self.panel), dtype=np.int64)  # cutoffs; a series that has ended is still learnt from
        for one in self.fold_windows:
            windows = self.windows if len(self.fold_windows) == 1 else self._windows(one)
            firsts = _first_cutoffs(len(self.panel), windows)
            latest = np.where(firsts > 0, firsts, latest)
            yield Fold(self._training(latest), windows)

    def _training(self, ends: Ints) -> TrainingData:
        panel, task, split_lengths = self.panel, self.task, self.split_lengths
        begins = np.zeros(len(panel), dtype=np.int64)
        if isinstance(task.split, SeriesSplit):
            if isinstance(task.protocol, RollingOrigin) and task.protocol.train_length is not None:
                begins = np.maximum(panel.lengths - task.protocol.train_length, 0)
            train = Rows(panel, begins, np.where(split_lengths.training > 0, panel.lengths, 0))
            validation = Rows(panel, np.zeros_like(begins), np.where(split_lengths.validation > 0, panel.lengths, 0))
        else:
            fixed = task.split is not None and ends_of_training_part(task)
            middle = split_lengths.training if fixed else np.maximum(ends - split_lengths.validation, 0)
            if fixed:  # a series too short for a window still trains; none is fitted past its first cutoff
                whole = split_lengths.training + split_lengths.validation
                ends = np.where(ends > 0, np.minimum(whole, ends), whole)
            if isinstance(task.protocol, RollingOrigin) and task.protocol.train_length is not None:
                begins = np.maximum(middle - task.protocol.train_length, 0)
            train = Rows(panel, begins, np.minimum(middle, ends))
            validation = Rows(panel, middle, ends)
        if not (train.ends > train.begins).any():
            raise BadTask(f"task {task.label!r} leaves nothing to train on; make its training part longer")
        apart = validation if split_lengths.validation.any() else None
        return TrainingData(train, apart, task.horizon, task.gap, task.quantile_levels, self.season_length)


def ends_of_training_part(task: Task) -> bool:
    """Whether the fit ends with the training part of the split, rather than at each refit's cutoff."""
    return isinstance(task.protocol, RollingOrigin) and task.protocol.refit == "once"


@dataclass(frozen=True, eq=False)
class SplitLengths:
    """How many rows of each series train, validate and test; for held-out series, all or none."""

    training: Ints  # (series,)
    validation: Ints
    test: Ints


def backtest(task: Task, panel: Panel) -> Backtest:
    """The windows and fits of a task on a panel.

    Raises BadTask if the task does not fit the panel, BadData if a series has no target value.
    """
    if task.standardise and isinstance(task.split, SeriesSplit):
        raise BadTask(f"task {task.label!r} standardises by each series' training part; held-out series have none")
    if task.targets is not None:
        panel = panel.with_targets(task.targets)
    panel.check_observed()
    split_lengths = _parts(task, panel)
    if isinstance(task.protocol, Generation):
        made = _generation(task, task.protocol, panel, split_lengths)
    else:
        made = _rolling(task, task.protocol, panel, split_lengths)
    return _without_empty_contexts(made)


def _parts(task: Task, panel: Panel) -> SplitLengths:
    lengths, split = panel.lengths, task.split
    if split is None:
        none = np.zeros(len(panel), dtype=np.int64)
        return SplitLengths(none, none, lengths)
    if isinstance(split, TimeSplit):
        training = _rows(split.training, panel, np.zeros_like(lengths))
        validation = _rows(split.validation, panel, training)
        rest = lengths - training - validation
        test = rest if split.test is None else _rows(split.test, panel, training + validation)
        _check_parts(task, training, test, rest)
        return SplitLengths(training, validation, test)
    total = len(panel)
    counts = [_count(split.training, total), _count(split.validation, total)]
    left = total - sum(counts)
    counts.append(left if split.test is None else _count(split.test, total))
    if counts[2] > left or counts[2] < 1 or counts[0] < 1:
        raise BadTask(
            f"task {task.label!r} asks for {counts[0]} + {counts[1]} + {counts[2]} series to train, validate "
            f"and test; dataset {task.dataset!r} has {total}"
        )
    borders = np.cumsum(counts)
    position = np.arange(total)
    part = np.searchsorted(borders, position, side="right")
    return SplitLengths(*(np.where(part == i, lengths, 0) for i in range(3)))


def _rows(part: Part, panel: Panel, before: Ints) -> Ints:
    if isinstance(part, str):
        return np.asarray(np.maximum(observations_until(panel, part) - before, 0))
    if isinstance(part, float):
        return np.asarray(np.floor(panel.lengths * part + 1e-9), dtype=np.int64)
    return np.full(len(panel), part, dtype=np.int64)


def _count(part: float | int, total: int) -> int:
    return int(total * part + 1e-9) if isinstance(part, float) else part


def _check_parts(task: Task, training: Ints, test: Ints, rest: Ints) -> None:
    if (training < 1).any():
        raise BadTask(f"the split of task {task.label!r} leaves a series without training rows")
    if (test > rest).any() or (test < 1).any():
        raise BadTask(f"the split of task {task.label!r} asks for more rows than its series have")


def _generation(task: Task, protocol: Generation, panel: Panel, split_lengths: SplitLengths) -> Backtest:
    if not isinstance(task.split, SeriesSplit):
        raise BadTask(f"task {task.label!r} generates, so its split must hold out series: kind = 'series'")
    held_out = np.flatnonzero(split_lengths.test > 0)
    needed = protocol.warm_up + protocol.horizon
    fits = panel.lengths[held_out] >= needed
    if not fits.any():
        raise BadTask(
            f"task {task.label!r} needs {needed} steps (warm-up {protocol.warm_up}, horizon {protocol.horizon}); "
            f"the longest held-out series of {task.dataset!r} has {panel.lengths[held_out].max()}"
        )
    short = tuple(LeftOut(panel.ids[i], 1, f"shorter than {needed} steps") for i in held_out[~fits])
    series = held_out[fits]
    only = FoldWindows(series, np.full(len(series), protocol.warm_up), np.zeros_like(series))
    return Backtest(task, panel, (only,), split_lengths, short)


def _rolling(task: Task, protocol: RollingOrigin, panel: Panel, split_lengths: SplitLengths) -> Backtest:
    if protocol.windows is None and protocol.first_cutoff is None and not isinstance(task.split, TimeSplit):
        raise BadTask(f"task {task.label!r} needs windows, first_cutoff or a split by time")
    lengths, ahead = panel.lengths, protocol.gap + protocol.horizon
    by_time = isinstance(task.split, TimeSplit)
    begin = split_lengths.training + split_lengths.validation if by_time else np.zeros_like(lengths)
    end = begin + split_lengths.test if by_time else np.where(split_lengths.test > 0, lengths, 0)
    last = end - ahead
    first = _first_permitted(protocol, panel, begin, end, last)
    count = np.where(last >= first, (last - first) // protocol.steps + 1, 0)
    if protocol.windows is not None:
        count = np.where(last >= 0, np.minimum(count, protocol.windows), 0)
    least = np.maximum(np.maximum(begin, protocol.min_context), 1)
    series = np.repeat(np.arange(len(panel)), count)
    number = np.arange(len(series)) - np.repeat(np.cumsum(count) - count, count)
    cutoffs = first[series] + number * protocol.steps
    kept = cutoffs >= least[series]
    asked = np.where(split_lengths.test > 0, protocol.windows or np.maximum(count, 1), 0)
    every = bool(kept.all())
    made = count if every else np.bincount(series[kept], minlength=len(panel))
    if not made.any():
        raise BadTask(
            f"task {task.label!r} has no window: horizon {protocol.horizon} and gap {protocol.gap} after "
            f"{int(least.min())} or more observations do not fit into the series of {task.dataset!r}, "
            f"the longest of which has {int(lengths.max())}"
        )
    left_out = tuple(
        LeftOut(panel.ids[i], int(asked[i] - made[i]), f"its {lengths[i]} observations do not hold them all")
        for i in np.flatnonzero(asked > made)
    )
    windows = FoldWindows(series, cutoffs, number)
    windows = windows if every else windows.take(kept)
    if protocol.windows_per_fit is None:
        return Backtest(task, panel, (windows,), split_lengths, left_out)
    fit = windows.cutoff_index // protocol.windows_per_fit
    fold_windows = tuple(windows.take(fit == one) for one in np.unique(fit))
    return Backtest(task, panel, fold_windows, split_lengths, left_out)


def _first_permitted(protocol: RollingOrigin, panel: Panel, begin: Ints, end: Ints, last: Ints) -> Ints:
    first = protocol.first_cutoff
    if isinstance(first, str):
        return observations_until(panel, first)
    if first is not None:
        return np.where(first < 0, end + first, first)
    if protocol.windows is not None:
        return last - (protocol.windows - 1) * protocol.steps
    return begin


def _first_cutoffs(count: int, windows: Windows) -> Ints:
    none = np.iinfo(np.int64).max
    firsts = np.full(count, none)
    np.minimum.at(firsts, windows.series, windows.cutoffs)
    return np.where(firsts == none, 0, firsts)


def _without_empty_contexts(made: Backtest) -> Backtest:
    """Windows whose past holds no value at all are left out and reported."""
    if made.panel.complete:
        return made
    fold_windows, left_out = [], list(made.left_out)
    for one in made.fold_windows:
        fine = made._windows(one).observed() > 0
        for i in np.unique(one.series[~fine]):
            lost = int((one.series[~fine] == i).sum())
            left_out.append(LeftOut(made.panel.ids[i], lost, "nothing but missing values in its context"))
        if fine.any():
            fold_windows.append(one.take(fine))
    if not fold_windows:
        raise BadTask(f"task {made.task.label!r} has no window whose context holds a value")
    return Backtest(made.task, made.panel, tuple(fold_windows), made.split_lengths, tuple(left_out))
