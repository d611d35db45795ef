"""Locks in a store: which processes are gone, and what is read with a lock; test_locks.py has what holds of all."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from lock_holder import Holder
from machines import KEY, Clock, Machine, run_of, wait_for

from harness.execution import recorder as recorder_module
from harness.execution.activity import STALE, Activity, read_activity
from harness.execution.locks import remote as remote_locks
from harness.execution.locks.remote import RemoteLocks
from harness.execution.locks.stored import remote_activities
from harness.execution.recorder import Recorder
from harness.execution.remote_leftovers import remove_stored_leftovers
from harness.results.remote import patience
from harness.results.remote.opening import open_store
from harness.results.remote.store import Entry, StoreUnavailable

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only a minute tells that a process is gone")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are not limited in number."""
    monkeypatch.setattr(remote_locks, "LOOK", 0.0)


@pytest.fixture
def locks(tmp_path: Path, url: str) -> Iterator[Callable[[str], RemoteLocks]]:
    made: list[RemoteLocks] = []

    def make(name: str) -> RemoteLocks:
        made.append(RemoteLocks(Machine(tmp_path / name, open_store(url)).remote))
        return made[-1]

    yield make
    for each in made:
        each.close()


MakeLocks = Callable[[str], RemoteLocks]


@pytest.fixture
def folder_locks(tmp_path: Path) -> Iterator[MakeLocks]:
    made: list[RemoteLocks] = []

    def make(name: str) -> RemoteLocks:
        made.append(RemoteLocks(Machine(tmp_path / name, open_store(f"file://{tmp_path}/store")).remote))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    made = Holder(tmp_path / "holder", f"file://{tmp_path}/store")
    yield made
    made.kill()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(remote_locks, "time", made)
    return made


