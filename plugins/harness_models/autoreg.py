"""An autoregression by statsmodels, continued for all windows of all series at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import hankel
from scipy.signal import lfilter
from statsmodels.tsa.ar_model import AutoReg

from harness import Context, Contexts, FittedLocalForecaster, Floats, Forecast, Ints, Unsupported
from harness_models.pasts import BATCH


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

        It is a filter whose input is the constant and whose state is what the lags leave to the steps ahead.
        """
        values = np.empty((len(past), ahead, len(self.constants)))
        for target, (constant, weights) in enumerate(zip(self.constants, self.weights, strict=True)):
            driven = np.full((len(past), ahead), constant)
            fed_back = np.concatenate([[1.0], -weights])
            values[..., target], _ = lfilter([1.0], fed_back, driven, zi=past[:, ::-1, target] @ hankel(weights))
        return values


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
    """Forecasts of windows by `states[numbers[window]]`, some windows at a time."""
    most = max(one.longest_lag for one in states)
    if _shown(contexts) < most:
        raise Unsupported(f"autoreg needs contexts of {most} observations, as many as its longest lag")
    targets, ahead = len(contexts.targets), contexts.gap + contexts.horizon
    if len(states) == 1 and not contexts.quantile_levels:
        return Forecast.point(states[0].continued(contexts.last_targets(most), ahead)[:, contexts.gap :])
    model = _Stacked.of(states, most)
    mean = np.empty((len(contexts), contexts.horizon, targets))
    size = max(1, BATCH // ((most + ahead) * targets))
    for first in range(0, len(contexts), size):
        some = slice(first, first + size)
        mean[some] = model.paths(numbers[some], contexts.take(some))
    if not contexts.quantile_levels:
        return Forecast.point(mean)
    return Forecast.from_normal(mean, model.deviations(ahead)[numbers, contexts.gap :], contexts.quantile_levels)


@dataclass(frozen=True, eq=False)
class _Stacked:
    """The coefficients of several series, lags back to front and padded in front with zeros."""

    constants: Floats  # (series, target)
    weights: Floats  # (lag, series, target)
    variances: Floats  # (series, target)

    @classmethod
    def of(cls, states: list[FittedAutoRegression], most: int) -> _Stacked:
        weights = np.zeros((most, len(states), len(states[0].constants)))
        for i, state in enumerate(states):
            lags = state.weights.shape[1]
            weights[most - lags :, i] = state.weights.T[::-1]
        constants = np.array([state.constants for state in states])
        return cls(constants, weights, np.array([state.variances for state in states]))

    def paths(self, numbers: Ints, contexts: Contexts) -> Floats:
        """The recursion fed on its own output, (window, horizon, target)."""
        most = len(self.weights)
        weights = self.weights[:, numbers]  # (lag, window, target)
        values = np.empty((most + contexts.gap + contexts.horizon, *weights.shape[1:]))  # (time, window, target)
        past = contexts.last_targets(most).transpose(1, 0, 2)
        values[:most] = np.where(np.isnan(past) & (weights == 0), 0.0, past)  # of lags that are not used
        _run(weights, self.constants[numbers], values)
        return values[most + contexts.gap :].transpose(1, 0, 2)

    def deviations(self, ahead: int) -> Floats:
        """The deviations of the errors 1 … `ahead` steps ahead, (series, ahead, target)."""
        most = len(self.weights)
        psi = np.zeros((most + ahead, *self.constants.shape))  # the answer to one shock
        psi[most] = 1.0
        _run(self.weights, np.zeros_like(self.constants), psi, first=most + 1)
        return np.asarray(np.sqrt(self.variances * np.cumsum(psi[most:] ** 2, axis=0)).transpose(1, 0, 2))


def _run(weights: Floats, constants: Floats, values: Floats, first: int | None = None) -> None:
    """Writes value after value, from the row `first` on, from the rows before it."""
    lags = len(weights)
    for row in range(lags if first is None else first, len(values)):
        values[row] = constants + np.einsum("lst,lst->st", weights, values[row - lags : row])
