"""The debugger of `harness run --jobs 0 --pdb`."""

from __future__ import annotations

import pdb
from types import FrameType, TracebackType
from typing import Any

from harness.cli.console import echo
from harness.errors import Failure, HarnessError, InvalidForecast, Place, place_of


class PluginPdb(pdb.Pdb):
    """A debugger that begins at the line of the plugin, also where a library that it called raised."""

    def __init__(self, place: Place | None) -> None:
        super().__init__()
        self._place = place

    def get_stack(self, frame: FrameType | None, traceback: TracebackType | None) -> tuple[list[tuple[Any, int]], int]:
        """The frames, and the position of the one to begin with."""
        stack, last = super().get_stack(frame, traceback)
        for position in range(last, -1, -1):
            code, line = stack[position][0].f_code, stack[position][1]
            if self._place is not None and (line, code.co_name) == (self._place.line, self._place.function):
                return stack, position
        return stack, last


class PostMortem:
    """Opens pdb at what a forecaster raises, once for each exception and line; `quit` stops the run."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def __call__(self, error: Exception | SystemExit) -> None:
        """Open the debugger at an exception of a forecaster, or of the check of what it returned."""
        place = place_of(error)
        is_fault = place is not None if not isinstance(error, HarnessError) else isinstance(error, InvalidForecast)
        where = type(error).__name__, str(place or error)
        if not is_fault or where in self._seen:
            return
        self._seen.add(where)
        echo(str(Failure(error)) + (f" ({place})" if place else ""))
        debugger = PluginPdb(place)
        debugger.reset()
        debugger.interaction(None, error.__traceback__)
        if debugger.quitting:
            raise KeyboardInterrupt
