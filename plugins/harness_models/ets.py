"""Exponential smoothing (ETS) by statsmodels; its recursion over each series forecasts all cutoffs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from harness import Context, CountedRemark, Floats, Forecast, Ints, Unsupported
from harness_models.ets_estimation import EtsEstimate, EtsForm, estimates
from harness_models.seasonal_adjustment import (
    SeasonalAdjustment,
    adjustment_remarks,
    adjustment_size,
    seasonal_adjustment,
)
from harness_models.smoothing import (
    Components,
    SmoothedComponents,
    SmoothingParameters,
    initial_components,
    simulated_paths,
    smooth,
    standard_normal_errors,
    variance_growth,
)
from harness_models.univariate import TargetPasts, UnivariateForecaster

LONGEST_SEASON = 24  # longer ones have too many seasonal states to estimate; as in R's forecast::ets
PATHS = 5000  # simulated for each window; as in R's forecast::ets
LEAST_GROWTH = 1e-3  # of a simulated value relative to its forecast; as in R, values do not become negative


@dataclass(frozen=True, eq=False)
class FittedEts:
    """Smoothing parameters, and the components before the first and after the last value of the training data."""

    parameters: SmoothingParameters
    before: Components
    after: Components
    length: int  # of the training data
    start: np.datetime64 | int  # the time of its first value
    variance: float  # of one-step errors, relative ones if they are multiplicative
    estimated: int  # the number of smoothing parameters and initial states
    multiplicative_errors: bool = False
    adjustment: SeasonalAdjustment | None = None

    @property
    def parameter_count(self) -> int:
        """The smoothing parameters, the damping parameter and the initial states, as in statsmodels.

        If a season was removed by STL, its seasonal indices are counted as well. The variance follows from
        the other parameters and is not counted.
        """
        return self.estimated + adjustment_size(self.adjustment)

    def restart(self, values: Floats, positions: Ints) -> Components:
        """Initial components of pasts that begin at these positions, relative to the training data."""
        season_length = self.after.seasons.shape[1]
        phases = (positions[:, None] - self.length + np.arange(season_length)) % season_length
        slope = np.broadcast_to(self.after.slope, len(values))
        return initial_components(values, self.parameters, slope, self.after.seasons[0, phases])


@dataclass
class Ets(UnivariateForecaster):
    """ETS models of Hyndman, Koehler, Ord and Snyder 2008, by maximum likelihood. Covariates are ignored.

    `error` is "add", "mul" or "auto"; `trend` "add", None or "auto"; `seasonal` "add", "mul", None or "auto".
    "auto" chooses by AICc: additive errors or, where all values are positive, multiplicative ones; no trend
    or an additive one, damped or not (`damped_trend` true, false or "auto"); no season, an additive one or,
    where all values are positive, a multiplicative one. As in R's forecast::ets, automatic errors are not
    additive beside a multiplicative season.

    Seasons of up to 24 steps are tried where the series has two of them; the initial states of those of more
    than 12 steps are the indices of a classical decomposition, and are not estimated. A strong longer season,
    of which the series has three, is removed by STL, and the last season is added to the forecasts; a note of
    the run says so. Each model is estimated from several starts, those of nested models among them.

    Parameters and initial states are kept between refits. Where `max_context` excludes the beginning of
    the training data, slope and seasons are those of its end, and the level that of the context's first
    season. Quantiles are normal for additive errors and seasons (class 1), and those of 5,000 simulated
    paths with a fixed seed otherwise. The forecast of a constant series is its last value.
    """

    error: str = "auto"
    trend: str | None = "auto"
    damped_trend: bool | str = "auto"
    seasonal: str | None = "auto"

    def __post_init__(self) -> None:
        if self.error not in ("add", "mul", "auto"):
            raise ValueError(f"error is 'add', 'mul' or 'auto', not {self.error!r}")
        if self.trend not in ("add", None, "auto"):
            raise ValueError(f"trend is 'add', 'auto' or none, not {self.trend!r}")
        if self.damped_trend not in (True, False, "auto"):
            raise ValueError(f"damped_trend is true, false or 'auto', not {self.damped_trend!r}")
        if self.seasonal not in ("add", "mul", None, "auto"):
            raise ValueError(f"seasonal is 'add', 'mul', 'auto' or none, not {self.seasonal!r}")

    @property
    def remarks_(self) -> list[CountedRemark]:
        """Which seasons were removed by STL."""
        return adjustment_remarks(state.adjustment for state in self.fitted_states())

    def fit_target(self, values: Floats, context: Context) -> FittedEts:
        """The candidate with the lowest AICc."""
        season_length, adjustment = context.season_length, None
        if self.seasonal == "auto" and season_length > LONGEST_SEASON:
            adjustment = seasonal_adjustment(values, season_length, context.start)
            if adjustment is not None:
                values = adjustment.remove(values, np.arange(len(values)))
            season_length = 1
        forms = self._forms(values, season_length, context) if np.ptp(values) else []
        return fit_ets(values, season_length, forms, context, adjustment)

    def _forms(self, values: Floats, season_length: int, context: Context) -> list[EtsForm]:
        """The candidates; those with fewer components come first."""
        positive = bool(values.min() > 0)
        enough = season_length > 1 and len(values) >= 2 * season_length
        if not positive and "mul" in (self.error, self.seasonal):
            raise Unsupported(f"multiplicative components need positive values; series {context.id!r} has others")
        if self.seasonal not in (None, "auto") and not enough:
            raise Unsupported(
                f"a seasonal model needs two seasons of 2 or more steps; series {context.id!r} has "
                f"{len(values)} values and a season of {season_length}"
            )
        several = ("add", "mul") if positive else ("add",)
        errors = several if self.error == "auto" else (self.error,)
        trends = (None, "add") if self.trend == "auto" else (self.trend,)
        seasons: tuple[str | None, ...] = (self.seasonal,)
        if self.seasonal == "auto":
            seasons = (None, *several) if enough else (None,)
        dampings = (False, True) if self.damped_trend == "auto" else (bool(self.damped_trend),)
        shapes = [(trend, damped and trend is not None) for trend, damped in product(trends, dampings)]
        return [
            EtsForm(error, trend, damped, season)
            for season, (trend, damped), error in product(seasons, dict.fromkeys(shapes), errors)
            if (error, season) != ("add", "mul") or errors == ("add",)
        ]

    def forecast_target(self, state: FittedEts, past: TargetPasts) -> Forecast:
        """The same forecasts as those of statsmodels from the states at each cutoff."""
        if state.adjustment is None:
            return forecast_ets(state, past)
        return state.adjustment.restore(past, forecast_ets(state, state.adjustment.adjust(past)))


def fit_ets(
    values: Floats,
    season_length: int,
    forms: Sequence[EtsForm],
    context: Context,
    adjustment: SeasonalAdjustment | None = None,
) -> FittedEts:
    """The model of these forms with the lowest AICc; the last value is repeated where all values are the same.

    Raises Unsupported if none can be fitted. `adjustment` is what was removed from the values before.
    """
    if np.ptp(values) == 0:
        level = Components(values[:1], np.zeros(1), np.zeros((1, 1)))
        constant = SmoothingParameters(level=1.0)  # ETS(A,N,N): α and the initial level
        return FittedEts(constant, level, level, len(values), context.start, 0.0, 2, adjustment=adjustment)
    scale = float(np.std(values))
    found = [*estimates(values / scale, season_length, forms)]
    if not found:
        raise Unsupported(f"no exponential smoothing could be fitted to the {len(values)} values of {context.id!r}")
    best = min(found, key=lambda estimate: (estimate.aicc, len(estimate.parameters)))
    parameters, before = _parameters(best), _initial(best, scale, season_length)
    return FittedEts(
        parameters,
        before,
        smooth(values[None], parameters, before).at_end(),
        len(values),
        context.start,
        best.variance * (1.0 if best.form.error == "mul" else scale**2),
        len(best.parameters),
        best.form.error == "mul",
        adjustment,
    )


def _parameters(estimate: EtsEstimate) -> SmoothingParameters:
    known = estimate.parameters
    return SmoothingParameters(
        level=known["smoothing_level"],
        slope=known.get("smoothing_trend", 0.0),
        season=known.get("smoothing_seasonal", 0.0),
        damping=known.get("damping_trend", 1.0),
        multiplicative=estimate.form.seasonal == "mul",
    )


def _initial(estimate: EtsEstimate, scale: float, season_length: int) -> Components:
    """The initial components of the series, of which values divided by `scale` were modelled."""
    seasons = estimate.initial_seasons(season_length) if estimate.form.seasonal else np.zeros(1)
    return Components(
        level=np.array([estimate.parameters["initial_level"] * scale]),
        slope=np.array([estimate.parameters.get("initial_trend", 0.0) * scale]),
        seasons=seasons[None] if estimate.form.seasonal == "mul" else seasons[None] * scale,
    )


def forecast_ets(state: FittedEts, past: TargetPasts) -> Forecast:
    """The forecast of values from which the season was removed, if the model has an adjustment."""
    position = past.position(state.start)
    hidden = position - past.begins  # (past,) values before the training data
    shortest = np.full(len(hidden), past.values.shape[1])
    np.minimum.at(shortest, past.rows, past.context_lengths)
    hidden = np.where((hidden >= 0) & (hidden < shortest), hidden, -1)  # −1: its beginning is not in the context
    levels = past.contexts.quantile_levels
    simulates = bool(levels) and (state.multiplicative_errors or state.parameters.multiplicative)
    mean = np.empty((len(past.rows), len(past.steps)))
    quantiles, median = np.empty((*mean.shape, 1, len(levels))), np.empty(mean.shape)
    for padding, before in np.unique(np.stack([past.paddings, hidden], axis=1), axis=0):
        rows = np.flatnonzero((past.paddings == padding) & (hidden == before))
        skipped = padding + max(before, 0)
        values = past.values[rows, skipped:]
        start = state.before if before >= 0 else state.restart(values, past.begins[rows] - position)
        windows = np.flatnonzero(np.isin(past.rows, rows))
        smoothed = smooth(values, state.parameters, start)
        at = np.searchsorted(rows, past.rows[windows]), past.ends[windows] - skipped
        mean[windows] = smoothed.forecast(*at, past.steps)
        if simulates:
            simulated = _simulated_quantiles(state, smoothed, *at, past.steps, (*levels, 0.5))
            quantiles[windows, :, 0], median[windows] = simulated[..., :-1], simulated[..., -1]
    if simulates:
        return Forecast(mean[:, :, None], levels, quantiles, median[:, :, None])
    if state.multiplicative_errors or state.parameters.multiplicative:
        return Forecast(mean[:, :, None])  # skewed, and its median takes simulations
    growth = variance_growth(state.parameters, state.before.seasons.shape[1], past.steps)
    return past.normal(mean, np.broadcast_to(np.sqrt(state.variance * growth), mean.shape))


def _simulated_quantiles(
    state: FittedEts, smoothed: SmoothedComponents, rows: Ints, ends: Ints, steps: Ints, levels: tuple[float, ...]
) -> Floats:
    """Empirical quantiles of simulated paths, (window, horizon, level); all windows have the same random numbers."""
    errors = np.sqrt(state.variance) * standard_normal_errors(int(steps[-1]), PATHS)
    if state.multiplicative_errors:
        errors = np.maximum(errors, LEAST_GROWTH - 1)
    quantiles = np.empty((len(rows), len(steps), len(levels)))
    for i in range(len(rows)):  # one window at a time fits into the cache
        start = smoothed.after(rows[i : i + 1], ends[i : i + 1])
        paths = simulated_paths(state.parameters, start, errors, state.multiplicative_errors)[steps - 1, 0]
        quantiles[i] = np.quantile(paths, levels, axis=1).T
    return quantiles
