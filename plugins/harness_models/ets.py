"""Exponential smoothing (ETS) by statsmodels; its recursion over each series forecasts all cutoffs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from harness import Context, Floats, Ints, Unsupported
from harness_models.smoothing import Components, SmoothingParameters, initial_components, smooth, variance_growth
from harness_models.univariate import TargetPasts, UnivariateForecaster

LONGEST_SEASON = 24  # longer ones have too many seasonal states to estimate; as in R's forecast::ets


@dataclass(frozen=True, eq=False)
class FittedEts:
    """Smoothing parameters, and the components before the first and after the last value of the training data."""

    parameters: SmoothingParameters
    before: Components
    after: Components
    length: int  # of the training data
    start: np.datetime64 | int  # the time of its first value
    variance: float | None  # of one-step errors; None without closed-form quantiles

    def restart(self, values: Floats, positions: Ints) -> Components:
        """Initial components of pasts that begin at these positions, relative to the training data."""
        season_length = self.after.seasons.shape[1]
        phases = (positions[:, None] - self.length + np.arange(season_length)) % season_length
        slope = np.broadcast_to(self.after.slope, len(values))
        return initial_components(values, self.parameters, slope, self.after.seasons[0, phases])


@dataclass
class Ets(UnivariateForecaster):
    """ETS models of Hyndman, Koehler, Ord and Snyder 2008, by maximum likelihood.

    `error` is "add" or "mul"; `trend` "add", None or "auto"; `seasonal` "add", "mul", None or "auto".
    "auto" chooses by AICc: no trend or an additive one (damped if `damped_trend`), and no season, an
    additive one or, where all values are positive, a multiplicative one. Seasons are tried up to 24 steps,
    where the series has two of them.

    Parameters and initial states are kept between refits. Where `max_context` excludes the beginning of
    the training data, slope and seasons are those of its end, and the level that of the context's first
    season. Quantiles are normal, for additive errors and seasons only (their class 1); where a task has
    quantiles, "auto" tries no multiplicative season.
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
        """The candidate with the lowest AICc."""
        fits = [self._fit(values, context.season_length, *candidate) for candidate in self._candidates(values, context)]
        valid = [results for results in fits if np.isfinite(results.aicc)]
        results = min(valid, key=lambda results: float(results.aicc), default=None)
        if results is None:
            raise Unsupported(f"no exponential smoothing could be fitted to the {len(values)} values of {context.id!r}")
        model = results.model
        multiplies = model.seasonal == "mul"
        parameters = SmoothingParameters(
            level=float(results.smoothing_level),
            slope=float(results.smoothing_trend) if model.has_trend else 0.0,
            season=float(results.smoothing_seasonal) if model.has_seasonal else 0.0,
            damping=float(results.damping_trend) if model.damped_trend else 1.0,
            multiplicative=multiplies,
        )
        known = self.error == "add" and not multiplies
        before = Components(
            level=np.array([results.initial_level]),
            slope=np.array([results.initial_trend if model.has_trend else 0.0]),
            seasons=results.initial_seasonal[None] if model.has_seasonal else np.zeros((1, 1)),
        )
        after = smooth(values[None], parameters, before).at_end()
        variance = float(results.mse) if known else None
        return FittedEts(parameters, before, after, len(values), context.start, variance)

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
        """The same forecasts as those of statsmodels from the states at each cutoff."""
        position = past.position(state.start)
        hidden = position - past.begins  # (past,) values before the training data
        shortest = np.full(len(hidden), past.values.shape[1])
        np.minimum.at(shortest, past.rows, past.context_lengths)
        hidden = np.where((hidden >= 0) & (hidden < shortest), hidden, -1)  # −1: its beginning is not in the context
        mean = np.empty((len(past.rows), len(past.steps)))
        for padding, before in np.unique(np.stack([past.paddings, hidden], axis=1), axis=0):
            rows = np.flatnonzero((past.paddings == padding) & (hidden == before))
            skipped = padding + max(before, 0)
            values = past.values[rows, skipped:]
            start = state.before if before >= 0 else state.restart(values, past.begins[rows] - position)
            windows = np.flatnonzero(np.isin(past.rows, rows))
            mean[windows] = smooth(values, state.parameters, start).forecast(
                np.searchsorted(rows, past.rows[windows]), past.ends[windows] - skipped, past.steps
            )
        if state.variance is None or not past.contexts.quantile_levels:
            return mean, None
        growth = variance_growth(state.parameters, state.before.seasons.shape[1], past.steps)
        return mean, np.broadcast_to(np.sqrt(state.variance * growth), mean.shape)
