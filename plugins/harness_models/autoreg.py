"""Autoregression by statsmodels; the windows of all series are forecast at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import hankel
from scipy.signal import lfilter
from statsmodels.tsa.ar_model import AutoReg

from harness import Context, Contexts, FittedLocalForecaster, Floats, Forecast, Ints, Unsupported
from harness_models.pasts import CACHED, all_finite, evenly_spaced
from harness_models.stability import explodes, stable_weights

STEPS = 64  # forecast by one matrix product
TRIED = 200  # pasts from which free runs of the training data are tried
NAMED = 5  # series that a remark names, at most
UNSTABLE = (
    "free runs of the training data left its range by more than the width of this range in {series}: roots outside "
    "the unit circle were moved onto or into it"
)


@dataclass(frozen=True, eq=False)
class FittedAutoRegression:
    """The coefficients of one series, by target."""

    constants: Floats  # (target,)
    weights: Floats  # (target, lag): of the lags 1, 2, …; 0 where a lag is not used
    variances: Floats  # (target,) of the one-step error
    stabilised: bool = False  # whether roots were moved

    @classmethod
    def of_targets(cls, fits: Sequence[FittedAutoRegression]) -> FittedAutoRegression:
        """The fits of single targets as one."""
        return cls(
            np.concatenate([fit.constants for fit in fits]),
            np.concatenate([fit.weights for fit in fits]),
            np.concatenate([fit.variances for fit in fits]),
            any(fit.stabilised for fit in fits),
        )

    @property
    def parameter_count(self) -> int:
        """The constants, the weights of the lags in use, and the variances."""
        return int(np.count_nonzero(self.constants) + np.count_nonzero(self.weights) + len(self.variances))

    @property
    def longest_lag(self) -> int:
        """The observations that a forecast uses."""
        return int(self.weights.shape[1])

    def forecast(self, past: Floats, ahead: int) -> Floats:
        """Recursive forecasts, (window, ahead, target), of pasts (window, lag, target).

        Where a value of the past is missing, the forecasts are.
        """
        lags, maps = self.longest_lag, _forecast_maps(self)
        values = np.empty((len(past), lags + ahead, len(maps)))
        values[:, :lags] = past
        for first in range(0, ahead, STEPS):
            some = min(STEPS, ahead - first)
            begin = first + lags
            for target, (weights, constants) in enumerate(maps):
                steps = values[:, first:begin, target] @ weights[:, :some] + constants[:some]
                values[:, begin : begin + some, target] = steps
        return values[:, lags:]


@lru_cache(maxsize=512)  # not kept in the state, which predict must not change
def _forecast_maps(state: FittedAutoRegression) -> list[tuple[Floats, Floats]]:
    """The next STEPS values of each target as weights (lag, step) of the lags, and constants (step,).

    The recursion is a linear filter: its input is the constant, its initial state the effect of the lags.
    """
    maps = []
    for constant, weights in zip(state.constants, state.weights, strict=True):
        feedback, lags = np.concatenate([[1.0], -weights]), len(weights)
        ones, _ = lfilter([1.0], feedback, np.zeros((lags, STEPS)), zi=hankel(weights)[::-1])
        maps.append((ones, lfilter([1.0], feedback, np.full(STEPS, constant))))
    return maps


@lru_cache(maxsize=512)
def _standard_deviations(state: FittedAutoRegression, ahead: int) -> Floats:
    """The standard deviations of the errors 1 … `ahead` steps ahead, (ahead, target)."""
    return np.asarray(_Coefficients.of([state]).standard_deviations(ahead)[0])


@dataclass(frozen=True, eq=False)
class _TrainingRuns:
    """Free runs within the training data of one target."""

    values: Floats  # (time,)
    ahead: int
    has_constant: bool

    def explode(self, fit: FittedAutoRegression) -> bool:
        """Whether a free run, from one of several pasts, leaves the range of the values by far."""
        pasts = sliding_window_view(self.values, fit.longest_lag)
        some = evenly_spaced(pasts, TRIED)
        with np.errstate(over="ignore", invalid="ignore"):
            runs = fit.forecast(some[..., None], self.ahead)[..., 0]
        return explodes(runs, self.values.min(keepdims=True), self.values.max(keepdims=True))

    def with_weights(self, weights: Floats) -> FittedAutoRegression:
        """The fit of these weights: the constant and the variance are those of its residuals."""
        pasts = sliding_window_view(self.values, len(weights))[:-1, ::-1]
        residuals = self.values[len(weights) :] - pasts @ weights
        constant = residuals.mean(keepdims=True) if self.has_constant else np.zeros(1)
        return FittedAutoRegression(constant, weights[None], np.mean((residuals - constant) ** 2, keepdims=True), True)


@dataclass
class AutoRegression(FittedLocalForecaster):
    """x_t = c + Σ φ_i x_{t−i} + ε_t by least squares, each target separately. Covariates are ignored.

    The lags are 1 … `lags` and, if `seasonal`, the seasonal lags m … m + `lags`, where the training
    series has at least three times as many observations. `trend` is "c", or "n" for no
    constant. Quantiles are normal, with the variance σ² Σ_{j<h} ψ_j² of an autoregression whose
    coefficients are known (Box and Jenkins 1970, section 5.2).

    Least squares may find roots outside the unit circle. Where a free run over the horizon, from one of at
    most 200 pasts within the training data, leaves the range of the data by more than its width, these roots
    are moved onto the circle (see `stability`), and the constant and σ² are those of the new residuals. A
    remark says so. All other fits stay as they are, growing ones and those on the unit circle too.
    """

    lags: int = 2
    trend: str = "c"
    seasonal: bool = True

    def __post_init__(self) -> None:
        if self.lags < 1:
            raise ValueError(f"lags must be at least 1, not {self.lags}")
        if self.trend not in ("n", "c"):
            raise ValueError(f"trend is 'n' or 'c', not {self.trend!r}")

    def fit_series(self, context: Context) -> FittedAutoRegression:
        """Least squares, target by target."""
        length = len(context.target)
        lags = self._lags(context.season_length, length)
        if length - lags[-1] <= len(lags) + 1:
            raise Unsupported(
                f"an autoregression on {len(lags)} lags needs {lags[-1] + len(lags) + 2} observations to be fitted to; "
                f"series {context.id!r} has {length}"
            )
        columns = np.ascontiguousarray(context.target.T)
        return FittedAutoRegression.of_targets([self._fit_target(values, lags, context) for values in columns])

    def _fit_target(self, values: Floats, lags: list[int], context: Context) -> FittedAutoRegression:
        """Least squares, with roots moved where free runs explode."""
        results = AutoReg(values, lags, trend=self.trend).fit()
        parameters, weights = np.asarray(results.params), np.zeros(lags[-1])
        constant = parameters[: -len(lags)].sum()
        weights[np.array(lags) - 1] = parameters[-len(lags) :]
        fitted = FittedAutoRegression(np.array([constant]), weights[None], np.array([results.sigma2]))
        training = _TrainingRuns(values, context.gap + context.horizon, self.trend == "c")
        stable = stable_weights(weights, lambda some: training.explode(training.with_weights(some)))
        return fitted if stable is weights else training.with_weights(stable)

    def fit_contexts(self, contexts: Contexts) -> None:
        """Fit every series of these windows that is not fitted yet, and remark on unstable fits."""
        super().fit_contexts(contexts)
        names = [name for name, state in self._fitted.items() if state.stabilised]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        self.remarks_ = [UNSTABLE.format(series=", ".join(names[:NAMED]) + more)] if names else []

    @property
    def _fitted(self) -> dict[str, FittedAutoRegression]:
        """The series that could be fitted."""
        return {name: state for name, state in self.states_.items() if isinstance(state, FittedAutoRegression)}

    @property
    def parameter_count(self) -> int:
        """The parameters of all series; zero weights of lags that are not used are none."""
        return sum(state.parameter_count for state in self._fitted.values())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these parameters."""
        return 8 * self.parameter_count

    def _lags(self, season: int, length: int) -> list[int]:
        lags = set(range(1, self.lags + 1))
        if self.seasonal and season > 1 and length >= 3 * (season + self.lags):
            lags |= set(range(season, season + self.lags + 1))
        return sorted(lags)

    def predict(self, contexts: Contexts) -> Forecast:
        """All windows of all series at once, or series by series where one cannot be forecast."""
        if (contexts.series == contexts.series[0]).all():
            firsts, state_index = np.zeros(1, np.int64), np.zeros(len(contexts), np.int64)
        else:
            _, firsts, state_index = np.unique(contexts.series, return_index=True, return_inverse=True)
        states = [self.states_.get(name) for name in contexts.take(firsts).ids]
        fitted = [state for state in states if isinstance(state, FittedAutoRegression)]
        if len(fitted) < len(states) or _longest_context(contexts) < max(state.longest_lag for state in fitted):
            return super().predict(contexts)
        return _forecast(fitted, state_index, contexts)

    def predict_windows(self, state: FittedAutoRegression, contexts: Contexts) -> Forecast:
        """The windows of one series."""
        return _forecast([state], np.zeros(len(contexts), np.int64), contexts)


