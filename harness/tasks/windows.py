"""Windows: (series, cutoff) pairs over a panel; contexts for forecasters, actuals for the evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from harness.arrays import Floats, Ints, Times, read_only
from harness.data.calendar import advance
from harness.data.classes import class_count
from harness.data.missing import Filled, Missing, fill_for_cutoffs, with_delays
from harness.data.panel import Channel, Panel


@dataclass(frozen=True, eq=False)
class Context:
    """The history of one series up to one cutoff, and the known covariates of the steps ahead.

    Values that are not known yet are NaN in `values`, or filled: the last `delay` ones of a channel with a delay.
    """

    id: str
    values: Floats  # (length, channel)
    start: np.datetime64 | int
    freq: str | None
    season_length: int
    horizon: int
    gap: int
    quantile_levels: tuple[float, ...]
    channels: tuple[Channel, ...]
    static: Mapping[str, str | float]
    known: Floats  # (gap + horizon, known covariate)
    cutoff: int  # observations known; more than the length of `values` where contexts are clipped

    @property
    def target(self) -> Floats:
        """The history of the targets, (length, target)."""
        columns = [i for i, channel in enumerate(self.channels) if channel.role == "target"]
        return self.values if len(columns) == len(self.channels) else self.values[:, columns]

    @property
    def classes(self) -> int:
        """The number of classes of a categorical target, the largest of several; 0 of numeric targets."""
        return class_count(self.channels)

    @property
    def known_past(self) -> Floats:
        """The history of the known covariates, (length, known covariate)."""
        return self.values[:, [i for i, channel in enumerate(self.channels) if channel.role == "known covariate"]]


@dataclass(frozen=True, eq=False)
class Contexts:
    """The contexts of many windows, in any order: what `predict` is given.

    All values end at each window's own cutoff, those of a channel with a delay as many steps earlier. Arrays are
    read-only, and views where possible.
    """

    _panel: Panel = field(repr=False)
    series: Ints  # (window,) positions in the panel
    cutoffs: Ints  # (window,) observations known
    horizon: int
    gap: int = 0
    quantile_levels: tuple[float, ...] = ()
    season_length: int = 1
    max_context: int | None = None
    _filled: Filled | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.series)

    @property
    def source(self) -> Panel:
        """The panel of the windows, with later values; for evaluators, not for forecasters."""
        return self._panel

    @cached_property
    def lengths(self) -> Ints:
        """The length of each window's context, (window,)."""
        return self.cutoffs if self.max_context is None else np.minimum(self.cutoffs, self.max_context)

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each window's series."""
        return tuple(self._panel.ids[i] for i in self.series)

    def window_name(self, window: int) -> str:
        """The series and cutoff of a window, for messages."""
        return f"series {self._panel.ids[self.series[window]]!r} at cutoff {self.cutoffs[window]}"

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The variables, in the order of the last axis of `last`."""
        return self._panel.channels

    @property
    def targets(self) -> tuple[int, ...]:
        """The positions of the target channels."""
        return self._panel.targets

    @property
    def classes(self) -> int:
        """The number of classes of a categorical target, the largest of several; 0 of numeric targets."""
        return class_count(self.channels)

    @property
    def freq(self) -> str | None:
        """The pandas offset alias of a step, None where time has no calendar."""
        return self._panel.freq

    @property
    def static(self) -> dict[str, tuple[str | float, ...]]:
        """The static covariates of each window's series, one value a window."""
        return {name: tuple(facts[i] for i in self.series) for name, facts in self._panel.static.items()}

    def last(self, length: int) -> Floats:
        """The last `length` observations, (window, length, channel); NaN before a series' start.

        NaN, too, where a value is not known yet: in the last `delay` rows of a channel with a delay.
        """
        values = self._panel.values if self._filled is None else self._filled.values
        return self._last(values, tuple(range(values.shape[1])), length)

    def last_targets(self, length: int) -> Floats:
        """The last `length` observations of the targets, (window, length, target)."""
        if self._filled is None:
            return self._last(self._panel.target_values, self.targets, length)
        every = len(self.targets) == len(self.channels)
        values = self._filled.values if every else self._filled.values[:, list(self.targets)]
        return self._last(values, self.targets, length)

    def _last(self, values: Floats, channels: tuple[int, ...], length: int) -> Floats:
        firsts = self._panel.offsets[self.series]
        ends = firsts + self.cutoffs
        short = self.lengths < length
        if not short.any():
            past = consecutive_rows(values, ends - length, length)
        else:
            rows = ends[:, None] + np.arange(-length, 0)
            past = values[np.maximum(rows, 0)]
            past[np.arange(-length, 0) < -self.lengths[:, None]] = np.nan
        if self._filled is not None:
            past = self._filled.correct(past, firsts, ends, channels)
        elif self._panel.delays:
            past = with_delays(past, channels, self._panel.delays)
        return read_only(past)

    def known(self) -> Floats:
        """The known covariates of the steps ahead, (window, gap + horizon, known covariate).

        Of a covariate with vintages, those of the latest that was issued by the cutoff; NaN where it has no value.
        """
        columns = self._panel.channels_of("known covariate")
        steps = np.arange(self.gap + self.horizon)
        if not columns:
            return np.empty((len(self), len(steps), 0))
        rows = self.cutoffs[:, None] + steps
        inside = rows < self._panel.lengths[self.series][:, None]
        rows = np.where(inside, rows + self._panel.offsets[self.series][:, None], 0)
        ahead = self._panel.values[rows[..., None], list(columns)]
        ahead[~inside] = np.nan
        for name, vintages in self._panel.vintages.items():
            column = [self.channels[i].name for i in columns].index(name)
            ahead[..., column] = vintages.at(self.series, self.cutoffs, len(steps))
        return read_only(ahead)

    def times(self) -> Times:
        """The times of the steps ahead, (window, gap + horizon)."""
        steps = self.cutoffs[:, None] + np.arange(self.gap + self.horizon)
        return advance(self._panel.start[self.series], self._panel.freq, steps)

    def take(self, windows: Ints | slice) -> Contexts:
        """The contexts of some of the windows, in that order."""
        return replace(self, series=self.series[windows], cutoffs=self.cutoffs[windows])

    def batches(self, size: int) -> Iterator[Contexts]:
        """The windows in their order, at most `size` at a time."""
        for first in range(0, len(self), size):
            yield self.take(slice(first, first + size))

    def by_series(self) -> Iterator[tuple[Ints, Contexts]]:
        """The windows of each series, by rising cutoff: their positions, and their contexts."""
        order = np.lexsort((self.cutoffs, self.series))
        borders = np.flatnonzero(np.diff(self.series[order])) + 1
        for windows in np.split(order, borders):
            if len(windows):
                yield windows, self.take(windows)

    def __iter__(self) -> Iterator[Context]:
        """One window at a time, with its whole history."""
        for i in range(len(self)):
            yield self._context(i)

    def _context(self, i: int) -> Context:
        window, length = self.take(slice(i, i + 1)), int(self.lengths[i])
        series, cutoff = int(self.series[i]), int(self.cutoffs[i])
        begins = advance(self._panel.start[series : series + 1], self.freq, np.array([cutoff - length]))
        return Context(
            id=self._panel.ids[series],
            values=window.last(length)[0],
            start=begins[0],
            freq=self.freq,
            season_length=self.season_length,
            horizon=self.horizon,
            gap=self.gap,
            quantile_levels=self.quantile_levels,
            channels=self.channels,
            static={name: facts[series] for name, facts in self._panel.static.items()},
            known=window.known()[0],
            cutoff=cutoff,
        )

    def filled(self, missing: Missing) -> Contexts:
        """The same contexts with missing values filled, each from the values that are known at its own cutoff."""
        if missing == "native" or (self._panel.complete and not self._panel.delays):
            return self
        return replace(self, _filled=fill_for_cutoffs(self._panel, missing, self.season_length))


