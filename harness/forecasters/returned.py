"""What the methods of a forecaster return → forecasts that are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.data.numbers import NotNumbers, floats
from harness.errors import InvalidForecast, Unsupported
from harness.forecasters.class_probabilities import conformed_probabilities
from harness.forecasters.conforming import conformed
from harness.forecasters.exact import exact_forecast
from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Context, Contexts

NUMBERS = (
    "it forecasts numbers, and the targets of the task are categorical; a forecaster of classes returns "
    "Forecast.from_probabilities(probabilities)"
)
CLASSES = "it forecasts probabilities of classes, and the targets of the task are numeric"


def checked_forecast(
    forecast: Any, contexts: Contexts | Context, name: Callable[[int], str], method: str
) -> tuple[Forecast, dict[int, InvalidForecast]]:
    """The forecast of a method, as the task asks for it, and by window what is wrong with it.

    `name` names a window. Raises InvalidForecast for another shape, and Unsupported where nothing can be scored.
    """
    if not issubclass(type(forecast), Forecast):  # isinstance would ask the object
        raise no_forecast(method, forecast)
    forecast = exact_forecast(forecast)
    if (forecast.probabilities is None) != (contexts.classes == 0):
        raise Unsupported(NUMBERS if contexts.classes else CLASSES)
    windows = len(contexts) if isinstance(contexts, Contexts) else 1
    targets = sum(channel.role == "target" for channel in contexts.channels)
    shape = (windows, contexts.horizon, targets)
    if contexts.classes:
        _check_classes_shape(forecast, (*shape, contexts.classes), method)
        checked, wrong = conformed_probabilities(forecast, contexts.channels)
        return checked, {i: InvalidForecast(f"{what} in {name(i)}, {where}") for i, (what, where) in wrong.items()}
    _check_shape(forecast, shape, method)
    checked, crossing = conformed(forecast, contexts.quantile_levels)
    return checked, {i: _crossing(where, name(i)) for i, where in crossing.items()}


def no_forecast(method: str, returned: object) -> InvalidForecast:
    """What is wrong where a method returned something else than a Forecast."""
    return InvalidForecast(
        f"{method} must return a Forecast, not {type(returned).__name__}: "
        "return Forecast.point(mean), with a mean of the shape (window, horizon, target), or "
        "Forecast.quantiles_only(levels, quantiles), with quantiles of the shape (window, horizon, target, level)"
    )


def unknown_forecast(contexts: Contexts) -> Forecast:
    """A forecast of NaN for all windows."""
    shape = (len(contexts), contexts.horizon, len(contexts.targets))
    if contexts.classes:
        return Forecast.from_probabilities(np.full((*shape, contexts.classes), np.nan))
    return Forecast.point(np.full(shape, np.nan))


def window_forecast(result: Any, context: Context) -> Forecast:
    """What `predict_series` returned as a Forecast of one window, checked."""
    targets = sum(channel.role == "target" for channel in context.channels)
    if not isinstance(result, Forecast):
        shape = (context.horizon, targets)
        if not context.classes:
            return Forecast.point(_window_array(result, shape, "target")[None])
        result = Forecast.from_probabilities(_window_array(result, (*shape, context.classes), "target, class")[None])
    if result.mean.ndim == 3 and len(result) != 1:
        raise InvalidForecast(f"predict_series returns a forecast of one window, not of {len(result)}")
    name = f"series {context.id!r} at cutoff {context.cutoff}"
    forecast, wrong = checked_forecast(result, context, lambda window: name, "predict_series")
    if wrong:
        raise wrong[0]
    return forecast


def _window_array(result: Any, shape: tuple[int, ...], axes: str) -> Floats:
    """The mean, or the probabilities, of one window that `predict_series` returned as an array or a list."""
    wanted = f"predict_series must return a Forecast, or an array of the shape (horizon, {axes}) = {shape}"
    if result is None or isinstance(result, str):
        raise InvalidForecast(f"{wanted}, not {type(result).__name__}")
    try:
        array = floats(result)
    except NotNumbers as error:
        raise InvalidForecast(f"predict_series returned a {type(result).__name__} that {error}") from error
    if len(shape) == 3 and array.shape == shape[:2]:
        raise Unsupported(NUMBERS)
    if array.shape != shape:
        raise InvalidForecast(f"{wanted}, not {array.shape}{'' if len(shape) == 3 else _misfit(array.shape, shape)}")
    return array


def _check_shape(forecast: Forecast, shape: tuple[int, int, int], method: str) -> None:
    """Raise InvalidForecast, in terms of the method that returned the forecast, if it has another shape."""
    try:
        forecast.check_shape(*shape)
    except InvalidForecast as error:
        array = "; or return an array of the shape (horizon, target)" if method == "predict_series" else ""
        raise InvalidForecast(f"{method}: {error}{_misfit(forecast.mean.shape, shape)}{array}") from None


def _check_classes_shape(forecast: Forecast, shape: tuple[int, int, int, int], method: str) -> None:
    """Raise InvalidForecast if the probabilities have another shape."""
    assert forecast.probabilities is not None
    found = forecast.probabilities.shape
    if found != shape:
        axes = "(window, horizon, target, class)"
        raise InvalidForecast(f"{method}: the probabilities must have the shape {axes} = {shape}, not {found}")


def _misfit(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """How to mend an array of another shape than the wanted one, whose last axis is that of targets."""
    if len(wanted) == 3 and found == wanted[:-1] == wanted[1:]:
        return "; the axis of windows or that of targets is missing"
    if found == wanted[:-1]:
        return "; the axis of targets is missing, which array[..., np.newaxis] adds"
    if len(wanted) == 3 and found == wanted[1:]:
        return "; the axis of windows is missing, which array[np.newaxis] adds"
    if found != wanted and found[:-2] == wanted[:-2] and found[-2:] == wanted[-2:][::-1]:
        return "; the axes of steps and targets are exchanged, which np.swapaxes(array, -1, -2) mends"
    return ""


def _crossing(where: str, name: str) -> InvalidForecast:
    return InvalidForecast(f"quantiles cross in {name}, {where}; return them in the order of their levels")
