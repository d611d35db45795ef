"""The mirror: a process that sends to MLflow what the journal has and MLflow does not.

    python -m harness_mlflow.mirror --home HOME             send everything, then end
    python -m harness_mlflow.mirror --home HOME --follow    go on until the line `finish`

At the line `finish` on its standard input it sends the rest and the standings, and ends. If the input ends without
it, because the command was interrupted or has died, the mirror ends after its current run. It may be killed at any
moment: started again, it neither repeats nor loses anything.

While it follows, it runs at the lowest priority, so as not to slow down cells; once it shall finish, the user waits for
it, and it runs at normal priority. On Linux a priority belongs to a thread and cannot be raised again: so one thread
follows, and another finishes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from harness import Journal, StoredPlan, stored_plans
from harness_mlflow.companion import FINISH
from harness_mlflow.index import Board, Index, MirroredBoard, PendingCell, read_boards
from harness_mlflow.inspection import revision_of
from harness_mlflow.place import Place
from harness_mlflow.problems import problem_sentence
from harness_mlflow.storage import write_text

if TYPE_CHECKING:
    from harness_mlflow.database import Repair
    from harness_mlflow.store import Store

POLL = 5.0  # seconds between looks at the journal
HAND_OVER = 3.0  # seconds in which the following thread must get a quarter of a processor
AWAY = 30.0  # seconds between tries of a store that cannot be reached
SAVE = 1.0  # seconds between savings of the index


class Orders:
    """The orders of the command that started the mirror; read on a separate thread."""

    def __init__(self) -> None:
        self.finish = threading.Event()  # send the rest, then end
        self.stop = threading.Event()  # end after the current run
        self.changed = threading.Event()  # one of them was given, or the following thread has ended
        self._parent = os.getppid()

    def listen(self, file: int) -> None:
        """Start to read a file descriptor."""
        threading.Thread(target=self._read, args=[file], daemon=True).start()

    def wait(self, seconds: float | None) -> None:
        """Sleep until an order, or for so many seconds."""
        self.changed.wait(seconds)
        if os.getppid() != self._parent and not self.finish.is_set():
            self.stop.set()

    def _read(self, file: int) -> None:
        heard = b""
        while part := os.read(file, 1024):
            heard += part
            if FINISH in heard:
                self.finish.set()
                self.changed.set()
        self.stop.set()
        self.changed.set()


class Mirror:
    """Sends the boards of a home to its store, item by item, and notes each in the index."""

    def __init__(self, place: Place, orders: Orders) -> None:
        self.place = place
        self.orders = orders
        self.index = Index(place)
        self.journal = Journal(place.home)
        self.problem = ""
        self.notes: list[str] = []  # what was done with the home's own store
        self.sent = 0
        self._store: Store | None = None
        self._open_boards: set[str] = set()
        self._away = False
        self._in_background = False
        self._saved = 0.0

    def follow(self) -> None:
        """Send cells as they finish, until an order; then everything."""
        if not self.orders.finish.is_set():
            self._in_background = True
            thread = threading.Thread(target=self._follow_in_background, daemon=True)
            thread.start()
            self.orders.wait(None)
            while self.orders.finish.is_set() and thread.is_alive():
                if _starves(thread):
                    _replace_process(self.place)
            thread.join()
            self._in_background = False
        if not self.orders.stop.is_set():
            self.send_all()

    def send_all(self) -> None:
        """Send the cells that wait, then the standings. If the home's own store is damaged, the next mirror fills a new
        one: MLflow keeps files open in this process."""
        boards = read_boards(self.place.home)
        doubtful = {board.plan.name for board in boards if self.index.standings_pending(board)}
        self.send_cells((board.plan for board in boards), doubtful)
        for board in boards:
            if self._continues and self.index.standings_pending(board):
                self._attempt(partial(self._send_standings, board))
        if self.problem:
            self._replace_if_damaged()
        self._save()

    def send_cells(self, plans: Iterable[StoredPlan], doubtful: Collection[str] = ()) -> None:
        """Send the cells that wait; of doubtful boards those too that turn out to be lost."""
        self.problem, self._away = "", False
        if self.index.unchecked:
            self._attempt(self._open_store)
        for plan in plans:
            if not self._continues:
                break
            if plan.name in doubtful or any(True for _ in self.index.pending_cells(plan, self.journal)):
                self._attempt(partial(self._open_board, plan))  # if it was lost, all cells are waiting
            for cell in self.index.pending_cells(plan, self.journal):
                if not self._continues:
                    break
                self._attempt(partial(self._send_cell, plan, cell))
                if time.monotonic() - self._saved > SAVE:
                    self._save()
        self._save()

    def _follow_in_background(self) -> None:
        _lower_priority()
        try:
            while not self.orders.stop.is_set() and not self.orders.finish.is_set():
                self.send_cells(stored_plans(self.place.home))
                self.orders.wait(AWAY if self.problem else POLL)
        finally:
            self.orders.changed.set()

    @property
    def _continues(self) -> bool:
        orders = self.orders
        return not self._away and not orders.stop.is_set() and not (self._in_background and orders.finish.is_set())

    def _send_cell(self, plan: StoredPlan, cell: PendingCell) -> None:
        store, sent = self._open_board(plan)
        store.send_cell(plan, cell, sent)
        sent.cells[cell.key] = cell.modified
        sent.names[cell.key] = [cell.forecaster, cell.task]
        self.sent += 1

    def _send_standings(self, board: Board) -> None:
        store, sent = self._open_board(board.plan)
        store.retag_cells(board.plan, sent)
        store.send_standings(board, sent)
        sent.standings = board.digest
        self.sent += 1

    def _open_board(self, plan: StoredPlan) -> tuple[Store, MirroredBoard]:
        """The store, with the board's experiments in it."""
        store = self._open_store()
        sent = self.index.board(plan.name)
        if plan.name not in self._open_boards:
            store.open_board(plan, sent)
            self._open_boards.add(plan.name)
        return store, sent

    def _open_store(self) -> Store:
        """The store; the home's own one is upgraded or replaced where the installed MLflow cannot use it."""
        if self._store is None:
            from harness_mlflow.store import Store

            store = Store(self.place)
            self._note(store.repair)
            if self.place.own:
                self.index.note_version(revision_of(self.place.database))
            self._store = store
        return self._store

    def _note(self, repair: Repair | None) -> None:
        """Tell what was done with the own store; of a new one nothing counts as sent."""
        if repair is not None:
            self.notes.append(repair.sentence)
            if repair.anew:
                self.index.forget()
                self._open_boards.clear()

    def _replace_if_damaged(self) -> None:
        """Replace the home's own store where it is damaged."""
        from harness_mlflow.database import is_damaged, set_aside

        if self.place.own and is_damaged(self.place.database):
            self._note(set_aside(self.place, "is damaged"))

    def _attempt(self, action: Callable[[], object]) -> None:
        """Call MLflow; an error is reported, and the next pass tries again."""
        try:
            action()
        except Exception as error:
            self._away = self._store is None or not self._store.answers()
            self.problem = problem_sentence(str(error), type(error).__name__)
            traceback.print_exc()

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self._store is not None:
            self.index.save()
        report(self.place, self.problem, self.sent, self.notes)


