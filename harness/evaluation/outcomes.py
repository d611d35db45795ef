"""Outcomes: forecasts beside what came; the quantities that metrics are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from harness.arrays import Bools, Floats, Ints, Times, ratio
from harness.data.calendar import advance
from harness.forecasters.forecast import Forecast
from harness.tasks.folds import Backtest
from harness.tasks.windows import Windows

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Actuals:
    """What came after every cutoff of a task, and the scales of its past; one value serves all forecasters."""

    ids: tuple[str, ...]  # of the panel's series
    series: Ints  # (window,) positions in ids
    cutoffs: Ints  # (window,)
    cutoff_index: Ints  # (window,) which of its series' cutoffs each is
    values: Floats  # (window, horizon, target); NaN is missing
    quantile_levels: tuple[float, ...] = ()
    targets: tuple[str, ...] = ()  # the names of the target channels
    start: Times | None = None  # of each series in ids
    freq: str | None = None
    _windows: Windows | None = field(default=None, repr=False)
    _scales: dict[int, Floats] = field(default_factory=dict, repr=False)
    standard: tuple[Floats, Floats] | None = field(default=None, repr=False)  # mean and deviation, (window, target)
    season_length: int | None = None  # None where it was not stored

    @classmethod
    def of(cls, made: Backtest) -> Actuals:
        """The actuals of all windows of a plan, in its order."""
        windows = made.windows
        return cls(
            made.panel.ids,
            windows.series,
            windows.cutoffs,
            made.cutoff_index,
            windows.actuals,
            windows.quantile_levels,
            tuple(made.panel.channels[i].name for i in made.panel.targets),
            made.panel.start,
            made.panel.freq,
            windows,
            standard=_standard(made) if made.task.standardise else None,
            season_length=windows.season_length,
        )

    def __len__(self) -> int:
        return len(self.series)

    @property
    def numbers(self) -> Ints:
        """The former name of `cutoff_index`."""
        return self.cutoff_index

    def last_known(self, window: int) -> np.datetime64 | int | None:
        """The time of the last observation before a window's cutoff; None where it was not stored."""
        if self.start is None:
            return None
        series = int(self.series[window])
        time: np.datetime64 | int = advance(
            self.start[series : series + 1], self.freq, self.cutoffs[window : window + 1] - 1
        )[0]
        return time

    def scale(self, power: int) -> Floats:
        """Mean of |y_t − y_{t−m}|^power over all of a window's past, (window, target); NaN if undefined.

        m is the season length (Hyndman & Koehler 2006, for power 1). Undefined: a past no longer than a
        season, or one that repeats itself exactly.
        """
        if power not in self._scales:
            if self._windows is None:
                raise KeyError(f"no scale of power {power} was stored")
            self._scales[power] = seasonal_error(self._windows, power)
        return self._scales[power]


def seasonal_error(windows: Windows, power: int) -> Floats:
    """Mean of |y_t − y_{t−m}|^power up to each window's cutoff, (window, target).

    Sums run from cutoff to cutoff within a series: one over the whole panel would lose digits.
    """
    panel, season = windows.panel, windows.season_length
    order = np.lexsort((windows.cutoffs, windows.series))
    series, cutoffs = windows.series[order], windows.cutoffs[order]
    firsts = panel.offsets[series]
    ends = firsts + np.maximum(cutoffs - season, 0)  # of the differences, which begin `season` rows later
    new = np.concatenate([[True], np.diff(series) != 0])
    begins = np.where(new, firsts, np.concatenate([[0], ends[:-1]]))
    means = np.empty((len(windows), len(panel.targets)))
    for target, values in enumerate(panel.target_values.T):
        errors = values[season:] - values[:-season]
        errors = np.abs(errors, out=errors) if power == 1 else errors * errors
        sums = _sums_between(errors, begins, ends)
        counts: Floats = (ends - firsts).astype(np.float64)
        if np.isnan(sums.sum()):
            seen = ~np.isnan(errors)
            sums = _sums_between(np.where(seen, errors, 0.0), begins, ends)
            counts = _running(_sums_between(seen.astype(np.float64), begins, ends), new)
        with np.errstate(divide="ignore", invalid="ignore"):
            means[order, target] = _running(sums, new) / counts
    return np.where(means > 0, means, np.nan)


def _sums_between(values: Floats, begins: Ints, ends: Ints) -> Floats:
    """The sum of `values[begin:end]` of each pair; zero where there is nothing between."""
    if not len(values):
        return np.zeros(len(begins))
    borders = np.stack([begins, ends], axis=1).ravel()
    if borders.max() >= len(values):  # as an index it must lie inside; a zero more changes no sum
        values, borders = np.append(values, 0.0), np.minimum(borders, len(values))
    sums = np.add.reduceat(values, borders)[::2]
    return np.where(ends > begins, sums, 0.0)


def _running(values: Floats, new: Bools) -> Floats:
    """Running sums that start again where `new` is true."""
    starts = np.flatnonzero(new)
    if len(starts) == 1:
        return np.cumsum(values)
    lengths = np.diff(np.append(starts, len(values)))
    if (lengths == lengths[0]).all():
        return np.cumsum(values.reshape(len(starts), -1), axis=1).ravel()
    return np.concatenate([np.cumsum(part) for part in np.split(values, starts[1:])])


