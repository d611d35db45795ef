"""Forecasts as models give them → forecasts with the quantile levels of the task, in rising order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.errors import Unsupported
from harness.forecasters.forecast import Forecast
from harness.forecasters.quantiles import between, deepest_crossing, position, sorted_quantiles


def conformed(forecast: Forecast, levels: tuple[float, ...]) -> tuple[Forecast, dict[int, str]]:
    """The forecast with the levels of a task, and by window why its quantiles cannot be mended.

    Quantiles that cross are sorted. Levels that were not given are interpolated linearly between those that were;
    levels outside of these are left out. Raises Unsupported where nothing is left that could be scored.
    """
    if forecast.origins.pairs:  # conformed before
        return forecast, {}
    rising, wrong = _sorted(forecast)
    return _with_levels(rising, levels), wrong


def _sorted(forecast: Forecast) -> tuple[Forecast, dict[int, str]]:
    """The forecast with sorted quantiles; its mean and median follow from them where they were not given."""
    quantiles, given = forecast.quantiles, forecast.quantile_levels
    if quantiles is None:
        return forecast, {}
    found = sorted_quantiles(quantiles)
    pairs = quantiles[..., 1:].size
    if found.quantiles is quantiles:
        return forecast.with_quantiles(given, quantiles, replace(forecast.origins, pairs=pairs)), {}
    own = {name for name in ("mean", "median") if set(getattr(forecast.origins, name)) & {"own", "none"}}
    rising = Forecast(
        forecast.mean if "mean" in own else None,
        given,
        found.quantiles,
        forecast.median if "median" in own else None,
    )
    origins = replace(forecast.origins, pairs=pairs, crossings=found.crossings, largest_crossing=found.largest)
    wrong = {} if found.wrong is None else {int(i): deepest_crossing(quantiles[i], given) for i in found.wrong}
    return rising.with_quantiles(given, found.quantiles, origins), wrong


def _with_levels(forecast: Forecast, levels: tuple[float, ...]) -> Forecast:
    """The forecast with those of these levels that it gives or that lie between two that it gives."""
    quantiles, given = forecast.quantiles, forecast.quantile_levels
    if quantiles is None or given == levels:
        return forecast
    found = {level: between(quantiles, given, level) for level in levels}
    columns = {level: column for level, column in found.items() if column is not None}
    if not columns and "none" in forecast.origins.mean:
        raise Unsupported(
            f"it gives quantiles of {_enumerated(given)} only: neither a mean nor a median follows from them"
        )
    if not levels:
        return forecast.with_quantiles((), None, forecast.origins)
    positions = [position(given, level) for level in columns]
    if len(columns) == len(given) and None not in positions:  # the same levels up to rounding
        return forecast.with_quantiles(tuple(columns), quantiles, forecast.origins)
    interpolated = tuple(level for level, at in zip(columns, positions, strict=True) if at is None)
    stacked = np.stack(list(columns.values()), axis=-1) if columns else np.empty((*quantiles.shape[:-1], 0))
    return forecast.with_quantiles(tuple(columns), stacked, replace(forecast.origins, interpolated=interpolated))


def _enumerated(levels: tuple[float, ...]) -> str:
    names = [f"{level:g}" for level in levels]
    return f"level {names[0]}" if len(names) == 1 else f"levels {', '.join(names[:-1])} and {names[-1]}"
