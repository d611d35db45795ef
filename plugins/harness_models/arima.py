"""ARIMA by statsmodels: fitted once, then one Kalman filter pass over each series forecasts all cutoffs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from statsmodels.tsa.statespace import kalman_filter

from harness import Context, Contexts, Floats, Forecast, Ints, TrainingData, Unsupported
from harness_models.arima_specification import Specification, fit_model
from harness_models.known_regression import KnownRegression, Regressors, regression_remarks
from harness_models.seasonal_adjustment import SeasonalAdjustment, adjustment_size
from harness_models.univariate import TargetPasts, UnivariateForecaster

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


@dataclass(frozen=True, eq=False)
class FittedArima:
    """An ARIMA model with its parameters."""

    specification: Specification
    parameters: Floats
    start: np.datetime64 | int  # time 0 of its trend
    scale: float = 1.0  # values are divided by it before they are modelled
    adjustment: SeasonalAdjustment | None = None  # before that
    regression: KnownRegression | None = None  # before that; None without known covariates

    @property
    def parameter_count(self) -> int:
        """The trend, the AR, MA and seasonal coefficients and the variance, as in statsmodels.

        If a season was removed by STL, its seasonal indices are counted as well, and so are the coefficients of known
        covariates. The scale is no parameter.
        """
        coefficients = 0 if self.regression is None else len(self.regression.coefficients)
        return len(self.parameters) + coefficients + adjustment_size(self.adjustment)


class FilteredArima(UnivariateForecaster):
    """Forecasts all cutoffs of a series from the filtered states of one Kalman filter pass."""

    def forecast_target(self, state: FittedArima, past: TargetPasts) -> Forecast:
        """The same forecasts as those of statsmodels at each cutoff with these parameters."""
        if state.regression is not None:
            return state.regression.restore(past, self._adjusted(state, state.regression.adjust(past)))
        return self._adjusted(state, past)

    def _adjusted(self, state: FittedArima, past: TargetPasts) -> Forecast:
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

    With known covariates, each target is a regression on them with ARIMA errors (Hyndman and Athanasopoulos 2021,
    chapter 10), fitted jointly by maximum likelihood on their values in the history. Covariates that are constant or
    collinear in the training data, after the model's differences, are left out, which a remark says. A missing value
    is replaced by the mean of the training data; a remark says so if it is one of a step to forecast. Past and static
    covariates are ignored.
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

    @property
    def remarks_(self) -> list[str]:
        """Which known covariates are left out, and where values of them are missing."""
        return regression_remarks((state.regression for state in self.fitted_states()), len(self.incomplete_))

    def fit(self, train: TrainingData) -> None:
        """Keeps the training data; series are fitted when they are first forecast."""
        super().fit(train)
        self.incomplete_: set[str] = set()  # ids of series with missing known covariates of steps ahead

    def fit_contexts(self, contexts: Contexts) -> None:
        """Fit every series of these windows that is not fitted yet."""
        super().fit_contexts(contexts)
        for _, windows in contexts.by_series():
            states = self.states_[windows.ids[0]]
            if isinstance(states, list) and any(
                state.regression is not None and state.regression.is_incomplete(windows) for state in states
            ):
                self.incomplete_.add(windows.ids[0])

    def fit_target(self, values: Floats, context: Context) -> FittedArima:
        """The maximum-likelihood parameters."""
        specification = self._specification(context)
        observed, needed = int((~np.isnan(values)).sum()), specification.minimum_length + context.known_past.shape[1]
        if observed < needed:
            raise Unsupported(
                f"an ARIMA model of this order needs {needed} observations to be fitted to; "
                f"series {context.id!r} has {observed}"
            )
        if not context.known_past.shape[1]:
            return FittedArima(specification, np.asarray(fit_model(specification, values).params), context.start)
        names = [channel.name for channel in context.channels if channel.role == "known covariate"]
        regressors = Regressors.of(context.known_past, names, specification.difference)
        columns = regressors.apply(context.known_past) if len(regressors.columns) else None
        parameters = np.asarray(fit_model(specification, values, columns).params)
        first = len(specification.trend_powers)  # statsmodels orders parameters as trend, coefficients, and the rest
        coefficients, rest = np.split(parameters[first:], [len(regressors.columns)])
        return FittedArima(
            specification,
            np.concatenate([parameters[:first], rest]),
            context.start,
            regression=KnownRegression(regressors, coefficients),
        )

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
