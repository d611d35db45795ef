"""Protocols: which windows of the held-out rows are forecast, and how often a forecaster is fitted anew."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeGuard

from harness.errors import BadTask
from harness.fields.arguments import convert_fields
from harness.fields.errors import short_repr
from harness.tasks.counts import MOST, check_counts

if TYPE_CHECKING:
    from harness.arrays import Bools, Ints
    from harness.data.panel import Panel
    from harness.tasks.splits import HeldOut
    from harness.tasks.windows import LeftOut


@dataclass(frozen=True, eq=False)
class Cutoffs:
    """The windows of a protocol: a series and a cutoff each."""

    series: Ints  # (window,) positions in the panel
    cutoffs: Ints  # (window,) observations known
    cutoff_index: Ints  # (window,) which of its series' cutoffs each is, those left out counted
    left_out: tuple[LeftOut, ...] = ()

    def take(self, windows: Ints | Bools) -> Cutoffs:
        """Some of the windows."""
        return Cutoffs(self.series[windows], self.cutoffs[windows], self.cutoff_index[windows])


class Protocol(ABC):
    """How a panel's held-out rows are forecast; a frozen dataclass that derives from this class.

    Its fields are the keys of a task's `protocol` in a board file, beside `kind`, by which the file names the class.
    Results are stored by kind and fields: where the same fields come to mean other windows, choose a new kind.
    """

    kind: ClassVar[str]
    free_running: ClassVar[bool] = False  # whether long horizons are generated from the model's own forecasts
    horizon: int  # steps forecast in each window
    gap: int = 0  # steps between the last observation known and the first one forecast
    max_context: int | None = None  # the last observations that a forecaster is given; None: all
    train_length: int | None = None  # the last rows that are trained on; None: all

    @abstractmethod
    def cutoffs(self, held_out: HeldOut) -> Cutoffs:
        """The windows to forecast; each must lie in the held-out rows. Raises BadTask where there are none."""

    @property
    def windows_per_fit(self) -> int | None:
        """How many windows of a series are forecast before the next fit; None: all."""
        return None

    @property
    def overlap(self) -> int:
        """How many consecutive windows of a series share steps between cutoff and end of horizon; 1: none."""
        return 1


@dataclass(frozen=True)
class RollingOrigin(Protocol):
    """Rolling-origin evaluation: forecasts from several cutoffs of each series.

    A cutoff is the number of observations known. Without a time split say `windows`, and the last
    cutoffs that fit are taken, or `first_cutoff`, and all from there on; with both, that many from
    there. With a time split all cutoffs of the test part are taken unless these say less.
    """

    horizon: int
    windows: int | None = None  # a series
    first_cutoff: int | str | None = None  # rows from the start, rows from the end (negative), or a date
    stride: int | None = None  # steps between cutoffs; None: the horizon
    gap: int = 0
    train_length: int | None = None
    min_context: int = 1  # windows with fewer observations known are left out, and reported
    max_context: int | None = None
    refit: Literal["once", "every"] | int = "once"  # or after every so many windows
    kind: ClassVar[str] = "rolling-origin"

    def __post_init__(self) -> None:
        if isinstance(self.refit, str) and self.refit not in ("once", "every"):
            raise BadTask(f"refit is 'once', 'every' or a count of windows, not {short_repr(self.refit)}")
        convert_fields(self, BadTask)
        check_counts(self, 1, "horizon", "windows", "stride", "train_length", "min_context", "max_context")
        check_counts(self, 0, "gap")
        if not isinstance(self.refit, str):
            check_counts(self, 1, "refit")
        if not isinstance(self.first_cutoff, str):  # a date is read when it is looked up in a panel
            check_counts(self, -MOST, "first_cutoff")

    @property
    def steps(self) -> int:
        """The steps from one cutoff to the next."""
        return self.horizon if self.stride is None else self.stride

    @property
    def windows_per_fit(self) -> int | None:
        """How many windows of a series are forecast before the next fit; None: all."""
        if isinstance(self.refit, int):
            return self.refit
        return 1 if self.refit == "every" else None

    @property
    def overlap(self) -> int:
        """How many consecutive windows share steps, those of the gap too: errors depend on them."""
        return math.ceil((self.gap + self.horizon) / self.steps)

    def cutoffs(self, held_out: HeldOut) -> Cutoffs:
        """All cutoffs of each series that leave room for gap and horizon, by rising cutoff."""
        import numpy as np

        if self.windows is None and self.first_cutoff is None and not held_out.begins.any():
            raise BadTask("rolling-origin evaluation needs windows, first_cutoff or a split by time")
        last = held_out.ends - self.gap - self.horizon
        first = self._first(held_out, last)
        count = np.where(last >= first, (last - first) // self.steps + 1, 0)
        if self.windows is not None:
            count = np.where(last >= 0, np.minimum(count, self.windows), 0)
        series = np.repeat(np.arange(len(count)), count)
        index = np.arange(len(series)) - np.repeat(np.cumsum(count) - count, count)
        cutoffs = first[series] + index * self.steps
        least = np.maximum(held_out.begins, max(self.min_context, 1))
        return self._with_context(held_out, Cutoffs(series, cutoffs, index), least, count)

    def _first(self, held_out: HeldOut, last: Ints) -> Ints:
        """The first cutoff of each series, (series,)."""
        import numpy as np

        from harness.tasks.cutoffs import observations_until

        if isinstance(self.first_cutoff, str):
            return observations_until(held_out.panel, self.first_cutoff)
        if self.first_cutoff is not None:
            first = self.first_cutoff
            return np.where(first < 0, held_out.ends + first, first)
        if self.windows is not None:
            return last - (self.windows - 1) * self.steps
        return held_out.begins

    def _with_context(self, held_out: HeldOut, cutoffs: Cutoffs, least: Ints, count: Ints) -> Cutoffs:
        """The cutoffs that are no less than `least`; the others are left out."""
        import numpy as np

        kept = cutoffs.cutoffs >= least[cutoffs.series]
        complete = bool(kept.all())
        kept_count = count if complete else np.bincount(cutoffs.series[kept], minlength=len(count))
        if not kept_count.any():
            start = "" if self.first_cutoff is None else f" from first_cutoff {self.first_cutoff!r} on"
            raise BadTask(
                f"no window fits{start}: horizon {self.horizon} and gap {self.gap} after {int(least.min())} or more "
                f"observations; the longest series has {int(held_out.panel.lengths.max())}"
            )
        asked = np.where(held_out.lengths > 0, self.windows or np.maximum(count, 1), 0)
        taken = cutoffs if complete else cutoffs.take(kept)
        left_out = _left_out(held_out.panel, asked - kept_count)
        return Cutoffs(taken.series, taken.cutoffs, taken.cutoff_index, left_out)


@dataclass(frozen=True)
class Generation(Protocol):
    """Free-running generation: `horizon` steps of each held-out series after a warm-up of `warm_up` steps."""

    warm_up: int = 100
    horizon: int = 900
    kind: ClassVar[str] = "generation"
    free_running: ClassVar[bool] = True

    def __post_init__(self) -> None:
        convert_fields(self, BadTask)
        check_counts(self, 1, "warm_up", "horizon")

    def cutoffs(self, held_out: HeldOut) -> Cutoffs:
        """One window in each held-out series, after the warm-up."""
        import numpy as np

        from harness.tasks.windows import LeftOut

        if not held_out.other_series:
            raise BadTask("generation needs held-out series: a split of kind = 'series'")
        series, needed = np.flatnonzero(held_out.lengths > 0), self.warm_up + self.horizon
        lengths = held_out.lengths[series]
        if lengths.max() < needed:
            raise BadTask(
                f"generation needs {needed} steps (warm-up {self.warm_up}, horizon {self.horizon}); "
                f"the longest held-out series has {lengths.max()}"
            )
        ids = held_out.panel.ids
        left_out = tuple(LeftOut(ids[i], 1, f"shorter than {needed} steps") for i in series[lengths < needed])
        series = series[lengths >= needed]
        return Cutoffs(series, np.full(len(series), self.warm_up), np.zeros_like(series), left_out)


PROTOCOLS: tuple[type[Protocol], ...] = (RollingOrigin, Generation)


def is_protocol(value: object) -> TypeGuard[type[Protocol]]:
    """Whether a value is a dataclass that derives from Protocol."""
    return isinstance(value, type) and issubclass(value, Protocol) and is_dataclass(value)


def _left_out(panel: Panel, missing: Ints) -> tuple[LeftOut, ...]:
    """The windows of each series that do not fit, of which there are `missing`."""
    from harness.tasks.windows import LeftOut

    return tuple(
        LeftOut(panel.ids[i], int(missing[i]), f"its {panel.lengths[i]} observations do not hold them all")
        for i in (missing > 0).nonzero()[0]
    )
