"""Forecasts as models give them → forecasts with the quantile levels of the task, in rising order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.errors import Unsupported
from harness.forecasters.forecast import Forecast
from harness.forecasters.origins import Origins
from harness.forecasters.quantiles import between, deepest_crossing, position, sorted_quantiles


def conformed(forecast: Forecast, levels: tuple[float, ...]) -> tuple[Forecast, dict[int, str]]:
    """The forecast with the levels of a task, and by window why its quantiles cannot be mended.

    Quantiles that cross are sorted. Levels that were not given are interpolated linearly between those that were;
    levels outside of these are left out. A forecast that has been conformed to these levels stays the same. Raises
    Unsupported where nothing is left that could be scored.
    """
    rising, wrong = _sorted(forecast)
    return _with_levels(rising, levels), wrong


def _sorted(forecast: Forecast) -> tuple[Forecast, dict[int, str]]:
    """The forecast with sorted quantiles; its mean and median follow from them where they were not given."""
    quantiles, given, origins = forecast.quantiles, forecast.quantile_levels, forecast.origins
    if quantiles is None:
        return forecast, {}
    found = sorted_quantiles(quantiles)
    if found.quantiles is quantiles and origins.pairs:  # counted before, and nothing to add
        return forecast, {}
    counted = replace(
        origins,
        pairs=origins.pairs + quantiles[..., 1:].size,
        crossings=origins.crossings + found.crossings,
        largest_crossing=max(origins.largest_crossing, found.largest),
    )
    if found.quantiles is quantiles:
        return forecast.with_quantiles(given, quantiles, counted), {}
    rising = forecast
    if between(quantiles, given, 0.5) is not None:
        own = {name for name in ("mean", "median") if set(getattr(origins, name)) & {"own", "none"}}
        mean, median = (getattr(forecast, name) if name in own else None for name in ("mean", "median"))
        rising = Forecast(mean, given, found.quantiles, median)
    wrong = {} if found.wrong is None else {int(i): deepest_crossing(quantiles[i], given) for i in found.wrong}
    return rising.with_quantiles(given, found.quantiles, counted), wrong


def _with_levels(forecast: Forecast, levels: tuple[float, ...]) -> Forecast:
    """The forecast with those of these levels that it gives or that lie between two that it gives."""
    quantiles, given, origins = forecast.quantiles, forecast.quantile_levels, forecast.origins
    if quantiles is None or given == levels:
        return forecast
    found = {level: between(quantiles, given, level) for level in levels}
    columns = {level: column for level, column in found.items() if column is not None}
    if not columns and "none" in origins.mean:
        raise Unsupported(
            f"{_quantiles_given(origins)}: neither a mean nor a median follows from them; "
            "return one of them, or quantiles around level 0.5"
        )
    if not levels:
        return forecast.with_quantiles((), None, replace(origins, ranges=()))
    positions = [position(given, level) for level in columns]
    if len(columns) == len(given) and None not in positions:  # the same levels up to rounding
        return forecast.with_quantiles(tuple(columns), quantiles, origins)
    interpolated = {level for level, at in zip(columns, positions, strict=True) if at is None}
    limits = given if len(columns) < len(levels) else levels  # what is left out is not between these
    conformed_origins = replace(
        origins,
        ranges=((limits[0], limits[-1]),),
        interpolated=tuple(sorted(interpolated.union(origins.interpolated))),
    )
    stacked = np.stack(list(columns.values()), axis=-1) if columns else np.empty((*quantiles.shape[:-1], 0))
    return forecast.with_quantiles(tuple(columns), stacked, conformed_origins)


def _quantiles_given(origins: Origins) -> str:
    """Which quantiles a forecaster gives only, as a part of a sentence."""
    low, high = origins.ranges[0]
    which = f"level {low:g}" if low == high else f"levels {low:g} to {high:g}"
    return f"{'in some windows ' if len(origins.ranges) > 1 or origins.point else ''}it gives quantiles of {which} only"
