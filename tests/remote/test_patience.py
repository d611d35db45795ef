"""Waiting for a store that does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from machines import KEY, Clock, Machine, wait_for

from harness import Run, Status, Task
from harness.boards.planning import PlannedCell
from harness.data import damage
from harness.evaluation.run import Cell
from harness.execution import finished_elsewhere
from harness.execution.driver import drive
from harness.execution.events import Event, Finished, NotStarted
from harness.execution.executors.storing import Storing
from harness.execution.finished_elsewhere import FinishedElsewhere
from harness.execution.locks import remote as remote_locks
from harness.execution.locks.remote import RemoteLocks
from harness.results.journal import Journal
from harness.results.remote import patience
from harness.results.remote.folder_store import FolderStore
from harness.results.remote.patience import Patience
from harness.results.remote.store import Entry, StoreUnavailable
from harness.tasks.protocols import RollingOrigin

URL = "s3://bucket/run"
AWAY = f"the store {URL} cannot be reached (no route)"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings of a test."""
    found: list[str] = []
    monkeypatch.setattr(damage, "_listeners", [found.append])
    monkeypatch.setattr(damage, "_told", set())
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    return found


def failing(times: int) -> Callable[[], str]:
    """A request that fails so often, and then is answered."""
    left = [StoreUnavailable(AWAY, "look after it", may_pass=True)] * times

    def request() -> str:
        if left:
            raise left.pop()
        return "answer"

    return request


class TestPatience:
    def test_a_request_is_repeated_until_it_is_answered(self, told: list[str]) -> None:
        waiting = Patience(URL)

        assert waiting.attempt(failing(3)) == "answer"

        assert len(told) == 2
        assert told[0].startswith(f"{AWAY} since ")
        assert told[0].endswith("; waiting for it, at most 2 minutes")
        assert told[1].startswith(f"the store {URL} answers again since ")
        assert waiting.is_answered
        assert waiting.awaited == ""

    def test_after_some_time_the_store_is_given_up_by_all_threads_alike(
        self, told: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patience, "PATIENCE", 0.1)
        waiting = Patience(URL)

        with ThreadPoolExecutor(4) as threads:
            ended = [threads.submit(waiting.attempt, failing(100_000)) for _ in range(4)]

        (message,) = {str(each.exception()) for each in ended}
        assert message.startswith(f"{AWAY} since ")
        assert not waiting.is_answered
        assert len(told) == 1
        asked: list[bool] = []
        with pytest.raises(StoreUnavailable, match="no route"):
            waiting.attempt(lambda: asked.append(True))
        assert not asked  # at once again

    def test_it_is_asked_again_later(self, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patience, "PATIENCE", 0.0)
        monkeypatch.setattr(patience, "AGAIN", 0.0)
        waiting = Patience(URL)
        request = failing(2)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                waiting.attempt(request)

        assert waiting.attempt(request) == "answer"
        assert waiting.is_answered

    def test_a_refusal_is_not_waited_for(self, told: list[str]) -> None:
        refusal = StoreUnavailable(f"the store {URL} cannot be written (no rights)", "ask for them")
        waiting = Patience(URL)

        def refused() -> None:
            raise refusal

        with pytest.raises(StoreUnavailable) as raised:
            waiting.attempt(refused)

        assert raised.value is refusal
        assert not told

    def test_nothing_is_waited_for_once_it_is_stopped(self, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patience, "PAUSE", 1000.0)
        waiting, stopped = Patience(URL), threading.Event()
        with ThreadPoolExecutor(1) as threads:
            before = threads.submit(waiting.attempt, failing(100_000), stopped)
            wait_for(lambda: waiting.awaited)
            stopped.set()
            after = threads.submit(waiting.attempt, failing(100_000), stopped)

        assert isinstance(before.exception(), StoreUnavailable)
        assert isinstance(after.exception(), StoreUnavailable)


