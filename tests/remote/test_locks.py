"""What holds of all locks on cells, in a folder and in a store: one process at a time runs a cell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lock_holder import Holder
from machines import KEY, Machine
from servers import SERVERS, Server

from harness.execution.locks import remote as remote_locks
from harness.execution.locks.interface import Locks
from harness.execution.locks.local import CellLocks
from harness.execution.locks.remote import RemoteLocks
from harness.results.remote.opening import open_store

MakeLocks = Callable[[str], Locks]
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only a minute tells that a process is gone")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are not limited in number."""
    monkeypatch.setattr(remote_locks, "LOOK", 0.0)


@pytest.fixture(params=["folder", "file", "memory", *SERVERS])
def locks(request: pytest.FixtureRequest, tmp_path: Path, use: Callable[[str], Server]) -> Iterator[MakeLocks]:
    """Locks of processes on one home, by name."""
    made: list[Locks] = []
    urls = {"folder": "", "file": f"file://{tmp_path}/store", "memory": f"memory://{tmp_path.name}/run"}
    url = urls[request.param] if request.param in urls else use(request.param).new_folder()

    def make(name: str) -> Locks:
        made.append(RemoteLocks(Machine(tmp_path / name, open_store(url)).remote) if url else CellLocks(tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()


def look(*processes: Locks) -> None:
    for each in processes:
        each.look()


def test_a_cell_is_one_processs(locks: MakeLocks) -> None:
    a, b = locks("a"), locks("b")

    assert a.take(KEY)
    assert a.take(KEY)
    assert not b.take(KEY)
    assert b.take("another")
    assert b.owner(KEY).startswith(f"process {os.getpid()}")


def test_so_is_each_of_its_parts(locks: MakeLocks) -> None:
    a, b = locks("a"), locks("b")
    assert a.take(KEY)

    assert a.take(f"{KEY}.0-16")
    assert not b.take(f"{KEY}.0-16")
    assert b.take(f"{KEY}.16-40")
    assert not a.take(f"{KEY}.16-40")


def test_a_released_cell_can_be_taken(locks: MakeLocks) -> None:
    a, b = locks("a"), locks("b")
    a.take(KEY)
    assert not b.take(KEY)

    a.release(KEY)
    look(a, b)

    assert b.take(KEY)


def test_a_released_cell_can_be_taken_again_at_once(locks: MakeLocks) -> None:
    a, b = locks("a"), locks("b")
    a.take(KEY)
    a.release(KEY)

    assert a.take(KEY)
    look(a)
    assert not b.take(KEY)


def test_closing_releases_all(locks: MakeLocks) -> None:
    a, b = locks("a"), locks("b")
    a.take(KEY)
    a.take("another")

    a.close()
    look(b)

    assert b.take(KEY)
    assert b.take("another")


def test_releasing_a_cell_that_is_not_locked_does_nothing(locks: MakeLocks) -> None:
    a, b = locks("a"), locks("b")

    a.release(KEY)

    assert a.take(KEY)
    look(a)
    assert not b.take(KEY)


@linux
@pytest.mark.parametrize("locks", ["folder", "file"], indirect=True)
def test_the_cells_of_a_killed_process_of_this_machine_can_be_taken(
    locks: MakeLocks, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = [] if "folder" in request.node.name else [f"file://{tmp_path}/store"]
    holder, mine = Holder(tmp_path, *url), locks("a")
    assert holder.ask(f"take {KEY}") == "True"
    assert not mine.take(KEY)

    holder.kill()

    assert mine.take(KEY)
