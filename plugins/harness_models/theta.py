"""The theta method by statsmodels; simple exponential smoothing over each series forecasts all cutoffs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter
from statsmodels.tsa.forecasting.theta import ThetaModel

from harness import Context, Floats, Forecast, Ints, Unsupported
from harness_models.univariate import TargetPasts, UnivariateForecaster


@dataclass(frozen=True, eq=False)
class FittedTheta:
    """Smoothing parameter, slope, seasonal indices, and the variance of one-step errors."""

    alpha: float
    slope: float
    seasons: Floats  # (season length,) from the first value of the training data on; (1,) without a season
    multiplicative: bool
    start: np.datetime64 | int  # the time of that first value
    variance: float = 0.0

    @property
    def parameter_count(self) -> int:
        """The smoothing parameter and the slope, as in statsmodels, and the seasonal indices if there are any.

        The variance follows from the other parameters and is not counted.
        """
        return 2 + (len(self.seasons) if len(self.seasons) > 1 else 0)

    def season(self, positions: Ints) -> Floats:
        """The seasonal indices of positions relative to the first value of the training data."""
        return np.asarray(self.seasons[positions % len(self.seasons)])

    def deseasonalise(self, values: Floats, positions: Ints) -> Floats:
        """The seasonally adjusted values."""
        return values / self.season(positions) if self.multiplicative else values - self.season(positions)

    def reseasonalise(self, values: Floats, positions: Ints) -> Floats:
        """The values with their seasonal component."""
        return values * self.season(positions) if self.multiplicative else values + self.season(positions)

    def levels(self, values: Floats) -> Floats:
        """The smoothed level after each value, (past, length); the initial level is the first value."""
        start = (1 - self.alpha) * values[:, :1]
        levels, _ = lfilter([self.alpha], [1.0, self.alpha - 1], values, axis=1, zi=start)
        return np.asarray(levels)


@dataclass
class Theta(UnivariateForecaster):
    """The theta method with the lines 0 and `theta`: Assimakopoulos and Nikolopoulos 2000. Covariates are ignored.

    Equivalent to simple exponential smoothing with a drift of (θ − 1)/θ times the slope of the linear trend
    (Hyndman and Billah 2003). Series are seasonally adjusted first, by multiplicative decomposition (additive
    where values are not positive), if the autocorrelation at the season length is significant at 10 %.

    The smoothing parameter, the slope and the seasonal indices are kept between refits. Quantiles are normal, with
    the variance σ² (1 + (h − 1) α²) of the smoothing, σ² from the one-step errors in the training data.
    """

    theta: float = 2.0
    deseasonalise: bool = True

    def __post_init__(self) -> None:
        if self.theta < 1:
            raise ValueError(f"theta must be at least 1, not {self.theta}")

    def fit_target(self, values: Floats, context: Context) -> FittedTheta:
        """Seasonal indices, the linear trend by least squares, and the smoothing by maximum likelihood."""
        if len(values) < 4:
            raise Unsupported(f"the theta method needs 4 values to be fitted to; series {context.id!r} has fewer")
        season = context.season_length
        seasonal = self.deseasonalise and season > 1 and len(values) >= 2 * season
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ThetaModel(values, period=season if seasonal else None, deseasonalize=seasonal)
            results = model.fit()
            factors = np.asarray(results.forecast_components(season if seasonal else 1)["seasonal"])
        slope, alpha = (float(parameter) for parameter in results.params)
        if np.ptp(factors) == 0:  # the season is not significant
            factors = factors[:1]
        seasons = np.roll(factors, len(values) % len(factors))  # they start after the last value
        state = FittedTheta(alpha, slope, seasons, model.method.startswith("mul"), context.start)
        plain = state.deseasonalise(values, np.arange(len(values)))
        if np.ptp(plain) == 0:  # statsmodels then leaves the constant out of the regression that gives the slope
            return replace(state, slope=0.0)
        observed = np.arange(1, len(values))
        expected = state.levels(plain[None])[0, :-1] + self._trend(state, observed, np.ones(1))[:, 0]
        return replace(state, variance=float(np.mean((plain[1:] - expected) ** 2)))

    def _trend(self, state: FittedTheta, observed: Ints, steps: Floats | Ints) -> Floats:
        """The drift to add to the level after so many observations, (window, horizon)."""
        ahead = steps - 1 + np.zeros((len(observed), 1))
        if state.alpha > 0:
            ahead = ahead + ((1 - (1 - state.alpha) ** observed) / state.alpha)[:, None]
        return np.asarray((self.theta - 1) / self.theta * state.slope * ahead)

    def forecast_target(self, state: FittedTheta, past: TargetPasts) -> Forecast:
        """The same forecasts as those of statsmodels with these parameters, from the level at each cutoff."""
        length = past.values.shape[1]
        phase = past.begins - past.paddings - past.position(state.start)  # (past,) of column 0
        plain = state.deseasonalise(past.values, phase[:, None] + np.arange(length))
        level = np.empty(len(past.rows))
        for padding in np.unique(past.paddings):
            rows = np.flatnonzero(past.paddings == padding)
            windows = np.flatnonzero(np.isin(past.rows, rows))
            levels = state.levels(plain[rows, padding:])
            level[windows] = levels[np.searchsorted(rows, past.rows[windows]), past.ends[windows] - 1 - padding]
        line = level[:, None] + self._trend(state, past.context_lengths, past.steps)
        ahead = (phase[past.rows] + past.ends)[:, None] + past.steps - 1
        mean = state.reseasonalise(line, ahead)
        if not past.contexts.quantile_levels:
            return past.normal(mean, None)
        sd = np.sqrt(state.variance * (1 + (past.steps - 1) * state.alpha**2))
        return past.normal(mean, sd * state.season(ahead) if state.multiplicative else np.broadcast_to(sd, mean.shape))
