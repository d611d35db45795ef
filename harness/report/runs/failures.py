"""The failed results of a board: status, exception, place and last output of each, as text and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.evaluation.run import Run, Status
from harness.report.tables import csv_table
from harness.report.text import sentence, visible

if TYPE_CHECKING:
    from harness.results.board_results import BoardResults

CSV_HEADINGS = (
    "forecaster",
    "task",
    "seed",
    "status",
    "windows",
    "first_window",
    "exception",
    "place",
    "output",
    "key",
)
QUOTED = "; its last output:\n"  # in the reason of a process that ended


@dataclass(frozen=True)
class FailedResult:
    """A cell without a result, or with failed windows."""

    forecaster: str  # its label on the board
    task: str
    run: Run

    @property
    def status(self) -> str:
        """The status of the cell, or of the first window that failed."""
        run = self.run
        return (run.window_failures[0] if run.status is Status.COMPLETED else run).status.value

    @property
    def windows(self) -> int:
        """The number of failed windows."""
        return len(self.run.window_failures) if self.run.status is Status.COMPLETED else self.run.windows

    @property
    def first_window(self) -> str:
        """The series and cutoff of the first window that failed; empty where all failed alike, or it is unknown."""
        return self.run.window_failures[0].name if self.run.status is Status.COMPLETED else ""

    @property
    def exception(self) -> str:
        """What was raised, or how the process ended."""
        run = self.run
        reason = (run.window_failures[0] if run.status is Status.COMPLETED else run).reason
        return reason.partition(QUOTED)[0]

    @property
    def place(self) -> str:
        """Where the code of the forecaster raised it; empty where it did not."""
        run = self.run
        return (run.window_failures[0] if run.status is Status.COMPLETED else run).place

    @property
    def output(self) -> str:
        """The last lines that the process of the forecaster printed."""
        return self.run.output or self.run.reason.partition(QUOTED)[2]


def failed_results(results: BoardResults, only: Iterable[str] = ()) -> list[FailedResult]:
    """The failed results of a board, or of `only` some forecasters, in the order of its plan."""
    names = set(only)
    found = []
    for cell in results.plan.cells:
        run = results.runs[cell.key]
        if run is None or (names and cell.forecaster not in names):
            continue
        if run.status is not Status.COMPLETED or run.window_failures:
            found.append(FailedResult(cell.forecaster, cell.task, run))
    return found


def failure_lines(failures: Iterable[FailedResult], *, tracebacks: bool = False) -> Iterator[str]:
    """The failed results as lines, each of which is fit for a terminal."""
    for failed in failures:
        run = failed.run
        seed = "" if run.cell.seed is None else f", seed {run.cell.seed}"
        part = f", {failed.windows} of {run.windows} windows" if run.status is Status.COMPLETED else ""
        first = f", the first: {failed.first_window}" if failed.first_window else ""
        yield visible(f"{failed.forecaster} on {failed.task}{seed}: {failed.status}{part}{first}")
        yield f"  {sentence(failed.exception)}"
        if failed.place:
            yield visible(f"  at {failed.place}")
        yield f"  key {run.key[:12]}"
        if failed.output:
            yield "  last output:"
            yield from (visible(f"    {line}") for line in failed.output.splitlines())
        if tracebacks and run.traceback:
            yield from (visible(f"    {line}") for line in run.traceback.splitlines())


def failures_csv(failures: Iterable[FailedResult]) -> str:
    """One row a failed result."""
    return csv_table(
        CSV_HEADINGS,
        (
            (
                failed.forecaster,
                failed.task,
                failed.run.cell.seed,
                failed.status,
                failed.windows,
                failed.first_window,
                failed.exception,
                failed.place,
                failed.output,
                failed.run.key,
            )
            for failed in failures
        ),
    )
