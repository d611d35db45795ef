"""Progress without a terminal: no long silence, no flood, and counts that are right at the end."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest

from harness import Run, Status, Task
from harness.boards.planning import PlannedCell
from harness.errors import BadInput
from harness.evaluation.run import Cell
from harness.execution.events import Finished, PartsDone, Postponed, Refused, Started
from harness.execution.expected_work import ExpectedWork
from harness.report.console import PlainConsole
from harness.report.progress import run_progress as module
from harness.report.progress.run_progress import RunProgress
from harness.report.progress.status import progress_sentence
from harness.report.progress.still_pending import pending_lines
from harness.tasks.protocols import RollingOrigin


def planned(number: int) -> PlannedCell:
    cell = Cell(Task("ramp", RollingOrigin(1)), "level", {}, number)
    return PlannedCell(cell.key("aa", "toys==1"), f"level {number}", "ramp", cell, "aa")


def finished(cell: PlannedCell, status: Status = Status.COMPLETED) -> Finished:
    return Finished(cell, Run(cell.cell, status, cell.key, "no luck"))


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(log: io.StringIO) -> PlainConsole:
    return PlainConsole(file=log, width=100, force_terminal=False)


def test_it_says_at_the_start_what_is_pending(console: PlainConsole, log: io.StringIO) -> None:
    with RunProgress(console, 12, 4):
        assert log.getvalue() == "running 12 pending cells, 4 at a time\n"


def test_a_log_of_many_quick_cells_is_short(console: PlainConsole, log: io.StringIO) -> None:
    begin = time.monotonic()
    with RunProgress(console, 1000, 2) as progress:
        for number in range(1000):
            cell = planned(number)
            progress.show(Started(cell))
            progress.show(finished(cell))
    lines = log.getvalue().splitlines()

    assert len(lines) <= 3 + time.monotonic() - begin
    assert "1,000 of 1,000 cells done" in lines[-1]


def test_a_cell_that_ends_alone_gets_its_line(console: PlainConsole, log: io.StringIO) -> None:
    with RunProgress(console, 3, 1) as progress:
        progress.show(Started(planned(0)))
        progress.show(finished(planned(0)))
        progress.show(Started(planned(1)))
        end = time.monotonic() + 30
        while "1 of 3 cells done" not in log.getvalue() and time.monotonic() < end:
            time.sleep(0.05)

    line = log.getvalue().splitlines()[1]
    assert "1 of 3 cells done" in line
    assert "left" in line
    assert re.search(r"running: level 1 on ramp for \d+(\.\d)? s", line)


def test_parts_of_a_cell_are_shown(console: PlainConsole, log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SILENCE", 0.1)
    with RunProgress(console, 2, 1) as progress:
        progress.show(Started(planned(0)))
        progress.show(PartsDone(planned(0), 12, 40))
        end = time.monotonic() + 30
        while "parts" not in log.getvalue() and time.monotonic() < end:
            time.sleep(0.05)

    assert re.search(r"level 0 on ramp \(12 of 40 parts\) for \d+(\.\d)? s", log.getvalue())


def test_finished_cells_that_wait_for_the_store_do_not_run(console: PlainConsole, log: io.StringIO) -> None:
    unstored = {planned(0).key, planned(1).key}
    with RunProgress(console, 9, 3, awaited=lambda: "s3://x", unstored=lambda: frozenset(unstored)) as progress:
        for number in range(3):
            progress.show(Started(planned(number)))
        progress.show(finished(planned(3)))

    line = log.getvalue().splitlines()[-1]
    assert "1 of 9 cells done" in line
    assert "; running: level 2 on ramp for" in line
    assert " more" not in line
    assert line.endswith("; 2 cells are finished and not stored yet; waiting for s3://x")


def test_a_bar_shows_an_outage_while_no_cell_ends(log: io.StringIO) -> None:
    outage: list[str] = []
    terminal = PlainConsole(file=log, width=200, force_terminal=True, color_system=None)
    with RunProgress(terminal, 9, 3, awaited=lambda: "".join(outage), unstored=lambda: frozenset(outage)) as progress:
        progress.show(Started(planned(0)))
        outage.append(planned(0).key)
        end = time.monotonic() + 30
        while f"waiting for {planned(0).key}" not in log.getvalue() and time.monotonic() < end:
            time.sleep(0.05)

    assert f"0 running, 0 failed, 1 cell is finished and not stored yet, waiting for {planned(0).key}" in log.getvalue()


def test_it_is_not_silent_while_no_cell_ends(
    console: PlainConsole, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SILENCE", 0.2)
    monkeypatch.setattr(module, "LEAST_SILENCE", 0.1)

    with RunProgress(console, 3, 1) as progress:
        progress.show(Started(planned(0)))
        end = time.monotonic() + 30
        while log.getvalue().count("0 of 3 cells done; running: level 0 on ramp") < 3 and time.monotonic() < end:
            time.sleep(0.05)

    assert log.getvalue().count("0 of 3 cells done; running: level 0 on ramp") >= 3


def test_the_time_left_weighs_cells_by_their_expected_times(console: PlainConsole, log: io.StringIO) -> None:
    seconds = {planned(0).key: 1.0, planned(1).key: 2.0, planned(2).key: 6.0, planned(3).key: 100.0}
    work = ExpectedWork(seconds)

    with RunProgress(console, 4, 1, work=work) as progress:
        for event in (Started(planned(0)), finished(planned(0)), Postponed(planned(3), "the disk is full")):
            work.note(event)
            progress.show(event)
        progress.show(Started(planned(1)))
        left = progress.seconds_left(10.0)
        for event in (finished(planned(1)), finished(planned(2), Status.FAILED)):
            work.note(event)
            progress.show(event)

    assert left == pytest.approx(80.0)
    assert progress.seconds_left(10.0) == 0.0


def test_there_is_none_while_other_processes_run_the_cells_that_are_left(
    console: PlainConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE", 0.0)
    progress = RunProgress(console, 2, 1)
    progress.show(Started(planned(0)))
    progress.show(finished(planned(0)))
    waiting = progress.seconds_left(10.0)
    progress.show(Started(planned(1)))

    assert waiting is None
    assert progress.seconds_left(10.0) == pytest.approx(10.0)


def test_the_time_left_is_not_known_before_a_cell_has_ended(console: PlainConsole) -> None:
    progress = RunProgress(console, 1, 1, work=ExpectedWork({planned(0).key: 1.0}))

    assert progress.seconds_left(10.0) is None


def test_an_unsupported_cell_is_a_failed_one_as_in_the_standings(console: PlainConsole, log: io.StringIO) -> None:
    with RunProgress(console, 2, 1) as progress:
        for number, status in enumerate((Status.UNSUPPORTED, Status.FAILED)):
            progress.show(Started(planned(number)))
            progress.show(finished(planned(number), status))

    assert "2 of 2 cells done, 2 failed" in log.getvalue().splitlines()[-1]


def test_what_failed_or_is_still_pending_is_counted(console: PlainConsole, log: io.StringIO) -> None:
    with RunProgress(console, 4, 1) as progress:
        progress.show(finished(planned(0)))
        progress.show(finished(planned(1), Status.FAILED))
        progress.show(Refused(planned(2), BadInput("no such hyperparameter")))
        progress.show(Postponed(planned(3), "the disk is full"))

    text = log.getvalue()
    assert "level 1 on ramp: failed: no luck" in text
    assert "error: level 2: no such hyperparameter" in text
    assert "level 3 on ramp: still pending: the disk is full" in text
    assert "2 of 4 cells done, 1 failed" in text.splitlines()[-1]
    assert "left" not in text.splitlines()[-1]
    assert "1 refused, 1 still pending" in text.splitlines()[-1]


def test_cells_that_are_still_pending_are_listed_by_reason() -> None:
    events = [Postponed(planned(number), "the disk is full") for number in range(12)]

    (line, other) = pending_lines([*events, Refused(planned(20), BadInput("bad")), Postponed(planned(13), "lost")])

    assert line.startswith("still pending: level 0 on ramp, level 1 on ramp")
    assert "and 2 more: the disk is full; the same command runs them again" in line
    assert other == "still pending: level 13 on ramp: lost; the same command runs them again"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 3, 0, 0.0, None), "0 of 3 cells done"),
        ((1, 1, 1, 0.5, 0.0), "1 of 1 cell done, 1 failed, 120 cells/min"),
        ((5000, 5001, 0, 60.0, 0.012), "5,000 of 5,001 cells done, 5,000 cells/min, about 0.0 s left"),
        ((30, 90, 0, 60.0, 120.0), "30 of 90 cells done, 30 cells/min, about 2:00 left"),
        ((1, 2, 0, 7200.0, 7200.0), "1 of 2 cells done, 0.5 cells/h, about 2:00:00 left"),
    ],
)
def test_a_sentence_on_progress(arguments: tuple[int, int, int, float, float | None], text: str) -> None:
    assert progress_sentence(*arguments) == text


def test_no_thread_is_left(console: PlainConsole, tmp_path: Path) -> None:
    import threading

    with RunProgress(console, 1, 1):
        assert "harness-progress" in {thread.name for thread in threading.enumerate()}

    assert "harness-progress" not in {thread.name for thread in threading.enumerate()}
