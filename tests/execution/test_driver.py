"""Executors are chosen by name, and the driver takes any of them through the pending cells."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness import BadInput, Run, Status, Task
from harness.boards.planning import PlannedCell
from harness.errors import InfrastructureFault, UnknownName
from harness.evaluation.run import Cell
from harness.execution import awaited_owners, driver, finished_elsewhere
from harness.execution.driver import drive
from harness.execution.events import Finished, Postponed, Refused, Started, Waiting
from harness.execution.executors import table as executors
from harness.execution.executors.in_process import InProcess
from harness.execution.executors.table import executor_name, make_executor
from harness.execution.locks.local import CellLocks
from harness.execution.options import CellOptions
from harness.report.progress.run_progress import RunProgress
from harness.results.journal import Journal
from harness.tasks.protocols import RollingOrigin


def planned(seed: int, forecaster: str = "level") -> PlannedCell:
    cell = Cell(Task("ramp", RollingOrigin(1)), forecaster, {}, seed)
    return PlannedCell(cell.key("aa", "toys==1"), forecaster, "ramp", cell, "aa")


CELLS = [planned(seed) for seed in range(3)]


class Recorder:
    """An executor that evaluates nothing: each cell's run is written, or raises what `error` says."""

    def __init__(
        self, home: Path, cells: Sequence[PlannedCell] = (), jobs: int = 1, options: CellOptions | None = None
    ) -> None:
        self.slots, self.home, self.closed = jobs, home, False
        self.error: Callable[[PlannedCell], BaseException | None] = lambda planned: None

    def has_room(self, planned: PlannedCell) -> bool:
        return True

    def submit(self, planned: PlannedCell) -> Future[Run]:
        future: Future[Run] = Future()
        error = self.error(planned)
        if error is not None:
            future.set_exception(error)
            return future
        run = Run(planned.cell, Status.COMPLETED, planned.key)
        Journal(self.home).write(run)
        future.set_result(run)
        return future

    def close(self) -> None:
        self.closed = True


