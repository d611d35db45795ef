"""SktimeForecaster: a forecaster of sktime, fitted to each series."""

from __future__ import annotations

import inspect
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from harness import (
    Context,
    Contexts,
    FittedLocalForecaster,
    Floats,
    Forecast,
    LocalForecaster,
    Unsupported,
    given_hyperparameters,
)
from harness_sktime.names import FORECASTERS, WITHOUT_CALENDAR

STRATEGIES = ("refit", "update", "no-update_params")
SEEDS = ("random_state", "seed")
MEDIAN = 0.5
COMPONENT = "estimator"  # the key of a table that describes an estimator


@dataclass(frozen=True, eq=False)
class FittedSeries:
    """The fitted forecaster of sktime of one series, and the history that it was fitted to."""

    forecaster: Any
    past: Any  # a series or frame of pandas


@dataclass
class SktimeForecaster(FittedLocalForecaster):
    """A forecaster of sktime. Its hyperparameters are the parameters of sktime's forecaster.

    `sp` None is the season length of the task. A parameter that is an estimator is a table such as
    {"estimator": "NaiveForecaster", "strategy": "mean"}, which names a forecaster of sktime, or "module:Class" of
    another estimator of sktime or scikit-learn.

    `cutoff_strategy` says what is done at cutoffs after the fit, in the words of sktime's `evaluate`: "refit" fits
    anew to the context of each window; "update" and "no-update_params" call `update` with the new observations, with
    and without an update of the parameters. Not every forecaster of sktime uses new observations without "refit".

    Several targets are passed on together; known covariates are passed to forecasters that take exogenous variables.
    Quantiles are those of `predict_quantiles`; that at level 0.5 is the point forecast.
    """

    library_class: ClassVar[Any]
    cutoff_strategy: str = "refit"

    def __post_init__(self) -> None:
        if self.cutoff_strategy not in STRATEGIES:
            raise ValueError(f"cutoff_strategy is one of {', '.join(STRATEGIES)}, not {self.cutoff_strategy!r}")

    @property
    def parameter_count(self) -> int:
        """The number of fitted parameters that sktime tells of all forecasters that are kept."""
        states = [state for state in self.states_.values() if isinstance(state, FittedSeries)]
        return sum(_count(state.forecaster.get_fitted_params()) for state in states)

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these parameters."""
        return 8 * self.parameter_count

    def library_forecaster(self, season_length: int) -> Any:
        """The unfitted forecaster of sktime."""
        parameters = given_hyperparameters(self, self.library_class)
        parameters = {name: component(value) for name, value in parameters.items()}
        accepted = inspect.signature(self.library_class).parameters
        if "sp" in accepted and getattr(self, "sp", None) is None:
            parameters["sp"] = season_length
        parameters.update({name: getattr(self, "seed", 0) for name in SEEDS if name in accepted})
        return self.library_class(**parameters).set_config(remember_data=True)

    def fit_series(self, context: Context) -> FittedSeries:
        """The forecaster of sktime, fitted to the training data of one series."""
        context = self.as_taken(context)
        forecaster = self.library_forecaster(context.season_length)
        past = _past(context)
        try:
            forecaster.fit(y=past, X=_exogenous(forecaster, context, past.index), fh=_steps(context))
        except ValueError as error:
            if len(past) < 2 * context.season_length:
                raise Unsupported(f"sktime, for a history of {len(past)} observations: {error}") from error
            raise
        return FittedSeries(forecaster, past)

    def as_taken(self, context: Context) -> Context:
        """The context of a window with the time that the forecaster takes: numbers where it takes no calendar."""
        return replace(context, start=0, freq=None) if self.library_class.__name__ in WITHOUT_CALENDAR else context

    def predict_windows(self, state: FittedSeries, contexts: Contexts) -> Forecast:
        """The forecasts of all windows of a series; one that fails does not stop the others."""
        return _Windows(self, state).predict(contexts)

    def at_cutoff(self, fitted: FittedSeries, context: Context) -> Any:
        """The forecaster of sktime at the cutoff of a window."""
        past = _past(context)
        if past.equals(fitted.past):
            return fitted.forecaster
        if self.cutoff_strategy == "refit":
            return self.fit_series(context).forecaster
        new = past.index > fitted.past.index[-1]
        exogenous = _exogenous(fitted.forecaster, context, past.index)
        return deepcopy(fitted.forecaster).update(
            y=past[new],
            X=None if exogenous is None else exogenous[new],
            update_params=self.cutoff_strategy == "update",
        )


@dataclass
class _Windows(LocalForecaster):
    """Forecasts the windows of one series one by one."""

    forecaster: SktimeForecaster
    fitted: FittedSeries

    def predict_series(self, context: Context) -> Forecast:
        context = self.forecaster.as_taken(context)
        forecaster = self.forecaster.at_cutoff(self.fitted, context)
        index = _index(context, len(context.values), context.gap + context.horizon)
        future, steps = _exogenous(forecaster, context, index, ahead=True), _steps(context)
        shape = (1, context.horizon, context.target.shape[1])
        mean = _numbers(forecaster.predict(fh=steps, X=future)).reshape(shape)
        if np.isnan(mean).any():
            raise Unsupported(f"sktime gives no forecast for a history of {len(context.values)} observations")
        levels = [level for level in context.quantile_levels if level != MEDIAN]  # some intervals may not be empty
        if not levels or not forecaster.get_tag("capability:pred_int"):
            return Forecast.point(mean)
        quantiles = _numbers(forecaster.predict_quantiles(fh=steps, X=future, alpha=levels)).reshape(*shape, -1)
        if MEDIAN in context.quantile_levels:
            quantiles = np.insert(quantiles, context.quantile_levels.index(MEDIAN), mean, axis=-1)
        return Forecast(mean, context.quantile_levels, quantiles, mean)


def component(value: Any) -> Any:
    """A hyperparameter as sktime takes it: tables with the key `estimator` become estimators, also within others."""
    if isinstance(value, dict) and COMPONENT in value:
        parameters = {name: component(part) for name, part in value.items() if name != COMPONENT}
        return _estimator_class(str(value[COMPONENT]))(**parameters)
    if isinstance(value, list | tuple):
        parts = [component(part) for part in value]
        named = len(parts) == 2 and isinstance(parts[0], str) and parts[1] is not value[1]
        return tuple(parts) if named or isinstance(value, tuple) else parts
    if isinstance(value, dict):
        return {name: component(part) for name, part in value.items()}
    return value


def _estimator_class(name: str) -> Any:
    module, _, attribute = name.partition(":") if ":" in name else (FORECASTERS.get(name, ""), "", name)
    if module.partition(".")[0] not in ("sktime", "sklearn"):
        raise ValueError(f"{name!r} is no forecaster of sktime, and no module:Class of sktime or scikit-learn")
    return getattr(import_module(module), attribute)


def _steps(context: Context) -> list[int]:
    return list(range(context.gap + 1, context.gap + context.horizon + 1))


def _index(context: Context, first: int, length: int) -> Any:
    """The times of `length` rows, from row `first` of the context."""
    if context.freq is None:
        return pd.RangeIndex(int(context.start) + first, int(context.start) + first + length)
    return pd.date_range(pd.Timestamp(context.start), periods=first + length, freq=context.freq)[first:].to_period()


def _past(context: Context) -> Any:
    """The history of the targets, a series of pandas, or a frame of several targets."""
    if np.isnan(context.target).any():
        raise Unsupported(f"series {context.id!r} has a target without a value")
    index = _index(context, 0, len(context.values))
    if context.target.shape[1] == 1:
        return pd.Series(np.array(context.target[:, 0]), index=index)
    names = [channel.name for channel in context.channels if channel.role == "target"]
    return pd.DataFrame(np.array(context.target), index=index, columns=names)


def _exogenous(forecaster: Any, context: Context, index: Any, *, ahead: bool = False) -> Any:
    """The known covariates of the history or the steps ahead as a frame; None for a forecaster that takes none."""
    values = context.known if ahead else context.known_past
    if not values.shape[1] or not forecaster.get_tag("capability:exogenous"):
        return None
    if np.isnan(values).any():
        raise Unsupported("known covariates have missing values")
    names = [channel.name for channel in context.channels if channel.role == "known covariate"]
    return pd.DataFrame(np.array(values), index=index, columns=names)


def _numbers(frame: Any) -> Floats:
    return np.asarray(frame, dtype=np.float64)


def _count(parameters: dict[str, Any]) -> int:
    """How many numbers fitted parameters hold; those of components have names with two underscores."""
    numbers = (value for name, value in parameters.items() if "__" not in name)
    return sum(np.size(value) for value in numbers if np.asarray(value, dtype=object).size and _is_numeric(value))


def _is_numeric(value: Any) -> bool:
    return isinstance(value, int | float | np.ndarray | np.number | pd.Series | pd.DataFrame) and not isinstance(
        value, bool
    )
