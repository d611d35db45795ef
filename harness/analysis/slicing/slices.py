"""Where a forecaster is good and where it is not: a board's scores in slices of its tasks. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints

SLICE_KINDS = ("step", "series", "season", "length", "task")


@dataclass(frozen=True)
class SliceRequest:
    """Which slices of a board are wanted."""

    by: str  # one of SLICE_KINDS
    metric: str | None = None  # None: the board's
    task: str | None = None  # None: all
    completed_only: bool = False  # windows that failed are left out instead of counted as worst
    max_slices: int | None = None  # so many steps or phases at most; where there are more, neighbours are joined
    published: bool = False  # from the results that came with the board, whatever is here


@dataclass(frozen=True, eq=False)
class TaskSlices:
    """The slices of one task, and what each forecaster scored in them."""

    names: tuple[str, ...]
    windows: Ints  # (slice,) windows that have a part in it
    steps: Ints  # (slice,) steps that were forecast, of all its windows
    values: Floats  # (slice, forecaster) mean over seeds; NaN where there is none
    distances: Floats  # (slice, forecaster) how far from the best, mean over seeds

    @property
    def ranks(self) -> Ints:
        """Each forecaster's rank in each slice, (slice, forecaster): 1 is best, equals share it; 0 without a value."""
        known = ~np.isnan(self.distances)
        better = (self.distances[:, None, :] < self.distances[:, :, None]).sum(axis=2)
        return np.where(known, better + 1, 0)

    @property
    def hardest(self) -> Ints:
        """The slices by the mean distance of all forecasters from the best, the farthest first."""
        known = ~np.isnan(self.distances)
        totals = np.where(known, self.distances, 0.0).sum(axis=1)
        return np.argsort(-totals / np.maximum(known.sum(axis=1), 1), kind="stable")

    def take(self, slices: Ints | Sequence[int]) -> TaskSlices:
        """Some of the slices, in that order."""
        at = np.asarray(slices, dtype=np.int64)
        names = tuple(self.names[i] for i in at)
        return TaskSlices(names, self.windows[at], self.steps[at], self.values[at], self.distances[at])

    @classmethod
    def concatenate(cls, parts: Sequence[TaskSlices]) -> TaskSlices:
        """The slices of several tasks, one after the other."""
        return cls(
            tuple(name for one in parts for name in one.names),
            np.concatenate([one.windows for one in parts]),
            np.concatenate([one.steps for one in parts]),
            np.concatenate([one.values for one in parts]),
            np.concatenate([one.distances for one in parts]),
        )


@dataclass(frozen=True, eq=False)
class Slices:
    """A board in slices, by one metric."""

    board: str
    title: str
    metric: str
    by: str
    baseline: str
    forecasters: tuple[str, ...]  # in the standings' order: the last axis of all values
    tasks: Mapping[str, TaskSlices]
    notes: tuple[str, ...] = ()
    logarithmic: bool = False  # values are shown as log10
