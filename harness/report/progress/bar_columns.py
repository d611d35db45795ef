"""Columns of progress bars, which also change between events: a state, and times as all other views show them."""

from __future__ import annotations

from collections.abc import Callable

from rich.progress import ProgressColumn, Task
from rich.text import Text

from harness.report.numbers import NOTHING, clock_time
from harness.report.text import plain_text


class State(ProgressColumn):
    """What a function says at the moment."""

    def __init__(self, state: Callable[[], str]) -> None:
        self.state = state
        super().__init__()

    def render(self, task: Task) -> Text:
        """The state as text."""
        return plain_text(self.state())


class Elapsed(ProgressColumn):
    """The time since the bar began."""

    max_refresh = 0.5  # seconds

    def render(self, task: Task) -> Text:
        """The time as text."""
        return _text(task.elapsed)


class Left(ProgressColumn):
    """The time left, by a function of the seconds since the bar began."""

    max_refresh = 0.5  # seconds

    def __init__(self, seconds_left: Callable[[float], float | None]) -> None:
        self.seconds_left = seconds_left
        super().__init__()

    def render(self, task: Task) -> Text:
        """The time as text."""
        return _text(self.seconds_left(task.elapsed or 0.0))


def _text(seconds: float | None) -> Text:
    return plain_text(NOTHING if seconds is None else clock_time(seconds))
