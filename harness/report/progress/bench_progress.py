"""The progress of `harness bench`: a bar on a terminal, lines elsewhere; and what was measured when it was stopped.

It changes at events only, so as not to disturb the measurements.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from harness.efficiency.runner import BenchFinished, BenchStarted
from harness.execution.expected_work import seconds_left
from harness.report.numbers import clock_time, plural
from harness.report.progress.bar_columns import Elapsed
from harness.report.progress.run_progress import MOST_SILENCE
from harness.report.text import plain_text, visible

if TYPE_CHECKING:
    from rich.console import Console

    from harness.efficiency.workload import Job


class BenchProgress:
    """The progress of the measurements of `work`, each in this number of repetitions, while its block lasts.

    Without a terminal there is a line at the start, one after each repetition, and one when a scenario begins after a
    silence.
    """

    def __init__(self, console: Console, work: Sequence[Job], repetitions: int) -> None:
        self.console, self.work, self.repetitions = console, work, repetitions
        self.total, self.done = len(work) * repetitions, 0
        self._began = self._printed = time.monotonic()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.fields[left]}", markup=False),
        )
        self._bar = Progress(
            *columns, console=console, transient=True, auto_refresh=False, disable=not console.is_terminal
        )
        self._task = self._bar.add_task("bench", total=self.total, left="")

    def __enter__(self) -> BenchProgress:
        self._print(plan_text(self.work, self.repetitions))
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: BenchStarted | BenchFinished) -> None:
        """Show an event."""
        if isinstance(event, BenchStarted):
            text = f"{event.title}: {event.scenario}, round {event.round}"
            self._bar.update(self._task, description=visible(text))
            if time.monotonic() - self._printed >= MOST_SILENCE:
                self._print_state(f"; running: {text}")
        else:
            self.done = event.number
            self._bar.update(self._task, completed=event.number, left=self._left())
            self._print_state(f"; last: {event.bench.subject.title}")
        self._bar.refresh()

    def _left(self) -> str:
        """The time left at the rate so far, from the end of the first round: until then, not all were measured."""
        if not len(self.work) <= self.done < self.total:
            return ""
        left = seconds_left(self.done, self.total, time.monotonic() - self._began)
        return "" if left is None else f"about {clock_time(left)} left"

    def _print_state(self, end: str) -> None:
        """Print a line, unless the bar shows it."""
        if self.console.is_terminal:
            return
        line = f"{self.done} of {plural(self.total, 'repetition')} measured"
        left = self._left()
        self._print(f"{clock_time(time.monotonic() - self._began)}  {line}{left and ', '}{left}{end}")

    def _print(self, line: str) -> None:
        self.console.print(plain_text(visible(line)), soft_wrap=True)
        self._printed = time.monotonic()


def plan_text(work: Sequence[Job], repetitions: int) -> str:
    """What will be measured: forecasters, tasks and repetitions."""
    subjects = [job.bench.subject for job in work]
    tasks = list(dict.fromkeys(subject.task for subject in subjects))
    where = tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks"
    forecasters = plural(len({subject.title for subject in subjects}), "forecaster")
    processes = len(work) * repetitions
    each = "one fresh process" if processes == 1 else f"{processes} fresh processes, one after another"
    return f"measuring {forecasters} on {where} in {plural(repetitions, 'repetition')}: {each}"


def stop_lines(work: Sequence[Job], finished: Sequence[BenchFinished], repetitions: int) -> list[str]:
    """How far a run was when it was stopped, and how often each was measured if not all equally often."""
    counts = Counter({job.bench.key: 0 for job in work})
    counts.update(event.bench.key for event in finished)
    failed = {event.bench.key for event in finished if event.bench.latency is None}  # not repeated
    rounds = min((count for key, count in counts.items() if key not in failed), default=max(counts.values()))
    total = plural(len(work) * repetitions, "repetition")
    complete = f"{rounds} complete {'round' if rounds == 1 else 'rounds'} of {repetitions}"
    lines = [f"Stopped: {len(finished)} of {total} were measured, in {complete}."]
    if len(set(counts.values())) > 1:
        lines.append(f"Repetitions of this run: {_by_count(work, counts)}.")
    return lines


def _by_count(work: Sequence[Job], counts: Counter[str]) -> str:
    """The forecasters by the number of their repetitions, the largest first."""
    several_tasks = len({job.bench.subject.task for job in work}) > 1
    names: dict[int, list[str]] = {}
    for job in work:
        subject = job.bench.subject
        name = f"{subject.title} on {subject.task}" if several_tasks else subject.title
        names.setdefault(counts[job.bench.key], []).append(name)
    return "; ".join(f"{count} of {', '.join(names[count])}" for count in sorted(names, reverse=True))
