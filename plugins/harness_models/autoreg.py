"""An autoregression by statsmodels, continued for all windows of all series at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import hankel
from scipy.signal import lfilter
from statsmodels.tsa.ar_model import AutoReg

from harness import Context, Contexts, FittedLocalForecaster, Floats, Forecast, Ints, Unsupported
from harness_models.pasts import CACHED, adds_up

STEPS = 64  # forecast by one product


@dataclass(frozen=True, eq=False)
class FittedAutoRegression:
    """The coefficients of one series, by target."""

    constants: Floats  # (target,)
    weights: Floats  # (target, lag): of the values 1, 2, … steps back; 0 where a lag is not used
    variances: Floats  # (target,) of the one-step error

    @property
    def longest_lag(self) -> int:
        """How many observations a forecast looks back on."""
        return int(self.weights.shape[1])

    def continued(self, past: Floats, ahead: int) -> Floats:
        """The recursion fed on its own output, (window, ahead, target), after pasts (window, lag, target).

        Where a value of the past is missing, all that follows is.
        """
        lags, maps = self.longest_lag, _maps(self)
        values = np.empty((len(past), lags + ahead, len(maps)))
        values[:, :lags] = past
        for first in range(0, ahead, STEPS):
            some = min(STEPS, ahead - first)
            begin = first + lags
            for target, (weights, constants) in enumerate(maps):
                steps = values[:, first:begin, target] @ weights[:, :some] + constants[:some]
                values[:, begin : begin + some, target] = steps
        return values[:, lags:]


@lru_cache(maxsize=512)  # kept apart from the state, of which predict must change nothing
def _maps(state: FittedAutoRegression) -> list[tuple[Floats, Floats]]:
    """The next STEPS values of each target as weights (lag, step) of the values before them, and constants (step,).

    The recursion is a filter whose input is the constant and whose state is what the lags leave to the steps ahead.
    """
    maps = []
    for constant, weights in zip(state.constants, state.weights, strict=True):
        fed_back, lags = np.concatenate([[1.0], -weights]), len(weights)
        ones, _ = lfilter([1.0], fed_back, np.zeros((lags, STEPS)), zi=hankel(weights)[::-1])
        maps.append((ones, lfilter([1.0], fed_back, np.full(STEPS, constant))))
    return maps


@lru_cache(maxsize=512)
def _deviations(state: FittedAutoRegression, ahead: int) -> Floats:
    """The deviations of the errors 1 … `ahead` steps ahead, (ahead, target)."""
    return np.asarray(_Stacked.of([state]).deviations(ahead)[0])


@dataclass
class AutoRegression(FittedLocalForecaster):
    """x_t = c + Σ φ_i x_{t−i} + ε_t by least squares, every target by itself.

    The lags are 1 … `lags`; if `seasonal`, also those a season earlier, m … m + `lags`, where the
    training series has at least three times as many observations. `trend` is "c", or "n" for no
    constant. Quantiles are normal, with the variance σ² Σ_{j<h} ψ_j² of an autoregression whose
    coefficients are known (Box and Jenkins 1970, section 5.2).
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
        length, targets = context.target.shape
        lags = self._lags(context.season_length, length)
        if length - lags[-1] <= len(lags) + 1:
            raise Unsupported(
                f"an autoregression on {len(lags)} lags needs {lags[-1] + len(lags) + 2} observations to be fitted to; "
                f"series {context.id!r} has {length}"
            )
        constants, variances = np.zeros(targets), np.zeros(targets)
        weights = np.zeros((targets, lags[-1]))
        for target in range(targets):
            results = AutoReg(context.target[:, target], lags, trend=self.trend).fit()
            parameters = np.asarray(results.params)
            constants[target] = parameters[: -len(lags)].sum()
            weights[target, np.array(lags) - 1] = parameters[-len(lags) :]
            variances[target] = results.sigma2
        return FittedAutoRegression(constants, weights, variances)

    def _lags(self, season: int, length: int) -> list[int]:
        lags = set(range(1, self.lags + 1))
        if self.seasonal and season > 1 and length >= 3 * (season + self.lags):
            lags |= set(range(season, season + self.lags + 1))
        return sorted(lags)

    def predict(self, contexts: Contexts) -> Forecast:
        """All windows of all series at once; or series by series, where one cannot be forecast."""
        if (contexts.series == contexts.series[0]).all():
            firsts, numbers = np.zeros(1, np.int64), np.zeros(len(contexts), np.int64)
        else:
            _, firsts, numbers = np.unique(contexts.series, return_index=True, return_inverse=True)
        states = [self.states_.get(name) for name in contexts.take(firsts).ids]
        fitted = [one for one in states if isinstance(one, FittedAutoRegression)]
        if len(fitted) < len(states) or _shown(contexts) < max(one.longest_lag for one in fitted):
            return super().predict(contexts)
        return _continued(fitted, numbers, contexts)

    def predict_windows(self, state: FittedAutoRegression, contexts: Contexts) -> Forecast:
        """The windows of one series."""
        return _continued([state], np.zeros(len(contexts), np.int64), contexts)


