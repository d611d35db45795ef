"""The dynamic optimised theta model: the line of the theta method is estimated anew at every step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.signal import lfilter

from harness import Context, Floats, Forecast, Ints, Unsupported
from harness_models.seasonal_adjustment import SeasonalAdjustment, adjustment_size, classical_adjustment
from harness_models.univariate import TargetPasts, UnivariateForecaster

ALPHA_BOUNDS = (0.1, 0.99)  # as in R's forecTheta
ALPHA_STARTS = np.linspace(*ALPHA_BOUNDS, 24)
LARGEST_WEIGHT = 1 - 1e-10  # of the line, 1 − 1/θ with θ of at most 10¹⁰
IGNORED = 3  # first errors that are not in the sum of squares; as in R's forecTheta


@dataclass(frozen=True, eq=False)
class ThetaStates:
    """Level, mean, intercept and slope after so many values; the line is that of least squares through these values."""

    count: Ints  # of the values
    level: Floats
    mean: Floats
    intercept: Floats
    slope: Floats

    def expected(self, alpha: float, weight: float) -> Floats:
        """The forecast of the next value."""
        kept = (1 - alpha) ** self.count
        return np.asarray(self.level + weight * (kept * self.intercept + (1 - kept * (1 - alpha)) / alpha * self.slope))

    def after(self, value: Floats, alpha: float) -> ThetaStates:
        """The states after one more value."""
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        slope = ((count - 2) * self.slope + 6 * (value - self.mean) / count) / (count + 1)
        level = alpha * value + (1 - alpha) * self.level
        return ThetaStates(count, level, mean, mean - slope * (count + 1) / 2, slope)


@dataclass(frozen=True, eq=False)
class FittedDynamicTheta:
    """Smoothing parameter, weight of the line and initial level, and the variance of one-step errors."""

    alpha: float
    weight: float  # 1 − 1/θ
    initial_level: float
    start: np.datetime64 | int  # the time of the first value of the training data
    variance: float
    adjustment: SeasonalAdjustment | None

    @property
    def parameter_count(self) -> int:
        """The smoothing parameter, θ and the initial level, and the seasonal indices if there are any."""
        return 3 + adjustment_size(self.adjustment)

    def states(self, values: Floats, initial_level: Floats) -> ThetaStates:
        """The states after every value of pasts, (past, length), that begin with these levels, (past,)."""
        count = np.arange(1, values.shape[1] + 1)
        first = values[:, :1]
        level = first + _smoothed(values - first, self.alpha, initial_level - first[:, 0])
        mean, intercept, slope = _running_lines(values)
        return ThetaStates(np.broadcast_to(count, values.shape), level, mean, intercept, slope)

    def variance_growth(self, counts: Ints, steps: Ints) -> Floats:
        """The ratio of the h-step to the one-step forecast variance after so many values, (count, horizon).

        Forecasts are linear in the errors before them, so the ratio is the sum of the squared responses to these.
        """
        ahead = int(steps[-1])
        zeros = np.zeros((len(counts), ahead))  # (count, step of the error)
        states = ThetaStates(np.broadcast_to(counts[:, None], zeros.shape), zeros, zeros, zeros, zeros)
        growth = np.empty((len(counts), ahead))
        for step in range(ahead):
            response = states.expected(self.alpha, self.weight)
            growth[:, step] = 1 + (response**2).sum(axis=1)
            states = states.after(response + (np.arange(ahead) == step), self.alpha)
        return growth[:, steps - 1]


@dataclass
class DynamicOptimizedTheta(UnivariateForecaster):
    """The dynamic optimised theta model: Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016.

    Simple exponential smoothing plus the trend line of least squares through the values so far, whose weight is
    1 − 1/θ. The smoothing parameter, θ of at least 1, and the initial level minimise the squared one-step errors
    from the fourth value on. Series are seasonally adjusted first, by multiplicative decomposition (additive where
    values are not positive), if the autocorrelation at the season length is significant at 10 %. Covariates are
    ignored.

    Parameters and seasonal indices are kept between refits. Where `max_context` excludes the beginning of the
    training data, the initial level is the first value. Quantiles are normal, with the variance of the state space
    model.
    """

    def fit_target(self, values: Floats, context: Context) -> FittedDynamicTheta:
        """The minimum over the smoothing parameter; θ and the initial level are a linear regression given it."""
        if len(values) <= IGNORED + 1:
            raise Unsupported(f"the dynamic theta model needs {IGNORED + 2} values; series {context.id!r} has fewer")
        adjustment = classical_adjustment(values, context.season_length, context.start)
        plain = values if adjustment is None else adjustment.remove(values, np.arange(len(values)))
        first = float(plain[0])
        shifted = plain - first
        lines = tuple(part[0] for part in _running_lines(plain[None])[1:])
        known = (_squares(alpha, shifted, lines)[0] for alpha in ALPHA_STARTS)
        best = int(np.argmin([*known]))
        low, high = ALPHA_STARTS[max(best - 1, 0)], ALPHA_STARTS[min(best + 1, len(ALPHA_STARTS) - 1)]
        found = minimize_scalar(lambda alpha: _squares(alpha, shifted, lines)[0], bounds=(low, high), method="bounded")
        alpha = min(float(found.x), float(ALPHA_STARTS[best]), key=lambda x: _squares(x, shifted, lines)[0])
        squares, level, weight = _squares(alpha, shifted, lines)
        variance = squares / (len(values) - IGNORED)
        return FittedDynamicTheta(alpha, weight, first + level, context.start, variance, adjustment)

    def forecast_target(self, state: FittedDynamicTheta, past: TargetPasts) -> Forecast:
        """The forecasts from the states at each cutoff."""
        if state.adjustment is None:
            return _forecast(state, past)
        return state.adjustment.restore(past, _forecast(state, state.adjustment.adjust(past)))


def _forecast(state: FittedDynamicTheta, past: TargetPasts) -> Forecast:
    """The forecast of seasonally adjusted values."""
    window = {name: np.empty(len(past.rows)) for name in ("level", "mean", "intercept", "slope")}
    begins_with_training = past.begins == past.position(state.start)
    for padding in np.unique(past.paddings):
        rows = np.flatnonzero(past.paddings == padding)
        values = past.values[rows, padding:]
        states = state.states(values, np.where(begins_with_training[rows], state.initial_level, values[:, 0]))
        windows = np.flatnonzero(np.isin(past.rows, rows))
        at = np.searchsorted(rows, past.rows[windows]), past.ends[windows] - 1 - padding
        for name, known in window.items():
            known[windows] = getattr(states, name)[at]
    current = ThetaStates(past.context_lengths, **window)
    ahead = []
    for _ in range(int(past.steps[-1])):
        ahead.append(current.expected(state.alpha, state.weight))
        current = current.after(ahead[-1], state.alpha)
    mean = np.stack(ahead, axis=1)[:, past.steps - 1]
    if not past.contexts.quantile_levels:
        return past.normal(mean, None)
    counts, which = np.unique(past.context_lengths, return_inverse=True)
    return past.normal(mean, np.sqrt(state.variance * state.variance_growth(counts, past.steps))[which])


def _smoothed(values: Floats, alpha: float, initial: Floats) -> Floats:
    """The exponentially smoothed level after each value, (past, length)."""
    levels, _ = lfilter([alpha], [1.0, alpha - 1], values, axis=1, zi=(1 - alpha) * initial[:, None])
    return np.asarray(levels)


def _running_lines(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, intercept and slope of the line of least squares through the values up to each, (past, length) each."""
    time = np.arange(1, values.shape[1] + 1)
    shifted = values - values[:, :1]  # sums of large values lose digits
    mean = shifted.cumsum(axis=1) / time
    moment = (shifted * time).cumsum(axis=1)
    slope = 6 * (2 * moment / time - (time + 1) * mean) / np.maximum(time**2 - 1, 1)
    intercept = mean - slope * (time + 1) / 2
    return mean + values[:, :1], intercept + values[:, :1], slope


def _squares(alpha: float, shifted: Floats, lines: tuple[Floats, ...]) -> tuple[float, float, float]:
    """The sum of squared errors with this α, and the best initial level and weight of the line, by regression.

    `shifted` are the values less the first one, and the initial level is relative to it as well.
    """
    zeros = np.zeros(len(shifted))
    used = slice(IGNORED - 1, len(shifted) - 1)
    count = np.arange(1, len(shifted) + 1)
    line = ThetaStates(count, zeros, zeros, *lines).expected(alpha, 1.0)[used]
    level = _smoothed(shifted[None], alpha, np.zeros(1))[0, used]
    errors = shifted[IGNORED:] - level
    design = np.stack([(1 - alpha) ** count[used], line], axis=1)
    (initial, weight), *_ = np.linalg.lstsq(design, errors, rcond=None)
    if not 0 <= weight <= LARGEST_WEIGHT:
        weight = min(max(weight, 0.0), LARGEST_WEIGHT)
        rest = errors - weight * line
        initial = float(design[:, 0] @ rest / (design[:, 0] @ design[:, 0]))
    return float(np.sum((errors - design @ np.array([initial, weight])) ** 2)), float(initial), float(weight)
