"""How much of a run is done, by the expected times of its cells: a few cells may take most of its time."""

from __future__ import annotations

from collections.abc import Mapping

from harness.execution.events import Event, Finished, NotStarted, Postponed, Refused


class ExpectedWork:
    """The expected seconds of the cells of a run, and of those that have a result.

    Cells that cannot be run are no part of it any more.
    """

    def __init__(self, seconds: Mapping[str, float]) -> None:
        """`seconds` are the expected ones of each cell, by key."""
        self.seconds = seconds
        self.total = sum(seconds.values())
        self.done = 0.0

    def note(self, event: Event) -> None:
        """Take an event of the run into account."""
        if isinstance(event, Finished):
            self.done += self.seconds.get(event.planned.key, 0.0)
        elif isinstance(event, NotStarted):
            self.total -= sum(self.seconds.get(planned.key, 0.0) for planned in event.cells)
        elif isinstance(event, Postponed | Refused):
            self.total -= self.seconds.get(event.planned.key, 0.0)


def seconds_left(done: float, total: float, seconds: float) -> float | None:
    """The time that the rest of a total takes at the rate so far; None before anything is done."""
    return None if done <= 0 else max(0.0, total - done) * seconds / done
