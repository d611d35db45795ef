"""Errors that a worker tells → exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import (
    BadInput,
    BadParameter,
    ComponentFailed,
    DataUnavailable,
    Failure,
    ForecasterError,
    HarnessError,
    InvalidForecast,
    NotGiven,
    Place,
    Unsupported,
)

KINDS: Mapping[str, type[HarnessError]] = {
    "unsupported": Unsupported,
    "not_given": NotGiven,
    "invalid": InvalidForecast,
    "component": ComponentFailed,
    "data_unavailable": DataUnavailable,
}
OTHER_KINDS = ("failed", "out_of_memory")
MOST_TEXT = 1 << 16  # characters of a traceback
MOST_MESSAGE = 4000  # characters
MOST_NAME = 200  # characters of a file or a function


def error_of(told: Mapping[str, Any]) -> HarnessError:
    """The exception that an error of a worker stands for, with its traceback as text."""
    kind, message = told.get("kind"), _shortened(str(told.get("message", "")))
    trace = str(told.get("traceback", ""))[:MOST_TEXT]
    if kind == "bad_input":
        error: HarnessError = (BadParameter if told.get("type") == "BadParameter" else BadInput)(message)
    elif isinstance(kind, str) and kind in KINDS:
        error = KINDS[kind](message)
    else:
        return ForecasterError(message, kind if kind in OTHER_KINDS else "failed", trace, _place(told))
    error.remote_traceback, error.remote_place = trace, _place(told)
    return error


def _place(told: Mapping[str, Any]) -> str:
    """Where the plugin's code raised; empty where the worker does not tell."""
    place = told.get("place")
    if not isinstance(place, dict) or not isinstance(place.get("line"), int):
        return ""
    return str(Place(str(place.get("file", ""))[:MOST_NAME], place["line"], str(place.get("function", ""))[:MOST_NAME]))


def _shortened(message: str) -> str:
    """A message of a length that can be read."""
    return message if len(message) <= MOST_MESSAGE else f"{message[:MOST_MESSAGE]}… ({len(message)} characters)"


def failure_of(told: Mapping[str, Any]) -> Failure:
    """The same as a failure of a window."""
    return Failure(error_of(told))