class TestTwoMachines:
    def test_closing_leaves_nothing(self, locks: MakeLocks) -> None:
        a = locks("a")
        a.take(KEY)

        a.close()

        assert a.store.names() == {}

    def test_a_result_that_was_stored_meanwhile_is_read(self, locks: MakeLocks, tmp_path: Path, url: str) -> None:
        a, b = Machine(tmp_path / "a", open_store(url)), locks("b")
        a.store_run(run_of())

        assert b.take(KEY)

        assert Machine(tmp_path / "b", open_store(url)).journal.read(KEY) is not None

    def test_looking_reads_what_others_stored(self, locks: MakeLocks, tmp_path: Path, url: str) -> None:
        a, b = Machine(tmp_path / "a", open_store(url)), locks("b")
        a.store_run(run_of())

        b.look()

        assert Machine(tmp_path / "b", open_store(url)).journal.read(KEY) is not None

    def test_finished_cells_are_read_by_a_list_of_cells(
        self, locks: MakeLocks, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = Machine(tmp_path / "a", open_store(url)), locks("b")
        journal, listed, entries = Machine(tmp_path / "b", open_store(url)).journal, list[str](), b.store.entries
        monkeypatch.setattr(b.store, "entries", lambda prefix="": listed.append(prefix) or entries(prefix))
        a.store_run(run_of())

        b.read_finished()

        assert journal.read(KEY) is not None
        assert listed == ["cells"]

    def test_a_lock_that_was_released_is_removed_without_a_look(
        self, locks: MakeLocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote_locks, "HEARTBEAT", 1000.0)
        mine = locks("a")
        mine.take(KEY)

        mine.release(KEY)

        wait_for(lambda: not mine.store.names("locks"))

    def test_looks_that_take_long_are_rare(
        self, folder_locks: MakeLocks, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote_locks, "LOOK", 5.0)
        mine = folder_locks("a")
        looks, entries = list[float](), mine.store.entries

        def slow(prefix: str = "") -> Mapping[str, Entry]:
            if not prefix:
                looks.append(clock.now)
                clock.now += 6.0
            return entries(prefix)

        monkeypatch.setattr(mine.store, "entries", slow)

        while clock.now < 1000.0 + 100.0:
            mine.look()
            clock.now += 0.5

        assert looks == [1000.0, 1036.0, 1072.0]


class TestGone:
    @linux
    def test_the_lock_of_a_killed_process_is_replaced(self, folder_locks: MakeLocks, holder: Holder) -> None:
        assert holder.ask(f"take {KEY}") == "True"
        mine = folder_locks("a")
        assert not mine.take(KEY)

        holder.kill()

        assert mine.take(KEY)
        mine.look()
        assert list(mine.store.names("leases")) == [f"leases/{mine.token}"]
        mine.release(KEY)
        mine.look()
        assert list(mine.store.names("locks")) == []

    def test_a_process_whose_counter_stands_still_is_gone_whatever_it_says(
        self, folder_locks: MakeLocks, clock: Clock
    ) -> None:
        mine = folder_locks("a")
        lease = {"host": "elsewhere", "process": os.getpid(), "identity": "pid:[1] another-boot 5", "counter": 7}
        mine.store.write("leases/other", json.dumps(lease).encode())
        mine.store.create(f"locks/{KEY}/1", b"other")

        assert not mine.take(KEY)
        mine.look()
        assert not mine.take(KEY)
        clock.now += STALE + 1
        assert mine.take(KEY)

    def test_a_process_whose_counter_rises_is_not(self, folder_locks: MakeLocks, clock: Clock) -> None:
        mine = folder_locks("a")
        mine.store.create(f"locks/{KEY}/1", b"other")
        taken = set()

        for counter in range(8):
            lease = {"host": "h", "process": 1, "identity": "", "counter": counter}
            mine.store.write("leases/other", json.dumps(lease).encode())
            mine.look()
            taken.add(mine.take(KEY))
            clock.now += STALE / 2

        assert taken == {False}

    def test_a_counter_that_rose_since_the_last_look_is_read_again(self, folder_locks: MakeLocks, clock: Clock) -> None:
        mine = folder_locks("a")
        mine.store.create(f"locks/{KEY}/1", b"other")
        lease = {"host": "h", "process": 1, "identity": ""}
        mine.store.write("leases/other", json.dumps({**lease, "counter": 1}).encode())
        assert not mine.take(KEY)

        clock.now += STALE + 1
        mine.store.write("leases/other", json.dumps({**lease, "counter": 2}).encode())

        assert not mine.take(KEY)

    def test_a_process_without_a_lease_is_gone(self, folder_locks: MakeLocks) -> None:
        mine = folder_locks("a")
        mine.store.create(f"locks/{KEY}/1", b"other")
        assert not mine.take(KEY)

        assert mine.take(KEY)

    def test_of_two_that_find_it_gone_one_takes_it(self, folder_locks: MakeLocks) -> None:
        a, b = folder_locks("a"), folder_locks("b")
        a.store.create(f"locks/{KEY}/1", b"other")
        a.look()
        b.look()

        assert [a.take(KEY), b.take(KEY)] == [True, False]

    def test_one_that_did_not_look_does_not_take_it_then(self, folder_locks: MakeLocks) -> None:
        a, b = folder_locks("a"), folder_locks("b")
        a.store.create(f"locks/{KEY}/1", b"other")
        a.look()
        assert a.take(KEY)
        a.look()

        assert not b.take(KEY)
        assert b.owner(KEY).startswith(f"process {os.getpid()}")

    def test_nor_where_the_first_try_is_answered_too_late(
        self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patience, "PAUSE", 0.01)
        a, b = folder_locks("a"), folder_locks("b")
        a.store.create(f"locks/{KEY}/1", b"other")
        a.look()
        create = a.store.create

        def late(name: str, content: bytes) -> bool:
            monkeypatch.setattr(a.store, "create", create)
            create(name, content)
            raise StoreUnavailable("no answer", may_pass=True)

        monkeypatch.setattr(a.store, "create", late)

        assert a.take(KEY)

        a.look()
        assert not b.take(KEY)
        a.release(KEY)
        a.look()
        assert list(a.store.names("locks")) == []

    def test_a_lock_that_was_taken_over_and_released_can_be_taken_again_at_once(self, folder_locks: MakeLocks) -> None:
        a, b = folder_locks("a"), folder_locks("b")
        a.store.create(f"locks/{KEY}/1", b"other")
        a.look()
        a.take(KEY)
        a.release(KEY)

        assert a.take(KEY)

        a.look()
        assert not b.take(KEY)

    def test_a_process_that_lost_its_lock_while_it_was_silent_leaves_it_to_the_next_one(
        self, folder_locks: MakeLocks, clock: Clock
    ) -> None:
        a, b, c = folder_locks("a"), folder_locks("b"), folder_locks("c")
        a._lease = replace(a._lease, identity="pid:[1] another-boot 5")  # as on another machine
        a._write_lease()
        a.take(KEY)
        b.look()
        clock.now += STALE + 1
        assert b.take(KEY)
        a._write_lease()  # it goes on
        b._write_lease()

        a.release(KEY)
        a.look()

        assert not c.take(KEY)
        b.release(KEY)
        b.look()
        assert list(b.store.names("locks")) == []

    def test_one_that_goes_on_keeps_its_lease_and_its_other_locks(self, folder_locks: MakeLocks, clock: Clock) -> None:
        a, b, c = folder_locks("a"), folder_locks("b"), folder_locks("c")
        a._lease = replace(a._lease, identity="pid:[1] another-boot 5")
        a._write_lease()
        a.take(KEY)
        a.take("another")
        b.look()
        clock.now += STALE + 1
        assert b.take(KEY)
        a._write_lease()
        b._write_lease()

        b.look()
        c.look()

        assert not c.take("another")
        assert f"leases/{a.token}" in a.store.names("leases")

    def test_a_process_that_was_suspended_does_not_release_the_lock_of_another(
        self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a, b = folder_locks("a"), folder_locks("b")
        a.take(KEY)
        a.store.remove([f"locks/{KEY}/1"])  # as others do that found it gone
        assert b.take(KEY)
        monkeypatch.setattr(a, "_renewed", float("-inf"))

        a.release(KEY)
        a.look()

        assert list(a.store.names("locks")) == [f"locks/{KEY}/1"]

    def test_a_damaged_lease_is_none(self, folder_locks: MakeLocks) -> None:
        mine = folder_locks("a")
        mine.store.create(f"locks/{KEY}/1", b"other")
        mine.store.write("leases/other", b"{}")
        assert not mine.take(KEY)

        assert mine.take(KEY)

    def test_the_lease_is_renewed(self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote_locks, "HEARTBEAT", 0.02)
        mine = folder_locks("a")

        def counter() -> int:
            (content,) = mine.store.read([f"leases/{mine.token}"]).values()
            return int(json.loads(content)["counter"])

        end = time.monotonic() + 10
        while counter() < 3:
            assert time.monotonic() < end


@pytest.mark.parametrize(
    "stray", ["locks/Thumbs.db", f"locks/{KEY}/.nfs0000a1b2", f"locks/{KEY}/a/b", "parts/.DS_Store"]
)
def test_other_files_in_the_folder_are_ignored(folder_locks: MakeLocks, stray: str) -> None:
    a, b = folder_locks("a"), folder_locks("b")
    a.store.create(stray, b"")

    a.look()
    assert a.take(KEY)
    assert not b.take(KEY)
    remove_stored_leftovers(a.remote)

    assert stray in a.store.names()


@pytest.mark.parametrize("content", [b"", b"\xff", b"../leases"])
def test_a_lock_that_names_no_process_is_of_none(folder_locks: MakeLocks, content: bytes) -> None:
    mine = folder_locks("a")
    mine.store.create(f"locks/{KEY}/1", content)

    mine.look()

    assert mine.take(KEY)


class TestActivity:
    """What a process does is in its lease when it begins, and soon after it has changed."""

    def activity(self, locks: RemoteLocks) -> Activity | None:
        (content,) = locks.store.read([f"leases/{locks.token}"]).values()
        return read_activity(json.loads(content)["activity"])

    def test_a_command_is_seen_when_it_begins(self, locks: MakeLocks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote_locks, "HEARTBEAT", 1000.0)
        mine = locks("a")

        with Recorder(mine.remote.home, ["board"], 3, tell=mine.tell):
            wait_for(lambda: self.activity(mine) is not None)

        assert [each.cells for each in remote_activities(mine.store)] == [3]

    @pytest.mark.parametrize("activity", ["text", [1], {"schema": []}, {"schema": 4, "process": "a"}])
    def test_one_that_is_damaged_is_none(self, folder_locks: MakeLocks, activity: object) -> None:
        store = folder_locks("a").store
        store.write("leases/damaged", json.dumps({"activity": activity}).encode())

        assert remote_activities(store) == []

    def test_so_is_a_cell_that_begins(self, locks: MakeLocks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote_locks, "HEARTBEAT", 1000.0)
        monkeypatch.setattr(remote_locks, "SOON", 0.0)
        monkeypatch.setattr(recorder_module, "SOON", 0.0)
        mine = locks("a")

        with Recorder(mine.remote.home, ["board"], 3, tell=mine.tell) as recorder:
            recorder.begin(KEY, "naive", "nile")

            wait_for(lambda: (found := self.activity(mine)) is not None and found.running)

    def test_many_changes_are_written_at_once(self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote_locks, "HEARTBEAT", 1000.0)
        monkeypatch.setattr(remote_locks, "SOON", 1000.0)
        monkeypatch.setattr(recorder_module, "SOON", 0.0)
        mine, written = folder_locks("a"), list[str]()
        write, tell = mine.store.write, mine.tell
        monkeypatch.setattr(mine.store, "write", lambda name, content: (written.append(name), write(name, content)))
        told = list[bool]()

        with Recorder(mine.remote.home, ["board"], 3, tell=lambda: (told.append(True), tell())) as recorder:  # type: ignore[arg-type, func-returns-value]
            wait_for(lambda: written)
            for number in range(1, 20):
                recorder.begin(f"{number:032}", "naive", "nile")
                wait_for(lambda number=number: len(told) > number)  # type: ignore[misc]
        mine.close()

        assert written == [f"leases/{mine.token}"]

    def test_how_long_it_gave_no_sign(self, folder_locks: MakeLocks, clock: Clock) -> None:
        mine = folder_locks("a")
        assert mine.silent_for(KEY) == 0.0
        lease = {"host": "elsewhere", "process": 1, "identity": "", "counter": 7}
        mine.store.write("leases/other", json.dumps(lease).encode())
        mine.store.create(f"locks/{KEY}/1", b"other")
        mine.take(KEY)

        clock.now += 25.0
        mine.look()

        assert mine.silent_for(KEY) == 25.0


class TestUnavailable:
    def test_a_look_is_patient(self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = folder_locks("a")

        def unavailable(*_: object) -> None:
            raise StoreUnavailable("the store does not answer", may_pass=True)

        with monkeypatch.context() as patch:
            patch.setattr(type(mine.store), "names", unavailable)

            mine.look()
            patch.setattr(remote_locks, "LOOK", 0.0)
            patch.setattr(patience, "PATIENCE", 0.0)
            with pytest.raises(StoreUnavailable, match=r"^the store does not answer since \d\d:\d\d$"):
                mine.look()
        mine.look()
        assert mine.remote.patience.is_answered


def test_a_lease_that_nobody_renews_is_removed(folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch) -> None:
    first = folder_locks("a")
    first.store.write("leases/dead", b"{}")
    mine, short = folder_locks("b"), folder_locks("c")

    short.close()
    assert "leases/dead" in first.store.names()
    monkeypatch.setattr(remote_locks, "STALE", -1.0)
    first._write_lease()
    mine.close()

    assert list(first.store.names("leases")) == [f"leases/{first.token}"]
