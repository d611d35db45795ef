"""ARIMA by statsmodels: fitted once, then one Kalman filter pass over each series forecasts all cutoffs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.statespace import kalman_filter

from harness import Context, Floats, Forecast, Ints, Unsupported
from harness_models.seasonal_adjustment import SeasonalAdjustment, adjustment_size
from harness_models.univariate import TargetPasts, UnivariateForecaster

Order = tuple[int, int, int]
SeasonalOrder = tuple[int, int, int, int]

STATE_VALUES = 10_000_000  # of state covariances in memory at once
MEANS_ONLY = (
    kalman_filter.MEMORY_NO_FORECAST
    | kalman_filter.MEMORY_NO_FILTERED
    | kalman_filter.MEMORY_NO_LIKELIHOOD
    | kalman_filter.MEMORY_NO_GAIN
    | kalman_filter.MEMORY_NO_SMOOTHING
    | kalman_filter.MEMORY_NO_STD_FORECAST
    | kalman_filter.MEMORY_NO_PREDICTED_COV
)
MEANS_AND_VARIANCES = MEANS_ONLY & ~kalman_filter.MEMORY_NO_PREDICTED_COV


@dataclass(frozen=True)
class Specification:
    """The specification of an ARIMA model, as in statsmodels."""

    order: Order
    seasonal_order: SeasonalOrder = (0, 0, 0, 0)
    trend: str | None = None
    enforce_stationarity: bool = True
    enforce_invertibility: bool = True
    concentrate_scale: bool = False

    def model(self, values: Floats, first: int = 0) -> Any:
        """The model of these values; `first` is the time of the first value, for the trend."""
        return ARIMA(
            values,
            order=self.order,
            seasonal_order=self.seasonal_order,
            trend=self.trend,
            enforce_stationarity=self.enforce_stationarity,
            enforce_invertibility=self.enforce_invertibility,
            concentrate_scale=self.concentrate_scale,
            trend_offset=1 + first,
        )

    @property
    def trend_powers(self) -> tuple[int, ...]:
        """The powers of time in the trend; their coefficients are the first parameters."""
        if self.trend is None:
            return () if self.order[1] or self.seasonal_order[1] else (0,)
        return {"n": (), "c": (0,), "t": (1,), "ct": (0, 1)}[self.trend]

    @property
    def minimum_length(self) -> int:
        """The fewest observations that the model can be fitted to."""
        (p, d, q), (sp, sd, sq, season) = self.order, self.seasonal_order
        return d + sd * season + max(p + sp * season, q + sq * season) + 3


@dataclass(frozen=True, eq=False)
class FittedArima:
    """An ARIMA model with its parameters."""

    specification: Specification
    parameters: Floats
    start: np.datetime64 | int  # time 0 of its trend
    scale: float = 1.0  # values are divided by it before they are modelled
    adjustment: SeasonalAdjustment | None = None  # before that

    @property
    def parameter_count(self) -> int:
        """The trend, the AR, MA and seasonal coefficients and the variance, as in statsmodels.

        If a season was removed by STL, its seasonal indices are counted as well. The scale is no parameter.
        """
        return len(self.parameters) + adjustment_size(self.adjustment)


class FilteredArima(UnivariateForecaster):
    """Forecasts all cutoffs of a series from the filtered states of one Kalman filter pass."""

    def forecast_target(self, state: FittedArima, past: TargetPasts) -> Forecast:
        """The same forecasts as those of statsmodels at each cutoff with these parameters."""
        if state.adjustment is None:
            return self._filtered(state, past)
        return state.adjustment.restore(past, self._filtered(state, state.adjustment.adjust(past)))

    def _filtered(self, state: FittedArima, past: TargetPasts) -> Forecast:
        horizon, with_variance = len(past.steps), bool(past.contexts.quantile_levels)
        mean = np.empty((len(past.rows), horizon))
        deviation = np.empty_like(mean) if with_variance else None
        begins = past.begins
        if 1 in state.specification.trend_powers:
            begins = begins - past.position(state.start)
        for row, padding in enumerate(past.paddings):
            windows = np.flatnonzero(past.rows == row)
            ends = past.ends[windows] - padding
            values = past.values[row, padding:] / state.scale
            means, variance = _forecasts(state, values, int(begins[row]), ends, past.steps, with_variance)
            mean[windows] = means * state.scale
            if deviation is not None:
                deviation[windows] = np.sqrt(np.maximum(variance, 0)) * state.scale
        return past.normal(mean, deviation)


def fit_model(specification: Specification, values: Floats) -> Any:
    """The results of statsmodels' maximum-likelihood fit, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return specification.model(values).fit(cov_type="none", low_memory=True)


