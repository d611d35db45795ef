"""The mirror: a process that sends to MLflow what the journal has and MLflow does not.

    python -m harness_mlflow.mirror --home HOME             send everything, then end
    python -m harness_mlflow.mirror --home HOME --follow    go on until the line `finish`

At the line `finish` on its standard input it sends the rest and the standings, and ends. If the input ends without
it, or the process that started it (`--parent`) is gone, the mirror ends after its current run, within seconds. It may
be killed at any moment: started again, it neither repeats nor loses anything.

While it follows, it runs at the lowest priority, so as not to slow down cells; once it shall finish, the user waits for
it, and it runs at normal priority. On Linux a priority belongs to a thread and cannot be raised again: so one thread
follows, and another finishes.
"""

from __future__ import annotations

import argparse
import contextlib
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

from harness import HarnessError, Journal, StoredPlan, stored_plans
from harness_mlflow.index import Board, Index, MirroredBoard, PendingCell, read_boards
from harness_mlflow.inspection import revision_of
from harness_mlflow.orders import Orders, die_with_parent
from harness_mlflow.place import Place
from harness_mlflow.priority import lower_priority, starves
from harness_mlflow.problems import WithoutPasswords, is_beyond_repair, problem_sentence
from harness_mlflow.progress import LOADING, PATIENCE, Progress

if TYPE_CHECKING:
    from harness_mlflow.database import Repair
    from harness_mlflow.store import Store

POLL = 5.0  # seconds between looks at the journal
AWAY = 30.0  # seconds between tries of a store that cannot be reached
SAVE = 1.0  # seconds between savings of the index
REQUEST = 20  # seconds that a server may take to answer
TROUBLE = 15.0  # seconds without a success after which a failure ends a pass
OTHER = 25.0  # seconds to wait for the end of another mirror, longer than one without its command lives
PAGE = 900.0  # seconds that sending the standings may take, of which the page of a large board is one step
UPGRADE = 700.0  # seconds that opening the store may take, with an upgrade of the home's own


class Mirror:
    """Sends the boards of a home to its store, item by item, and notes each in the index."""

    def __init__(self, place: Place, orders: Orders) -> None:
        self.place = place
        self.orders = orders
        self.index = Index(place)
        self.journal = Journal(place.home)
        self.progress = Progress(place, patience=max(PATIENCE, 25.0 + _request_seconds()))
        self._store: Store | None = None
        self._open_boards: set[str] = set()
        self._away = False
        self._troubled = False  # whether a request failed in this session, whose answer may have been lost
        self._in_background = False
        self._saved = self._succeeded = time.monotonic()

    def follow(self) -> None:
        """Send cells as they finish, until an order; then everything."""
        if not self.orders.finish.is_set():
            self._in_background = True
            thread = threading.Thread(target=self._follow_in_background, daemon=True)
            thread.start()
            self.orders.wait(None)
            while self.orders.finish.is_set() and thread.is_alive():
                if starves(thread):
                    _replace_process(self.place)
            thread.join()
            self._in_background = False
        if not self.orders.stop.is_set():
            self.send_all()

    def send_all(self) -> None:
        """Send the cells that wait, then the standings. If the home's own store is damaged, the next mirror fills a new
        one: MLflow keeps files open in this process."""
        self._send_boards()
        if self._continues and self._troubled and not self.progress.problem:
            self._settle()
            self._send_boards()
        if self._continues and not self._troubled:
            for name in self._open_boards:
                self.index.board(name).unsettled = False
        if self.progress.problem:
            self._replace_if_damaged()
        self._save()

    def _send_boards(self) -> None:
        boards = read_boards(self.place.home)
        doubtful = {board.plan.name for board in boards if self.index.standings_pending(board)}
        doubtful |= {board.plan.name for board in boards if self.index.board(board.plan.name).unsettled}
        self.send_cells((board.plan for board in boards), doubtful)
        for board in boards:
            if self._continues and self.index.standings_pending(board):
                self._attempt(partial(self._send_standings, board))

    def send_cells(self, plans: Iterable[StoredPlan], doubtful: Collection[str] = ()) -> None:
        """Send the cells that wait; of doubtful boards those too that turn out to be lost."""
        self.progress.problem, self._away = "", False
        self._succeeded = time.monotonic()
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
        lower_priority()
        try:
            while not self.orders.stop.is_set() and not self.orders.finish.is_set():
                self.send_cells(stored_plans(self.place.home))
                self.orders.wait(AWAY if self.progress.problem else POLL)
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
        sent.digests[cell.key] = cell.digest
        sent.copies.pop(cell.key, None)
        sent.names[cell.key] = [cell.forecaster, cell.task]
        self.progress.sent += 1

    def _send_standings(self, board: Board) -> None:
        digest = board.digest
        with self.progress.long_step(PAGE):
            if (standings := board.standings()) is not None:
                store, sent = self._open_board(board.plan)
                store.retag_cells(board.plan, sent)
                store.send_standings(board.plan, standings, sent)
        self.index.board(board.plan.name).standings = digest
        self.progress.sent += 1

    def _settle(self) -> None:
        """Clean up after requests whose answers were lost."""
        for plan in stored_plans(self.place.home):
            if self._continues and plan.name in self._open_boards:
                store, sent = self._open_board(plan)
                self._attempt(partial(store.settle, plan.name, sent))

    def _open_board(self, plan: StoredPlan) -> tuple[Store, MirroredBoard]:
        """The store, with the board's experiments in it."""
        store = self._open_store()
        sent = self.index.board(plan.name)
        if plan.name not in self._open_boards:
            store.open_board(plan, sent)
            self._open_boards.add(plan.name)
            sent.unsettled = True  # until this session has ended well
            self._save()
        return store, sent

    def _open_store(self) -> Store:
        """The store; the home's own one is upgraded or replaced where the installed MLflow cannot use it."""
        if self._store is None:
            with self.progress.long_step(LOADING):
                from harness_mlflow.store import Store

            with self.progress.long_step(UPGRADE) if self.place.own else contextlib.nullcontext():
                store = Store(self.place, self.progress.advance)
            self._note(store.repair)
            if self.place.own:
                self.index.note_version(revision_of(self.place.database))
            self._store = store
        return self._store

    def _note(self, repair: Repair | None) -> None:
        """Tell what was done with the own store; of a new one nothing counts as sent."""
        if repair is not None:
            self.progress.notes.append(repair.sentence)
            if repair.anew:
                self.index.forget()
                self._open_boards.clear()

    def _replace_if_damaged(self) -> None:
        """Replace the home's own store where it is damaged."""
        from harness_mlflow.database import is_damaged, set_aside

        if self.place.own and (is_beyond_repair(self.progress.problem) or is_damaged(self.place.database)):
            self._note(set_aside(self.place, "is damaged"))

    def _attempt(self, action: Callable[[], object]) -> None:
        """Call MLflow; an error is reported, and the next pass tries again."""
        try:
            action()
        except Exception as error:
            if not isinstance(error, HarnessError):  # which is raised by reading the home, before any request
                self._troubled = True
            lost = time.monotonic() - self._succeeded > TROUBLE
            self._away = lost or self._store is None or not self._store.answers()
            self.progress.problem = problem_sentence(str(error), type(error).__name__)
            traceback.print_exc()
        else:
            self._succeeded = time.monotonic()

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self._store is not None:
            self.index.save()
        self.progress.save()