def _longest_context(contexts: Contexts) -> float:
    """The maximum length of contexts."""
    return np.inf if contexts.max_context is None else contexts.max_context


def _forecast(states: list[FittedAutoRegression], state_index: Ints, contexts: Contexts) -> Forecast:
    """Forecasts of windows by `states[state_index[window]]`: of one series by a product, of several step by step."""
    longest_lag = max(state.longest_lag for state in states)
    if _longest_context(contexts) < longest_lag:
        raise Unsupported(f"autoreg needs contexts of {longest_lag} observations, its longest lag")
    ahead = contexts.gap + contexts.horizon
    if len(states) == 1:
        past = contexts.last_targets(longest_lag)
        mean = states[0].forecast(past, ahead)[:, contexts.gap :]
        if not all_finite(past):
            incomplete = np.flatnonzero(np.isnan(past).any(axis=(1, 2)))
            mean[incomplete] = _Coefficients.of(states).paths(state_index[incomplete], past[incomplete], ahead)[
                :, contexts.gap :
            ]
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        return Forecast.from_normal(
            mean, _standard_deviations(states[0], ahead)[contexts.gap :], contexts.quantile_levels
        )
    model = _Coefficients.of(states)
    mean = np.empty((len(contexts), contexts.horizon, len(contexts.targets)))
    size = max(1, CACHED // ((longest_lag + ahead) * mean.shape[2]))
    for first in range(0, len(contexts), size):
        some = slice(first, first + size)
        past = contexts.take(some).last_targets(longest_lag)
        mean[some] = model.paths(state_index[some], past, ahead)[:, contexts.gap :]
    if not contexts.quantile_levels:
        return Forecast.point(mean)
    return Forecast.from_normal(
        mean, model.standard_deviations(ahead)[state_index, contexts.gap :], contexts.quantile_levels
    )


@dataclass(frozen=True, eq=False)
class _Coefficients:
    """The coefficients of several series."""

    constants: Floats  # (series, target)
    used_lags: tuple[int, ...]  # (lag,) those of nonzero weight in any series
    weights: Floats  # (lag, series, target)
    longest: Ints  # (series, target) the longest lag of nonzero weight
    variances: Floats  # (series, target)

    @classmethod
    def of(cls, states: Sequence[FittedAutoRegression]) -> _Coefficients:
        longest_lag = max(state.longest_lag for state in states)
        weights = np.zeros((longest_lag, len(states), len(states[0].constants)))
        for i, state in enumerate(states):
            weights[: state.longest_lag, i] = state.weights.T
        longest = np.max(np.where(weights != 0, np.arange(1, longest_lag + 1)[:, None, None], 0), axis=0)
        used_lags = np.flatnonzero(weights.any(axis=(1, 2)))
        constants = np.array([state.constants for state in states])
        variances = np.array([state.variances for state in states])
        return cls(constants, tuple((used_lags + 1).tolist()), weights[used_lags], longest, variances)

    def paths(self, state_index: Ints, past: Floats, ahead: int) -> Floats:
        """Recursive forecasts, (window, ahead, target), of pasts (window, lag, target)."""
        lags = past.shape[1]
        values = np.empty((lags + ahead, len(past), past.shape[2]))  # (time, window, target)
        values[:lags] = past.transpose(1, 0, 2)
        ages = np.arange(lags, 0, -1)[:, None, None]
        values[:lags][ages > self.longest[state_index]] = 0.0  # of zero weight, but they may be missing
        self._run(self.weights[:, state_index], self.constants[state_index], values, lags)
        return values[lags:].transpose(1, 0, 2)

    def standard_deviations(self, ahead: int) -> Floats:
        """The standard deviations of the errors 1 … `ahead` steps ahead, (series, ahead, target)."""
        longest_lag = max(self.used_lags, default=0)
        psi = np.zeros((longest_lag + ahead, *self.constants.shape))  # the impulse response
        psi[longest_lag] = 1.0
        self._run(self.weights, np.zeros_like(self.constants), psi, longest_lag + 1)
        return np.asarray(np.sqrt(self.variances * np.cumsum(psi[longest_lag:] ** 2, axis=0)).transpose(1, 0, 2))

    def _run(self, weights: Floats, constants: Floats, values: Floats, first: int) -> None:
        """Computes value after value, from the row `first` on."""
        for row in range(first, len(values)):
            values[row] = constants
            for lag, weight in zip(self.used_lags, weights, strict=True):
                values[row] += weight * values[row - lag]
