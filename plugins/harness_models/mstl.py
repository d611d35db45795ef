"""MSTL: several seasons are removed by STL, and the rest is forecast by a model without a season."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from statsmodels.tsa.seasonal import MSTL

from harness import Context, Floats, Forecast
from harness_models.dynamic_theta import DynamicOptimizedTheta
from harness_models.ets import Ets
from harness_models.seasonal_adjustment import SeasonalAdjustment, adjustment_size
from harness_models.univariate import FittedModel, TargetPasts, UnivariateForecaster

DAYS = (24, 48, 96, 144, 288)  # season lengths that are taken for a day, which has a week of 7 beside it
FEWEST_SEASONS = 2
RESTS = ("dynamic-optimized-theta", "ets")


@dataclass(frozen=True, eq=False)
class FittedMstl:
    """The seasonal components, and the model of the rest."""

    adjustments: tuple[SeasonalAdjustment, ...]
    rest: FittedModel

    @property
    def parameter_count(self) -> int:
        """Those of the model, and the seasonal indices of all seasons."""
        return self.rest.parameter_count + sum(adjustment_size(adjustment) for adjustment in self.adjustments)


@dataclass
class Mstl(UnivariateForecaster):
    """Decomposition with several seasons: MSTL of Bandara, Hyndman and Bergmeir 2025, and a model of the rest.

    Each season is removed by STL, one after the other, twice; the last period of each seasonal component is repeated
    ahead. The rest is forecast by `rest`, "dynamic-optimized-theta" or "ets", without a season.

    `season_lengths` None means the season length of the task, and a week beside a day: 168 beside 24 steps, or seven
    times 48, 96, 144 or 288 steps. Seasons of which a series has less than two are left out; a series with none is
    forecast by the model of the rest alone. Components and parameters are kept between refits. Covariates are ignored.
    """

    season_lengths: Sequence[int] | None = None
    rest: str = "dynamic-optimized-theta"

    def __post_init__(self) -> None:
        lengths = self.season_lengths
        if lengths is not None and (not lengths or min(lengths) < 2 or len({*lengths}) < len(lengths)):
            raise ValueError(f"season_lengths must be different numbers of at least 2, not {lengths}")
        if self.rest not in RESTS:
            raise ValueError(f"rest is {' or '.join(map(repr, RESTS))}, not {self.rest!r}")

    def fit_target(self, values: Floats, context: Context) -> FittedMstl:
        """The seasonal components, and the model of what they leave."""
        lengths = [n for n in self._season_lengths(context.season_length) if len(values) >= FEWEST_SEASONS * n]
        adjustments = mstl_adjustments(values, lengths, context.start)
        for adjustment in adjustments:
            values = adjustment.remove(values, np.arange(len(values)))
        return FittedMstl(adjustments, self._rest().fit_target(values, replace(context, season_length=1)))

    def _rest(self) -> UnivariateForecaster:
        return Ets(seasonal=None) if self.rest == "ets" else DynamicOptimizedTheta()

    def _season_lengths(self, season_length: int) -> list[int]:
        if self.season_lengths is not None:
            return sorted(self.season_lengths)
        if season_length in DAYS:
            return [season_length, 7 * season_length]
        return [season_length] if season_length > 1 else []

    def forecast_target(self, state: FittedMstl, past: TargetPasts) -> Forecast:
        """The forecast of the adjusted values, with all seasonal components."""
        plain = past
        for adjustment in state.adjustments:
            plain = adjustment.adjust(plain)
        forecast = self._rest().forecast_target(state.rest, plain)
        for adjustment in state.adjustments:
            forecast = adjustment.restore(past, forecast)
        return forecast


def mstl_adjustments(
    values: Floats, season_lengths: Sequence[int], start: np.datetime64 | int
) -> tuple[SeasonalAdjustment, ...]:
    """The seasonal components by statsmodels, of which the last period is repeated after the values."""
    if not season_lengths or np.ptp(values) == 0:
        return ()
    fitted = MSTL(values, periods=tuple(season_lengths), stl_kwargs={"seasonal_deg": 0}).fit()  # as in R
    components = zip(season_lengths, np.asarray(fitted.seasonal).reshape(len(values), -1).T, strict=True)
    return tuple(SeasonalAdjustment(part.copy(), n, start) for n, part in components)
