"""The values of series as given to `Panel.of` → arrays (length, channel), one per series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from harness.arrays import Floats
from harness.attempt import Failure, attempt
from harness.data.metadata import series_ids
from harness.data.numbers import NotNumbers, floats
from harness.errors import BadData
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
