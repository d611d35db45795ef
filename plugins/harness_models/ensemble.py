"""MedianEnsemble: the median or the mean of the forecasts of several local forecasters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import Contexts, Failure, Floats, Forecast, PartialFailure, TrainingData
from harness_models.auto_arima import AutoArima
from harness_models.autoreg import AutoRegression
from harness_models.comb import Comb
from harness_models.dynamic_theta import DynamicOptimizedTheta
from harness_models.ets import Ets
from harness_models.mstl import Mstl
from harness_models.naive import Drift, Naive, SeasonalNaive
from harness_models.theta import Theta

COMPONENTS: dict[str, type[Any]] = {
    "auto-arima": AutoArima,
    "autoreg": AutoRegression,
    "comb": Comb,
    "drift": Drift,
    "dynamic-optimized-theta": DynamicOptimizedTheta,
    "ets": Ets,
    "mstl": Mstl,
    "naive": Naive,
    "seasonal-naive": SeasonalNaive,
    "theta": Theta,
}
COMBINATIONS: dict[str, Any] = {"median": np.median, "mean": np.mean}


@dataclass
class MedianEnsemble:
    """The median of the forecasts of several local forecasters, or their mean.

    Means, medians and quantiles of the forecasts are combined each, level by level. `components` are names of
    auto-arima, autoreg, comb, drift, dynamic-optimized-theta, ets, mstl, naive, seasonal-naive and theta, or tables
    with `name` and hyperparameters. `combination` is "median" or "mean". A window on which a component fails fails.
    The default is similar to the simple combination of univariate models by Petropoulos and Svetunkov 2020, which has
    complex exponential smoothing as well.
    """

    components: Sequence[str | Mapping[str, Any]] = ("auto-arima", "dynamic-optimized-theta", "ets")
    combination: str = "median"

    def __post_init__(self) -> None:
        if self.combination not in COMBINATIONS:
            raise ValueError(f"combination is 'median' or 'mean', not {self.combination!r}")
        if len(self.components) < 2:
            raise ValueError(f"an ensemble needs two components or more, not {len(self.components)}")
        self._new_components()

    def _new_components(self) -> tuple[Any, ...]:
        """New components."""
        return tuple(_component(given) for given in self.components)

    @property
    def remarks_(self) -> list[str]:
        """Those of the components."""
        return [remark for component in self.components_ for remark in getattr(component, "remarks_", [])]

    @property
    def parameter_count(self) -> int:
        """The estimated parameters of all components."""
        return sum(getattr(component, "parameter_count", 0) for component in self.components_)

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these parameters."""
        return 8 * self.parameter_count

    def fit(self, train: TrainingData) -> None:
        """Fits each component."""
        self.components_ = self._new_components()
        for component in self.components_:
            component.fit(train)

    def fit_contexts(self, contexts: Contexts) -> None:
        """Fits each component to every series of these windows."""
        for component in self.components_:
            if hasattr(component, "fit_contexts"):
                component.fit_contexts(contexts)

    def predict(self, contexts: Contexts) -> Forecast:
        """The combination of the components' forecasts; raises PartialFailure if one failed on some windows."""
        forecasts: list[Forecast] = []
        failures: dict[int, Failure] = {}
        for component in self.components_:
            try:
                forecasts.append(component.predict(contexts))
            except PartialFailure as error:
                forecasts.append(error.forecast)
                failures.update(error.failures)
        combined = self._combined(forecasts, contexts.quantile_levels)
        if failures:
            raise PartialFailure(combined.without(np.array(sorted(failures))), failures, self)
        return combined

    def _combined(self, forecasts: list[Forecast], levels: tuple[float, ...]) -> Forecast:
        """The combination of means, of medians and of the quantiles of each level."""

        def combine(arrays: Sequence[Floats]) -> Floats:
            return np.asarray(COMBINATIONS[self.combination](np.stack(arrays), axis=0))

        mean = combine([forecast.mean for forecast in forecasts])
        median = combine([forecast.median for forecast in forecasts])
        if not levels:
            return Forecast(mean, median=median)
        return Forecast(mean, levels, combine([forecast.quantiles_of(levels) for forecast in forecasts]), median)


def _component(given: str | Mapping[str, Any]) -> Any:
    """The forecaster of a name, or of a table with `name` and hyperparameters."""
    parameters = {"name": given} if isinstance(given, str) else dict(given)
    name = parameters.pop("name", None)
    if name not in COMPONENTS:
        raise ValueError(f"no component called {name!r}; known: {', '.join(COMPONENTS)}")
    try:
        return COMPONENTS[name](**parameters)
    except TypeError as error:
        raise ValueError(f"component {name!r}: {error}") from error
