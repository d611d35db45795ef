"""Locks in a store: one machine at a time runs a cell, and another may if that one is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machines import KEY, Machine, run_of

from harness.execution.locks import remote as remote_locks
from harness.execution.locks.remote import RemoteLocks
from harness.results.remote.opening import open_store
from harness.results.remote.store import StoreUnavailable

HOLDER = """
import sys
from pathlib import Path
from harness.execution.locks.remote import RemoteLocks
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.opening import open_store

locks = RemoteLocks(RemoteHome(Path(sys.argv[1]), open_store(sys.argv[2])))
for line in sys.stdin:
    verb, _, key = line.strip().partition(" ")
    print({"take": locks.take, "release": locks.release}[verb](key), flush=True)
locks.close()
"""
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


class Holder:
    """Another process with locks."""

    def __init__(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "holder"), f"file://{tmp_path}/store"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    made = Holder(tmp_path)
    yield made
    made.kill()


class TestTwoMachines:
    def test_a_cell_is_one_machines(self, locks: MakeLocks) -> None:
        a, b = locks("a"), locks("b")

        assert a.take(KEY)
        assert a.take(KEY)
        assert not b.take(KEY)
        assert b.take("another")
        assert b.owner(KEY).startswith(f"process {os.getpid()} on ")

    def test_a_released_cell_can_be_taken(self, locks: MakeLocks) -> None:
        a, b = locks("a"), locks("b")
        a.take(KEY)
        assert not b.take(KEY)

        a.release(KEY)
        a.look()
        b.look()

        assert b.take(KEY)

    def test_a_released_cell_can_be_taken_again_at_once(self, locks: MakeLocks) -> None:
        a, b = locks("a"), locks("b")
        a.take(KEY)
        a.release(KEY)

        assert a.take(KEY)
        a.look()
        assert not b.take(KEY)

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


class TestGone:
    @linux
    def test_the_cells_of_a_killed_process_of_this_machine_can_be_taken(
        self, folder_locks: MakeLocks, holder: Holder
    ) -> None:
        assert holder.ask(f"take {KEY}") == "True"
        mine = folder_locks("a")
        assert not mine.take(KEY)

        holder.kill()

        assert mine.take(KEY)
        mine.look()
        assert list(mine.store.names("locks")) == [f"locks/{KEY}/2"]

    def test_a_process_whose_counter_stands_still_is_gone_whatever_it_says(
        self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote_locks, "STALE", 0.3)
        mine = folder_locks("a")
        lease = {"host": "elsewhere", "process": os.getpid(), "identity": "pid:[1] another-boot 5", "counter": 7}
        mine.store.write("leases/other", json.dumps(lease).encode())
        mine.store.create(f"locks/{KEY}/1", b"other")

        assert not mine.take(KEY)
        mine.look()
        assert not mine.take(KEY)
        time.sleep(0.4)
        assert mine.take(KEY)

    def test_a_process_whose_counter_rises_is_not(
        self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote_locks, "STALE", 0.3)
        mine = folder_locks("a")
        mine.store.create(f"locks/{KEY}/1", b"other")
        taken = set()

        for counter in range(8):
            lease = {"host": "h", "process": 1, "identity": "", "counter": counter}
            mine.store.write("leases/other", json.dumps(lease).encode())
            mine.look()
            taken.add(mine.take(KEY))
            time.sleep(0.1)

        assert taken == {False}

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


class TestUnavailable:
    def test_a_look_is_patient(self, folder_locks: MakeLocks, monkeypatch: pytest.MonkeyPatch) -> None:
        mine = folder_locks("a")

        def unavailable(*_: object) -> None:
            raise StoreUnavailable("the store does not answer")

        monkeypatch.setattr(type(mine.store), "names", unavailable)

        mine.look()
        monkeypatch.setattr(remote_locks, "PATIENCE", 0.0)
        with pytest.raises(StoreUnavailable):
            mine.look()


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
