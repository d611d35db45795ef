"""Forecasts beside their actuals, and the quantities that metrics are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from harness.arrays import Bools, Floats, ratio, read_only, sums_over_steps
from harness.errors import NotGiven, Unsupported
from harness.evaluation.actuals import Actuals as Actuals
from harness.evaluation.class_outcomes import ClassOutcomes
from harness.evaluation.scales import without_rounding
from harness.forecasters.forecast import Forecast
from harness.forecasters.origins import Functional

T = TypeVar("T")


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
        """The forecast of the functional, its mean or its median; raises NotGiven as these."""
        return self.median if self.functional == "median" else self.mean

    @cached_property
    def mean(self) -> Floats:
        """The forecast mean, or its substitute; raises NotGiven if it is unknown in a window."""
        self._check_centre()
        return read_only(self._standardise(self.forecast.mean))

    @cached_property
    def median(self) -> Floats:
        """The forecast median, or its substitute; raises NotGiven if it is unknown in a window."""
        self._check_centre()
        if self.forecast.median is self.forecast.mean:
            return self.mean
        return read_only(self._standardise(self.forecast.median))

    def _check_centre(self) -> None:
        """Raise NotGiven if neither the mean nor the median of a window is known."""
        if reason := self.forecast.origins.without_centre:
            raise NotGiven(reason)

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

    @cached_property
    def classes(self) -> ClassOutcomes:
        """The probabilities of classes beside the classes that occurred; raises NotGiven where there are none."""
        if self.forecast.probabilities is None:
            raise NotGiven("the forecaster gives no probabilities of classes")
        return ClassOutcomes(self.observed, self.forecast.probabilities)

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