class TestOtherRequests:
    """A request that fails once is no outage that goes on while others are answered."""

    @pytest.fixture
    def waiting(self, told: list[str], monkeypatch: pytest.MonkeyPatch) -> Patience:
        """Patience with a store of which a request has failed that is not repeated."""
        monkeypatch.setattr(patience, "ALONE", 0.0)
        made = Patience(URL)
        with made.one_try():
            failing(1)()
        return made

    def test_it_ends_when_another_request_is_answered(self, waiting: Patience, told: list[str]) -> None:
        assert not waiting.is_answered

        waiting.other_answered()

        assert waiting.is_answered
        assert told[1].startswith(f"the store {URL} answers again since ")

    def test_not_at_once(self, waiting: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patience, "ALONE", 1000.0)

        waiting.other_answered()

        assert not waiting.is_answered

    def test_a_request_that_is_repeated_may_be_the_only_one_that_fails(
        self, waiting: Patience, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def request() -> None:
            waiting.other_answered()
            raise StoreUnavailable(AWAY, may_pass=True)

        monkeypatch.setattr(patience, "PATIENCE", 0.1)
        with pytest.raises(StoreUnavailable, match="since"):
            waiting.attempt(request)

    def test_one_that_is_tried_once_raises_when_the_store_is_given_up(
        self, waiting: Patience, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patience, "PATIENCE", 0.0)

        with pytest.raises(StoreUnavailable, match="since"), waiting.one_try():
            failing(1)()


class Away(FolderStore):
    """A store that cannot be reached from a moment on."""

    is_away = threading.Event()

    def entries(self, prefix: str = "") -> Mapping[str, Entry]:
        self._check()
        return super().entries(prefix)

    def read(self, names: Iterable[str]) -> Mapping[str, bytes]:
        self._check()
        return super().read(names)

    def create(self, name: str, content: bytes) -> bool:
        self._check()
        return super().create(name, content)

    def _check(self) -> None:
        if self.is_away.is_set():
            raise StoreUnavailable(AWAY, may_pass=True)


def test_a_lease_that_is_written_ends_an_outage(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_locks, "HEARTBEAT", 0.02)
    monkeypatch.setattr(patience, "ALONE", 0.0)
    machine = Machine(tmp_path / "a", Away(f"file://{tmp_path}/store"))
    with closing(RemoteLocks(machine.remote)):
        machine.remote.patience.failed(StoreUnavailable(AWAY, may_pass=True))

        wait_for(lambda: machine.remote.patience.is_answered)


def test_a_look_at_finished_cells_that_failed_is_repeated_soon(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(finished_elsewhere, "time", clock)
    machine = Machine(tmp_path / "a", FolderStore(f"file://{tmp_path}/store"))
    with closing(RemoteLocks(machine.remote)) as locks:
        elsewhere = FinishedElsewhere(machine.journal, locks)

        def silent(prefix: str) -> Mapping[str, int]:
            clock.now += 60.0
            raise StoreUnavailable(AWAY, may_pass=True)

        monkeypatch.setattr(machine.store, "names", silent)

        elsewhere.look([])

        clock.now += finished_elsewhere.INTERVAL
        assert elsewhere.is_due
        monkeypatch.undo()


class Slots:
    """An executor of two cells at a time: of those given here, one ends when another one was submitted."""

    slots, takes_parts, awaited = 2, False, ""

    def __init__(self, home: Path, away: threading.Event) -> None:
        self.home, self.away = home, away
        self.submitted: list[tuple[PlannedCell, Future[Run]]] = []

    def has_room(self, planned: PlannedCell) -> bool:
        return True

    def submit(self, planned: PlannedCell) -> Future[Run]:
        self.submitted.append((planned, Future()))
        if len(self.submitted) == 2:
            self.away.set()
            for each, future in self.submitted:
                run = Run(each.cell, Status.COMPLETED, each.key)
                Journal(self.home).write(run)
                threading.Thread(target=future.set_result, args=(run,)).start()
        return self.submitted[-1][1]

    def close(self) -> None:
        pass


def test_locks_are_left_to_end_by_themselves_while_the_store_does_not_answer(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path / "a", Away(f"file://{tmp_path}/store"))
    locks, requests = RemoteLocks(machine.remote), list[str]()
    locks.take(KEY)
    machine.remote.patience.failed(StoreUnavailable(AWAY, may_pass=True))
    monkeypatch.setattr(FolderStore, "remove", lambda *_: requests.append("remove"))

    locks.close()

    assert requests == []
    machine.remote.patience.answered()
    locks.close()
    assert requests


def planned(seed: int) -> PlannedCell:
    cell = Cell(Task("ramp", RollingOrigin(1)), "level", {}, seed)
    return PlannedCell(cell.key("aa", "toys==1"), "level", "ramp", cell, "aa")


def test_no_cell_is_started_after_the_store_was_given_up_and_those_that_run_end(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.1)
    store = Away(f"file://{tmp_path}/store")
    store.is_away = threading.Event()
    machine = Machine(tmp_path / "a", store)
    machine.remote.prepare()
    cells = [planned(seed) for seed in range(6)]
    executor = Slots(machine.home, store.is_away)

    events: list[Event] = list(
        drive(cells, Storing(executor, machine.remote), machine.journal, RemoteLocks(machine.remote))
    )

    assert [each for each, _ in executor.submitted] == cells[:2]
    finished = [event.planned for event in events if isinstance(event, Finished)]
    assert sorted(finished, key=cells.index) == cells[:2]
    (not_started,) = (event for event in events if isinstance(event, NotStarted))
    assert not_started.cells == tuple(cells[2:])
    assert not_started.reason.startswith(f"{AWAY} since ")
    assert sorted(machine.remote.pending_items()) == sorted(f"cells/{cell.key}" for cell in cells[:2])
    store.is_away.clear()
    machine.remote.push_pending()
    assert machine.remote.pending_items() == []


def test_finished_cells_are_told_until_they_are_stored(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.01)
    store = Away(f"file://{tmp_path}/store")
    store.is_away = threading.Event()
    machine = Machine(tmp_path / "a", store)
    machine.remote.prepare()
    cells = [planned(seed) for seed in range(2)]
    storing = Storing(Slots(machine.home, store.is_away), machine.remote)

    with ThreadPoolExecutor(1) as thread:
        first = storing.submit(cells[0])
        second = thread.submit(storing.submit, cells[1])  # which waits for the store if the cell ends at once
        wait_for(lambda: storing.unstored == {cell.key for cell in cells}, 60)
        store.is_away.clear()
        runs = [first.result(60), second.result(60).result(60)]

    assert [getattr(run, "key", None) for run in runs] == [cell.key for cell in cells]
    assert storing.unstored == frozenset()
    assert machine.remote.pending_items() == []
