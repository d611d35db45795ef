"""A board's scores in slices of its tasks, and the request for them. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints, mean_known
from harness.forecasters.pools import Pool

SLICE_KINDS = ("step", "series", "season", "length", "task")


@dataclass(frozen=True)
class SliceRequest:
    """Which slices of a board are wanted."""

    by: str  # one of SLICE_KINDS
    metric: str | None = None  # None: the board's
    task: str | None = None  # None: all
    completed_only: bool = False  # failed windows are ignored instead of imputed
    max_slices: int | None = None  # of steps or phases; beyond that, neighbours are merged
    published: bool = False  # use the results published with the board, even if the home has its own
    pools: tuple[Pool, ...] = ()  # of whose forecasters, beside the baseline; empty: of all


@dataclass(frozen=True, eq=False)
class TaskSlices:
    """The slices of one task, and each forecaster's score in them."""

    names: tuple[str, ...]
    windows: Ints  # (slice,) windows with at least one step in the slice
    steps: Ints  # (slice,) forecast steps, over all its windows
    values: Floats  # (slice, forecaster) mean score over seeds; NaN where there is none
    distances: Floats  # (slice, forecaster) distance of the score from the metric's best value, mean over seeds

    @property
    def ranks(self) -> Ints:
        """Each forecaster's rank in each slice, (slice, forecaster): 1 is best, ties share it; 0 without a score."""
        known = ~np.isnan(self.distances)
        better = (self.distances[:, None, :] < self.distances[:, :, None]).sum(axis=2)
        return np.where(known, better + 1, 0)

    @property
    def hardest(self) -> Ints:
        """The slices by their mean distance over all forecasters, largest first."""
        means = mean_known(self.distances, axis=1)
        return np.argsort(-np.where(np.isnan(means), 0.0, means), kind="stable")

    def take(self, slices: Ints | Sequence[int]) -> TaskSlices:
        """Some of the slices, in that order."""
        positions = np.asarray(slices, dtype=np.int64)
        return TaskSlices(
            tuple(self.names[i] for i in positions),
            self.windows[positions],
            self.steps[positions],
            self.values[positions],
            self.distances[positions],
        )

    @classmethod
    def concatenate(cls, parts: Sequence[TaskSlices]) -> TaskSlices:
        """The slices of several tasks, one after the other."""
        return cls(
            tuple(name for part in parts for name in part.names),
            np.concatenate([part.windows for part in parts]),
            np.concatenate([part.steps for part in parts]),
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.distances for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Slices:
    """A board's scores in slices, by one metric."""

    board: str
    title: str
    metric: str
    by: str
    baseline: str
    forecasters: tuple[str, ...]  # in the order of the standings: the last axis of all values
    tasks: Mapping[str, TaskSlices]
    notes: tuple[str, ...] = ()
    logarithmic: bool = False  # values are shown as log10
