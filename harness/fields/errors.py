"""Errors of values that do not fit their fields."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args, get_origin

LONGEST = 80  # characters of a value in a message
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class FieldError(ValueError):
    """What is wrong with a value; `path` leads to it."""

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        return self.problem

    def inside(self, key: str) -> FieldError:
        """This error, with the key of the table or list that holds the value."""
        self.path = (key, *self.path)
        return self


class WrongValue(FieldError):
    """A value that its field cannot hold."""

    def __init__(self, problem: str) -> None:
        super().__init__((), problem)

    def __str__(self) -> str:
        return f"{_name(self.path)} {self.problem}"


def unfit(wanted: str, value: object) -> WrongValue:
    """The error of a value that is not what its field holds."""
    hint = quotes_hint(value) if "a text" in wanted else ""
    return WrongValue(f"must be {wanted}, not {short_repr(value)}{hint}")


def quotes_hint(value: object) -> str:
    """The advice to put a date in quotes, which TOML reads as a date without them; empty for any other value."""
    if not isinstance(value, datetime.date) or value != value:  # pandas' NaT does not equal itself
        return ""
    return f'; put a date in quotes: "{value.isoformat()[:10]}"'


def short_repr(value: object) -> str:
    """A value in a message: its `repr` in one line, the end left out where it is long."""
    text = re.sub(r"\s*\n\s*", " ", repr(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def type_description(kind: Any) -> str:
    """The values of a type, in words."""
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if dataclasses.is_dataclass(kind):
        return "a table"
    return WORDS.get(kind, "a list" if get_origin(kind) is tuple else str(kind))


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The question whether a similar name was meant, empty where none is similar."""
    import difflib

    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def locate(error: FieldError, convert: Callable[[Any], Any], items: Iterable[tuple[object, Any]]) -> FieldError:
    """The error of the first item that cannot be converted, with its key."""
    for key, value in items:
        try:
            convert(value)
        except FieldError as first:
            return first.inside(str(key))
    return error


def _name(path: tuple[str, ...]) -> str:
    """The name of the value at the end of a path: its key, or its position in the list of a key."""
    if len(path) > 1 and path[-1].isdigit():
        return f"{path[-2]}[{path[-1]}]"
    return path[-1] if path else "it"
