"""The cells that a run left pending, by reason."""

from __future__ import annotations

from collections.abc import Iterable

from harness.execution.events import NotStarted, Postponed, Refused

MOST_NAMES = 10  # of cells with the same reason


def pending_lines(events: Iterable[Refused | Postponed | NotStarted]) -> list[str]:
    """The cells that could not be run for a reason outside of the forecaster, by reason."""
    cells: dict[str, list[str]] = {}
    for event in events:
        if isinstance(event, Postponed | NotStarted):
            of_event = event.cells if isinstance(event, NotStarted) else (event.planned,)
            cells.setdefault(event.reason, []).extend(f"{each.title} on {each.task}" for each in of_event)
    return [
        f"still pending: {', '.join(names[:MOST_NAMES])}"
        + (f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else "")
        + f": {reason}; the same command runs them again"
        for reason, names in cells.items()
    ]
