"""Exceptions of a forecaster as JSON values: kind, type, message, the traceback as text, and the plugin's own line."""

from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from harness.errors import (
    BadInput,
    ComponentFailed,
    DataUnavailable,
    Failure,
    InvalidForecast,
    NotGiven,
    Unsupported,
    place_of,
)
from harness.evaluation.failures import is_out_of_memory
from harness.worker.memory_limit import has_limit
from harness.worker.messages import ProtocolError

T = TypeVar("T")
MOST_TEXT = 64 << 10  # characters of a message or a traceback
MOST_NAME = 100  # characters of the name of a file or a function
NO_THREAD = "can't start new thread"  # what Python says where a stack cannot be allocated
STACKS = "; the stacks of threads count for the limit of memory, also of those that wait"
TEXT_SECONDS = 1.0  # for making the text of an exception, which may call its methods
KINDS: tuple[tuple[type[Exception], str], ...] = (
    (NotGiven, "not_given"),
    (Unsupported, "unsupported"),
    (InvalidForecast, "invalid"),
    (ComponentFailed, "component"),
    (BadInput, "bad_input"),
    (DataUnavailable, "data_unavailable"),
    (ProtocolError, "protocol"),
)


@dataclass(frozen=True)
class Raised:
    """An exception that was raised, of any kind."""

    error: BaseException


@dataclass(frozen=True)
class Returned(Generic[T]):
    """What an action returned."""

    value: T


def caught(action: Callable[[], T], make_room: Callable[[], None] = lambda: None) -> Returned[T] | Raised:
    """What an action of a forecaster returns or raises: unlike `attempt`, whatever it raises.

    `make_room` is called first of all where memory was exhausted, so that there is some to go on.
    """
    try:
        return Returned(action())
    except MemoryError as error:
        make_room()
        return Raised(error)
    except BaseException as error:
        return Raised(error)


def fault(error: BaseException, *, with_traceback: bool = True) -> dict[str, Any]:
    """An exception as JSON values; never fails, whatever its methods do."""
    text = _guarded(lambda: str(Failure(error)), _type_name(error))  # type: ignore[arg-type]
    kind = _guarded(lambda: _kind(error), "failed")
    trace = _guarded(lambda: "".join(traceback.format_exception(error)), "") if with_traceback else ""
    text = text[:MOST_TEXT]
    if kind == "failed" and issubclass(type(error), RuntimeError) and text.endswith(NO_THREAD) and has_limit():
        kind, text = "out_of_memory", f"{text}{STACKS}"
    told = {"kind": kind, "type": _type_name(error), "message": text, "traceback": trace[-MOST_TEXT:]}
    place = _guarded_place(error)
    return told if place is None else {**told, "place": place}


def _guarded_place(error: BaseException) -> dict[str, Any] | None:
    """The line of the plugin's code that raised; None where it is not known."""
    try:
        place = place_of(error)
    except BaseException:
        return None
    if place is None:
        return None
    return {"file": place.file[-MOST_NAME:], "line": place.line, "function": place.function[:MOST_NAME]}


def _kind(error: BaseException) -> str:
    for kind, name in KINDS:
        if isinstance(error, kind):
            return name
    return "out_of_memory" if is_out_of_memory(Failure(error)) else "failed"  # type: ignore[arg-type]


def _type_name(error: BaseException) -> str:
    return _name(type(error))[:200]


def _name(kind: type) -> str:
    """The name of a class, whatever its metaclass states."""
    name: str = type.__dict__["__name__"].__get__(kind)
    return name


def _guarded(make: Callable[[], str], otherwise: str) -> str:
    """The text that a function makes, or the other one where it fails or takes too long."""
    try:
        with _time_limit(TEXT_SECONDS):
            return str.__str__(make())
    except BaseException:
        return otherwise


class _TooSlow(BaseException):
    """Raised in code that takes too long."""


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block after a time, again and again until it ends; no limit outside of the main thread."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise _TooSlow

    try:
        before = signal.signal(signal.SIGALRM, interrupt)
    except ValueError:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