def _standard(made: Backtest) -> tuple[Floats, Floats]:
    """Mean and deviation (ddof 0) of each window's series in the training part of its fit, (window, target)."""
    means, deviations = [], []
    for fold in made.folds():
        train = fold.train.panel
        mean = np.full((len(made.panel), len(made.panel.targets)), np.nan)
        deviation = np.full_like(mean, np.nan)
        for i in np.unique(fold.windows.series):
            where = train.positions.get(made.panel.ids[i])
            if where is not None:
                rows = train.target_values[train.offsets[where] : train.offsets[where + 1]]
                seen = ~np.isnan(rows).all(axis=0)  # a target may begin after its training part
                mean[i, seen], deviation[i, seen] = np.nanmean(rows[:, seen], axis=0), np.nanstd(rows[:, seen], axis=0)
        means.append(mean[fold.windows.series])
        deviations.append(deviation[fold.windows.series])
    mean, deviation = np.concatenate(means), np.concatenate(deviations)
    varies = deviation > 1e-12 * np.abs(mean)  # rather than by rounding
    return mean, np.where(varies, deviation, np.nan)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """A forecast beside its actuals, on the scale on which the task is scored.

    Every array of three axes is (window, horizon, target); NaN where an actual or a forecast is missing.
    """

    truth: Actuals
    forecast: Forecast
    _totals: dict[str, Floats] = field(default_factory=dict, repr=False)
    _made: dict[Callable[[Outcomes], Any], Any] = field(default_factory=dict, repr=False)

    @cached_property
    def actuals(self) -> Floats:
        """What came."""
        return _side_by_side(self._scored(self.truth.values))

    @cached_property
    def mean(self) -> Floats:
        """The forecast mean."""
        return _side_by_side(self._scored(self.forecast.mean))

    @cached_property
    def median(self) -> Floats:
        """The forecast median where quantiles hold it, else the mean."""
        return self._scored(self.forecast.median)

    def quantile(self, level: float) -> Floats:
        """The forecast quantile of that level; the mean of a point forecast."""
        return self._scored(self.forecast.quantile(level))

    def _scored(self, values: Floats) -> Floats:
        if self.truth.standard is None:
            return values
        mean, deviation = self.truth.standard
        return (values - mean[:, None]) / deviation[:, None]

    @property
    def quantile_levels(self) -> tuple[float, ...]:
        """The levels that the task asks for."""
        return self.truth.quantile_levels

    @cached_property
    def error(self) -> Floats:
        """Mean minus actual."""
        return self.mean - self.actuals

    @cached_property
    def absolute_error(self) -> Floats:
        """|mean − actual|."""
        return np.abs(self.error)

    @cached_property
    def squared_error(self) -> Floats:
        """(mean − actual)²."""
        return self.error * self.error

    @cached_property
    def absolute_actuals(self) -> Floats:
        """|actual|."""
        return np.abs(self.actuals)

    @cached_property
    def quantile_loss(self) -> Floats:
        """Twice the pinball loss, averaged over the levels (Koenker & Bassett 1978)."""
        total: Floats = np.zeros_like(self.actuals)
        for level in self.quantile_levels:
            under = self.actuals - self.quantile(level)
            total += np.maximum(level * under, (level - 1) * under)
        return total * (2 / len(self.quantile_levels))

    @property
    def interval(self) -> tuple[float, float]:
        """The levels of the widest interval."""
        return self.quantile_levels[0], self.quantile_levels[-1]

    @cached_property
    def covered(self) -> Floats:
        """1 where the widest interval holds the actual, else 0."""
        low, high = (self.quantile(level) for level in self.interval)
        inside = ((self.actuals >= low) & (self.actuals <= high)).astype(np.float64)
        return np.where(self.unknown, np.nan, inside)

    @cached_property
    def interval_score(self) -> Floats:
        """Width of the widest interval, and what lies outside over its tail's probability.

        Of a central interval that is 2/α times what lies outside (Gneiting & Raftery 2007, eq. 43).
        """
        low, high = (self.quantile(level) for level in self.interval)
        below, above = np.maximum(low - self.actuals, 0), np.maximum(self.actuals - high, 0)
        return high - low + below / self.interval[0] + above / (1 - self.interval[1])

    @property
    def unknown(self) -> Bools:
        """Where an actual or the forecast is missing."""
        return np.isnan(self.error)

    @cached_property
    def seasonal_error(self) -> Floats:
        """MASE's scale, (window, target)."""
        return self._scaled(1)

    @cached_property
    def seasonal_squared_error(self) -> Floats:
        """RMSSE's scale, (window, target)."""
        return self._scaled(2)

    def _scaled(self, power: int) -> Floats:
        scale = self.truth.scale(power)
        return scale if self.truth.standard is None else scale / self.truth.standard[1] ** power

    def total(self, losses: Floats) -> Floats:
        """Losses summed over the steps of each window, (window, target); what metrics share is summed once."""
        shared = next((name for name, kept in vars(self).items() if kept is losses), None)
        if shared is None:
            return np.asarray(losses.sum(axis=1))
        if shared not in self._totals:
            self._totals[shared] = losses.sum(axis=1)
        return self._totals[shared]

    def once(self, make: Callable[[Outcomes], T]) -> T:
        """What `make` returns of these outcomes, made once for all metrics that ask for it."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    ratio = staticmethod(ratio)  # for metrics


def _side_by_side(values: Floats) -> Floats:
    """The same values, the steps of each window together in memory: every metric passes over them.

    Several targets stay as they lie, since the order of sums over steps, and so their last digit, hangs on it.
    """
    return np.ascontiguousarray(values) if values.shape[-1] == 1 else values
