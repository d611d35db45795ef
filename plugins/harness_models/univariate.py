"""UnivariateForecaster: a local model of one target, fitted to each target of each series separately."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from harness import Context, Contexts, FittedLocalForecaster, Floats, Forecast, Ints, Unsupported
from harness_models.pasts import BATCH, pasts


@dataclass(frozen=True, eq=False)
class TargetPasts:
    """The pasts of one target of one series, and the windows whose contexts end in them."""

    contexts: Contexts  # of the windows
    values: Floats  # (past, length), ending together; NaN before a context's start
    lengths: Ints  # (past,) of the contexts
    begins: Ints  # (past,) the position in the series of the first value
    rows: Ints  # (window,) the past that contains each window's context
    ends: Ints  # (window,) where in that past its context ends

    @property
    def steps(self) -> Ints:
        """The steps from the last known observation to each forecast, (horizon,)."""
        return np.arange(1, self.contexts.horizon + 1) + self.contexts.gap

    @property
    def paddings(self) -> Ints:
        """The columns before the first value of each past, (past,)."""
        return np.asarray(self.values.shape[1] - self.lengths)

    @cached_property
    def context_lengths(self) -> Ints:
        """The length of each window's context, (window,)."""
        return self.ends - self.paddings[self.rows]

    def normal(self, mean: Floats, deviation: Floats | None) -> Forecast:
        """The forecast with this mean and standard deviation, (window, horizon) each; None: without quantiles."""
        if deviation is None:
            return Forecast.point(mean[:, :, None])
        return Forecast.from_normal(mean[:, :, None], deviation[:, :, None], self.contexts.quantile_levels)

    def position(self, start: np.datetime64 | int) -> int:
        """The position in the series of the observation at that time."""
        first = self.contexts.take(slice(0, 1))
        grid = replace(first, cutoffs=np.zeros(1, np.int64), gap=0, horizon=int(self.contexts.cutoffs.max()))
        return int(np.searchsorted(grid.times()[0], start))


class FittedModel(Protocol):
    """The model of one target."""

    @property
    def parameter_count(self) -> int:
        """How many parameters were estimated."""


class UnivariateForecaster(FittedLocalForecaster):
    """Implement `fit_target` and `forecast_target`; each target has a model of its own."""

    @abstractmethod
    def fit_target(self, values: Floats, context: Context) -> FittedModel:
        """The parameters of one target, from all of its training data, (length,)."""

    @abstractmethod
    def forecast_target(self, state: Any, past: TargetPasts) -> Forecast:
        """The forecast of the one target, (window, horizon, 1); its mean must not depend on the quantile levels."""

    def fitted_states(self) -> list[Any]:
        """The states of all targets of all fitted series; raises AttributeError before the fit."""
        return [state for states in self.states_.values() if isinstance(states, list) for state in states]

    @property
    def parameter_count(self) -> int:
        """The number of estimated parameters of all targets of all fitted series."""
        return sum(state.parameter_count for state in self.fitted_states())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these parameters."""
        return 8 * self.parameter_count

    def fit_series(self, context: Context) -> list[FittedModel]:
        """One state for each target."""
        target = np.ascontiguousarray(context.target.T)
        if np.isnan(target).all(axis=1).any():
            raise Unsupported(f"series {context.id!r} has a target without a value to be fitted to")
        return [self.fit_target(values, context) for values in target]

    def predict_windows(self, state: list[Any], contexts: Contexts) -> Forecast:
        """The forecasts of each target by its own model."""
        shape = (len(contexts), contexts.horizon, len(state))
        mean, median = np.empty(shape), np.empty(shape)
        known, shared = True, True
        quantiles = np.empty((*shape, len(contexts.quantile_levels))) if contexts.quantile_levels else None
        for some in pasts(contexts, BATCH):
            for target, model in enumerate(state):
                past = TargetPasts(
                    contexts.take(some.windows),
                    some.values[:, :, target],
                    some.lengths,
                    some.begins,
                    some.rows,
                    some.ends,
                )
                forecast = self.forecast_target(model, past)
                mean[some.windows, :, target] = forecast.mean[:, :, 0]
                median[some.windows, :, target] = forecast.median[:, :, 0]
                known &= "mean" not in forecast.origins.median
                shared &= forecast.median is forecast.mean
                if quantiles is not None:
                    quantiles[some.windows, :, target] = forecast.quantiles_of(contexts.quantile_levels)[:, :, 0]
        levels = () if quantiles is None else contexts.quantile_levels
        return Forecast(mean, levels, quantiles, (mean if shared else median) if known else None)
