"""Forecaster: what a plugin implements; and two bases that save authors of local models work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from harness.arrays import Floats
from harness.attempt import Failure, attempt
from harness.errors import HarnessError, InvalidForecast
from harness.forecasters.forecast import Forecast
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts


class PartlyFailed(HarnessError):
    """A forecaster that failed on some windows; it carries the others' forecasts.

    `forecast` covers all windows, with NaN where one failed; `failures` says why, by window.
    """

    def __init__(self, forecast: Forecast, failures: Mapping[int, Failure]) -> None:
        self.forecast = forecast
        self.failures = dict(failures)
        first = next(iter(self.failures.values()))
        super().__init__(f"{len(self.failures)} of {len(forecast)} windows failed; the first: {first}")


@runtime_checkable
class Forecaster(Protocol):
    """A dataclass whose fields are its hyperparameters: JSON values, and `seed` if it draws.

    `fit` learns; what it keeps ends in an underscore. `predict` changes nothing in the forecaster,
    and the forecast of a window depends neither on the other windows nor on their order: draws are
    keyed by (seed, series, cutoff). Either may raise `Unsupported`.
    """

    def fit(self, train: TrainingData) -> None: ...

    def predict(self, contexts: Contexts) -> Forecast: ...


def checked_forecast(forecaster: Forecaster, contexts: Contexts) -> Forecast:
    """What a forecaster says of these windows; raises InvalidForecast if it is not of their shape."""
    forecast: Any = forecaster.predict(contexts)
    if not isinstance(forecast, Forecast):
        raise InvalidForecast(f"predict must return a Forecast, not {type(forecast).__name__}")
    forecast.check(len(contexts), contexts.horizon, len(contexts.targets), contexts.quantile_levels)
    return forecast


class LocalForecaster(ABC):
    """Forecasts each window from its own past; nothing is kept.

    @dataclass
    class MovingAverage(LocalForecaster):
        length: int = 24

        def predict_series(self, context: Context) -> Floats:
            mean = np.nanmean(context.target[-self.length :], axis=0)
            return np.tile(mean, (context.horizon, 1))
    """

    def fit(self, train: TrainingData) -> None:
        """Nothing: each window is forecast from its own context."""

    @abstractmethod
    def predict_series(self, context: Context) -> Floats | Forecast:
        """The mean, (horizon, target), or a Forecast of one window."""

    def predict(self, contexts: Contexts) -> Forecast:
        """Every window by itself; one that fails does not stop the others."""
        outcomes = [attempt(partial(self._window, context)) for context in contexts]
        return _joined(contexts, [(np.array([i]), outcome) for i, outcome in enumerate(outcomes)])

    def _window(self, context: Context) -> Forecast:
        return _one_window(self.predict_series(context), context)


class FittedLocalForecaster(ABC):
    """Fits parameters to each series and keeps them until the next refit.

    Write `fit_series(context) -> state` and `predict_windows(state, contexts) -> Forecast`, which is
    given all the windows of one series by rising cutoff: one filter pass can serve them all. A series
    is fitted when it is first asked for: to its training data, or if it has none to its first context.
    """

    def fit(self, train: TrainingData) -> None:
        """Keeps the training data; series are fitted by `fit_asked`, or else as they are met."""
        self.train_ = train
        self.states_: dict[str, Any] = {}

    @abstractmethod
    def fit_series(self, context: Context) -> Any:
        """The parameters of one series; a context with nothing ahead of it but the horizon."""

    @abstractmethod
    def predict_windows(self, state: Any, contexts: Contexts) -> Forecast:
        """The forecast of all these windows, which are of one series, with parameters kept."""

    def fit_asked(self, contexts: Contexts) -> None:
        """Fits every series of these windows that is not fitted yet; its time counts as fitting."""
        for _, windows in contexts.by_series():
            if windows.ids[0] not in self.states_:
                self.states_[windows.ids[0]] = self._fitted(windows)

    def _fitted(self, windows: Contexts) -> Any:
        context = self._training_context(windows)
        return attempt(partial(self.fit_series, context))

    def _training_context(self, windows: Contexts) -> Context:
        train = self.train_.panel
        i = train.positions.get(windows.ids[0])
        if i is None:
            return next(iter(windows.take(slice(0, 1))))
        at_end = Contexts(
            train,
            np.array([i]),
            train.lengths[i : i + 1],
            self.train_.horizon,
            self.train_.gap,
            self.train_.quantile_levels,
            self.train_.season_length,
        )
        return next(iter(at_end))

    def predict(self, contexts: Contexts) -> Forecast:
        """Series by series; one that fails does not stop the others."""
        parts: list[tuple[Any, Forecast | Failure]] = []
        for positions, windows in contexts.by_series():
            name = windows.ids[0]
            state = self.states_[name] if name in self.states_ else self._fitted(windows)
            if isinstance(state, Failure):
                parts.append((positions, state))
            else:
                parts.append((positions, attempt(partial(self._windows, state, windows))))
        return _joined(contexts, parts)

    def _windows(self, state: Any, windows: Contexts) -> Forecast:
        forecast = self.predict_windows(state, windows)
        forecast.check(len(windows), windows.horizon, len(windows.targets), windows.quantile_levels)
        return forecast


def _one_window(result: Floats | Forecast, context: Context) -> Forecast:
    forecast = result if isinstance(result, Forecast) else Forecast.point(np.asarray(result)[None])
    targets = sum(channel.role == "target" for channel in context.channels)
    if forecast.mean.ndim == 3 and len(forecast) != 1:
        raise InvalidForecast(f"predict_series returns a forecast of one window, not of {len(forecast)}")
    forecast.check(1, context.horizon, targets, context.quantile_levels)
    return forecast


def _joined(contexts: Contexts, parts: list[tuple[Any, Forecast | Failure]]) -> Forecast:
    """The forecasts of parts of the windows, put where they belong."""
    shape = (len(contexts), contexts.horizon, len(contexts.targets))
    done = [(positions, part) for positions, part in parts if isinstance(part, Forecast)]
    mean = np.full(shape, np.nan)
    quantiles = None
    if contexts.quantile_levels and any(one.quantiles is not None for _, one in done):
        quantiles = np.full((*shape, len(contexts.quantile_levels)), np.nan)
    for positions, one in done:
        mean[positions] = one.mean
        if quantiles is not None:  # beside others' quantiles a point forecast is one of no width
            quantiles[positions] = one.mean[..., None] if one.quantiles is None else one.quantiles
    levels = contexts.quantile_levels if quantiles is not None else ()
    forecast = Forecast(mean, levels, quantiles)
    failures: dict[int, Failure] = {}
    for positions, part in parts:
        if isinstance(part, Failure):
            failures.update(dict.fromkeys(positions.tolist(), part))
    if failures:
        raise PartlyFailed(forecast, failures)
    return forecast