def _shown(contexts: Contexts) -> float:
    """The most observations that a context may show."""
    return np.inf if contexts.max_context is None else contexts.max_context


def _continued(states: list[FittedAutoRegression], numbers: Ints, contexts: Contexts) -> Forecast:
    """Forecasts of windows by `states[numbers[window]]`: of one series by a product, of several step by step."""
    most = max(one.longest_lag for one in states)
    if _shown(contexts) < most:
        raise Unsupported(f"autoreg needs contexts of {most} observations, as many as its longest lag")
    ahead = contexts.gap + contexts.horizon
    if len(states) == 1:
        past = contexts.last_targets(most)
        mean = states[0].continued(past, ahead)[:, contexts.gap :]
        if not adds_up(past):
            lacking = np.flatnonzero(np.isnan(past).any(axis=(1, 2)))
            mean[lacking] = _Stacked.of(states).paths(numbers[lacking], past[lacking], ahead)[:, contexts.gap :]
        if not contexts.quantile_levels:
            return Forecast.point(mean)
        return Forecast.from_normal(mean, _deviations(states[0], ahead)[contexts.gap :], contexts.quantile_levels)
    model = _Stacked.of(states)
    mean = np.empty((len(contexts), contexts.horizon, len(contexts.targets)))
    size = max(1, CACHED // ((most + ahead) * mean.shape[2]))
    for first in range(0, len(contexts), size):
        some = slice(first, first + size)
        past = contexts.take(some).last_targets(most)
        mean[some] = model.paths(numbers[some], past, ahead)[:, contexts.gap :]
    if not contexts.quantile_levels:
        return Forecast.point(mean)
    return Forecast.from_normal(mean, model.deviations(ahead)[numbers, contexts.gap :], contexts.quantile_levels)


@dataclass(frozen=True, eq=False)
class _Stacked:
    """The coefficients of several series."""

    constants: Floats  # (series, target)
    back: tuple[int, ...]  # (lag,) how many steps back the lags lie that any of the series uses
    weights: Floats  # (lag, series, target)
    longest: Ints  # (series, target) the furthest back of those of some weight
    variances: Floats  # (series, target)

    @classmethod
    def of(cls, states: Sequence[FittedAutoRegression]) -> _Stacked:
        most = max(state.longest_lag for state in states)
        weights = np.zeros((most, len(states), len(states[0].constants)))
        for i, state in enumerate(states):
            weights[: state.longest_lag, i] = state.weights.T
        longest = np.max(np.where(weights != 0, np.arange(1, most + 1)[:, None, None], 0), axis=0)
        back = np.flatnonzero(weights.any(axis=(1, 2)))
        constants = np.array([state.constants for state in states])
        variances = np.array([state.variances for state in states])
        return cls(constants, tuple((back + 1).tolist()), weights[back], longest, variances)

    def paths(self, numbers: Ints, past: Floats, ahead: int) -> Floats:
        """The recursion fed on its own output, (window, ahead, target), after pasts (window, lag, target)."""
        lags = past.shape[1]
        values = np.empty((lags + ahead, len(past), past.shape[2]))  # (time, window, target)
        values[:lags] = past.transpose(1, 0, 2)
        ages = np.arange(lags, 0, -1)[:, None, None]
        values[:lags][ages > self.longest[numbers]] = 0.0  # of no weight, but they may be missing
        self._run(self.weights[:, numbers], self.constants[numbers], values, lags)
        return values[lags:].transpose(1, 0, 2)

    def deviations(self, ahead: int) -> Floats:
        """The deviations of the errors 1 … `ahead` steps ahead, (series, ahead, target)."""
        most = max(self.back, default=0)
        psi = np.zeros((most + ahead, *self.constants.shape))  # the answer to one shock
        psi[most] = 1.0
        self._run(self.weights, np.zeros_like(self.constants), psi, most + 1)
        return np.asarray(np.sqrt(self.variances * np.cumsum(psi[most:] ** 2, axis=0)).transpose(1, 0, 2))

    def _run(self, weights: Floats, constants: Floats, values: Floats, first: int) -> None:
        """Writes value after value, from the row `first` on, from the rows before it."""
        for row in range(first, len(values)):
            values[row] = constants
            for back, weight in zip(self.back, weights, strict=True):
                values[row] += weight * values[row - back]
