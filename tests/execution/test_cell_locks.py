"""Locks in a folder: which are stale, and how they are taken over; tests/remote/test_locks.py has what holds of all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lock_holder import Holder

from harness.errors import HomeUnusable
from harness.execution.locks import local as cell_locks
from harness.execution.locks.local import CellLocks
from harness.execution.process_usage import identity

KEY = "0123456789abcdef"
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only a minute tells that a process is gone")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Holder]:
    made = Holder(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[CellLocks]:
    made = CellLocks(tmp_path)
    yield made
    made.close()


def locked_by(home: Path, host: str, process: int, age: float = 0.0, known: str = "") -> Path:
    """A lock that a process, known by its identity, took so many seconds ago."""
    path = home / "journal" / "locks" / KEY
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{host} {process}\n{known}", encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


def a_dead_process() -> tuple[int, str]:
    """A process that has ended, and its identity."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = identity(process.pid)
    process.communicate(b"\n")
    return process.pid, known


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class TestTwoProcesses:
    def test_its_owner_is_named(self, tmp_path: Path, mine: CellLocks) -> None:
        names = []
        for host, process in (("elsewhere", 12), (socket.gethostname(), 34)):
            locked_by(tmp_path, host, process)
            names.append(mine.owner(KEY))
        locked_by(tmp_path, "", 0).write_bytes(b"\xff")

        assert [*names, mine.owner(KEY)] == ["process 12 on elsewhere", "process 34", "another process"]

    def test_of_many_that_want_it_at_once_one_gets_it(self, tmp_path: Path) -> None:
        others = [Holder(tmp_path) for _ in range(4)]
        for other in others:
            other.ask("take warm-up")

        for each in others:
            assert each.process.stdin is not None
            for i in range(20):
                print(f"take {i}", file=each.process.stdin, flush=True)
        got = [[other.process.stdout.readline().strip() for _ in range(20)] for other in others if other.process.stdout]

        assert [sum(answers[i] == "True" for answers in got) for i in range(20)] == [1] * 20
        for item in others:
            item.kill()


