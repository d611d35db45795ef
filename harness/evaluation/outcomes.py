"""Forecasts beside their actuals, and the quantities that metrics are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from harness.arrays import Bools, Floats, Ints, Times, ratio, read_only, sums_over_steps
from harness.data.calendar import advance
from harness.errors import DataUnavailable, NotGiven, Unsupported
from harness.evaluation.scales import seasonal_error, training_moments, without_rounding
from harness.forecasters.forecast import Forecast
from harness.forecasters.origins import Functional
from harness.tasks.folds import Backtest
from harness.tasks.windows import Windows

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Actuals:
    """The actuals of all windows of a task and the scales of their histories; one value serves all forecasters.

    Its arrays cannot be written to.
    """

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
    _find_windows: Callable[[], Windows] | None = field(default=None, repr=False)  # for scales that were not stored

    def __post_init__(self) -> None:
        for name in ("series", "cutoffs", "cutoff_index", "values"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        if self.standard is not None:
            mean, deviation = self.standard
            object.__setattr__(self, "standard", (read_only(mean), read_only(deviation)))

    @classmethod
    def of(cls, backtest: Backtest) -> Actuals:
        """The actuals of all windows of a backtest, in its order."""
        panel, windows = backtest.panel, backtest.windows
        return cls(
            panel.ids,
            windows.series,
            windows.cutoffs,
            backtest.cutoff_index,
            windows.actuals,
            windows.quantile_levels,
            tuple(panel.channels[i].name for i in panel.targets),
            panel.start,
            panel.freq,
            windows,
            standard=training_moments(backtest) if backtest.task.standardise else None,
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
        """Mean of |y_t − y_{t−m}|^power over the whole history of each window, (window, target); NaN if undefined.

        m is the season length (Hyndman & Koehler 2006, for power 1). Undefined: a history no longer than a
        season, or one that is periodic up to rounding. Raises DataUnavailable for a scale that is neither stored
        nor can be computed from the data.
        """
        if power not in self._scales:
            self._scales[power] = seasonal_error(self._windows_of_panel(), power)
        return read_only(self._scales[power])

    def _windows_of_panel(self) -> Windows:
        if self._windows is not None:
            return self._windows
        if self._find_windows is None:
            raise DataUnavailable("a scale that was not stored cannot be computed without the data")
        return self._find_windows()


@dataclass(frozen=True, eq=False)
class Outcomes:
    """A forecast beside its actuals, on the scale on which the task is scored.

    A metric is given the outcomes of its functional: `point` is the mean or the median, and the errors are its errors.
    Every array of three axes is (window, horizon, target); NaN where an actual or a forecast is missing. The arrays
    cannot be written to, so that no metric changes what the others see.
    """

    observed: Actuals
    forecast: Forecast
    functional: Functional = "mean"
    _whole: Outcomes | None = field(default=None, repr=False)  # of the mean, for those of another functional
    _totals: dict[str, Floats] = field(default_factory=dict, repr=False)
    _computed: dict[Callable[[Outcomes], Any], Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self._whole is None:
            object.__setattr__(self, "forecast", self.forecast.mapped(read_only))

    def of(self, functional: Functional) -> Outcomes:
        """The outcomes as a metric of this functional is given them; metrics of quantiles have the errors of the mean.

        They are the same where one number is forecast for both, so that nothing is computed twice.
        """
        if self._whole is not None:
            return self if functional == self.functional else self._whole.of(functional)
        if functional != "median" or self.forecast.median is self.forecast.mean:
            return self
        return self._of_median

    @cached_property
    def _of_median(self) -> Outcomes:
        outcomes = Outcomes(self.observed, self.forecast, "median", self)
        vars(outcomes).update(actuals=self.actuals, absolute_actuals=self.absolute_actuals)
        return outcomes

    @property
    def truth(self) -> Actuals:
        """The former name of `observed`."""
        return self.observed

    @cached_property
    def actuals(self) -> Floats:
        """The actuals."""
        return read_only(self._standardise(self.observed.values))

    @property
    def point(self) -> Floats:
        """The forecast of the functional: its mean or its median; raises NotGiven if neither is known."""
        if "none" in self.forecast.origins.mean:
            raise NotGiven("the forecaster gives neither a mean nor a median, nor quantiles around level 0.5")
        return self.median if self.functional == "median" else self.mean

    @cached_property
    def mean(self) -> Floats:
        """The forecast mean, or its substitute; NaN if it is unknown."""
        return read_only(self._standardise(self.forecast.mean))

    @cached_property
    def median(self) -> Floats:
        """The forecast median, or its substitute; NaN if it is unknown."""
        if self.forecast.median is self.forecast.mean:
            return self.mean
        return read_only(self._standardise(self.forecast.median))

    def quantile(self, level: float) -> Floats:
        """The forecast quantile of that level, the median of a point forecast.

        Raises Unsupported for a level that the task does not ask for, and NotGiven for one that was not given.
        """
        if level not in self.quantile_levels:
            known = ", ".join(map(str, self.quantile_levels)) or "none"
            raise Unsupported(f"the task has no quantile level {level}, only {known}")
        return self._standardise(self.forecast.quantile(level))

    def _standardise(self, values: Floats) -> Floats:
        if self.observed.standard is None:
            return values
        mean, deviation = self.observed.standard
        return (values - mean[:, None]) / deviation[:, None]

    @property
    def quantile_levels(self) -> tuple[float, ...]:
        """The levels that the task asks for."""
        return self.observed.quantile_levels

    @cached_property
    def error(self) -> Floats:
        """Forecast minus actual."""
        return read_only(self.point - self.actuals)

    @cached_property
    def absolute_error(self) -> Floats:
        """|forecast − actual|."""
        return read_only(np.abs(self.error))

    @cached_property
    def squared_error(self) -> Floats:
        """(forecast − actual)²."""
        return read_only(self.error * self.error)

    @cached_property
    def absolute_actuals(self) -> Floats:
        """|actual|."""
        return read_only(np.abs(self.actuals))

    def without_rounding(self, values: Floats) -> Floats:
        """Non-negative values, (window, horizon, target), with 0 where one is zero but for rounding.

        That is relative to the largest absolute actual of its series in all windows.
        """
        return without_rounding(values, self.absolute_actuals, self.observed.series)

    @cached_property
    def quantile_loss(self) -> Floats:
        """Twice the pinball loss, averaged over the levels (Koenker & Bassett 1978)."""
        total: Floats = np.zeros_like(self.actuals)
        for level in self.quantile_levels:
            under = self.actuals - self.quantile(level)
            total += np.maximum(level * under, (level - 1) * under)
        return read_only(total * (2 / len(self.quantile_levels)))

    @property
    def interval(self) -> tuple[float, float]:
        """The levels of the widest interval."""
        return self.quantile_levels[0], self.quantile_levels[-1]

    @cached_property
    def covered(self) -> Floats:
        """1 where the widest interval holds the actual, else 0."""
        low, high = (self.quantile(level) for level in self.interval)
        inside = ((self.actuals >= low) & (self.actuals <= high)).astype(np.float64)
        return read_only(np.where(self.unknown, np.nan, inside))

    @cached_property
    def interval_score(self) -> Floats:
        """Width of the widest interval, plus the distance of actuals outside of it over the tail's probability.

        For a central interval that is 2/α times the distance (Gneiting & Raftery 2007, eq. 43).
        """
        low, high = (self.quantile(level) for level in self.interval)
        below, above = np.maximum(low - self.actuals, 0), np.maximum(self.actuals - high, 0)
        return read_only(high - low + below / self.interval[0] + above / (1 - self.interval[1]))

    @property
    def unknown(self) -> Bools:
        """Where an actual or the forecast is missing."""
        if "none" in self.forecast.origins.mean:
            return np.isnan(self.actuals - self.quantile(self.quantile_levels[0]))
        return np.isnan(self.error)

    @cached_property
    def seasonal_error(self) -> Floats:
        """MASE's scale, (window, target)."""
        return self._scale(1)

    @cached_property
    def seasonal_squared_error(self) -> Floats:
        """RMSSE's scale, (window, target)."""
        return self._scale(2)

    def _scale(self, power: int) -> Floats:
        scale = self.observed.scale(power)
        return scale if self.observed.standard is None else read_only(scale / self.observed.standard[1] ** power)

    def total(self, losses: Floats) -> Floats:
        """Losses summed over the steps of each window, (window, target); losses of several metrics are summed once."""
        shared = next((name for name, value in vars(self).items() if value is losses), None)
        if shared is None:
            return sums_over_steps(losses)
        if shared not in self._totals:
            self._totals[shared] = sums_over_steps(losses)
        return self._totals[shared]

    def once(self, function: Callable[[Outcomes], T]) -> T:
        """The value of a function of these outcomes, computed once for all metrics that need it."""
        if function not in self._computed:
            result = function(self)
            self._computed[function] = read_only(result) if isinstance(result, np.ndarray) else result
        value: T = self._computed[function]
        return value

    ratio = staticmethod(ratio)  # for metrics
