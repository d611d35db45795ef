"""DartsLocalModel: a model of Darts, fitted to each series."""

from __future__ import annotations

import inspect
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, ClassVar

import numpy as np
from darts import TimeSeries

from harness import (
    Context,
    Contexts,
    FittedLocalForecaster,
    Floats,
    Forecast,
    LocalForecaster,
    Unsupported,
    given_hyperparameters,
    quiet,
)
from harness_darts.names import JOINT
from harness_darts.series import Inputs, Series

SEASON = ("K", "seasonal_periods", "seasonality_period")  # parameters that are the season length


@dataclass
class DartsLocalModel(FittedLocalForecaster):
    """A model of Darts, fitted to each series. Its hyperparameters are the parameters of the model.

    A parameter that is the season length and is None is the season length of the task. A model that takes other series
    after its fit, such as `ARIMA`, keeps the parameters of the last fit; any other is fitted anew at each cutoff. Each
    target is forecast by a model of its own, except by `VARIMA` and `KalmanForecaster`.

    Quantiles are those of `num_samples` simulated paths of models that have some; other models give point forecasts.
    Where Darts would replace the seasonal mode or the trend of a model by another one, the forecast fails.
    """

    library_class: ClassVar[Any]

    def __post_init__(self) -> None:
        with quiet():
            self.library_model(2, 0)

    def library_model(self, season_length: int, seed: int) -> Any:
        """The unfitted model."""
        parameters = given_hyperparameters(self, self.library_class.__init__)
        defaults = inspect.signature(self.library_class.__init__).parameters
        for name, value in parameters.items():
            if isinstance(defaults[name].default, Enum):
                parameters[name] = _member(type(defaults[name].default), name, value)
            elif isinstance(value, list) and isinstance(defaults[name].default, tuple):
                parameters[name] = tuple(value)
        for name in SEASON:
            if name in defaults and parameters.get(name) is None:
                parameters[name] = season_length
        if season_length == 1:
            parameters = _without_season(parameters, defaults)
        if "random_state" in defaults:
            parameters["random_state"] = seed
        return self.library_class(**parameters)

    def fit_series(self, context: Context) -> list[Any] | None:
        """The fitted model of each target; None for models that are fitted at each cutoff."""
        if not hasattr(self.library_class, "supports_transferable_series_prediction"):
            return None
        model = self.library_model(context.season_length, 0)
        if not model.supports_transferable_series_prediction:
            return None
        return [self._fitted(part, context) for part in self._parts(context)]

    def predict_windows(self, state: list[Any] | None, contexts: Contexts) -> Forecast:
        """The forecasts of all windows of a series; one that fails does not stop the others."""
        return _Windows(self, state).predict(contexts)

    def forecast_window(self, state: list[Any] | None, context: Context) -> Forecast:
        """The forecast of one window."""
        parts = list(self._parts(context))
        models = [self._fitted(part, context) for part in parts] if state is None else state
        means, paths = [], []
        samples = int(getattr(self, "num_samples", 0)) if context.quantile_levels else 0
        with quiet():
            for model, part in zip(models, parts, strict=True):
                means.append(self._predicted(model, part, context, 1)[..., 0])
                if samples:
                    paths.append(self._predicted(model, part, context, samples))
        mean = np.concatenate(means, axis=-1)[None]  # (1, horizon, target)
        if not samples:
            return Forecast.point(mean)
        drawn = np.concatenate(paths, axis=1)  # (horizon, target, path)
        sampled = Forecast.from_samples(drawn.transpose(2, 0, 1)[None], context.quantile_levels)
        return Forecast(mean, sampled.quantile_levels, sampled.quantiles, sampled.median)

    def _predicted(self, model: Any, part: Series, context: Context, samples: int) -> Floats:
        """The forecast of a fitted model, (horizon, target, path)."""
        accepted = inspect.signature(model.predict).parameters
        options: dict[str, Any] = {"num_samples": samples, "verbose": False, "show_warnings": False}
        if model.supports_transferable_series_prediction:
            options |= {"series": part.targets[0]}
        if part.known is not None:
            options |= {"future_covariates": part.known[0]}
        if samples > 1:
            options |= {"random_state": self._seed(context)}
        given = {name: value for name, value in options.items() if name in accepted}
        found = model.predict(context.gap + context.horizon, **given)
        return np.asarray(found.all_values(copy=False)[context.gap :], dtype=np.float64)

    def _seed(self, context: Context) -> int:
        rng = np.random.default_rng([getattr(self, "seed", 0), zlib.crc32(context.id.encode()), context.cutoff])
        return int(rng.integers(2**31))

    def _parts(self, context: Context) -> Iterator[Series]:
        """The history of all targets, or of each of them, with the known covariates that the model takes."""
        takes_known = self.library_class.__name__ in ("ARIMA", "KalmanForecaster", "VARIMA")
        targets = [i for i, channel in enumerate(context.channels) if channel.role == "target"]
        known = [i for i, channel in enumerate(context.channels) if channel.role == "known covariate"]
        every = Inputs(tuple(targets), (), tuple(known) if takes_known else (), ())
        if self.library_class.__name__ in JOINT:
            yield every.of_context(context)
            return
        for target in targets:
            yield replace(every, targets=(target,)).of_context(context)

    def _fitted(self, part: Series, context: Context) -> Any:
        model = self.library_model(context.season_length, self._seed(context))
        chosen = _modes(model)
        series: TimeSeries = part.targets[0]
        if len(series) < model.min_train_series_length:
            raise Unsupported(f"it needs {model.min_train_series_length} observations, and there are {len(series)}")
        known = {} if part.known is None else {"future_covariates": part.known[0]}
        with quiet(), _warnings_of_darts():
            model.fit(series, **known)
        if changed := [name for name, mode in _modes(model).items() if mode != chosen[name]]:
            raise Unsupported(f"Darts replaces {' and '.join(changed)} for this series")
        return model


@dataclass
class _Windows(LocalForecaster):
    """Forecasts the windows of one series one by one."""

    forecaster: DartsLocalModel
    state: list[Any] | None

    def predict_series(self, context: Context) -> Forecast:
        return self.forecaster.forecast_window(self.state, context)


def _modes(model: Any) -> dict[str, Any]:
    """The seasonal mode, the model and the trend that a model uses, which some change while they are fitted."""
    return {name: value for name, value in vars(model).items() if isinstance(value, Enum)}


def _member(modes: type[Enum], name: str, value: Any) -> Enum:
    """The mode of this name, such as "additive" or "none"."""
    known = {member.name.lower(): member for member in modes}
    if str(value).lower() not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")
    return known[str(value).lower()]


def _without_season(parameters: dict[str, Any], defaults: Any) -> dict[str, Any]:
    """The parameters of a task without season: no seasonal mode, unless one is given."""
    for name in ("seasonal", "season_mode"):
        if name in defaults:
            mode = type(defaults[name].default)
            parameters.setdefault(name, mode["NONE"])
    return {
        name: None if name in SEASON and name != "K" and value == 1 else value for name, value in parameters.items()
    }


@contextmanager
def _warnings_of_darts() -> Iterator[None]:
    """A warning that Darts falls back to another model becomes an error."""
    found: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler, logger = Handler(logging.WARNING), logging.getLogger("darts.models.forecasting.theta")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    if found:
        raise Unsupported(f"Darts: {found[0]}")
