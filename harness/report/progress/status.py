"""The status of a home folder as text: what runs, what is done of each board, and what failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.execution.activity import CELL, STALE
from harness.report.numbers import NOTHING, clock_time, moment
from harness.report.text import visible

if TYPE_CHECKING:
    from harness.execution.activity import Activity, RunningCell
    from harness.execution.machine_status import MachineStatus
    from harness.execution.status import BoardStatus, FailedCell, HomeStatus

MOST_FAILURES = 10  # of a board that are listed
NEW = 1.0  # seconds since what is known of a command was written, up to which that is not stated
LATE = 30.0  # those after which a process that lives would have written again
MOST_OPTIONS = 3  # of commands, that are named
MOST_CELLS = 10  # of a command that are listed
EXECUTORS = {"ray": "on a Ray cluster"}  # that are named, by the beginning of their names
UNKNOWN_MACHINE = "not known"
MACHINE_HEADINGS = ("Machine", "done", "running", "failed", "cells/min", "last finished")
FORECASTER_HEADINGS = ("Forecaster", "done", "failed", "pending")


def status_lines(status: HomeStatus, *, by_forecaster: bool = False) -> Iterator[str]:
    """The status as lines; each is fit for a terminal. Machines are compared where there are several."""
    if not (status.running or status.locks):
        yield visible(f"Nothing runs in {status.home}.")
    for activity in status.running:
        yield from _activity_lines(activity)
    for owner in status.locks:
        yield visible(f"Process {owner.process} on {owner.host} has locked {_cells(owner.cells)}.")
    several = len(status.machines) > 1
    if several:
        yield from _aligned([MACHINE_HEADINGS, *map(machine_row, status.machines)])
        yield from ([sentence] if (sentence := together(status)) else [])
    if not status.boards:
        yield "No board was run."
    for board in status.boards:
        yield from _board_lines(board, with_machines=several)
        if by_forecaster:
            yield from _aligned([forecaster_headings(board), *forecaster_rows(board)])


def progress_sentence(done: int, total: int, failed: int, seconds: float, left: float | None, unit: str = CELL) -> str:
    """How far a command is: cells or repetitions done, failures, the rate, and the time left."""
    parts = [f"{done:,} of {_counted(total, unit)} done"]
    if failed:
        parts.append(f"{failed:,} failed")
    if done and seconds > 0:
        parts.append(f"{rate_text(done / seconds, unit)}")
    if left is not None and done < total:
        parts.append(f"about {clock_time(left)} left")
    return ", ".join(parts)


def parts_text(done: int, parts: int) -> str:
    """How many parts of a cell are done."""
    return f"{done:,} of {parts:,} parts"


def unstored_text(cells: int) -> str:
    """How many finished cells wait for the store of the home."""
    return f"{_cells(cells)} {'is' if cells == 1 else 'are'} finished and not stored yet"


def together(status: HomeStatus) -> str:
    """The rate of all machines together, and the time left; empty where it is not known."""
    rate = sum(machine.rate or 0.0 for machine in status.machines)
    if not rate:
        return ""
    left = "" if status.seconds_left is None else f", about {clock_time(status.seconds_left)} left"
    return f"All machines: {rate_text(rate, CELL)}{left}."


def machine_row(machine: MachineStatus) -> tuple[str, ...]:
    """The numbers of a machine, as `MACHINE_HEADINGS` name them."""
    return (
        machine.machine or UNKNOWN_MACHINE,
        f"{machine.done:,}",
        NOTHING if machine.running is None else f"{machine.running:,}",
        f"{machine.failed:,}",
        NOTHING if machine.rate is None else rounded_rate(machine.rate * 60),
        moment(machine.last_finished) if machine.last_finished else NOTHING,
    )


def forecaster_headings(board: BoardStatus) -> tuple[str, ...]:
    """The headings of `forecaster_rows`."""
    return (*FORECASTER_HEADINGS, *(["not selected"] if board.not_selected else []))


def forecaster_rows(board: BoardStatus) -> Iterator[tuple[str, ...]]:
    """The numbers of cells of each forecaster, as `forecaster_headings` name them."""
    for each in board.forecasters:
        numbers = [each.done, each.failed, each.cells - each.done - each.not_selected]
        numbers += [each.not_selected] if board.not_selected else []
        yield each.forecaster, *(f"{number:,}" for number in numbers)


def activity_sentence(activity: Activity) -> str:
    """Which process runs or measures what, since when, in words."""
    what = "runs cells" if activity.unit == CELL else "measures forecasters"
    told = age_text(activity)
    parts = [
        f"Process {activity.process} on {activity.host} {what}",
        f"of {', '.join(activity.boards)}" if activity.boards else "",
        f"(shard {activity.shard})" if activity.shard else "",
        next((text for name, text in EXECUTORS.items() if activity.executor.startswith(name)), ""),
        f"since {moment(activity.since)} ({clock_time(activity.seconds)}){told and ', '}{told}.",
    ]
    return " ".join(part for part in parts if part)


def age_text(activity: Activity) -> str:
    """How old is what is known of a command, in words; empty where it is new, or that is not known.

    A process that gives no sign for long may be gone: then it says when others take over its cells.
    """
    if activity.age is None or activity.age < NEW:
        return ""
    if activity.age < LATE or activity.unit != CELL:
        return f"as of {clock_time(activity.age)} ago"
    return f"last sign {clock_time(activity.age)} ago; its cells are taken over after {clock_time(STALE)} without one"


def activity_progress(activity: Activity) -> str:
    """How far a command is, in words; without the time left where the command seems to be gone."""
    seconds, left = activity.seconds, None if activity.is_silent else activity.seconds_left
    return progress_sentence(activity.done, activity.cells, activity.failed, seconds, left, activity.unit)


def _activity_lines(activity: Activity) -> Iterator[str]:
    yield visible(activity_sentence(activity))
    yield f"  {activity_progress(activity)}"
    for cell in longest_running(activity):
        parts = f", {parts_text(cell.parts_done, cell.parts)}" if cell.parts else ""
        yield visible(f"  running for {clock_time(cell.seconds)}: {cell.title} on {cell.task} ({cell.key[:8]}){parts}")
    yield from _more(activity.running, "run for a shorter time")
    if activity.unstored:
        yield f"  {unstored_text(activity.unstored)}"
    for pending in activity.still_pending[:MOST_CELLS]:
        yield visible(f"  still pending: {pending.title} on {pending.task}: {pending.reason}")
    yield from _more(activity.still_pending, "are still pending")
    for owner in activity.waits_for:
        yield visible(f"  waits for {owner}")


def longest_running(activity: Activity) -> list[RunningCell]:
    """The cells of a command that run for the longest time."""
    return sorted(activity.running, key=lambda cell: -cell.seconds)[:MOST_CELLS]


def _more(cells: Sequence[object], what: str) -> Iterator[str]:
    if len(cells) > MOST_CELLS:
        yield f"  and {len(cells) - MOST_CELLS:,} more {what}; --json lists them all"


def board_progress(board: BoardStatus) -> str:
    """How many cells of a board are done, of those that commands have asked for."""
    failed = f", {len(board.failed)} failed" if board.failed else ""
    later = f", {board.later:,} recorded by a later version of harness" if board.later else ""
    if not board.not_selected:
        return f"{board.done:,} of {_cells(board.cells)} done{failed}{later}"
    options = "; ".join(board.options[:MOST_OPTIONS]) + ("; …" if len(board.options) > MOST_OPTIONS else "")
    selected = board.cells - board.not_selected
    text = f"{board.done:,} of {_counted(selected, f'selected {CELL}')} done{failed}{later} ({options})"
    return f"{text}; the board has {_cells(board.cells)}"


def _board_lines(board: BoardStatus, *, with_machines: bool) -> Iterator[str]:
    yield visible(f"Board {board.board}: {board_progress(board)}.")
    for cell in board.failed[:MOST_FAILURES]:
        yield visible(f"  {_failure(cell, with_machine=with_machines)}")
    if len(board.failed) > MOST_FAILURES:
        yield f"  and {len(board.failed) - MOST_FAILURES:,} more; --json lists them all"
    for conflict in board.conflicts[:MOST_FAILURES]:
        yield visible(f"  {conflict.sentence}")
    if len(board.conflicts) > MOST_FAILURES:
        yield f"  and {len(board.conflicts) - MOST_FAILURES:,} more; --json lists them all"
    if board.unavailable:
        yield visible(f"  without data: {', '.join(board.unavailable)}")


def _failure(cell: FailedCell, *, with_machine: bool) -> str:
    where = f" (machine {cell.machine or UNKNOWN_MACHINE})" if with_machine else ""
    return f"{cell.status}{where}: {cell.forecaster} on {cell.task} ({cell.key[:8]}): {first_line(cell.reason)}"


def first_line(reason: str) -> str:
    """The first line of a reason."""
    return reason.partition("\n")[0]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a table: names to the left, numbers to the right, in cells that are as wide as their texts."""
    from rich.cells import cell_len

    shown = [[visible(text) for text in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    for name, *numbers in shown:
        padded = [" " * (width - cell_len(text)) + text for text, width in zip(numbers, widths[1:], strict=True)]
        yield "  ".join(["", name + " " * (widths[0] - cell_len(name)), *padded])


def _cells(count: int) -> str:
    return _counted(count, CELL)


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}" + ("" if count == 1 else "s")


def rate_text(per_second: float, unit: str) -> str:
    """A rate per minute, or per hour if it is less than one a minute."""
    if per_second * 60 >= 1:
        return f"{rounded_rate(per_second * 60)} {unit}s/min"
    return f"{per_second * 3600:.2g} {unit}s/h"


def rounded_rate(rate: float) -> str:
    """A rate in three digits, or as many as stand before the point."""
    return f"{rate:,.0f}" if rate >= 999.5 else f"{rate:.3g}"
