"""The driver takes the parts of a cell as it takes cells: several at a time, shared with other processes."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from toy_parts import BIG, PARTS, SMALL, Toys

from harness import BadInput, Run, Status, StoredCell, StoredPlan
from harness.data.storage import write_checked_json
from harness.errors import InfrastructureFault
from harness.evaluation.part_run import PartRun
from harness.evaluation.parts import Part, PartEnd, PartsPlan
from harness.execution.driver import drive
from harness.execution.events import Event, Finished, PartsDone, Postponed, Refused, Started, Waiting
from harness.execution.locks.local import CellLocks
from harness.results.journal import Journal
from harness.results.stored_parts import StoredParts, cells_in_parts


def board(home: Path, name: str, key: str) -> Path:
    """The file of the plan of a board with this cell."""
    StoredPlan(name, name, "", "MAE", "level", (StoredCell(key, "level", "ramp", "aa"),), ("level",)).save(home)
    return home / "boards" / name / "plan.json"


def kinds(events: list[Event]) -> list[tuple[str, str]]:
    return [(type(event).__name__, event.planned.key) for event in events if not isinstance(event, PartsDone | Waiting)]


class TestOneProcess:
    def test_all_parts_are_evaluated_and_the_cell_is_shown_once(self, tmp_path: Path) -> None:
        toys = Toys(tmp_path)

        events = list(drive([BIG, SMALL], toys, Journal(tmp_path)))

        assert sorted(toys.parts()) == list(PARTS)
        assert sorted(kinds(events)) == sorted(
            (kind, cell.key) for kind in ("Started", "Finished") for cell in (BIG, SMALL)
        )
        assert sorted(Journal(tmp_path).keys()) == sorted([BIG.key, SMALL.key])
        assert list((tmp_path / "journal" / "locks").iterdir()) == []

    def test_how_many_parts_are_done_is_told(self, tmp_path: Path) -> None:
        StoredParts(tmp_path, BIG.key).write_plan(PartsPlan(PARTS))
        StoredParts(tmp_path, BIG.key).write(PARTS[1], PartRun())

        events = list(drive([BIG], Toys(tmp_path, slots=1), Journal(tmp_path)))

        told = [(event.done, event.parts) for event in events if isinstance(event, PartsDone)]
        assert told == [(1, 4), (2, 4), (3, 4)]  # and then the run of the cell is made

    def test_parts_are_evaluated_at_the_same_time(self, tmp_path: Path) -> None:
        toys = Toys(tmp_path, slots=3, seconds=0.2)

        list(drive([BIG], toys, Journal(tmp_path)))

        assert toys.most == 3

    def test_it_goes_on_with_the_parts_that_are_not_stored(self, tmp_path: Path) -> None:
        stored = StoredParts(tmp_path, BIG.key)
        stored.write_plan(PartsPlan(PARTS))
        stored.write(PARTS[1], PartRun())

        toys = Toys(tmp_path)
        list(drive([BIG], toys, Journal(tmp_path)))

        assert sorted(toys.parts()) == [PARTS[0], PARTS[2], PARTS[3]]
        assert cells_in_parts(tmp_path) == []

    def test_after_a_failure_no_later_part_is_started(self, tmp_path: Path) -> None:
        toys = Toys(tmp_path, slots=1)
        toys.failing = PARTS[1]

        events = list(drive([BIG], toys, Journal(tmp_path)))

        assert toys.parts() == [PARTS[0], PARTS[1]]
        assert isinstance(events[-1], Finished)

    @pytest.mark.parametrize(
        ("error", "event"), [(InfrastructureFault("full"), Postponed), (BadInput("wrong"), Refused)]
    )
    def test_a_part_that_cannot_be_evaluated_leaves_the_cell_pending(
        self, tmp_path: Path, error: Exception, event: type[Event]
    ) -> None:
        toys = Toys(tmp_path, slots=1)
        toys.error = lambda planned: error if planned.part == PARTS[1] else None

        events = list(drive([BIG, SMALL], toys, Journal(tmp_path)))

        assert [type(each) for each in events if not isinstance(each, Started | PartsDone)] == [event, Finished]
        assert StoredParts(tmp_path, BIG.key).end(PARTS[0]) == PartEnd()
        assert list((tmp_path / "journal" / "locks").iterdir()) == []

    @pytest.mark.parametrize("method", ["take", "look"])
    def test_where_locks_are_out_of_reach_the_cell_stays_pending(self, tmp_path: Path, method: str) -> None:
        class Unreachable(CellLocks):
            """Locks that do not answer once a cell is in parts."""

            def take(self, key: str) -> bool:
                if "." in key and method == "take":
                    raise InfrastructureFault("no answer")
                return super().take(key)

            def look(self) -> None:
                if method == "look" and cells_in_parts(tmp_path):
                    raise InfrastructureFault("no answer")

        events = list(drive([BIG, SMALL], Toys(tmp_path, slots=1), Journal(tmp_path), Unreachable(tmp_path)))

        (postponed,) = [event for event in events if isinstance(event, Postponed)]
        assert (postponed.planned, postponed.reason) == (BIG, "no answer")
        assert list(Journal(tmp_path).keys()) == [SMALL.key]
        assert list((tmp_path / "journal" / "locks").iterdir()) == []

    def test_parts_of_finished_cells_and_of_cells_on_no_board_are_removed(self, tmp_path: Path) -> None:
        for key in (SMALL.key, "unfinished", "abandoned", "running"):
            StoredParts(tmp_path, key).write(PARTS[0], PartRun())
        Journal(tmp_path).write(Run(SMALL.cell, Status.COMPLETED, SMALL.key))
        board(tmp_path, "first", "unfinished")
        other = CellLocks(tmp_path)
        other.take("running")

        list(drive([BIG], Toys(tmp_path), Journal(tmp_path), CellLocks(tmp_path)))
        other.close()

        assert sorted(cells_in_parts(tmp_path)) == ["running", "unfinished"]

    def test_parts_are_kept_where_a_board_cannot_be_read(self, tmp_path: Path) -> None:
        StoredParts(tmp_path, "unknown").write(PARTS[0], PartRun())
        path = board(tmp_path, "later", "unknown")
        write_checked_json(path, {}, 99)

        list(drive([BIG], Toys(tmp_path), Journal(tmp_path)))

        assert cells_in_parts(tmp_path) == ["unknown"]


class TestTwoProcesses:
    def test_another_one_helps_with_the_parts_of_a_cell(self, tmp_path: Path) -> None:
        first, second = Toys(tmp_path, slots=1, seconds=0.4), Toys(tmp_path, slots=1, seconds=0.4)
        told: dict[str, list[Event]] = {}

        def run(name: str, toys: Toys) -> None:
            told[name] = list(drive([BIG], toys, Journal(tmp_path)))

        threads = [threading.Thread(target=run, args=pair) for pair in (("first", first), ("second", second))]
        threads[0].start()
        time.sleep(0.2)
        threads[1].start()
        for thread in threads:
            thread.join()

        assert sorted([*first.parts(), *second.parts()]) == list(PARTS)
        assert second.parts()
        assert [event.ran_here for event in told["first"] if isinstance(event, Finished)] == [True]
        assert [event.ran_here for event in told["second"] if isinstance(event, Finished)] == [False]
        assert cells_in_parts(tmp_path) == []

    def test_it_takes_the_cell_over_where_the_owner_is_gone(self, tmp_path: Path) -> None:
        stored, owner = StoredParts(tmp_path, BIG.key), CellLocks(tmp_path)
        stored.write_plan(PartsPlan(PARTS))
        assert owner.take(BIG.key)
        assert owner.take(f"{BIG.key}.{PARTS[3].name}")
        toys = Toys(tmp_path, slots=1, seconds=0.1)
        events: list[Event] = []
        thread = threading.Thread(target=lambda: events.extend(drive([BIG], toys, Journal(tmp_path))))
        thread.start()
        while len(toys.parts()) < 3:
            time.sleep(0.05)

        owner.close()  # it was killed, and its locks are stale
        thread.join()

        assert sorted(toys.parts()) == list(PARTS)
        assert [event.ran_here for event in events if isinstance(event, Finished)] == [True]
        assert sum(isinstance(event, Started) for event in events) == 1

    def test_it_does_not_take_over_a_cell_that_its_owner_has_just_finished(self, tmp_path: Path) -> None:
        stored, owner = StoredParts(tmp_path, BIG.key), CellLocks(tmp_path)
        stored.write_plan(PartsPlan(PARTS))
        assert owner.take(BIG.key)
        assert owner.take(f"{BIG.key}.{PARTS[3].name}")
        toys = Toys(tmp_path, slots=1, seconds=0.0)

        class Late(CellLocks):
            """Locks of a process that learns late that the owner has made the run and released the cell."""

            def take(self, key: str) -> bool:
                if key == BIG.key and len(toys.parts()) == 3:
                    Journal(tmp_path).write(Run(BIG.cell, Status.FAILED, BIG.key))
                    stored.remove()
                    owner.close()
                return super().take(key)

        events = list(drive([BIG], toys, Journal(tmp_path), Late(tmp_path)))

        assert [event.ran_here for event in events if isinstance(event, Finished)] == [False]
        assert BIG not in toys.done

    def test_one_that_helps_waits_for_the_owner_at_the_end(self, tmp_path: Path) -> None:
        stored, owner = StoredParts(tmp_path, BIG.key), CellLocks(tmp_path)
        stored.write_plan(PartsPlan(PARTS))
        assert owner.take(BIG.key)
        toys = Toys(tmp_path, slots=1, seconds=0.0)
        events: list[Event] = []
        thread = threading.Thread(target=lambda: events.extend(drive([BIG], toys, Journal(tmp_path))))
        thread.start()
        while not any(isinstance(event, Waiting) for event in events):
            time.sleep(0.05)

        Journal(tmp_path).write(Run(BIG.cell, Status.FAILED, BIG.key))
        thread.join()
        owner.close()

        assert sorted(toys.parts()) == list(PARTS)
        (finished,) = [event for event in events if isinstance(event, Finished)]
        assert not finished.ran_here


def test_a_part_is_told_by_its_series() -> None:
    part = replace(BIG, part=Part(3, 9))

    assert part != BIG
    assert part.part is not None
    assert part.part.name == "3-9"
