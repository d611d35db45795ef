"""attempt: the one place that catches exceptions of forecasters and other plugins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harness.errors import HarnessError

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """An exception that was raised."""

    error: Exception | SystemExit

    def __str__(self) -> str:
        if isinstance(self.error, HarnessError):
            return str(self.error)
        text = str(self.error).strip()
        return f"{type(self.error).__name__}: {text}" if text else type(self.error).__name__

    @property
    def traceback(self) -> str:
        """The traceback as text."""
        import traceback

        return "".join(traceback.format_exception(self.error))


def attempt(action: Callable[[], T]) -> T | Failure:
    """The action's return value, or its failure; an action that exits has failed too."""
    try:
        return action()
    except (Exception, SystemExit) as error:
        return Failure(error)
