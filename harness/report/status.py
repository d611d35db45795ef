"""The status of a home folder as text: what runs, what is done of each board, and what failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.execution.activity import CELL
from harness.report.numbers import clock_time, moment
from harness.report.text import visible

if TYPE_CHECKING:
    from harness.execution.activity import Activity
    from harness.execution.status import BoardStatus, HomeStatus

MOST_FAILURES = 20  # of a board that are listed


def status_lines(status: HomeStatus) -> Iterator[str]:
    """The status as lines; each is fit for a terminal."""
    if not (status.running or status.locks):
        yield visible(f"Nothing runs in {status.home}.")
    for activity in status.running:
        yield from _activity_lines(activity)
    for owner in status.locks:
        yield visible(f"Process {owner.process} on {owner.host} has locked {_cells(owner.cells)}.")
    if not status.boards:
        yield "No board was run."
    for board in status.boards:
        yield from _board_lines(board)


def progress_sentence(done: int, total: int, failed: int, seconds: float, left: float | None, unit: str = CELL) -> str:
    """How far a command is: cells or repetitions done, failures, the rate, and the time left."""
    parts = [f"{done:,} of {_counted(total, unit)} done"]
    if failed:
        parts.append(f"{failed:,} failed")
    if done and seconds > 0:
        parts.append(f"{_rate(done / seconds, unit)}")
    if left is not None and done < total:
        parts.append(f"about {clock_time(left)} left")
    return ", ".join(parts)


def _activity_lines(activity: Activity) -> Iterator[str]:
    boards = f" of {', '.join(activity.boards)}" if activity.boards else ""
    what = "runs cells" if activity.unit == CELL else "measures forecasters"
    yield visible(
        f"Process {activity.process} on {activity.host} {what}{boards} since {moment(activity.since)} "
        f"({clock_time(activity.seconds)})."
    )
    progress = progress_sentence(
        activity.done, activity.cells, activity.failed, activity.seconds, activity.seconds_left, activity.unit
    )
    yield f"  {progress}"
    for cell in activity.running:
        yield visible(f"  running for {clock_time(cell.seconds)}: {cell.title} on {cell.task} ({cell.key[:8]})")
    for pending in activity.still_pending:
        yield visible(f"  still pending: {pending.title} on {pending.task}: {pending.reason}")
    for owner in activity.waits_for:
        yield visible(f"  waits for {owner}")


def _board_lines(board: BoardStatus) -> Iterator[str]:
    failed = f", {len(board.failed)} failed" if board.failed else ""
    later = f", {board.later:,} recorded by a later version of harness" if board.later else ""
    yield visible(f"Board {board.board}: {board.done:,} of {_cells(board.cells)} done{failed}{later}.")
    for cell in board.failed[:MOST_FAILURES]:
        reason = cell.reason.partition("\n")[0]
        yield visible(f"  {cell.status}: {cell.forecaster} on {cell.task} ({cell.key[:8]}): {reason}")
    if len(board.failed) > MOST_FAILURES:
        yield f"  and {len(board.failed) - MOST_FAILURES:,} more; --json lists them all"
    if board.unavailable:
        yield visible(f"  without data: {', '.join(board.unavailable)}")


def _cells(count: int) -> str:
    return _counted(count, CELL)


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}" + ("" if count == 1 else "s")


def _rate(per_second: float, unit: str) -> str:
    """A rate per second, per minute or per hour, whichever is a number of at least 1."""
    for time, size in (("s", 1), ("min", 60)):
        if per_second * size >= 1:
            return f"{per_second * size:.3g} {unit}s/{time}"
    return f"{per_second * 3600:.2g} {unit}s/h"
