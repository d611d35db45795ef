"""Exponential smoothing by statsmodels' state-space form, carried along each series by its recursion."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from harness import Context, Floats, Ints, Unsupported
from harness_models.smoothing import Parts, Weights, growth_of_variance, restarted, smoothed
from harness_models.univariate import TargetPasts, UnivariateForecaster

LONGEST_SEASON = 24  # beyond it there are more seasonal states than data to find them; as in R's forecast::ets


@dataclass(frozen=True, eq=False)
class FittedEts:
    """Weights, the parts before the first and after the last value of the training data, and when that was."""

    weights: Weights
    before: Parts
    after: Parts
    length: int  # of the training data
    start: np.datetime64 | int  # the time of its first value
    variance: float | None  # of one-step errors; None where no closed form makes quantiles of it

    def restart(self, values: Floats, positions: Ints) -> Parts:
        """Parts before pasts that begin at these positions, counted from the first value of the training data."""
        season_length = self.after.seasons.shape[1]
        phases = (positions[:, None] - self.length + np.arange(season_length)) % season_length
        slope = np.broadcast_to(self.after.slope, len(values))
        return restarted(values, self.weights, slope, self.after.seasons[0, phases])


@dataclass
class Ets(UnivariateForecaster):
    """Error, trend and season after Hyndman, Koehler, Ord and Snyder 2008, by maximum likelihood.

    `error` is "add" or "mul"; `trend` "add", None or "auto"; `seasonal` "add", "mul", None or "auto".
    "auto" takes the least AICc of: no trend, or an additive one (damped if `damped_trend`), times no
    season, an additive one or, where all values are positive, a multiplicative one. Seasons are tried
    up to 24 steps, where two of them are known.

    Weights and initial states are kept between refits. Where `max_context` hides the beginning of the
    training data, slope and seasons are taken from its end, and the level from the first season shown.
    Quantiles are normal, for additive errors and seasons only (their class 1); where quantiles are
    asked, "auto" tries no other season.
    """

    error: str = "add"
    trend: str | None = "auto"
    damped_trend: bool = True
    seasonal: str | None = "auto"

    def __post_init__(self) -> None:
        if self.error not in ("add", "mul"):
            raise ValueError(f"error is 'add' or 'mul', not {self.error!r}")
        if self.trend not in ("add", None, "auto"):
            raise ValueError(f"trend is 'add', 'auto' or none, not {self.trend!r}")
        if self.seasonal not in ("add", "mul", None, "auto"):
            raise ValueError(f"seasonal is 'add', 'mul', 'auto' or none, not {self.seasonal!r}")

    def fit_target(self, values: Floats, context: Context) -> FittedEts:
        """The candidate of least AICc."""
        fits = [self._fit(values, context.season_length, *one) for one in self._candidates(values, context)]
        results = min((one for one in fits if np.isfinite(one.aicc)), key=lambda one: float(one.aicc), default=None)
        if results is None:
            raise Unsupported(f"no exponential smoothing could be fitted to the {len(values)} values of {context.id!r}")
        model = results.model
        multiplies = model.seasonal == "mul"
        weights = Weights(
            level=float(results.smoothing_level),
            slope=float(results.smoothing_trend) if model.has_trend else 0.0,
            season=float(results.smoothing_seasonal) if model.has_seasonal else 0.0,
            damping=float(results.damping_trend) if model.damped_trend else 1.0,
            multiplicative=multiplies,
        )
        known = self.error == "add" and not multiplies
        before = Parts(
            level=np.array([results.initial_level]),
            slope=np.array([results.initial_trend if model.has_trend else 0.0]),
            seasons=results.initial_seasonal[None] if model.has_seasonal else np.zeros((1, 1)),
        )
        after = smoothed(values[None], weights, before).at_end()
        variance = float(results.mse) if known else None
        return FittedEts(weights, before, after, len(values), context.start, variance)

    def _candidates(self, values: Floats, context: Context) -> list[tuple[str | None, str | None]]:
        """Pairs of trend and season."""
        season = context.season_length
        enough = season > 1 and len(values) >= 2 * season
        trends = [None, "add"] if self.trend == "auto" else [self.trend]
        seasons: list[str | None] = [self.seasonal]
        if self.seasonal == "auto":
            seasons = [None]
            if enough and season <= LONGEST_SEASON:
                seasons.append("add")
                if values.min() > 0 and not context.quantile_levels:
                    seasons.append("mul")
        elif self.seasonal is not None and not enough:
            raise Unsupported(
                f"a seasonal model needs two seasons of 2 or more steps; series {context.id!r} has "
                f"{len(values)} values and a season of {season}"
            )
        return [*product(trends, seasons)]

    def _fit(self, values: Floats, season: int, trend: str | None, seasonal: str | None) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ETSModel(
                values,
                error=self.error,
                trend=trend,
                damped_trend=self.damped_trend and trend is not None,
                seasonal=seasonal,
                seasonal_periods=season if seasonal else None,
            )
            return model.fit(disp=False)

    def forecast_target(self, state: FittedEts, past: TargetPasts) -> tuple[Floats, Floats | None]:
        """The means that statsmodels forecasts from the states at each cutoff."""
        position = past.position(state.start)
        hidden = position - past.begins  # (past,) how many values come before the training data
        shortest = np.full(len(hidden), past.values.shape[1])
        np.minimum.at(shortest, past.rows, past.cutoffs_shown)
        hidden = np.where((hidden >= 0) & (hidden < shortest), hidden, -1)  # −1: its beginning is not shown
        mean = np.empty((len(past.rows), len(past.steps)))
        for padding, before in np.unique(np.stack([past.paddings, hidden], axis=1), axis=0):
            rows = np.flatnonzero((past.paddings == padding) & (hidden == before))
            skipped = padding + max(before, 0)
            values = past.values[rows, skipped:]
            start = state.before if before >= 0 else state.restart(values, past.begins[rows] - position)
            windows = np.flatnonzero(np.isin(past.rows, rows))
            mean[windows] = smoothed(values, state.weights, start).forecast(
                np.searchsorted(rows, past.rows[windows]), past.ends[windows] - skipped, past.steps
            )
        if state.variance is None or not past.contexts.quantile_levels:
            return mean, None
        growth = growth_of_variance(state.weights, state.before.seasons.shape[1], past.steps)
        return mean, np.broadcast_to(np.sqrt(state.variance * growth), mean.shape)
