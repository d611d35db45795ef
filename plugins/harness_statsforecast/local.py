"""StatsForecastModel: a model of statsforecast, fitted to each target of each series."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from statsforecast import models
from statsforecast.utils import ConformalIntervals

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
from harness_statsforecast.names import NEEDS_SEASON, WITHOUT_INTERVALS


@dataclass(frozen=True, eq=False)
class FittedTarget:
    """The model of one target, and what it was fitted to."""

    model: Any
    past: Floats  # (length,)
    known: Floats | None  # (length, known covariate); None: the model takes none

    def is_of(self, past: Floats, known: Floats | None) -> bool:
        """Whether the model was fitted to exactly this history."""
        same = np.array_equal(self.past, past)
        return same and (known is None or self.known is None or np.array_equal(self.known, known))


@dataclass
class StatsForecastModel(FittedLocalForecaster):
    """A model of statsforecast. Its hyperparameters are the parameters of the model.

    `season_length` None is the season length of the task. Known covariates are passed to the models that take
    exogenous variables. Each target is forecast by a model of its own.

    A model with a method `forward` keeps the parameters of the last fit, and `forward` updates its state at later
    cutoffs. Any other model is estimated anew from the context at each cutoff.

    Quantiles are the borders of the model's prediction intervals; the median is its point forecast. A model without
    intervals gives point forecasts, unless `prediction_intervals` such as {"n_windows": 2} asks for conformal ones,
    whose horizon is that of the task. Where statsforecast would replace a model by another one, the forecast fails.
    """

    library_class: ClassVar[Any]

    def __post_init__(self) -> None:
        try:
            self.library_model(season_length=1, steps=1)
        except ImportError:  # a library that the model needs: shown as the failure to fit
            return
        except Exception as error:  # statsforecast raises plain exceptions for wrong parameters
            raise ValueError(str(error)) from error

    @property
    def parameter_count(self) -> int:
        """The number of estimated parameters of all models that are kept; 0 where none is."""
        states = [state for state in self.states_.values() if isinstance(state, list)]
        return sum(_parameter_count(fitted.model) for state in states for fitted in state if fitted is not None)

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these parameters."""
        return 8 * self.parameter_count

    def library_model(self, season_length: int, steps: int) -> Any:
        """The unfitted model, for so many steps ahead."""
        parameters = given_hyperparameters(self, self.library_class)
        if getattr(self, "season_length", 1) is None:
            parameters["season_length"] = season_length
        if parameters.get("prediction_intervals") is not None:
            parameters["prediction_intervals"] = ConformalIntervals(
                **{"h": steps, **parameters["prediction_intervals"]}
            )
        if "trend_forecaster" in parameters:
            parameters["trend_forecaster"] = _trend_forecaster(parameters["trend_forecaster"])
        return self.library_class(**parameters)

    def fit_series(self, context: Context) -> list[FittedTarget | None]:
        """The fitted model of each target; None for models that are estimated at each cutoff."""
        if context.season_length == 1 and self._needs_season:
            raise Unsupported("needs a season length above 1")
        if not hasattr(self.library_class, "forward"):
            return [None] * context.target.shape[1]
        return [self._fitted(past, context) for past in _pasts(context)]

    def predict_windows(self, state: list[FittedTarget | None], contexts: Contexts) -> Forecast:
        """The forecasts of all windows of a series; one that fails does not stop the others."""
        return _Windows(self, state).predict(contexts)

    def forecast_target(self, fitted: FittedTarget | None, past: Floats, context: Context) -> dict[str, Floats]:
        """The arrays that the library returns for one target, (gap + horizon,) each."""
        steps = context.gap + context.horizon
        model = self.library_model(context.season_length, steps) if fitted is None else fitted.model
        known, future = _exogenous(model, context.known_past), _exogenous(model, context.known)
        levels = None if self._intervals_missing else _interval_levels(context.quantile_levels)
        with _without_fallback():
            if fitted is None:
                return dict(model.forecast(y=past, h=steps, X=known, X_future=future, level=levels))
            if fitted.is_of(past, known):
                return dict(model.predict(h=steps, X=future, level=levels))
            return dict(model.forward(y=past, h=steps, X=known, X_future=future, level=levels))

    @property
    def _intervals_missing(self) -> bool:
        without = self.library_class.__name__ in WITHOUT_INTERVALS
        return without and getattr(self, "prediction_intervals", None) is None

    @property
    def _needs_season(self) -> bool:
        return self.library_class.__name__ in NEEDS_SEASON and getattr(self, "season_length", 1) is None

    def _fitted(self, past: Floats, context: Context) -> FittedTarget:
        model = self.library_model(context.season_length, context.gap + context.horizon)
        known = _exogenous(model, context.known_past)
        with _without_fallback():
            fitted = model.fit(y=past, X=known)
        if type(fitted) is not type(model):
            raise Unsupported(
                f"statsforecast replaces {type(model).__name__} by {type(fitted).__name__} for this series"
            )
        return FittedTarget(fitted, past, known)