class TestExecutors:
    @pytest.mark.parametrize(("jobs", "name"), [(0, "in-process"), (1, "local"), (8, "local"), (None, "local")])
    def test_the_number_of_jobs_chooses_one(self, jobs: int | None, name: str) -> None:
        assert executor_name(jobs) == name

    def test_it_is_made_by_its_name(self, tmp_path: Path) -> None:
        made = make_executor("in-process", tmp_path, CELLS)

        assert isinstance(made, InProcess)
        assert made.home == tmp_path.resolve()

    def test_an_unknown_name_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UnknownName, match="no executor called 'locl'; did you mean 'local'"):
            make_executor("locl", tmp_path, CELLS)

    def test_another_one_is_a_class_and_an_entry(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(executors, "EXECUTORS", {**executors.EXECUTORS, "recorder": Recorder})

        events = list(drive(CELLS, make_executor("recorder", tmp_path, CELLS, 2), Journal(tmp_path)))

        assert [event.planned for event in events if isinstance(event, Started)] == CELLS
        assert sorted(Journal(tmp_path).keys()) == sorted(cell.key for cell in CELLS)


class TestDriver:
    def test_at_the_end_the_executor_is_closed_and_no_lock_is_left(self, tmp_path: Path) -> None:
        executor = Recorder(tmp_path)

        list(drive(CELLS, executor, Journal(tmp_path)))

        assert executor.closed
        assert list((tmp_path / "journal" / "locks").iterdir()) == []

    def test_so_they_are_when_it_is_closed_before(self, tmp_path: Path) -> None:
        executor = Recorder(tmp_path)
        events = drive(CELLS, executor, Journal(tmp_path))
        next(events)

        events.close()

        assert executor.closed
        assert list((tmp_path / "journal" / "locks").iterdir()) == []

    def test_a_cell_that_is_recorded_meanwhile_is_not_run(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path)
        journal.write(Run(CELLS[0].cell, Status.FAILED, CELLS[0].key))

        (event,) = drive(CELLS[:1], Recorder(tmp_path), journal)

        assert isinstance(event, Finished)
        assert not event.ran_here
        assert event.run.status is Status.FAILED

    def test_one_that_was_recorded_before_is_run_again(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path)
        journal.write(Run(CELLS[0].cell, Status.FAILED, CELLS[0].key))
        again = replace(CELLS[0], recorded=journal.modified(CELLS[0].key))

        started, finished = drive([again], Recorder(tmp_path), journal)

        assert isinstance(started, Started)
        assert isinstance(finished, Finished)
        assert finished.ran_here
        assert finished.run.status is Status.COMPLETED

    def test_one_whose_record_was_moved_away_meanwhile_is_run(self, tmp_path: Path) -> None:
        found = replace(CELLS[0], recorded=123)

        started, finished = drive([found], Recorder(tmp_path), Journal(tmp_path))

        assert isinstance(started, Started)
        assert isinstance(finished, Finished)
        assert finished.ran_here

    def test_one_whose_record_is_damaged_when_it_is_read_is_run(self, tmp_path: Path) -> None:
        record = tmp_path / "journal" / "cells" / CELLS[0].key / "record.json"
        record.parent.mkdir(parents=True)
        record.write_text("{", encoding="utf-8")

        *_, finished = drive(CELLS[:1], Recorder(tmp_path), Journal(tmp_path))

        assert isinstance(finished, Finished)
        assert finished.ran_here

    def test_a_cell_that_another_process_has_locked_is_awaited(self, tmp_path: Path) -> None:
        journal, other = Journal(tmp_path), CellLocks(tmp_path)
        other._owner = "elsewhere 1"
        other.take(CELLS[0].key)
        events = drive(CELLS[:2], Recorder(tmp_path), journal)

        first = [next(events), next(events)]
        journal.write(Run(CELLS[0].cell, Status.COMPLETED, CELLS[0].key))
        last = list(events)

        other.close()
        assert [event.planned for event in first] == [CELLS[1], CELLS[1]]
        assert [event.planned for event in last] == [CELLS[0]]
        assert not any(isinstance(event, Started) for event in last)

    def test_cells_that_another_process_finishes_are_done_before_their_turn(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finished_elsewhere, "INTERVAL", 0.0)
        monkeypatch.setattr(finished_elsewhere, "SHARE", float("inf"))
        cells, journal = [planned(seed) for seed in range(6)], Journal(tmp_path)
        cells[5] = replace(cells[5], recorded=1)  # --rerun
        other = CellLocks(tmp_path)
        other._owner = "elsewhere 1"
        other.take(cells[1].key)
        events = drive(cells, Recorder(tmp_path), journal)

        begun = [next(events)]
        for cell in (cells[1], cells[4], cells[5]):
            journal.write(Run(cell.cell, Status.COMPLETED, cell.key))
        rest = list(events)

        other.close()
        ends = [(event.planned.cell.seed, event.ran_here) for event in rest if isinstance(event, Finished)]
        started = [event.planned.cell.seed for event in [*begun, *rest] if isinstance(event, Started)]
        assert ends == [(0, True), (1, False), (4, False), (5, False), (2, True), (3, True)]
        assert started == [0, 2, 3]
        assert list((tmp_path / "journal" / "locks").iterdir()) == []

    def test_for_whom_it_waits_is_said_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(driver, "PATIENCE", 0.02)
        monkeypatch.setattr(driver, "POLL", 0.01)
        journal, other = Journal(tmp_path), CellLocks(tmp_path)
        other._owner = "elsewhere 1"
        for cell in CELLS[:2]:
            other.take(cell.key)
        events = drive(CELLS[:2], Recorder(tmp_path), journal)
        printed = io.StringIO()

        with RunProgress(Console(width=200, file=printed), 2) as progress:
            progress.show(waiting := next(events))
            for cell in CELLS[:2]:
                journal.write(Run(cell.cell, Status.COMPLETED, cell.key))
            rest = list(events)

        other.close()
        assert waiting == Waiting("process 1 on elsewhere", tuple(CELLS[:2]))
        assert not any(isinstance(event, Waiting) for event in rest)
        assert printed.getvalue().count("waiting for process 1 on elsewhere, which runs level on ramp and 1 more") == 1

    def test_it_takes_over_no_more_cells_than_it_has_slots_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(driver, "PATIENCE", 0.0)
        monkeypatch.setattr(driver, "POLL", 0.01)
        other, locks, held = CellLocks(tmp_path), CellLocks(tmp_path), list[int]()
        other._owner = "elsewhere 1"
        for cell in CELLS:
            other.take(cell.key)

        class Watched(Recorder):
            def submit(self, planned: PlannedCell) -> Future[Run]:
                held.append(len(locks._held))
                return super().submit(planned)

        events = drive(CELLS, Watched(tmp_path), Journal(tmp_path), locks)
        assert isinstance(next(events), Waiting)
        other.close()
        finished = [event.planned for event in events if isinstance(event, Finished)]

        assert finished == CELLS
        assert held == [1, 1, 1]

    def test_that_it_gives_no_sign_is_said_with_the_time_until_its_cells_are_taken_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(driver, "PATIENCE", 0.02)
        monkeypatch.setattr(awaited_owners, "NO_SIGN", 0.1)
        monkeypatch.setattr(driver, "POLL", 0.01)
        journal, other = Journal(tmp_path), CellLocks(tmp_path)
        other._owner = "elsewhere 1"
        other.take(CELLS[0].key)
        events = drive(CELLS[:1], Recorder(tmp_path), journal)
        printed = io.StringIO()

        with RunProgress(Console(width=200, file=printed), 1) as progress:
            waiting, silent = next(events), next(events)
            progress.show(silent)
            journal.write(Run(CELLS[0].cell, Status.COMPLETED, CELLS[0].key))
            rest = list(events)

        other.close()
        assert isinstance(waiting, Waiting)
        assert waiting.silent_for == 0.0
        assert isinstance(silent, Waiting)
        assert silent.silent_for > 0.1
        assert not any(isinstance(event, Waiting) for event in rest)
        assert re.search(
            r"waiting for process 1 on elsewhere, which runs level on ramp: last sign \d+\.\d s ago; without another "
            r"one, its cells are taken over in (1:00|\d+ s)",
            printed.getvalue(),
        )

    def test_a_cell_that_could_not_be_run_stays_pending_with_the_reason(self, tmp_path: Path) -> None:
        executor = Recorder(tmp_path)
        executor.error = lambda cell: InfrastructureFault("killed") if cell == CELLS[0] else None

        _, first, _, second, _, third = drive(CELLS, executor, Journal(tmp_path))

        assert first == Postponed(CELLS[0], "killed")
        assert [type(second), type(third)] == [Finished, Finished]
        assert not Journal(tmp_path).has(CELLS[0].key)

    def test_a_forecaster_that_can_never_be_run_does_not_stop_the_others(self, tmp_path: Path) -> None:
        cells = [*(planned(seed) for seed in range(8)), planned(8, "other"), planned(9), planned(10, "other")]
        executor = Recorder(tmp_path)
        executor.error = lambda cell: InfrastructureFault("killed") if cell.cell.forecaster == "level" else None

        events = list(drive(cells, executor, Journal(tmp_path)))

        started = [event.planned.cell.seed for event in events if isinstance(event, Started)]
        reasons = [event.reason for event in events if isinstance(event, Postponed)]
        assert started == [0, 1, 2, 3, 4, 8, 10]
        assert reasons == ["killed"] * 5 + ["not started, because 5 cells of level in a row could not be run"] * 4

    def test_where_no_forecaster_can_be_run_the_rest_is_not_started(self, tmp_path: Path) -> None:
        cells = [planned(seed, f"forecaster {seed}") for seed in range(8)]
        executor = Recorder(tmp_path)
        executor.error = lambda cell: InfrastructureFault("disk full")

        events = list(drive(cells, executor, Journal(tmp_path)))

        reasons = [event.reason for event in events if isinstance(event, Postponed)]
        assert reasons == ["disk full"] * 5 + ["not started, because 5 cells in a row could not be run"] * 3

    @pytest.mark.parametrize(
        ("error", "kind"), [(BadInput("no such hyperparameter"), Refused), (OSError("full"), Postponed)]
    )
    def test_a_cell_that_cannot_be_recorded_is_not(
        self, tmp_path: Path, error: Exception, kind: type[Refused] | type[Postponed]
    ) -> None:
        executor = Recorder(tmp_path)
        executor.error = lambda cell: error

        events = [event for event in drive(CELLS, executor, Journal(tmp_path)) if not isinstance(event, Started)]

        assert [type(event) for event in events] == [kind] * 3
        assert list(Journal(tmp_path).keys()) == []
