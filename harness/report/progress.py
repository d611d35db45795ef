"""The progress of a run: finished, running and failed cells, and the time left."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from harness.evaluation.run import Status
from harness.execution.driver import Event, Finished, Refused, Started, Waiting
from harness.report.text import plain_text, sentence, visible


class RunProgress:
    """A progress bar while cells run; failures are printed above it as they happen."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.running: dict[str, str] = {}
        self._printed: set[str] = set()
        self.counts = {"completed": 0, "failed": 0, "elsewhere": 0}
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left", markup=False),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("cells", total=total, state="")

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Update the bar by an event, and print a failure, or for whom the run waits."""
        if isinstance(event, Waiting):
            cells = f"{event.cells[0].title} on {event.cells[0].task}"
            others = f" and {len(event.cells) - 1} more" if len(event.cells) > 1 else ""
            self.console.print(plain_text(f"waiting for {event.owner}, which runs {cells}{others}"))
            return
        name = visible(f"{event.planned.title} on {event.planned.task}")
        if isinstance(event, Started):
            self.running[event.planned.key] = name
        else:
            self.running.pop(event.planned.key, None)
            self._count(event, name)
            self._bar.advance(self._task)
        longest = f" ({next(iter(self.running.values()))})" if self.running else ""
        state = f"{len(self.running)} running{longest}, {self.counts['failed']} failed"
        self._bar.update(self._task, state=state)

    def _count(self, event: Finished | Refused, name: str) -> None:
        if isinstance(event, Refused):
            self.counts["failed"] += 1
            line = f"error: {event.planned.title}: {event.error}"
            if line not in self._printed:
                self._printed.add(line)
                self.console.print(plain_text(*sentence(line).split("\n"), style="red"))
            return
        self.counts["elsewhere"] += not event.ran_here
        if event.run.status is Status.COMPLETED:
            self.counts["completed"] += 1
            return
        self.counts["failed"] += event.run.status is not Status.UNSUPPORTED
        style = "yellow" if event.run.status is Status.UNSUPPORTED else "red"
        line = f"{name}: {event.run.status.value}: {event.run.reason}"
        self.console.print(plain_text(*sentence(line).split("\n"), style=style))
