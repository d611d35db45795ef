"""Forecaster: the interface that a plugin implements; and base classes for models of one series."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from harness.arrays import Floats
from harness.attempt import Failure, attempt
from harness.data.numbers import NotNumbers, floats
from harness.errors import HarnessError, InvalidForecast
from harness.forecasters.forecast import Forecast
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts


class PartialFailure(HarnessError):
    """Raised where a forecaster failed on some windows; it carries the forecasts of the others.

    `forecast` covers all windows, with NaN where one failed; `failures` are the reasons by window.
    """

    def __init__(self, forecast: Forecast, failures: Mapping[int, Failure]) -> None:
        self.forecast = forecast
        self.failures = dict(failures)
        first = next(iter(self.failures.values()))
        super().__init__(f"{len(self.failures)} of {len(forecast)} windows failed; the first: {first}")


@runtime_checkable
class Forecaster(Protocol):
    """A dataclass whose fields are its hyperparameters: JSON values, and `seed` if it is stochastic.

    `fit` learns; names of fitted attributes end in an underscore. `predict` does not change the
    forecaster, and the forecast of a window depends neither on the other windows nor on their order:
    random numbers are seeded by (seed, series, cutoff). Both may raise `Unsupported`.

    A fitted forecaster may have these attributes:
    - `curves_`: sequences of numbers by name, such as the training loss;
    - `remarks_`: sentences that become notes of the run;
    - `parameter_count` and `parameter_bytes`: the number of its learned parameters and their bytes. Without
      them, the arrays and numbers in its fitted attributes are counted.
    """

    def fit(self, train: TrainingData) -> None: ...

    def predict(self, contexts: Contexts) -> Forecast: ...


def predict_and_check(forecaster: Forecaster, contexts: Contexts) -> Forecast:
    """The forecast of these windows; raises InvalidForecast if its shape or type is wrong.

    Raises PartialFailure if the quantiles of some windows cross.
    """
    return _check(forecaster.predict(contexts), contexts, "predict")


def _check(forecast: Any, contexts: Contexts, method: str) -> Forecast:
    """What a method returned, checked against the windows that it was given."""
    if not isinstance(forecast, Forecast):
        raise InvalidForecast(
            f"{method} must return a Forecast, not {type(forecast).__name__}: "
            "return Forecast.point(mean), with a mean of the shape (window, horizon, target)"
        )
    checked = forecast.check_shape(len(contexts), contexts.horizon, len(contexts.targets), contexts.quantile_levels)
    crossing = checked.crossing()
    if crossing.any():
        failures = {
            int(window): Failure(_crossing(checked, int(window), contexts.window_name(int(window))))
            for window in np.flatnonzero(crossing)
        }
        raise PartialFailure(checked.without(np.flatnonzero(crossing)), failures)
    return checked


def _crossing(forecast: Forecast, window: int, name: str) -> InvalidForecast:
    return InvalidForecast(f"quantiles cross in {name}, {forecast.describe_crossing(window)}")


class LocalForecaster(ABC):
    """Forecasts each window from its own context; nothing is learned.

    @dataclass
    class MovingAverage(LocalForecaster):
        length: int = 24

        def predict_series(self, context: Context) -> Floats:
            mean = np.nanmean(context.target[-self.length :], axis=0)
            return np.tile(mean, (context.horizon, 1))
    """

    def fit(self, train: TrainingData) -> None:
        """Does nothing: each window is forecast from its own context."""

    @abstractmethod
    def predict_series(self, context: Context) -> Floats | Forecast:
        """The mean, (horizon, target), or a Forecast of one window."""

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, window by window; one that fails does not stop the others."""
        outcomes = [attempt(partial(self._predict_window, context)) for context in contexts]
        return _combine(contexts, [(np.array([i]), outcome) for i, outcome in enumerate(outcomes)])

    def _predict_window(self, context: Context) -> Forecast:
        return _window_forecast(self.predict_series(context), context)


