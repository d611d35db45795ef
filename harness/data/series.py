"""The values of series as given to `Panel.of` → arrays (length, channel), one per series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from harness.arrays import Floats, Ints
from harness.data.metadata import series_ids
from harness.data.numbers import NotNumbers, floats
from harness.errors import BadData, Failure, attempt
from harness.fields.errors import short_repr

ONE_SERIES = "series must be a list with one array per series"


def series_values(series: Any, ids: object, channels: Sequence[str]) -> tuple[list[Floats], tuple[str, ...]]:
    """The values of each series, (length, channel), and their ids; raises BadData, which names the series."""
    listed = _listed(series)
    names = tuple(map(str, range(len(listed)))) if ids is None else series_ids(ids)
    if len(names) != len(listed):
        raise BadData(f"there are {len(names)} ids for {len(listed)} series")
    return [_columns(values, name, channels) for name, values in zip(names, listed, strict=True)], names


def single_array(values: object) -> Floats:
    """The values of all series; raises BadData for what are no numbers."""
    try:
        return floats(values)
    except NotNumbers as error:
        raise BadData(f"the array of values {error}") from error


def check_finite(values: Floats, offsets: Ints, ids: Sequence[str], channels: Sequence[str]) -> None:
    """Raise BadData for an infinite value; the message names the series `ids[i]`, rows from `offsets[i]` on."""
    with np.errstate(over="ignore", invalid="ignore"):
        infinite = not np.isfinite(values.sum()) and np.isinf(values)
    if np.any(infinite):
        row, channel = np.argwhere(infinite)[0]
        series = int(np.searchsorted(offsets, row, side="right")) - 1
        raise BadData(
            f"series {ids[series]!r} has the value {values[row, channel]} in channel {channels[channel]!r}, "
            f"observation {row - offsets[series]}; a missing value is NaN"
        )


def _listed(series: Any) -> list[Any]:
    if hasattr(series, "columns"):
        raise BadData(
            f"{ONE_SERIES}, not a {type(series).__name__}: write Panel.of([frame[name] for name in frame], "
            "ids=list(frame)) where each column is a series, or Panel.of([frame], channels=[Channel(name) for name in "
            "frame]) where each column is a channel of one series"
        )
    if isinstance(series, Mapping):
        raise BadData(f"{ONE_SERIES}, not a dictionary: write Panel.of(list(series.values()), ids=list(series))")
    if getattr(series, "ndim", None) in (0, 1) and _kind(series) != "O":
        raise BadData(f"{ONE_SERIES}, not one {type(series).__name__}: write Panel.of([values])")
    listed: list[Any] | Failure = attempt(partial(list[Any], series))
    if isinstance(listed, Failure) or isinstance(series, str | bytes):
        raise BadData(f"{ONE_SERIES}, not {short_repr(series)}")
    if listed and not hasattr(listed[0], "__len__"):
        raise BadData(f"{ONE_SERIES}, not a list of {short_repr(listed[0])}: write Panel.of([values])")
    return listed


def _kind(array: Any) -> str:
    """The kind of an array's numbers, that of objects where it has none."""
    return str(getattr(getattr(array, "dtype", None), "kind", "O"))


def _columns(values: Any, name: str, channels: Sequence[str]) -> Floats:
    try:
        array = floats(values)
    except NotNumbers as error:
        raise BadData(f"series {name!r} {error}") from error
    if array.ndim == 0:
        raise BadData(f"{ONE_SERIES}, not a list of values: write Panel.of([values])")
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim > 2:
        raise BadData(f"series {name!r} must have the shape (length,) or (length, channel), not {array.shape}")
    if array.shape[1] != len(channels):
        raise BadData(
            f"series {name!r} has {array.shape[1]} columns for {len(channels)} channels ({', '.join(channels)}); "
            "give one Channel per column"
        )
    return array