def _forecasts(
    state: FittedArima, values: Floats, first: int, ends: Ints, steps: Ints, with_variance: bool
) -> tuple[Floats, Floats]:
    """Means and variances after each end, (window, horizon) each; variances are 0 without `with_variance`.

    With the predicted state a and its covariance P, the observation j steps later has the mean
    Z Tʲ a and the variance Z Tʲ P (Z Tʲ)ᵀ + Σ_{i<j} Z Tⁱ R Q Rᵀ (Z Tⁱ)ᵀ. A trend is a regression on
    powers of time and adds to the mean.
    """
    mean, variance = np.empty((len(ends), len(steps))), np.zeros((len(ends), len(steps)))
    times = ends[:, None] + steps + float(first)  # (window, horizon)
    trend = np.zeros_like(times)
    for power, coefficient in zip(state.specification.trend_powers, state.parameters, strict=False):
        trend = trend + coefficient * times**power
    for part in _filter(state, values, first, with_variance):
        windows = np.flatnonzero((ends > part.begin) & (ends <= part.end))
        loadings = _loadings(part.model, int(steps[-1]))  # (ahead, state)
        indices = ends[windows] - part.begin
        mean[windows] = part.results.predicted_state[:, indices].T @ loadings[steps - 1].T + trend[windows]
        if with_variance:
            covariances = np.moveaxis(part.results.predicted_state_cov[:, :, indices], -1, 0)  # (window, state, state)
            now = np.einsum("whi,hi->wh", loadings[steps - 1] @ covariances, loadings[steps - 1])
            variance[windows] = now + _noise_variance(part.model, loadings)[steps - 1]
    return mean, variance


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of a series, filtered from the last state of the part before it."""

    begin: int
    end: int
    model: Any
    results: Any


def _filter(state: FittedArima, values: Floats, first: int, with_variance: bool) -> Iterator[_Part]:
    """One filter pass, in parts whose covariances fit into memory."""
    length = max(100, STATE_VALUES // state.specification.minimum_length**2)  # at least the number of states
    known = None
    for begin in range(0, len(values), length):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = state.specification.model(values[begin : begin + length], first + begin)
        model.update(state.parameters)
        if known is not None:
            model.ssm.initialize_known(*known)
        memory = MEANS_AND_VARIANCES if with_variance else MEANS_ONLY
        results = model.ssm.filter(
            conserve_memory=memory, tolerance=0
        )  # no shortcut by convergence, which later values could change
        known = results.predicted_state[:, -1], results.predicted_state_cov[:, :, -1]
        yield _Part(begin, min(begin + length, len(values)), model, results)


def _noise_variance(model: Any, loadings: Floats) -> Floats:
    """The variance of the noise after the last known observation, (ahead,)."""
    noise = model["selection"] @ model["state_cov"] @ model["selection"].T
    shocks = np.einsum("hi,ij,hj->h", loadings, noise, loadings)
    return np.concatenate([[0.0], np.cumsum(shocks[:-1])])


def _loadings(model: Any, ahead: int) -> Floats:
    """Z Tʲ for j = 0 … ahead − 1, (ahead, state)."""
    rows = [model["design"][0]]
    for _ in range(ahead - 1):
        rows.append(rows[-1] @ model["transition"])
    return np.array(rows)


@dataclass
class Arima(FilteredArima):
    """ARIMA (p, d, q)(P, D, Q)m with the likelihood and the defaults of statsmodels.

    `seasonal_order` is (P, D, Q), at the task's season length, or (P, D, Q, m). `trend` is "n", "c",
    "t" or "ct"; None is a constant without differences and no trend with them. A series is fitted once;
    the filter handles missing values. Quantiles are those of the normal forecast distributions of the
    state-space model.
    """

    order: tuple[int, ...] = (1, 1, 1)
    seasonal_order: tuple[int, ...] = (0, 0, 0)
    trend: str | None = None
    enforce_stationarity: bool = True
    enforce_invertibility: bool = True

    def __post_init__(self) -> None:
        if len(self.order) != 3 or min(self.order) < 0:
            raise ValueError(f"order is three counts (p, d, q), not {self.order}")
        if len(self.seasonal_order) not in (3, 4) or min(self.seasonal_order) < 0:
            raise ValueError(f"seasonal_order is (P, D, Q) or (P, D, Q, season length), not {self.seasonal_order}")
        if self.trend not in (None, "n", "c", "t", "ct"):
            raise ValueError(f"trend is 'n', 'c', 't', 'ct' or none, not {self.trend!r}")

    def fit_target(self, values: Floats, context: Context) -> FittedArima:
        """The maximum-likelihood parameters."""
        specification = self._specification(context)
        observed = int((~np.isnan(values)).sum())
        if observed < specification.minimum_length:
            raise Unsupported(
                f"an ARIMA model of this order needs {specification.minimum_length} observations to be fitted to; "
                f"series {context.id!r} has {observed}"
            )
        return FittedArima(specification, np.asarray(fit_model(specification, values).params), context.start)

    def _specification(self, context: Context) -> Specification:
        p, d, q = self.order
        sp, sd, sq, *named = self.seasonal_order
        season = named[0] if named else context.season_length
        if not sp and not sd and not sq:
            season = 0
        elif season < 2:
            raise Unsupported(f"a seasonal order needs a season of 2 or more steps; series {context.id!r} has {season}")
        return Specification(
            (p, d, q), (sp, sd, sq, season), self.trend, self.enforce_stationarity, self.enforce_invertibility
        )