def report(place: Place, problem: str, sent: int = 0, notes: Sequence[str] = ()) -> None:
    """Write the progress, the problem and the notes of the mirror to its file."""
    write_text(place.folder / "mirror.json", json.dumps({"problem": problem, "sent": sent, "notes": list(notes)}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Mirror a home."""
    parser = argparse.ArgumentParser(prog="python -m harness_mlflow.mirror", description="Mirror a home into MLflow.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--follow", action="store_true", help="until the standard input says `finish`")
    given = parser.parse_args(arguments)
    _be_quiet()
    place, orders = Place(given.home.resolve()), Orders()
    place.folder.mkdir(parents=True, exist_ok=True)
    if given.follow:
        orders.listen(sys.stdin.fileno())
    else:
        orders.finish.set()
    while not orders.stop.is_set():
        with contextlib.suppress(Timeout), FileLock(place.folder / "mirror.lock", timeout=0):
            mirror = Mirror(place, orders)
            mirror.follow()
            sys.exit(1 if mirror.problem else 0)
        if orders.finish.is_set():
            report(place, "another harness command is sending this home's runs")
            sys.exit(1)
        orders.wait(POLL)


def _be_quiet() -> None:
    """Ignore Ctrl-C, which the command handles, and use the network for MLflow's store only."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")


def _lower_priority() -> None:
    """Lower the priority: of this thread on Linux, of the process elsewhere."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(19 if sys.platform == "linux" else 10)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _starves(thread: threading.Thread) -> bool:
    """Wait for a thread for a while; whether it got hardly any processor time."""
    before = _processor_seconds(thread)
    thread.join(HAND_OVER)
    return thread.is_alive() and _processor_seconds(thread) - before < HAND_OVER / 4


def _processor_seconds(thread: threading.Thread) -> float:
    """The processor time that a thread has used, by Linux; infinite elsewhere, and after its end."""
    try:
        spent = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text(encoding="ascii")
    except OSError:
        return math.inf
    return int(spent.split()[0]) / 1e9


def _replace_process(place: Place) -> None:
    """Replace this process by a mirror of normal priority that finishes."""
    program = [sys.executable, "-P", "-m", "harness_mlflow.mirror", "--home", str(place.home)]
    os.execv(sys.executable, program)


if __name__ == "__main__":
    main()