class TestStale:
    @linux
    def test_a_lock_of_a_dead_process_is_stale(self, tmp_path: Path, mine: CellLocks) -> None:
        process, known = a_dead_process()
        locked_by(tmp_path, "any-name", process, known=known)

        assert mine.take(KEY)

    def test_a_lock_of_a_living_process_is_not(self, tmp_path: Path, mine: CellLocks) -> None:
        locked_by(tmp_path, socket.gethostname(), os.getppid())

        assert not mine.take(KEY)

    @linux
    def test_a_lock_of_a_process_whose_number_another_has_now_is(
        self, tmp_path: Path, mine: CellLocks, other: Holder
    ) -> None:
        other.ask(f"take {KEY}")
        path = tmp_path / "journal" / "locks" / KEY
        first, _, second = path.read_text(encoding="utf-8").rpartition(" ")

        assert not mine.take(KEY)
        path.write_text(f"{first} {int(float(second)) - 1}", encoding="utf-8")
        assert mine.take(KEY)

    @linux
    @pytest.mark.parametrize("part", [0, 1], ids=["container", "machine"])
    def test_a_lock_of_another_machine_of_the_same_name_is_not(
        self, tmp_path: Path, mine: CellLocks, part: int
    ) -> None:
        process, known = a_dead_process()
        parts = known.split()
        parts[part] = "another"
        locked_by(tmp_path, socket.gethostname(), process, known=" ".join(parts))

        assert not mine.take(KEY)

    def test_a_lock_of_an_unknown_process_is_not(self, tmp_path: Path, mine: CellLocks) -> None:
        locked_by(tmp_path, socket.gethostname(), a_dead_process()[0])  # as earlier versions wrote it

        assert not mine.take(KEY)

    @linux
    def test_locks_of_dead_processes_are_removed_although_nobody_wants_their_cells(
        self, tmp_path: Path, other: Holder
    ) -> None:
        other.ask("take abandoned")
        path = locked_by(tmp_path, "elsewhere", a_dead_process()[0])
        other.kill()

        CellLocks(tmp_path).close()

        assert list(path.parent.iterdir()) == [path]

    def test_a_lock_of_another_machine_is_not(self, tmp_path: Path, mine: CellLocks) -> None:
        locked_by(tmp_path, "elsewhere", a_dead_process()[0])

        assert not mine.take(KEY)

    @pytest.mark.parametrize("host", ["elsewhere", socket.gethostname()])
    @pytest.mark.parametrize("age", [0, -1e8, 1e8], ids=["now", "in the future", "long ago"])
    def test_a_lock_that_is_not_touched_is_stale_whatever_the_clocks_say(
        self, tmp_path: Path, mine: CellLocks, monkeypatch: pytest.MonkeyPatch, host: str, age: float
    ) -> None:
        monkeypatch.setattr(cell_locks, "STALE", 0.05)
        locked_by(tmp_path, host, os.getppid(), age=age)

        assert not mine.take(KEY)
        assert eventually(lambda: mine.take(KEY))

    @pytest.mark.parametrize("step", [1.0, -1.0], ids=["forwards", "backwards"])
    def test_a_lock_that_is_touched_is_not_stale_although_the_clock_jumps(
        self, tmp_path: Path, mine: CellLocks, monkeypatch: pytest.MonkeyPatch, step: float
    ) -> None:
        monkeypatch.setattr(cell_locks, "STALE", 0.1)
        taken = set()

        for i in range(20):
            locked_by(tmp_path, "elsewhere", 1, age=step * 1e6 * i)
            taken.add(mine.take(KEY))
            time.sleep(0.01)

        assert taken == {False}

    def test_a_folder_in_its_place_is_stale(
        self, tmp_path: Path, mine: CellLocks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cell_locks, "STALE", 0.0)
        (tmp_path / "journal" / "locks" / KEY / "inside").mkdir(parents=True)

        assert eventually(lambda: mine.take(KEY))

    def test_a_file_in_the_place_of_all_locks_is_an_unusable_home(self, tmp_path: Path) -> None:
        (tmp_path / "journal").mkdir()
        (tmp_path / "journal" / "locks").write_text("", encoding="utf-8")

        with pytest.raises(HomeUnusable, match=r"the folder .*locks cannot be made \(.*\); move away what is there"):
            CellLocks(tmp_path)

    def test_a_lock_that_is_not_yet_written_is_not(self, tmp_path: Path, mine: CellLocks) -> None:
        locked_by(tmp_path, "", 0).write_text("", encoding="utf-8")

        assert not mine.take(KEY)

    @linux
    def test_of_two_that_find_it_stale_the_slower_one_leaves_it_to_the_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: CellLocks
    ) -> None:
        process, known = a_dead_process()
        locked_by(tmp_path, socket.gethostname(), process, known=known)
        is_stale = CellLocks._is_stale

        def slow(locks: CellLocks, path: Path, owner: str) -> bool:
            monkeypatch.setattr(CellLocks, "_is_stale", is_stale)
            was_stale = is_stale(locks, path, owner)
            locked_by(tmp_path, socket.gethostname(), os.getppid())  # the faster one's
            return was_stale

        monkeypatch.setattr(CellLocks, "_is_stale", slow)

        assert not mine.take(KEY)
        (path,) = (tmp_path / "journal" / "locks").iterdir()
        assert path.read_text(encoding="utf-8") == f"{socket.gethostname()} {os.getppid()}\n"


class TestMine:
    def test_closing_leaves_nothing(self, tmp_path: Path) -> None:
        mine = CellLocks(tmp_path)
        mine.take(KEY)

        mine.close()

        assert list((tmp_path / "journal" / "locks").iterdir()) == []

    def test_a_lock_that_another_process_took_over_is_not_released(self, tmp_path: Path) -> None:
        mine = CellLocks(tmp_path)
        mine.take(KEY)
        path = locked_by(tmp_path, "elsewhere", 1)

        mine.close()

        assert path.is_file()

    def test_a_heartbeat_touches_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cell_locks, "HEARTBEAT", 0.02)
        mine = CellLocks(tmp_path)
        mine.take(KEY)
        path = tmp_path / "journal" / "locks" / KEY
        os.utime(path, (0, 0))

        assert eventually(lambda: path.stat().st_mtime > time.time() - cell_locks.STALE)
        mine.close()

    def test_after_closing_the_heartbeat_ends(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cell_locks, "HEARTBEAT", 0.02)
        mine = CellLocks(tmp_path)
        mine.take(KEY)

        mine.close()

        assert eventually(lambda: not mine._thread.is_alive())
