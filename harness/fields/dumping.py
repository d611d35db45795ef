"""Dataclasses → JSON values, by converters that are made of the type hints of each class once."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin

from harness.fields.types import FiniteOrNull, hints, is_json, tag

Convert = Callable[[Any], Any]


def dump(value: Any) -> dict[str, Any]:
    """A dataclass as JSON values; what is not a number is null, infinity a text."""
    cls: Any = type(value)
    table: dict[str, Any] = _table_dumper(cls)(value)
    return table


@cache
def _table_dumper(cls: type[Any]) -> Convert:
    kinds, kind = hints(cls, extras=True), tag(cls)
    fields = [field for field in dataclasses.fields(cls) if field.init and field.metadata.get("stored", True)]
    converters = [(field.name, _converter(kinds[field.name])) for field in fields]
    optional = {field.name: field.default for field in fields if field.metadata.get("stored") == "if set"}

    def dump_table(value: Any) -> dict[str, Any]:
        table = {name: convert(getattr(value, name)) for name, convert in converters}
        for name, default in optional.items():
            if getattr(value, name) == default:
                del table[name]
        return table if kind is None else {**table, "kind": kind}

    return dump_table


@cache
def _converter(kind: Any) -> Convert:
    """The function that converts a value of this type to JSON values."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (int, str, bool):
        return _identity
    if kind == FiniteOrNull:
        return _finite_or_null
    if kind is float:
        return _number
    if origin in (Union, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        convert = _converter(next(argument for argument in arguments if argument is not type(None)))
        return lambda value: None if value is None else convert(value)
    if origin in (list, tuple) and len(set(arguments) - {Ellipsis}) == 1:
        return _sequence(arguments[0])
    if origin in (Mapping, dict) and not is_json(arguments[1]):
        return _mapping(arguments[1])
    return _any


def _sequence(kind: Any) -> Convert:
    convert = _converter(kind)
    if convert is _identity:
        return list
    if convert is _number:
        return lambda values: [value if math.isfinite(value) else _number(value) for value in values]
    return lambda values: [convert(value) for value in values]


def _mapping(kind: Any) -> Convert:
    convert = _converter(kind)
    return lambda table: {key: convert(value) for key, value in table.items()}


def _identity(value: Any) -> Any:
    return value


def _number(value: float) -> float | str | None:
    return value if math.isfinite(value) else None if math.isnan(value) else str(value)


def _finite_or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _any(value: Any) -> Any:
    """A value of any type as JSON values; NaN and infinity are texts."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_any(element) for element in value]
    if isinstance(value, Mapping):
        return {key: _any(element) for key, element in value.items()}
    return dump(value) if dataclasses.is_dataclass(value) else value
