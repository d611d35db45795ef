"""The status of a run as text and as a page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.execution.activity import Activity, RunningCell, StillPending
from harness.execution.machine_status import MachineStatus
from harness.execution.status import BoardStatus, FailedCell, ForecasterStatus, HomeStatus, LockOwner
from harness.report.page.status import status_page
from harness.report.progress.status import MOST_CELLS, MOST_FAILURES, status_lines

SINCE = "2026-03-01T12:00:00+00:00"
NASTY = ("<script>alert(1)</script>", '"><img src=x>', "\x1b[2J", "\ud800", "\u202eab", "[red]")
A = MachineStatus("node-a", 1200, 1, 2, 0.5, SINCE)
B = MachineStatus("node-b", 3, 0, None, None, "")


def failed(count: int) -> tuple[FailedCell, ...]:
    return tuple(
        FailedCell(f"{i:032}", "theta", f"t{i}", "failed", "no memory\nat once", "node-b") for i in range(count)
    )


def status(*machines: MachineStatus, failures: int = 1) -> HomeStatus:
    activity = Activity(7, "node-a", "", SINCE, ("slow",), 10, 4.0, 2, shard="1/2", executor="ray")
    forecasters = ForecasterStatus("theta", 5, 4, 1), ForecasterStatus("naïve", 5, 5, 0)
    board = BoardStatus("slow", 10, 9, failed(failures), (), 0, forecasters)
    return HomeStatus("home", (activity,), (board,), (), machines, 61.0, 3)


def test_machines_are_compared_where_there_are_several() -> None:
    lines = list(status_lines(status(A, B)))

    assert "  Machine   done  running  failed  cells/min         last finished" in lines
    assert "  node-a   1,200        2       1         30  2026-03-01 12:00 UTC" in lines
    assert "  node-b       3        –       0          –                     –" in lines
    assert "All machines: 30 cells/min, about 1:01 left." in lines
    assert "  failed (machine node-b): theta on t0 (00000000): no memory" in lines


def test_one_machine_is_not_named_again() -> None:
    text = "\n".join(status_lines(status(A)))

    assert "Machine" not in text
    assert "All machines" not in text
    assert "  failed: theta on t0 (00000000): no memory" in text


def test_executor_and_shard_of_a_command() -> None:
    first = next(status_lines(status(A)))

    assert first == (
        "Process 7 on node-a runs cells of slow (shard 1/2) on a Ray cluster since 2026-03-01 12:00 UTC (4.0 s)."
    )


@pytest.mark.parametrize(
    ("age", "end"),
    [
        (None, " (4.0 s)."),
        (0.4, " (4.0 s)."),
        (14.2, " (4.0 s), as of 14 s ago."),
        (45.0, " (4.0 s), last sign 45 s ago; its cells are taken over after 1:00 without one."),
        (7200.0, " (4.0 s), last sign 2:00:00 ago; its cells are taken over after 1:00 without one."),
    ],
)
def test_how_old_it_is_what_a_command_told(age: float | None, end: str) -> None:
    found, cells = status(A), (RunningCell("aa", "theta", "nile", SINCE, 1.0),)
    found = replace(found, running=(replace(found.running[0], age=age, running=cells),))

    first, second, *_ = status_lines(found)

    assert first.endswith(end)
    assert ("left" in second) is (age is None or age < 60)
    assert end.strip(" .") in status_page(found, SINCE)


def test_parts_of_a_running_cell() -> None:
    cell = RunningCell("3adac06b12", "theta", "monthly", SINCE, 51.0, parts=40, parts_done=12)
    found = replace(status(A), running=(Activity(7, "a", "", SINCE, ("slow",), 10, running=(cell,)),))

    assert "  running for 51 s: theta on monthly (3adac06b), 12 of 40 parts" in list(status_lines(found))
    assert "monthly</bdi>, 12 of 40 parts" in status_page(found, SINCE)


def test_finished_cells_that_wait_for_the_store() -> None:
    found = status(A)
    found = replace(found, running=(replace(found.running[0], unstored=2),))

    assert "  2 cells are finished and not stored yet" in list(status_lines(found))
    assert "<li>2 cells are finished and not stored yet</li>" in status_page(found, SINCE)


def test_forecasters_of_a_board() -> None:
    lines = list(status_lines(status(A), by_forecaster=True))

    assert lines[-3:] == [
        "  Forecaster  done  failed  pending",
        "  theta          4       1        1",
        "  naïve          5       0        0",
    ]


def test_many_failures_are_counted() -> None:
    found = status(A, B, failures=MOST_FAILURES + 3)

    assert "  and 3 more; --json lists them all" in list(status_lines(found))
    text = status_page(found, SINCE)
    assert text.count("<td>node-b</td>") + text.count("<td><bdi>node-b</bdi></td>") == MOST_FAILURES
    assert "and 3 more" in text


def test_of_many_running_cells_those_of_the_longest_times_are_listed() -> None:
    cells = tuple(RunningCell(f"{i:032}", f"model-{i:02}", "nile", SINCE, float(i)) for i in range(MOST_CELLS + 3))
    pending = tuple(StillPending(cell.key, cell.title, cell.task, "no memory") for cell in cells)
    found = status(A)
    found = replace(found, running=(replace(found.running[0], running=cells, still_pending=pending),))

    lines = list(status_lines(found))

    assert [re.sub(r".*: | on.*", "", line) for line in lines if "running for" in line] == [
        f"model-{i:02}" for i in range(MOST_CELLS + 2, 2, -1)
    ]
    assert "  and 3 more run for a shorter time; --json lists them all" in lines
    assert "  and 3 more are still pending; --json lists them all" in lines
    text = status_page(found, SINCE)
    assert (text.count("<li>running for"), text.count("<li>still pending")) == (MOST_CELLS, MOST_CELLS)
    assert "and 3 more run for a shorter time" in text


def test_the_page_loads_itself_again_while_cells_run() -> None:
    assert '<meta http-equiv="refresh" content="30">' in status_page(status(A, B), SINCE, 29.5)
    assert 'http-equiv="refresh"' not in status_page(status(A, B), SINCE)


def test_the_page_says_how_many_of_all_cells_are_done() -> None:
    assert "1,203 of 1,206" in status_page(status(A, B), SINCE)


def test_the_page_of_a_home_without_runs() -> None:
    text = status_page(HomeStatus("home", (), (), ()), SINCE)

    assert "Nothing runs." in text
    assert "No board was run." in text


@pytest.mark.parametrize("text", NASTY)
def test_names_stay_texts(text: str) -> None:
    cell, pending = RunningCell("aa", text, text, SINCE, 1.0), StillPending("bb", text, text, text)
    activity = Activity(
        7, text, "", SINCE, (text,), 10, running=(cell,), still_pending=(pending,), waits_for=(text,), shard=text
    )
    failures = (FailedCell("aa", text, text, "failed", text, text),)
    board = BoardStatus(text, 2, 1, failures, (text,), 0, (ForecasterStatus(text, 2, 1, 1),))
    machines = replace(A, machine=text), B
    found = HomeStatus(text, (activity,), (board,), (LockOwner(1, text, 1),), machines)

    page = status_page(found, SINCE)

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", page)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "\x1b" not in "".join(status_lines(found, by_forecaster=True))
