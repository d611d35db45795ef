"""The progress of a run: a bar on a terminal, lines elsewhere, and a line for each cell without a result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from harness.evaluation.run import Status
from harness.execution.activity import STALE
from harness.execution.events import Event, Finished, NotStarted, PartsDone, Postponed, Refused, Started, Waiting
from harness.execution.expected_work import ExpectedWork, seconds_left
from harness.report.numbers import clock_time
from harness.report.progress.bar_columns import Elapsed, Left, State
from harness.report.progress.status import parts_text, progress_sentence, unstored_text
from harness.report.text import plain_text, sentence, visible

MOST_SILENCE = 10.0  # seconds between two lines
LEAST_SILENCE = 1.0
IDLE = 1.0  # seconds in which nothing runs here, after which only other processes are awaited
SHARE = 0.01  # of the time since the start: so long runs print fewer lines


class RunProgress:
    """The progress of a run while its block lasts; failures are printed as they happen."""

    def __init__(
        self,
        console: Console,
        total: int,
        jobs: int | None = None,
        *,
        tracebacks: bool = False,
        view: View | None = None,
        awaited: Callable[[], str] = str,
        unstored: Callable[[], frozenset[str]] = frozenset,
        work: ExpectedWork | None = None,
    ) -> None:
        self.console = console
        self.work = work  # somebody else adds events to it; None: all cells count the same
        self.total = total
        self.tracebacks = tracebacks
        self.awaited = awaited  # a store that does not answer, as part of a sentence; empty if there is none
        self.unstored = unstored  # the keys of finished cells that wait for it
        self.running: dict[str, tuple[str, float]] = {}  # by key: the name of a cell, and since when it runs
        self.counts = {"completed": 0, "failed": 0, "elsewhere": 0, "refused": 0, "still pending": 0}
        self.done = 0  # cells with a run
        self.ended = 0  # those, and the cells that have none
        self.began = time.monotonic()
        self._idle_since = self.began  # where nothing runs
        self._printed: set[str] = set()
        self._view = view or (Bar(self) if console.is_terminal else Lines(self, jobs))

    def __enter__(self) -> RunProgress:
        self._view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.stop()

    def show(self, event: Event) -> None:
        """Take an event into account, and print a failure, or for whom the run waits."""
        if isinstance(event, Waiting):
            cells = f"{event.cells[0].title} on {event.cells[0].task}"
            others = f" and {len(event.cells) - 1} more" if len(event.cells) > 1 else ""
            self.console.print(plain_text(f"waiting for {event.owner}, which runs {cells}{others}{_silence(event)}"))
            return
        if isinstance(event, NotStarted):
            self.ended += len(event.cells)
            self.counts["still pending"] += len(event.cells)
            self._view.update(ended=True)
            return
        name = visible(f"{event.planned.title} on {event.planned.task}")
        if isinstance(event, Started):
            self.running[event.planned.key] = name, time.monotonic()
        elif isinstance(event, PartsDone):
            _, since = self.running[event.planned.key]
            self.running[event.planned.key] = f"{name} ({parts_text(event.done, event.parts)})", since
        else:
            if self.running.pop(event.planned.key, None) is not None and not self.running:
                self._idle_since = time.monotonic()
            self.ended += 1
            self.done += isinstance(event, Finished)
            self._count(event, name)
        self._view.update(ended=not isinstance(event, Started | PartsDone))

    @property
    def without_run(self) -> str:
        """How many cells have ended without a run, as the end of a sentence."""
        return "".join(f", {count:,} {name}" for name in ("refused", "still pending") if (count := self.counts[name]))

    def seconds_left(self, seconds: float) -> float | None:
        """The time that the remaining cells take, as these seconds have passed; None where nothing is known.

        That is also while the cells that are left run in other processes, which may be gone.
        """
        if not self.running and self.ended < self.total and time.monotonic() - self._idle_since > IDLE:
            return None
        if self.work is not None:
            return seconds_left(self.work.done, self.work.total, seconds)
        return seconds_left(self.ended, self.total, seconds)

    def running_and_unstored(self) -> tuple[list[tuple[str, float]], int]:
        """The cells that run, each with the time since when, and how many are finished and wait for the store."""
        unstored, started = self.unstored(), list(self.running.items())  # the events come from another thread
        running = [cell for key, cell in started if key not in unstored]
        return running, len(started) - len(running)

    def _count(self, event: Finished | Refused | Postponed, name: str) -> None:
        if isinstance(event, Postponed):
            self.counts["still pending"] += 1
            if event.reason not in self._printed and not event.of_cluster:  # the end of the run names all such cells
                self._printed.add(event.reason)
                self._print(f"{name}: still pending: {event.reason}", "yellow")
            return
        if isinstance(event, Refused):
            self.counts["refused"] += 1
            self._print(f"error: {event.planned.title}: {event.error}", "red", once=True)
            return
        self.counts["elsewhere"] += not event.ran_here
        run = event.run
        if run.status is Status.COMPLETED:
            self.counts["completed"] += 1
            if run.window_failures:
                self._print(f"{name}: {run.explanation}", "yellow")
                self._print_traceback(run.traceback)
            return
        self.counts["failed"] += 1
        style = "yellow" if run.status is Status.UNSUPPORTED else "red"
        self._print(f"{name}: {run.status.value}: {run.explanation}", style)
        self._print_traceback(run.traceback)

    def _print_traceback(self, traceback: str) -> None:
        """Print the traceback of a forecaster, if that was asked for."""
        if self.tracebacks and traceback:
            self.console.print(plain_text(*traceback.rstrip().split("\n")), soft_wrap=True)

    def _print(self, line: str, style: str, *, once: bool = False) -> None:
        """Print a sentence, with `once` unless the same was printed before."""
        if once and line in self._printed:
            return
        self._printed.add(line)
        self.console.print(plain_text(*sentence(line).split("\n"), style=style))


class View(Protocol):
    """How progress is shown."""

    def start(self) -> None:
        """Begin."""
        ...

    def update(self, *, ended: bool) -> None:
        """Show the present state, after a cell has ended or begun."""
        ...

    def stop(self) -> None:
        """End."""
        ...


class Nothing:
    """No progress, which would disturb a debugger."""

    def start(self) -> None:
        """Do nothing."""

    def update(self, *, ended: bool) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class Bar:
    """A progress bar at the bottom of a terminal."""

    def __init__(self, progress: RunProgress) -> None:
        self.progress = progress
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            State(self._state),
            Elapsed(),
            TextColumn("left", markup=False),
            Left(progress.seconds_left),
            console=progress.console,
            transient=True,
        )
        self._task = self.bar.add_task("cells", total=progress.total)

    def start(self) -> None:
        """Show the bar."""
        self.bar.start()

    def update(self, *, ended: bool) -> None:
        """Show how many cells are done."""
        self.bar.update(self._task, completed=self.progress.done)

    def _state(self) -> str:
        """How many cells run and failed, and what is waited for."""
        running, unstored = self.progress.running_and_unstored()
        counts = self.progress.counts
        longest = f" ({running[0][0]})" if running else ""
        state = f"{len(running)} running{longest}, {counts['failed']} failed{self.progress.without_run}"
        state += f", {unstored_text(unstored)}" if unstored else ""
        return state + (f", waiting for {awaited}" if (awaited := self.progress.awaited()) else "")

    def stop(self) -> None:
        """Remove the bar."""
        self.bar.stop()


class Lines:
    """Lines for a log: one at the start, then one for each cell that ends, or fewer where many do, and no long silence.

    A thread prints them, so that a log shows that a run is alive while no cell ends.
    """

    def __init__(self, progress: RunProgress, jobs: int | None) -> None:
        self.progress, self.jobs = progress, jobs
        self._news, self._ended = threading.Event(), threading.Event()
        self._printed, self._shown = time.monotonic(), 0  # when the last line was, and how many cells had ended
        self._thread = threading.Thread(target=self._print_all, name="harness-progress", daemon=True)

    def start(self) -> None:
        """Print the number of cells."""
        at_once = f", {self.jobs} at a time" if self.jobs is not None and self.jobs > 1 else ""
        self._print(f"running {self.progress.total:,} pending cell{'' if self.progress.total == 1 else 's'}{at_once}")
        self._thread.start()

    def update(self, *, ended: bool) -> None:
        """Have a line printed soon, if a cell has ended."""
        if ended:
            self._news.set()

    def stop(self) -> None:
        """Print the last line, unless it was printed."""
        self._ended.set()
        self._news.set()
        self._thread.join()
        if self.progress.ended != self._shown:
            self._print_state()

    def _print_all(self) -> None:
        while not self._ended.is_set():
            silence = min(MOST_SILENCE, max(LEAST_SILENCE, SHARE * (time.monotonic() - self.progress.began)))
            if self._ended.wait(max(0.0, self._printed + silence - time.monotonic())):
                return
            self._news.wait(max(0.0, self._printed + MOST_SILENCE - time.monotonic()))
            if not self._ended.is_set():
                self._news.clear()
                self._print_state()

    def _print_state(self) -> None:
        progress, self._shown = self.progress, self.progress.ended
        seconds = time.monotonic() - progress.began
        ends = progress.ended == progress.total
        awaited = progress.awaited()
        left = None if ends or awaited else progress.seconds_left(seconds)
        line = progress_sentence(progress.done, progress.total, progress.counts["failed"], seconds, left)
        line += progress.without_run
        running, unstored = progress.running_and_unstored()
        if running:
            name, since = running[0]
            others = f" and {len(running) - 1} more" if len(running) > 1 else ""
            line += f"; running: {name} for {clock_time(time.monotonic() - since)}{others}"
        line += f"; {unstored_text(unstored)}" if unstored else ""
        line += f"; waiting for {awaited}" if awaited else ""
        self._print(f"{clock_time(seconds)}  {line}")

    def _print(self, line: str) -> None:
        self.progress.console.print(plain_text(line), soft_wrap=True)
        self._printed = time.monotonic()


def _silence(event: Waiting) -> str:
    """How long ago the awaited process gave a sign, and when its cells are taken over; empty while it gives signs."""
    if not event.silent_for:
        return ""
    left = clock_time(max(0.0, STALE - event.silent_for))
    return f": last sign {clock_time(event.silent_for)} ago; without another one, its cells are taken over in {left}"
