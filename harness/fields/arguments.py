"""Fields that are given in Python → the types that they declare.

Values that mean the same are converted: NumPy's numbers and texts to Python's, a float such as 7.0 to the whole number,
lists and arrays to tuples. Everything else is refused, as it is in a configuration file.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping, Set
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin

from harness.errors import BadInput
from harness.fields.errors import FieldError, WrongValue, type_description, unfit
from harness.fields.reading import Reader
from harness.fields.types import hints

T = TypeVar("T")
Convert = Callable[[Any], Any]


def convert_fields(value: object, error: type[BadInput], prefix: str = "") -> None:
    """Convert the fields of a dataclass that is being made; raises `error` for the first that does not fit."""
    for name, converted in _changed_fields(value, error, prefix):
        object.__setattr__(value, name, converted)


def with_converted_fields(value: T, error: type[BadInput], prefix: str = "") -> T:
    """A dataclass with its fields converted: itself where nothing changes; raises `error` as above."""
    changed = dict(_changed_fields(value, error, prefix))
    return dataclasses.replace(value, **changed) if changed else value  # type: ignore[type-var]


def whole_number(value: object) -> int:
    """A whole number as Python's; raises FieldError for anything else, also for true and false."""
    value = plain(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise unfit("a whole number", value)


def text(value: object) -> str:
    """A text as Python's; raises FieldError for anything else."""
    value = plain(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise unfit("a text", value)


def elements(value: object, what: str = "a list", *, are_numbers: bool = False) -> list[Any]:
    """The elements of a list, a tuple or an array; raises FieldError for a text, a table or a set."""
    value = plain(value)
    if isinstance(value, str):
        example = _number_in(value) if are_numbers else repr(str(value))
        raise unfit(f"{what} such as [{example}]" if example else what, value)
    unordered = isinstance(value, bytes | Mapping | Set | type) or getattr(value, "ndim", 1) == 0
    if unordered or not hasattr(value, "__len__") or not hasattr(value, "__iter__"):
        raise unfit(what, value)
    return list(value)


def _number_in(text: str) -> str:
    """The number that a text consists of, empty if it is none."""
    try:
        return str(float(text))
    except ValueError:
        return ""


def plain(value: object) -> object:
    """A NumPy number, boolean or text as Python's; anything else as it is, also a masked value."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if isinstance(kind, str) and kind in "biufU" and getattr(value, "ndim", None) == 0 and not hasattr(value, "mask"):
        return value.item()  # type: ignore[attr-defined]
    return value


def _changed_fields(value: Any, error: type[BadInput], prefix: str) -> Iterator[tuple[str, Any]]:
    cls: Any = type(value)
    for name, default, exact, exact_elements, convert in _field_converters(cls):
        given = getattr(value, name)
        if given is default or type(given) in exact:
            continue
        if exact_elements and type(given) is tuple and exact_elements.issuperset(map(type, given)):
            continue
        try:
            converted = convert(given)
        except FieldError as problem:
            raise error(f"{prefix}{problem.inside(name)}") from None
        if converted is not given:
            yield name, converted


@cache
def _field_converters(cls: Any) -> tuple[tuple[str, Any, frozenset[type], frozenset[type], Convert], ...]:
    """Of each field its name, default, the types that need no conversion, also of elements, and the conversion."""
    kinds = hints(cls)
    fields = [(field.name, field.default, kinds[field.name]) for field in dataclasses.fields(cls) if field.init]
    return tuple(
        (name, default, _exact_types(kind), _exact_elements(kind), _READER.of(kind)) for name, default, kind in fields
    )


def _exact_types(kind: Any) -> frozenset[type]:
    """The types of a field whose values need no conversion."""
    if get_origin(kind) in (Union, types.UnionType):
        return frozenset().union(*map(_exact_types, get_args(kind)))
    return frozenset({kind}) if kind in (*_SCALARS, type(None)) else frozenset()


def _exact_elements(kind: Any) -> frozenset[type]:
    """The types of elements with which a tuple needs no conversion."""
    if get_origin(kind) in (Union, types.UnionType):
        return frozenset().union(*map(_exact_elements, get_args(kind)))
    arguments = get_args(kind)
    return _exact_types(arguments[0]) if get_origin(kind) is tuple and arguments[-1] is Ellipsis else frozenset()


class _ArgumentReader(Reader):
    """Converts what is given in Python; dataclasses are objects here, not tables."""

    def _class(self, kind: type) -> Convert:
        convert = _SCALARS.get(kind)
        return _object(kind) if convert is None else convert

    def _one_of(self, kinds: tuple[Any, ...]) -> Convert:
        converters = [self.of(kind) for kind in kinds]
        numbers = [kind for kind in (int, float) if kind in kinds]

        def convert(value: Any) -> Any:
            value = plain(value)
            if type(value) in numbers:  # 1.0 is a float here, and no whole number
                return value
            for converter in converters:
                try:
                    return converter(value)
                except FieldError:
                    continue
            raise unfit(" or ".join(map(_description, kinds)), value)

        return convert

    def _sequence(self, make: Convert, kind: Any) -> Convert:
        read, are_numbers = super()._sequence(make, kind), kind in (int, float)
        return lambda values: read(elements(values, are_numbers=are_numbers))

    def _fixed_sequence(self, kinds: tuple[Any, ...]) -> Convert:
        read = super()._fixed_sequence(kinds)
        return lambda values: read(elements(values))

    def _literal(self, values: tuple[Any, ...]) -> Convert:
        def convert(value: Any) -> Any:
            value = plain(value)
            for allowed in values:
                if isinstance(value, type(allowed)) and value == allowed:
                    return allowed
            raise unfit(" or ".join(map(repr, values)), value)

        return convert


def _number(value: object) -> float:
    value = plain(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise unfit("a number", value)


def _boolean(value: object) -> bool:
    value = plain(value)
    if isinstance(value, bool):
        return value
    raise unfit("true or false", value)


_SCALARS: dict[type, Convert] = {int: whole_number, float: _number, str: text, bool: _boolean}


def _description(kind: Any) -> str:
    """The values of a type, in words; dataclasses are objects here."""
    return f"a {kind.__name__}" if isinstance(kind, type) and dataclasses.is_dataclass(kind) else type_description(kind)


def _object(kind: type) -> Convert:
    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if isinstance(value, type) and issubclass(value, kind):
            raise WrongValue(f"must be a {kind.__name__}: pass {value.__name__}(…) instead of the class")
        raise unfit(f"a {kind.__name__}", value)

    return convert


_READER = _ArgumentReader((), stored=False)