class FittedLocalForecaster(ABC):
    """Fits parameters to each series and keeps them until the next refit.

    Write `fit_series(context) -> state` and `predict_windows(state, contexts) -> Forecast`, which
    receives all windows of one series by rising cutoff: one filter pass can forecast them all. A series
    is fitted to its training data when it is first forecast; a series without training data is fitted to
    its first context.
    """

    def fit(self, train: TrainingData) -> None:
        """Keeps the training data; series are fitted by `fit_contexts`, or else by `predict`."""
        self.train_ = train
        self.states_: dict[str, Any] = {}

    @abstractmethod
    def fit_series(self, context: Context) -> Any:
        """The parameters of one series; the context ends with the training data."""

    @abstractmethod
    def predict_windows(self, state: Any, contexts: Contexts) -> Forecast:
        """The forecast of these windows, all of one series, with the parameters of that series."""

    def fit_contexts(self, contexts: Contexts) -> None:
        """Fit every series of these windows that is not fitted yet; its time counts as fitting."""
        for _, windows in contexts.by_series():
            if windows.ids[0] not in self.states_:
                self.states_[windows.ids[0]] = self._fit_windows(windows)

    def fit_asked(self, contexts: Contexts) -> None:
        """The former name of `fit_contexts`."""
        self.fit_contexts(contexts)

    def _fit_windows(self, windows: Contexts) -> Any:
        """The parameters of the series of these windows, or the failure to fit them."""
        context = self._training_context(windows)
        return attempt(partial(self.fit_series, context))

    def _training_context(self, windows: Contexts) -> Context:
        train = self.train_.panel
        i = train.positions.get(windows.ids[0])
        if i is None:
            return next(iter(windows.take(slice(0, 1))))
        return next(iter(self.train_.contexts(np.array([i]), train.lengths[i : i + 1])))

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, series by series; one that fails does not stop the others."""
        parts: list[tuple[Any, Forecast | Failure]] = []
        for positions, windows in contexts.by_series():
            series = windows.ids[0]
            state = self.states_[series] if series in self.states_ else self._fit_windows(windows)
            if isinstance(state, Failure):
                parts.append((positions, state))
            else:
                parts.append((positions, attempt(partial(self._predict_and_check, state, windows))))
        return _combine(contexts, parts)

    def _predict_and_check(self, state: Any, windows: Contexts) -> Forecast:
        return _check(self.predict_windows(state, windows), windows, "predict_windows")


def _window_forecast(result: Any, context: Context) -> Forecast:
    """What `predict_series` returned as a Forecast of one window, checked."""
    targets = sum(channel.role == "target" for channel in context.channels)
    if not isinstance(result, Forecast):
        return Forecast(_window_mean(result, (context.horizon, targets))[None])
    if result.mean.ndim == 3 and len(result) != 1:
        raise InvalidForecast(f"predict_series returns a forecast of one window, not of {len(result)}")
    forecast = result.check_shape(1, context.horizon, targets, context.quantile_levels)
    if forecast.crossing().any():
        raise _crossing(forecast, 0, f"series {context.id!r} at cutoff {context.cutoff}")
    return forecast


def _window_mean(result: Any, shape: tuple[int, int]) -> Floats:
    """The mean of one window that `predict_series` returned as an array, a list or numbers of another type."""
    wanted = f"predict_series must return a Forecast, or an array of the shape (horizon, target) = {shape}"
    if result is None or isinstance(result, str):
        raise InvalidForecast(f"{wanted}, not {type(result).__name__}")
    try:
        mean = floats(result)
    except NotNumbers as error:
        raise InvalidForecast(f"predict_series returned a {type(result).__name__} that {error}") from error
    if mean.shape != shape:
        raise InvalidForecast(f"{wanted}, not {mean.shape}")
    return mean


def _combine(contexts: Contexts, parts: list[tuple[Any, Forecast | Failure]]) -> Forecast:
    """The forecast of all windows from those of parts, by positions; raises PartialFailure if a part failed."""
    shape = (len(contexts), contexts.horizon, len(contexts.targets))
    failures: dict[int, Failure] = {}
    forecasts = []
    for positions, part in parts:
        if isinstance(part, Forecast):
            forecasts.append((positions, part))
        elif isinstance(part.error, PartialFailure):
            forecasts.append((positions, part.error.forecast))
            failures.update({int(positions[window]): failure for window, failure in part.error.failures.items()})
        else:
            failures.update(dict.fromkeys(positions.tolist(), part))
    mean = np.full(shape, np.nan)
    quantiles = None
    if contexts.quantile_levels and any(part.quantiles is not None for _, part in forecasts):
        quantiles = np.full((*shape, len(contexts.quantile_levels)), np.nan)
    for positions, part in forecasts:
        mean[positions] = part.mean
        if quantiles is not None:  # beside others' quantiles, those of a point forecast are all its mean
            quantiles[positions] = part.mean[..., None] if part.quantiles is None else part.quantiles
    levels = contexts.quantile_levels if quantiles is not None else ()
    forecast = Forecast(mean, levels, quantiles)
    if failures:
        raise PartialFailure(forecast, failures)
    return forecast