@dataclass(frozen=True)
class LeftOut:
    """Windows of a series that are not forecast, and the reason."""

    id: str
    windows: int
    reason: str


@dataclass(frozen=True, eq=False)
class Windows:
    """Contexts with their actuals; forecasters never receive it."""

    panel: Panel
    series: Ints  # (window,)
    cutoffs: Ints  # (window,)
    horizon: int
    gap: int = 0
    quantile_levels: tuple[float, ...] = ()
    season_length: int = 1
    max_context: int | None = None

    def __len__(self) -> int:
        return len(self.series)

    @cached_property
    def contexts(self) -> Contexts:
        """What a forecaster is given of these windows."""
        return Contexts(
            self.panel,
            self.series,
            self.cutoffs,
            self.horizon,
            self.gap,
            self.quantile_levels,
            self.season_length,
            self.max_context,
        )

    @cached_property
    def actuals(self) -> Floats:
        """The actuals, (window, horizon, target); NaN where missing."""
        starts = self.panel.offsets[self.series] + self.cutoffs + self.gap
        return read_only(consecutive_rows(self.panel.target_values, starts, self.horizon))

    def take(self, windows: Ints | slice) -> Windows:
        """Some of the windows, in that order."""
        return replace(self, series=self.series[windows], cutoffs=self.cutoffs[windows])

    def observed(self) -> Ints:
        """How many target values of each window's context are not missing, (window,); of classes, of any channel."""
        if self.panel.complete:
            return self.contexts.lengths * len(self.panel.targets)
        values = self.panel.values if self.contexts.classes else self.panel.target_values  # a label is known at the end
        counts = np.concatenate([[0], np.cumsum((~np.isnan(values)).sum(axis=1))])
        ends = self.panel.offsets[self.series] + self.cutoffs
        return np.asarray(counts[ends] - counts[ends - self.contexts.lengths])


def consecutive_rows(values: Floats, starts: Ints, length: int) -> Floats:
    """`values[start:start + length]` for each start, (start, length, channel); a view if evenly spaced."""
    if not len(starts):
        return np.empty((0, length, values.shape[1]))
    if len(starts) == 1:  # one window at a time, where even a sliding view would take long
        return values[None, starts[0] : starts[0] + length]
    first, end = int(starts[0]), int(starts[-1]) + length
    step = int(starts[1]) - first
    inside = step > 0 and first >= 0 and end <= len(values)  # or the view would reach into other memory
    if inside and (len(starts) < 3 or bool((starts[1:] - starts[:-1] == step).all())):
        row, column = values.strides
        shape = (len(starts), length, values.shape[1])
        return as_strided(values[first:end], shape, (step * row, row, column), writeable=False)
    views = sliding_window_view(values, length, axis=0)  # (start, channel, length)
    return views[starts].transpose(0, 2, 1)
