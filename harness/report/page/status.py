"""The page of the status of a home: what runs, on which machines, what is done, and what failed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from harness.execution.activity import CELL
from harness.execution.status import BoardStatus, HomeStatus
from harness.report.numbers import clock_time
from harness.report.page.render import document
from harness.report.progress.status import (
    MACHINE_HEADINGS,
    MOST_CELLS,
    MOST_FAILURES,
    UNKNOWN_MACHINE,
    activity_progress,
    activity_sentence,
    board_progress,
    first_line,
    forecaster_headings,
    forecaster_rows,
    longest_running,
    machine_row,
    parts_text,
    rate_text,
    unstored_text,
)

STYLES = ("page.css", "table.css", "status.css")
SCRIPTS = ("theme.js",)


@dataclass(frozen=True)
class Failure:
    """A failed cell as the page lists it."""

    machine: str
    forecaster: str
    task: str
    status: str
    reason: str


def status_page(status: HomeStatus, now: str, every: float | None = None) -> str:
    """The whole HTML document; `now` is when the status was read. A browser loads it again at intervals of `every`."""
    boards = [
        {
            "status": board,
            "progress": board_progress(board),
            "headings": forecaster_headings(board),
            "rows": list(forecaster_rows(board)),
            "failures": list(_failures(board)),
            "more": max(0, len(board.failed) - MOST_FAILURES),
        }
        for board in status.boards
    ]
    values = {
        "status": status,
        "now": now,
        "refresh": None if every is None else math.ceil(every),
        "facts": dict(_facts(status)),
        "activities": [
            (activity_sentence(each), activity_progress(each), longest_running(each), each) for each in status.running
        ],
        "most_cells": MOST_CELLS,
        "parts_text": parts_text,
        "unstored_text": unstored_text,
        "machine_headings": MACHINE_HEADINGS,
        "machines": [machine_row(machine) for machine in status.machines],
        "boards": boards,
    }
    return document("status.html.jinja", values, STYLES, SCRIPTS)


def _facts(status: HomeStatus) -> Iterator[tuple[str, str]]:
    """The numbers at the top, by their names; a cell of several boards counts once."""
    machines, rate = status.machines, sum(machine.rate or 0.0 for machine in status.machines)
    done = sum(machine.done for machine in machines)
    yield "Cells done", f"{done:,} of {done + status.pending:,}"
    yield "Failed", f"{sum(machine.failed for machine in machines):,}"
    if rate:
        yield "Rate", rate_text(rate, CELL)
    if status.seconds_left is not None:
        yield "Time left", f"about {clock_time(status.seconds_left)}"


def _failures(board: BoardStatus) -> Iterator[Failure]:
    for cell in board.failed[:MOST_FAILURES]:
        machine = cell.machine or UNKNOWN_MACHINE
        yield Failure(machine, cell.forecaster, cell.task, cell.status, first_line(cell.reason))