@dataclass
class SampledModel(StatsForecastModel):
    """A model whose intervals are quantiles of random samples, which `simulate` draws with a seed."""

    seed: int = 0

    def forecast_target(self, fitted: FittedTarget | None, past: Floats, context: Context) -> dict[str, Floats]:
        """The point forecast, and the borders of intervals from samples that the seed, series and cutoff determine."""
        steps = context.gap + context.horizon
        model = self.library_model(context.season_length, steps)
        found = dict(model.forecast(y=past, h=steps))
        seed = np.random.default_rng([self.seed, zlib.crc32(context.id.encode()), context.cutoff]).integers(2**31)
        paths = model.simulate(h=steps, n_paths=model.n_samples, y=past, seed=int(seed))
        for level in _interval_levels(context.quantile_levels) or ():
            found[f"lo-{level}"], found[f"hi-{level}"] = np.quantile(
                paths, [0.5 - level / 200, 0.5 + level / 200], axis=0
            )
        return found


@dataclass
class _Windows(LocalForecaster):
    """Forecasts the windows of one series one by one."""

    forecaster: StatsForecastModel
    state: list[FittedTarget | None]

    def predict_series(self, context: Context) -> Forecast:
        pairs = zip(self.state, _pasts(context), strict=True)
        found = [self.forecaster.forecast_target(fitted, past, context) for fitted, past in pairs]
        mean = _stacked(found, "mean", context)[None]
        if np.isnan(mean).any():
            raise Unsupported(f"statsforecast gives no forecast for a history of {len(context.values)} observations")
        keys = [_key(level) for level in context.quantile_levels]
        if not all(key in target for key in keys for target in found):
            return Forecast.point(mean)
        quantiles = np.stack([_stacked(found, key, context) for key in keys], axis=-1)[None] if keys else None
        return Forecast(mean, context.quantile_levels, quantiles, mean)


def _pasts(context: Context) -> Iterator[Floats]:
    """The history of each target, (length,), which the library may write to."""
    for values in context.target.T:
        if np.isnan(values).any():
            raise Unsupported(f"series {context.id!r} has a target without a value")
        yield np.array(values)


def _exogenous(model: Any, known: Floats) -> Floats | None:
    """Known covariates as an array of the library; None for a model that takes none."""
    takes_some = model.uses_exog or getattr(getattr(model, "trend_forecaster", None), "uses_exog", False)
    if not takes_some or not known.shape[1]:
        return None
    if np.isnan(known).any():
        raise Unsupported("known covariates have missing values, which statsforecast does not take")
    return np.array(known)


def _interval_levels(quantile_levels: tuple[float, ...]) -> list[float] | None:
    """The levels of the prediction intervals whose borders are these quantiles, in percent; None if there are none."""
    return sorted({_interval_level(level) for level in quantile_levels if level != 0.5}) or None


def _interval_level(level: float) -> float:
    return round(abs(200 * level - 100), 9)


def _key(level: float) -> str:
    """The name that the library gives the quantile of this level."""
    return "mean" if level == 0.5 else f"{'lo' if level < 0.5 else 'hi'}-{_interval_level(level)}"


def _stacked(found: list[dict[str, Floats]], key: str, context: Context) -> Floats:
    """The steps of the horizon of all targets, (horizon, target)."""
    return np.stack([target[key][context.gap :] for target in found], axis=-1).astype(np.float64)


def _trend_forecaster(given: str | Mapping[str, Any]) -> Any:
    """The model of the trend, given by its name, or as a table with `name` and parameters."""
    parameters = {"name": given} if isinstance(given, str) else dict(given)
    return getattr(models, str(parameters.pop("name", "")))(**parameters)


@contextmanager
def _without_fallback() -> Iterator[None]:
    """A warning that another optimiser is used becomes an error; too short series are unsupported."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="(?s).*falling back")
        try:
            yield
        except NotImplementedError as error:
            raise Unsupported(f"statsforecast: {error}") from error


def _parameter_count(model: Any) -> int:
    """The number of estimated parameters of a fitted model: coefficients, or smoothing parameters and states."""
    found = getattr(model, "model_", None)
    if not isinstance(found, dict):
        return 0
    if "trend_forecaster" in vars(model):
        return _parameter_count(model.trend_forecaster)
    return next(
        (
            np.size(list(found[key].values()) if isinstance(found[key], dict) else found[key])
            for key in ("coef", "par")
            if key in found
        ),
        0,
    )
