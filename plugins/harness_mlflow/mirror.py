"""The mirror: a process that reads the journal and sends to MLflow what is not there yet.

    python -m harness_mlflow.mirror --home HOME             send everything, then end
    python -m harness_mlflow.mirror --home HOME --follow    go on until told to finish

It is told to finish by the line `finish` on its standard input: it sends what is left and the standings.
If the input ends without a word, because the command was interrupted or has died, it ends after the run it
is at. It may be killed at any moment: started again, it neither repeats nor loses anything.

While it follows, it computes when no cell wants to; once it is told to finish, its user waits for it, and it
computes like everybody else. On Linux priorities are a thread's, and low ones are for good: so one thread follows,
and another finishes.
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
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from harness import Journal, StoredPlan, stored_plans
from harness_mlflow.companion import FINISH
from harness_mlflow.index import Board, Index, MirroredBoard, PendingCell, read_boards
from harness_mlflow.place import Place, without_password
from harness_mlflow.storage import write_text

if TYPE_CHECKING:
    from harness_mlflow.store import Store

POLL = 5.0  # seconds between looks at the journal
HAND_OVER = 3.0  # seconds after which the thread that gives way must have got a quarter of a processor
AWAY = 30.0  # seconds between tries of a store that is away
SAVE = 1.0  # seconds between savings of the index


class Orders:
    """What the command that started the mirror wants; followed on a thread of its own."""

    def __init__(self) -> None:
        self.finish = threading.Event()  # send what is left, then end
        self.stop = threading.Event()  # end after the run at hand
        self.changed = threading.Event()  # one of them was given, or nobody follows any more
        self._parent = os.getppid()

    def listen(self, file: int) -> None:
        """Follow what is written to a file descriptor."""
        threading.Thread(target=self._read, args=[file], daemon=True).start()

    def wait(self, seconds: float | None) -> None:
        """Sleep, for as long as need be or so many seconds, but not through an order."""
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
    """Sends a home's boards to its store, item by item, and remembers each."""

    def __init__(self, place: Place, orders: Orders) -> None:
        self.place = place
        self.orders = orders
        self.index = Index(place)
        self.journal = Journal(place.home)
        self.problem = ""
        self.sent = 0
        self._store: Store | None = None
        self._opened: set[str] = set()
        self._away = False
        self._humble = False
        self._saved = 0.0

    def follow(self) -> None:
        """Send cells as they finish, until told otherwise; then everything."""
        if not self.orders.finish.is_set():
            self._humble = True
            thread = threading.Thread(target=self._follow_humbly, daemon=True)
            thread.start()
            self.orders.wait(None)
            while self.orders.finish.is_set() and thread.is_alive():
                if _starves(thread):
                    _start_again(self.place)
            thread.join()
            self._humble = False
        if not self.orders.stop.is_set():
            self.send_all()

    def send_all(self) -> None:
        """Send the cells that wait, then the standings."""
        boards = read_boards(self.place.home)
        self.send_cells(board.plan for board in boards)
        for board in boards:
            if self._goes_on and self.index.standings_pending(board):
                self._attempt(partial(self._send_standings, board))
        self._save()

    def send_cells(self, plans: Iterable[StoredPlan]) -> None:
        """Send the cells that wait."""
        self.problem, self._away = "", False
        for plan in plans:
            if not self._goes_on:
                break
            if any(True for _ in self.index.pending_cells(plan, self.journal)):
                self._attempt(partial(self._opened_board, plan))  # more may wait than the index knows
            for cell in self.index.pending_cells(plan, self.journal):
                if not self._goes_on:
                    break
                self._attempt(partial(self._send_cell, plan, cell))
                if time.monotonic() - self._saved > SAVE:
                    self._save()
        self._save()

    def _follow_humbly(self) -> None:
        _give_way()
        try:
            while not self.orders.stop.is_set() and not self.orders.finish.is_set():
                self.send_cells(stored_plans(self.place.home))
                self.orders.wait(AWAY if self.problem else POLL)
        finally:
            self.orders.changed.set()

    @property
    def _goes_on(self) -> bool:
        orders = self.orders
        return not self._away and not orders.stop.is_set() and not (self._humble and orders.finish.is_set())

    def _send_cell(self, plan: StoredPlan, cell: PendingCell) -> None:
        store, sent = self._opened_board(plan)
        store.send_cell(plan, cell, sent)
        sent.cells[cell.key] = cell.modified
        sent.names[cell.key] = [cell.forecaster, cell.task]
        self.sent += 1

    def _send_standings(self, board: Board) -> None:
        store, sent = self._opened_board(board.plan)
        store.retag_cells(board.plan, sent)
        store.send_standings(board, sent)
        sent.standings = board.digest
        self.sent += 1

    def _opened_board(self, plan: StoredPlan) -> tuple[Store, MirroredBoard]:
        """The store, with the board's experiments in it."""
        if self._store is None:
            from harness_mlflow.store import Store

            self._store = Store(self.place)
        sent = self.index.board(plan.name)
        if plan.name not in self._opened:
            self._store.open_board(plan, sent)
            self._opened.add(plan.name)
        return self._store, sent

    def _attempt(self, action: Callable[[], object]) -> None:
        """The border to MLflow: whatever goes wrong is told, and tried again by the next pass."""
        try:
            action()
        except Exception as error:
            self._away = self._store is None or not self._store.answers()
            self.problem = _sentence(error)
            traceback.print_exc()

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self._store is not None:
            self.index.save()
        report(self.place, self.problem, self.sent)


def report(place: Place, problem: str, sent: int = 0) -> None:
    """Leave word of how far the mirror is, and of what it could not do."""
    write_text(place.folder / "mirror.json", json.dumps({"problem": problem, "sent": sent}))


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
    """Leave Ctrl-C to the command, and the network to MLflow's store alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")


def _give_way() -> None:
    """Leave the processor to the cells: for this thread on Linux, for the process where priorities are a process's."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(19 if sys.platform == "linux" else 10)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _starves(thread: threading.Thread) -> bool:
    """Wait for a thread for a while; whether others leave it nothing of the processor."""
    before = _processor_seconds(thread)
    thread.join(HAND_OVER)
    return thread.is_alive() and _processor_seconds(thread) - before < HAND_OVER / 4


def _processor_seconds(thread: threading.Thread) -> float:
    """What Linux knows that a thread has used; elsewhere and afterwards, infinitely more than before."""
    try:
        spent = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text(encoding="ascii")
    except OSError:
        return math.inf
    return int(spent.split()[0]) / 1e9


def _start_again(place: Place) -> None:
    """Become a mirror of normal priority that finishes, and forget the thread that cannot."""
    program = [sys.executable, "-P", "-m", "harness_mlflow.mirror", "--home", str(place.home)]
    os.execv(sys.executable, program)


def _sentence(error: Exception) -> str:
    """What went wrong, for the eyes of a user: its first line, without passwords."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "") or type(error).__name__
    if "Max retries exceeded" in text:
        return "it does not answer"
    if " " not in text:
        text = f"{type(error).__name__}: {text}"
    return without_password(text if len(text) <= 200 else f"{text[:200]}…")


if __name__ == "__main__":
    main()
