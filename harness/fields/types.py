"""Types of fields, and what they say of the values that they hold."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
FiniteOrNull = Annotated[float, "finite"]  # infinity is stored as null too


def hints(cls: type, extras: bool = False) -> dict[str, Any]:
    """The types of a dataclass's fields; Any where one of them cannot be resolved."""
    try:
        return get_type_hints(cls, include_extras=extras)
    except (NameError, TypeError):
        return {field.name: Any for field in dataclasses.fields(cast("Any", cls))}


def tag(cls: Any) -> str | None:
    """The class attribute `kind`, None where a class has none."""
    kind = getattr(cls, "kind", None)
    kind_is_no_field = all(field.name != "kind" for field in dataclasses.fields(cls))
    return kind if isinstance(kind, str) and kind_is_no_field else None


def exact_type(kind: Any) -> type | None:
    """The type itself, if its values are JSON values as they are."""
    return kind if kind in (int, float, str, bool) else None


def is_json(kind: Any) -> bool:
    """Whether a type holds any JSON value."""
    return kind in (Any, object) or any(get_origin(argument) is dict for argument in get_args(kind))
