"""Tables of a configuration file → frozen dataclasses; the dataclass fields are exactly what is allowed."""

from __future__ import annotations

import dataclasses
import importlib
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from harness.errors import BadInput

T = TypeVar("T")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class FieldError(ValueError):
    """What is wrong with a key; `path` leads to it."""

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        self.path = path
        super().__init__(problem)


def build(cls: type[T], table: Mapping[str, Any], path: tuple[str, ...] = ()) -> T:
    """A dataclass from a table of the same keys; raises FieldError for a key or a value that does not fit."""
    assert dataclasses.is_dataclass(cls)
    fields = {one.name: one for one in dataclasses.fields(cls) if one.init}
    hints = _hints(cls)
    for key in table:
        if key not in fields:
            import difflib

            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise FieldError((*path, key), f"unknown key {key!r}; {hint}allowed: {', '.join(fields) or 'none'}")
    values = {key: convert(hints[key], value, (*path, key)) for key, value in table.items()}
    for name, one in fields.items():
        if name not in values and one.default is one.default_factory is dataclasses.MISSING:
            raise FieldError(path, f"key {name!r} is missing")
    try:
        return cls(**values)
    except BadInput as error:
        raise FieldError(path, str(error)) from error


def _hints(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields; those that cannot be resolved here allow anything."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError):
        return {one.name: Any for one in dataclasses.fields(cls)}


def convert(kind: Any, value: Any, path: tuple[str, ...]) -> Any:
    """A value as a field of that type holds it."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), value, path)
    if origin is Literal:
        if value not in get_args(kind):
            raise FieldError(path, f"{_name(path)} must be {_described(kind)}, not {value!r}")
        return value
    if origin in (tuple, list):
        values = _sequence(get_args(kind) if origin is tuple else (get_args(kind)[0], ...), value, path)
        return values if origin is tuple else list(values)
    if origin in (Mapping, dict) and not isinstance(value, Mapping):
        raise FieldError(path, f"{_name(path)} must be a table, not {value!r}")
    if kind is Any or not (isinstance(kind, type) and origin is None):
        return value
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise FieldError(path, f"{_name(path)} must be a table, not {value!r}")
        return build(cast("type[Any]", kind), value, path)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise FieldError(path, f"{_name(path)} must be {_described(kind)}, not {value!r}")
    return value


def _sequence(kinds: tuple[Any, ...], value: Any, path: tuple[str, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise FieldError(path, f"{_name(path)} must be a list, not {value!r}")
    if kinds[-1] is not Ellipsis and len(kinds) != len(value):
        raise FieldError(path, f"{_name(path)} must be a list of {len(kinds)} values, not of {len(value)}")
    each = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else list(kinds)
    return tuple(convert(kind, one, (*path, str(i))) for i, (kind, one) in enumerate(zip(each, value, strict=True)))


def _one_of(kinds: tuple[Any, ...], value: Any, path: tuple[str, ...]) -> Any:
    if value is None and type(None) in kinds:
        return None
    tables = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    if tables and isinstance(value, Mapping):
        return _table_of_kind(tables, value, path)
    exact = [kind for kind in kinds if isinstance(kind, type) and type(value) is kind]
    for kind in exact or kinds:
        if kind is type(None):
            continue
        try:
            return convert(kind, value, path)
        except FieldError:
            continue
    wanted = " or ".join(_described(kind) for kind in kinds if kind is not type(None))
    raise FieldError(path, f"{_name(path)} must be {wanted}, not {value!r}")


def _table_of_kind(tables: list[Any], value: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The dataclass that the key `kind` names, of several that would do."""
    if len(tables) == 1:
        return build(tables[0], value, path)
    by_kind = {KINDS[table]: table for table in tables}
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in by_kind:
        allowed = ", ".join(repr(one) for one in by_kind)
        problem = f"{_name(path)} needs a kind" if kind is None else f"unknown kind {kind!r}"
        raise FieldError((*path, "kind") if kind is not None else path, f"{problem}; allowed: {allowed}")
    return build(by_kind[kind], {key: one for key, one in value.items() if key != "kind"}, path)


def _name(path: tuple[str, ...]) -> str:
    """What the value at the end of a path is called: its key, or its place in the list of a key."""
    return f"{path[-2]}[{path[-1]}]" if len(path) > 1 and path[-1].isdigit() else path[-1]


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(repr(one) for one in get_args(kind))
    if dataclasses.is_dataclass(kind):
        return "a table"
    return WORDS.get(kind, "a list" if get_origin(kind) is tuple else str(kind))


KINDS: dict[Any, str] = {}  # the `kind` by which a table names its dataclass, where several would do


def located(place: Callable[..., Any] | str) -> Callable[..., Any]:
    """What a text such as "package.module:name" names, imported now; anything else as it is."""
    if not isinstance(place, str):
        return place
    module, _, name = place.partition(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), name))
