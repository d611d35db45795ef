"""Comb: the mean of simple, Holt's and damped exponential smoothing, a benchmark of the M competitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness import Context, Floats, Forecast
from harness_models.ets import FittedEts, fit_ets, forecast_ets
from harness_models.ets_estimation import EtsForm
from harness_models.seasonal_adjustment import SeasonalAdjustment, adjustment_size, classical_adjustment
from harness_models.univariate import TargetPasts, UnivariateForecaster

FORMS = (EtsForm("add", None, False, None), EtsForm("add", "add", False, None), EtsForm("add", "add", True, None))


@dataclass(frozen=True, eq=False)
class FittedComb:
    """The three models of the seasonally adjusted target."""

    models: tuple[FittedEts, ...]
    adjustment: SeasonalAdjustment | None

    @property
    def parameter_count(self) -> int:
        """Those of the three models, and the seasonal indices if there are any."""
        return sum(model.parameter_count for model in self.models) + adjustment_size(self.adjustment)


@dataclass
class Comb(UnivariateForecaster):
    """The mean of simple, Holt's and damped exponential smoothing: Makridakis, Spiliotis and Assimakopoulos 2020.

    Series are seasonally adjusted first, by multiplicative decomposition (additive where values are not positive), if
    the autocorrelation at the season length is significant at 10 %. The models are ETS(A,N,N), ETS(A,A,N) and
    ETS(A,Ad,N) by maximum likelihood. Quantiles are the means of those of the three models. Covariates are ignored.
    """

    def fit_target(self, values: Floats, context: Context) -> FittedComb:
        """The seasonal indices, and the three models of the adjusted values."""
        adjustment = classical_adjustment(values, context.season_length, context.start)
        plain = values if adjustment is None else adjustment.remove(values, np.arange(len(values)))
        return FittedComb(tuple(fit_ets(plain, 1, [form], context) for form in FORMS), adjustment)

    def forecast_target(self, state: FittedComb, past: TargetPasts) -> Forecast:
        """The mean of the three forecasts."""
        plain = past if state.adjustment is None else state.adjustment.adjust(past)
        forecasts = [forecast_ets(model, plain) for model in state.models]
        mean = np.mean([forecast.mean for forecast in forecasts], axis=0)
        levels = past.contexts.quantile_levels
        if levels:
            quantiles = np.mean([forecast.quantiles_of(levels) for forecast in forecasts], axis=0)
            combined = Forecast(mean, levels, quantiles, mean)
        else:
            combined = Forecast.point(mean)
        return combined if state.adjustment is None else state.adjustment.restore(past, combined)