def main(arguments: Sequence[str] | None = None) -> None:
    """Mirror a home."""
    parser = argparse.ArgumentParser(prog="python -m harness_mlflow.mirror", description="Mirror a home into MLflow.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--follow", action="store_true", help="until the standard input says `finish`")
    parser.add_argument("--attended", action="store_true", help="end when the standard input ends")
    parser.add_argument("--parent", type=int, default=0, help="end when this process, which started the mirror, ends")
    parser.add_argument("--tied", action="store_true", help="be killed by the system when the parent's thread ends")
    given = parser.parse_args(arguments)
    if given.tied:
        die_with_parent(given.parent)
    _be_quiet()
    sys.stderr = WithoutPasswords(sys.stderr)
    place, orders = Place(given.home.resolve()), Orders()
    place.folder.mkdir(parents=True, exist_ok=True)
    if given.follow or given.attended:
        orders.listen(sys.stdin.fileno(), given.parent)
    if not given.follow:
        orders.finish.set()
    _mirror_alone(place, orders)


def _mirror_alone(place: Place, orders: Orders) -> None:
    """Mirror a home as soon as no other process does, and exit."""
    until = None
    while not orders.stop.is_set():
        with contextlib.suppress(Timeout), FileLock(place.folder / "mirror.lock", timeout=0):
            mirror = Mirror(place, orders)
            mirror.follow()
            sys.exit(1 if mirror.progress.problem else 0)
        if orders.finish.is_set():
            until = time.monotonic() + OTHER if until is None else until
            if time.monotonic() > until:
                Progress(place, "another harness command is sending this home's runs").save()
                sys.exit(1)
            time.sleep(0.2)
        else:
            orders.wait(POLL)


def _be_quiet() -> None:
    """Ignore Ctrl-C, which the command handles; use the network for MLflow's store only, and without repetition: a
    request that is repeated because its answer was lost is carried out twice."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(REQUEST))
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(REQUEST))


def _request_seconds() -> float:
    """The seconds that a server may take to answer a request."""
    try:
        return float(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"])
    except (KeyError, ValueError):
        return REQUEST


def _replace_process(place: Place) -> None:
    """Replace this process by a mirror of normal priority that finishes."""
    given = [argument for argument in sys.argv[1:] if argument != "--follow"]
    os.execv(sys.executable, [sys.executable, "-P", "-m", "harness_mlflow.mirror", *given, "--attended"])


if __name__ == "__main__":
    main()
