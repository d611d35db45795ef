"""Parts of a cell in a store: machines share them while the cell is run, and they are removed with its record."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from machines import KEY, Machine, MakeMachine, run_of
from toy_parts import BIG, PARTS, Toys

from harness import Forecast, Journal, StoredCell, StoredPlan
from harness.evaluation.part_run import FoldOfPart, PartRun
from harness.evaluation.parts import Part, PartEnd, PartsPlan
from harness.execution import driver
from harness.execution.driver import drive
from harness.execution.events import Event, Finished
from harness.execution.executors.storing import Storing
from harness.execution.locks import remote as remote_locks
from harness.execution.locks.remote import RemoteLocks
from harness.execution.remote_leftovers import remove_stored_leftovers
from harness.execution.split_cells import remove_leftovers
from harness.forecasters.remote import Elapsed
from harness.results.remote import packs
from harness.results.remote.remote_parts import exchange_parts, push_part, reject_parts, remove_parts
from harness.results.remote.store import Entry, Store
from harness.results.stored_parts import StoredParts, cells_in_parts

FIRST, SECOND, THIRD = Part(0, 2), Part(2, 4), Part(4, 6)
PLAN = PartsPlan((FIRST, SECOND, THIRD), (SECOND,))
ITEMS = ("0-2", "2-4", "4-6", "plan")


def later_plan(name: str) -> PartsPlan:
    """A plan with the same series, and a name of its own."""
    return PartsPlan(*(tuple(replace(part, plan=name) for part in parts) for parts in (PLAN.parts, PLAN.audited)))


def parts_of(machine: Machine, key: str = KEY) -> StoredParts:
    return StoredParts(machine.home, key)


def part_run(value: float = 1 / 3) -> PartRun:
    forecast = Forecast.point([[[value]], [[2 * value]]])
    return PartRun((FoldOfPart(0, Elapsed(), Elapsed(), forecast=forecast),), used=1.0)


def value_of(machine: Machine, part: Part) -> float | None:
    run = parts_of(machine).read(part)
    if run is None:
        return None
    (fold,) = run.folds
    assert fold.forecast is not None
    return float(fold.forecast.mean[0, 0, 0])


def begin(machine: Machine, plan: PartsPlan = PLAN, value: float = 1 / 3, key: str = KEY) -> None:
    """Store a plan and its first part."""
    parts_of(machine, key).write(plan.parts[0], part_run(value))
    parts_of(machine, key).write_plan(plan)
    exchange_parts(machine.remote, key)


def store_part(machine: Machine, part: Part, value: float = 1 / 3) -> None:
    parts_of(machine).write(part, part_run(value))
    push_part(machine.remote, KEY, part)


class TestShared:
    def test_a_machine_reads_the_plan_of_all_cells_and_the_parts_of_its_own(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        begin(a)
        store_part(a, THIRD)

        b.remote.pull()
        assert parts_of(b).plan() == PLAN
        assert parts_of(b).pending(PLAN) == PLAN.parts
        b.remote.pull([KEY])

        assert parts_of(b).pending(PLAN) == (SECOND,)
        assert value_of(b, THIRD) == 1 / 3
        assert sorted(b.store.names("parts")) == [f"parts/{KEY}/{name}/1" for name in ("0-2", "4-6", "plan")]

    def test_of_two_that_store_the_same_part_the_first_counts(
        self, machine: MakeMachine, caplog: pytest.LogCaptureFixture
    ) -> None:
        a, b = machine("a"), machine("b")
        begin(a)
        b.remote.pull()

        store_part(a, SECOND, 1.0)
        store_part(b, SECOND, 2.0)

        assert [value_of(each, SECOND) for each in (a, b)] == [1.0, 1.0]
        assert list(a.store.names(f"parts/{KEY}/2-4")) == [f"parts/{KEY}/2-4/1"]
        assert caplog.messages == []

    def test_of_two_plans_the_first_counts(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")

        begin(a, value=1.0)
        begin(b, PartsPlan((FIRST, Part(2, 6))), value=2.0)

        assert parts_of(b).plan() == PLAN
        assert value_of(b, FIRST) == 1.0

    def test_parts_of_another_plan_are_ignored(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        begin(a, later_plan("a"))
        parts_of(b).write(Part(0, 2, "b"), part_run(2.0))
        parts_of(b).write_plan(later_plan("b"))

        exchange_parts(b.remote, KEY)
        push_part(b.remote, KEY, Part(0, 2, "b"))

        assert parts_of(b).plan() == later_plan("a")
        assert parts_of(b).pending(later_plan("a")) == later_plan("a").parts[1:]
        assert sorted(b.store.names("parts")) == [f"parts/{KEY}/0-2-a/1", f"parts/{KEY}/plan/1"]

    def test_parts_of_an_earlier_run_are_not_those_of_a_later_one(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        begin(a, later_plan("a"), 1.0)
        for part in later_plan("a").parts[1:]:
            store_part(a, part, 1.0)
        b.remote.pull([KEY])  # and then its command was stopped
        a.store_run(run_of())
        remove_parts(a.remote, KEY)

        begin(a, later_plan("b"), 2.0)
        store_part(a, Part(2, 4, "b"), 2.0)
        b.remote.pull([KEY])
        exchange_parts(b.remote, KEY)

        assert [value_of(b, part) for part in later_plan("b").parts] == [2.0, 2.0, None]
        assert parts_of(b).pending(later_plan("b")) == (Part(4, 6, "b"),)
        assert f"parts/{KEY}/4-6-b/1" not in b.store.names()

    def test_what_could_not_be_stored_is_stored_later(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        begin(a)
        parts_of(a).write(SECOND, part_run())  # and then the machine was lost, or the store

        exchange_parts(a.remote, KEY)
        exchange_parts(b.remote, KEY)

        assert parts_of(b).end(SECOND) == PartEnd()

    def test_a_lock_reads_what_others_stored(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        begin(a)
        b.remote.pull()
        locks = RemoteLocks(b.remote)

        assert locks.take(KEY)
        assert parts_of(b).end(FIRST) == PartEnd()
        store_part(a, SECOND)
        assert locks.take(f"{KEY}.{SECOND.name}")
        assert parts_of(b).end(SECOND) == PartEnd()
        store_part(a, THIRD)
        locks.look()
        assert parts_of(b).end(THIRD) == PartEnd()
        locks.close()


class TestDamage:
    @pytest.mark.parametrize("damage", ["truncated", "changed"])
    def test_a_damaged_part_is_evaluated_again(
        self, machine: MakeMachine, caplog: pytest.LogCaptureFixture, damage: str
    ) -> None:
        a, b = machine("a"), machine("b")
        begin(a)
        store_part(a, SECOND)
        name = f"parts/{KEY}/2-4/1"
        content = a.store.read([name])[name]
        changed = content[:-1] + bytes([content[-1] ^ 1])
        a.store.write(name, {"truncated": content[:-9], "changed": changed}[damage])

        exchange_parts(b.remote, KEY)

        assert "is damaged" in caplog.text
        assert parts_of(b).pending(PLAN) == (SECOND, THIRD)
        store_part(b, SECOND, 3.0)
        assert f"parts/{KEY}/2-4/2" in b.store.names()
        a.remote.pull([KEY])
        assert value_of(a, SECOND) == 3.0

    def test_a_part_that_turned_out_to_be_unusable_is_not_read_again(self, folder_machine: MakeMachine) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        begin(a)
        store_part(a, SECOND)
        b.remote.pull([KEY])
        shutil.rmtree(parts_of(b).folder / SECOND.name)  # as what merges the parts does with one that it cannot read

        reject_parts(b.remote, KEY, [SECOND, THIRD])
        exchange_parts(b.remote, KEY)

        assert parts_of(b).pending(PLAN) == (SECOND, THIRD)
        store_part(b, SECOND, 3.0)
        store_part(b, THIRD)
        names = sorted(b.store.names("parts"))
        assert names == [f"parts/{KEY}/{name}/{number}" for name, number in zip(ITEMS, (1, 2, 1, 1), strict=True)]

    def test_a_damaged_plan_is_made_again(self, folder_machine: MakeMachine) -> None:
        a, b = folder_machine("a"), folder_machine("b")
        begin(a)
        a.store.write(f"parts/{KEY}/plan/1", b"")

        b.remote.pull()
        begin(b)

        assert f"parts/{KEY}/plan/2" in b.store.names()


class TestDriven:
    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote_locks, "LOOK", 0.0)
        monkeypatch.setattr(driver, "POLL", 0.02)

    @staticmethod
    def driven(machine: Machine, toys: Toys) -> list[Event]:
        """The events of a run of the cell on a machine."""
        journal, locks = Journal(machine.home), RemoteLocks(machine.remote)
        return list(drive([BIG], Storing(toys, machine.remote), journal, locks))

    def test_two_machines_evaluate_each_part_once(self, machine: MakeMachine) -> None:
        machines = [machine(name) for name in "ab"]
        toys = [Toys(each.home, slots=1, seconds=0.2) for each in machines]

        with ThreadPoolExecutor(2) as threads:
            events = list(threads.map(self.driven, machines, toys))

        assert sorted(toys[0].parts() + toys[1].parts()) == list(PARTS)
        ran_here = [event.ran_here for told in events for event in told if isinstance(event, Finished)]
        assert sorted(ran_here) == [False, True]
        assert [name for name in machines[0].store.names() if not name.startswith("leases")] == [f"cells/{BIG.key}/1"]
        for each in machines:
            each.remote.pull()  # one may have read the run before the other one removed the parts
        assert [cells_in_parts(each.home) for each in machines] == [[], []]
        assert [each.journal.has(BIG.key) for each in machines] == [True, True]

    def test_a_machine_goes_on_without_the_part_that_is_damaged(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        stored = parts_of(a, BIG.key)
        stored.write_plan(PartsPlan(PARTS))
        for part in PARTS[:2]:
            stored.write(part, PartRun())
        exchange_parts(a.remote, BIG.key)
        a.store.write(f"parts/{BIG.key}/{PARTS[1].name}/1", b"damaged")
        toys = Toys(b.home, slots=1)

        b.remote.pull()
        self.driven(b, toys)

        assert toys.parts() == [*PARTS[1:]]
        assert list(b.store.names()) == [f"cells/{BIG.key}/1"]


class TestRemoved:
    def test_those_that_were_never_stored_with_the_run_of_another_machine(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        parts_of(b).write(FIRST, part_run())  # in an outage
        parts_of(b).write_plan(PLAN)
        a.store_run(run_of())

        b.remote.pull()
        locks = RemoteLocks(b.remote)
        remove_leftovers(b.journal, [], locks)
        locks.close()

        assert cells_in_parts(b.home) == []
        assert list(b.store.names("parts")) == []

    def test_with_the_record_of_the_cell(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        begin(a)
        b.remote.pull([KEY])
        parts_of(b).write(SECOND, part_run())

        a.store_run(run_of())
        remove_parts(a.remote, KEY)
        push_part(b.remote, KEY, SECOND)
        b.remote.pull([KEY])
        push_part(b.remote, KEY, SECOND)  # too late

        assert [cells_in_parts(each.home) for each in (a, b)] == [[], []]
        remove_stored_leftovers(b.remote)
        assert list(b.store.names()) == [f"cells/{KEY}/1"]
        assert b.journal.read(KEY) is not None
        assert not (b.home / "removed").exists()

    def test_leftovers_are_those_of_finished_cells_and_of_cells_on_no_board(self, machine: MakeMachine) -> None:
        a, b = machine("a"), machine("b")
        finished, pending, running, abandoned = (f"{i:032x}" for i in range(4))
        for key in (finished, pending, running, abandoned):
            begin(a, key=key)
        a.store_run(run_of(finished))
        cells = (StoredCell(pending, "theta", "toy", "aa"),)
        StoredPlan("toys", "Toys", "", "MAE", "theta", cells, ("theta",)).save(a.home)
        a.remote.push_pending()
        locks = RemoteLocks(a.remote)
        assert locks.take(f"{running}")

        b.remote.pull()
        remove_stored_leftovers(b.remote)

        assert {name.split("/")[1] for name in b.store.names("parts")} == {pending, running}
        locks.close()
        remove_stored_leftovers(b.remote)
        assert {name.split("/")[1] for name in b.store.names("parts")} == {pending}
        a.remote.pull()
        assert cells_in_parts(a.home) == [pending]

    def test_locks_of_finished_cells_go_when_their_owner_has_no_lease(self, machine: MakeMachine) -> None:
        a = machine("a")
        finished, pending = (f"{i:032x}" for i in range(2))
        a.store_run(run_of(finished))
        locks = RemoteLocks(a.remote)
        for key in (f"{finished}.2-5", finished, f"{pending}.2-5"):
            assert locks.take(key)
        a.store.create(f"locks/{finished}.5-8/1", b"killed")
        a.store.create(f"locks/{pending}.5-8/1", b"killed")

        remove_stored_leftovers(a.remote)

        left = {f"{finished}.2-5", finished, f"{pending}.2-5", f"{pending}.5-8"}
        assert {name.split("/")[1] for name in a.store.names("locks")} == left
        locks.close()

    def test_locks_that_a_living_process_took_over_stay(self, machine: MakeMachine) -> None:
        a = machine("a")
        a.store_run(run_of())
        a.store.create(f"locks/{KEY}/1", b"killed")
        locks = RemoteLocks(a.remote)
        locks.look()
        assert locks.take(KEY)

        remove_stored_leftovers(a.remote)

        assert set(a.store.names("locks")) == {f"locks/{KEY}/1", f"locks/{KEY}/2"}
        locks.close()
        assert list(a.store.names("locks")) == []

    def test_they_are_in_no_pack(self, folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packs, "FEWEST", 1)
        a = folder_machine("a")
        begin(a)

        a.remote.write_packs()

        assert list(a.store.names("packs")) == []


def test_what_is_stored_during_a_listing_is_not_taken_for_removed(
    folder_machine: MakeMachine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    a = folder_machine("a")
    entries = type(a.store).entries

    def late(store: Store, prefix: str = "") -> Mapping[str, Entry]:
        listed = entries(store, prefix)  # type: ignore[arg-type]
        monkeypatch.undo()
        a.store_run(run_of())  # as the thread of another cell does
        return listed

    monkeypatch.setattr(type(a.store), "entries", late)
    a.remote.pull()

    assert a.journal.read(KEY) is not None
    assert caplog.messages == []
