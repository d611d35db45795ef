"""JSON values → dataclasses, by converters that are made of the type hints of each class once."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache, cached_property
from itertools import takewhile
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from harness.errors import BadInput
from harness.fields.errors import FieldError, WrongValue, did_you_mean, locate, type_description, unfit
from harness.fields.types import exact_type, hints, is_json, tag

T = TypeVar("T")
Convert = Callable[[Any], Any]
TABLES = (dict, Mapping)  # the first is the faster check
INFINITE = {"inf": math.inf, "-inf": -math.inf}


def build(cls: type[T], table: Mapping[str, Any], classes: Iterable[type] = ()) -> T:
    """A dataclass from a table of a configuration file; raises FieldError for a key or a value that does not fit.

    `classes` are those that `kind` can select where the type of a field is an abstract class.
    """
    return cast("T", _reader(tuple(classes), stored=False).of(cls)(table))


def load(cls: type[T], table: Mapping[str, Any], classes: Iterable[type] = ()) -> T:
    """A dataclass from the JSON values that `dump` returned; raises FieldError as `build` does."""
    return cast("T", _reader(tuple(classes), stored=True).of(cls)(table))


@cache
def _reader(classes: tuple[type, ...], stored: bool) -> Reader:
    return Reader(classes, stored)


class Reader:
    """Converts JSON values to the types of fields. The type hints of a class are resolved once."""

    def __init__(self, classes: tuple[type, ...], stored: bool) -> None:
        self.classes = classes
        self.number = _stored_number if stored else _number
        self._converters: dict[Any, Convert] = {}

    def of(self, kind: Any) -> Convert:
        """The function that converts a value to this type, or raises FieldError."""
        if kind not in self._converters:
            self._converters[kind] = self._converter(kind)
        return self._converters[kind]

    def _converter(self, kind: Any) -> Convert:
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            return self._union(arguments)
        if origin is Literal:
            return self._literal(arguments)
        if origin is list or (origin is tuple and arguments[-1] is Ellipsis):
            return self._sequence(origin, arguments[0])
        if origin is tuple:
            return self._fixed_sequence(arguments)
        if origin in (Mapping, dict):
            return self._mapping(arguments[1])
        if kind in (Any, object) or origin is not None or not isinstance(kind, type):
            return _identity
        return self._class(kind)

    def _class(self, kind: type) -> Convert:
        if dataclasses.is_dataclass(kind):
            return TableReader(kind, self)
        if derived := [cls for cls in self.classes if issubclass(cls, kind)]:
            return self._union_reader(derived)
        if issubclass(kind, Enum):
            return _member(kind)
        return self.number if kind is float else _instance(kind)

    def _union(self, kinds: tuple[Any, ...]) -> Convert:
        others = tuple(kind for kind in kinds if kind is not type(None))
        convert = self.of(others[0]) if len(others) == 1 else self._one_of(others)
        return convert if len(others) == len(kinds) else lambda value: None if value is None else convert(value)

    def _one_of(self, kinds: tuple[Any, ...]) -> Convert:
        tables = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
        read_table = self.of(tables[0]) if len(tables) == 1 else self._union_reader(cast("list[type]", tables))
        converters = [self.of(kind) for kind in kinds if kind not in tables]

        def convert(value: Any) -> Any:
            if type(value) in kinds:
                return value
            if tables and isinstance(value, TABLES):
                return read_table(value)
            for converter in converters:
                try:
                    return converter(value)
                except FieldError:
                    continue
            raise unfit(" or ".join(map(type_description, kinds)), value)

        return convert

    def _union_reader(self, classes: Iterable[type]) -> Convert:
        by_kind = {str(tag(cls)): self.of(cls) for cls in classes}

        def convert(table: Any) -> Any:
            if not isinstance(table, TABLES):
                raise unfit("a table", table)
            kind = table.get("kind")
            if isinstance(kind, str) and kind in by_kind:
                return by_kind[kind](table)
            allowed = f"allowed: {', '.join(map(repr, by_kind))}"
            if kind is None:
                raise WrongValue(f"needs a kind; {allowed}")
            raise FieldError(("kind",), f"unknown kind {kind!r}; {did_you_mean(kind, by_kind)}{allowed}")

        return convert

    def _sequence(self, make: Convert, kind: Any) -> Convert:
        convert, exact = self.of(kind), exact_type(kind)

        def read(values: Any) -> Any:
            if not isinstance(values, list | tuple):
                raise unfit("a list", values)
            try:
                return make([value if type(value) is exact else convert(value) for value in values])
            except FieldError as error:
                raise locate(error, convert, enumerate(values)) from None

        return read

    def _fixed_sequence(self, kinds: tuple[Any, ...]) -> Convert:
        converters = [self.of(kind) for kind in kinds]

        def read(values: Any) -> Any:
            if not isinstance(values, list | tuple):
                raise unfit("a list", values)
            if len(values) != len(kinds):
                raise WrongValue(f"must be a list of {len(kinds)} values, not of {len(values)}")
            read_values = []
            for i, (convert, value) in enumerate(zip(converters, values, strict=True)):
                try:
                    read_values.append(convert(value))
                except FieldError as error:
                    raise error.inside(str(i)) from None
            return tuple(read_values)

        return read

    def _literal(self, values: tuple[Any, ...]) -> Convert:
        def convert(value: Any) -> Any:
            if value not in values:
                raise unfit(" or ".join(map(repr, values)), value)
            return value

        return convert

    def _mapping(self, kind: Any) -> Convert:
        convert, exact, any_value = self.of(kind), exact_type(kind), is_json(kind)

        def read(table: Any) -> Any:
            if not isinstance(table, TABLES):
                raise unfit("a table", table)
            if any_value:
                return table
            try:
                return {key: value if type(value) is exact else convert(value) for key, value in table.items()}
            except FieldError as error:
                raise locate(error, convert, table.items()) from None

        return read


class TableReader:
    """Converts tables to one dataclass. A table that has the keys of `dump` in their order is read at once."""

    def __init__(self, cls: Any, reader: Reader) -> None:
        self.cls = cls
        self.reader = reader
        self.fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
        self.tag = tag(cls)
        self.names = self._dumped_keys()

    def _dumped_keys(self) -> list[str] | None:
        """The keys of `dump` in their order, None where the class does not take the values in this order."""
        if any(field.kw_only for field in self.fields.values()):
            return None
        stored = takewhile(lambda name: self.fields[name].metadata.get("stored", True), self.fields)
        return [*stored] if self.tag is None else [*stored, "kind"]

    @cached_property
    def converters(self) -> list[tuple[type | None, Convert]]:
        """Of each field the type that needs no conversion, and the conversion."""
        kinds = hints(self.cls)
        return [(exact_type(kinds[name]), self.reader.of(kinds[name])) for name in self.fields]

    @cached_property
    def keys(self) -> Mapping[str, tuple[str, Convert]]:
        """The field of each key that a table may have, and its conversion."""
        keys = {name: (name, convert) for name, (_, convert) in zip(self.fields, self.converters, strict=True)}
        former = {field.metadata.get("formerly", name): keys[name] for name, field in self.fields.items()}
        return {**former, **keys}

    def __call__(self, table: Any) -> Any:
        """The dataclass of a table."""
        if type(table) is dict and list(table) == self.names:
            items = zip(table.values(), self.converters, strict=False)
            try:
                return self.cls(*[value if type(value) is kind else convert(value) for value, (kind, convert) in items])
            except (FieldError, BadInput):
                pass  # it is raised again below, with the key
        return self._from_keys(table)

    def _from_keys(self, table: Any) -> Any:
        if not isinstance(table, TABLES):
            raise unfit("a table", table)
        if self.tag is not None and table.get("kind") == self.tag:
            table = {key: value for key, value in table.items() if key != "kind"}
        values = dict(self._field(key, value) for key, value in table.items())
        for name, field in self.fields.items():
            if name not in values and field.default is field.default_factory is dataclasses.MISSING:
                raise FieldError((), f"key {name!r} is missing")
        try:
            return self.cls(**values)
        except BadInput as error:
            raise FieldError((), str(error)) from error

    def _field(self, key: str, value: Any) -> tuple[str, Any]:
        if key not in self.keys:
            allowed = f"allowed: {', '.join(self.fields) or 'none'}"
            raise FieldError((key,), f"unknown key {key!r}; {did_you_mean(key, self.fields)}{allowed}")
        name, convert = self.keys[key]
        try:
            return name, convert(value)
        except FieldError as error:
            raise error.inside(key) from None


def _identity(value: Any) -> Any:
    return value


def _number(value: Any) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise unfit("a number", value)


def _stored_number(value: Any) -> float:
    if value is None:
        return math.nan
    return INFINITE[value] if isinstance(value, str) and value in INFINITE else _number(value)


def _instance(kind: type) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise unfit(type_description(kind), value)
        return value

    return convert


def _member(kind: type[Enum]) -> Convert:
    members = {member.value: member for member in kind}

    def convert(value: Any) -> Any:
        if not isinstance(value, str) or value not in members:
            raise unfit(" or ".join(map(repr, members)), value)
        return members[value]

    return convert
