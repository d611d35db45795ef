"""Records what a command does while it runs cells: its activity, in the file that others read."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from harness.data.storage import write_json
from harness.evaluation.run import Status
from harness.execution.activity import (
    CELL,
    SCHEMA,
    Activity,
    LastCell,
    RunningCell,
    StillPending,
    activity_folder,
    hash_of_cells,
    remove_stale,
    utc_now,
)
from harness.execution.events import Event, Finished, NotStarted, PartsDone, Postponed, Started, Waiting
from harness.execution.expected_work import ExpectedWork
from harness.execution.process_usage import identity
from harness.fields.dumping import dump
from harness.results.index import machine_name

SOON = 1.0  # seconds after a change until the file is written
BEAT = 10.0  # seconds without a change until it is written again, so that durations in it are recent


class Recorder:
    """Keeps the activity of this process, and writes it to its file while its block lasts.

    An activity that cannot be written is none: the run goes on without.
    """

    def __init__(
        self,
        home: Path,
        boards: Sequence[str],
        total: int,
        unit: str = CELL,
        executor: str = "local",
        shard: str = "",
        asked_for: Iterable[str] = (),
        tell: Callable[[], None] = lambda: None,
        work: ExpectedWork | None = None,
        unstored: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        """`tell` is called each time after the file was written; somebody else adds events to `work`.

        `asked_for` are the keys of all cells of the command, also of those that were done before it began; `unstored`
        those of finished cells that wait for a store that does not answer.
        """
        self.path = activity_folder(home) / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.json"
        self._began = time.monotonic()
        process, host = os.getpid(), socket.gethostname()
        self._activity = Activity(
            process,
            host,
            identity(process),
            utc_now(),
            tuple(boards),
            total,
            unit=unit,
            executor=executor,
            shard=shard,
            asked_for=hash_of_cells(asked_for),
        )
        self._last: dict[str, tuple[LastCell, float]] = {}  # by machine
        self._running: dict[str, tuple[RunningCell, float]] = {}
        self._tell, self._work, self._unstored = tell, work or ExpectedWork({}), unstored
        self._changed, self._ended = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, name="harness-activity", daemon=True)

    def __enter__(self) -> Recorder:
        remove_stale(self.path.parent)
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._changed.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def note(self, event: Event) -> None:
        """Take an event of the run into account."""
        with self._lock:
            self._note(event)
        self._changed.set()

    def begin(self, key: str, title: str, task: str) -> None:
        """Take into account that a forecaster begins on a task."""
        with self._lock:
            self._begin(key, title, task)
        self._changed.set()

    def end(self, key: str, *, failed: bool) -> None:
        """Take into account that it has ended."""
        with self._lock:
            self._end(key, failed=failed)
        self._changed.set()

    def _begin(self, key: str, title: str, task: str) -> None:
        self._running[key] = RunningCell(key, title, task, utc_now(), 0.0), time.monotonic()

    def _end(self, key: str, *, failed: bool) -> None:
        self._running.pop(key, None)
        activity = self._activity
        self._activity = replace(activity, done=activity.done + 1, failed=activity.failed + failed)

    def _note(self, event: Event) -> None:
        activity = self._activity
        if isinstance(event, Waiting):
            self._activity = replace(activity, waits_for=tuple(dict.fromkeys((*activity.waits_for, event.owner))))
            return
        if isinstance(event, NotStarted):
            cells = [StillPending(each.key, each.title, each.task, event.reason) for each in event.cells]
            self._activity = replace(activity, still_pending=(*activity.still_pending, *cells), waits_for=())
            return
        planned, activity = event.planned, replace(activity, waits_for=())  # it goes on: the next wait is told again
        self._activity = activity
        if isinstance(event, Started):
            self._begin(planned.key, planned.title, planned.task)
            return
        if isinstance(event, PartsDone):
            cell, since = self._running[planned.key]
            self._running[planned.key] = replace(cell, parts=event.parts, parts_done=event.done), since
            return
        if isinstance(event, Finished):
            if event.ran_here:
                name = machine_name(event.run.provenance)
                self._last[name] = LastCell(name, event.run.finished, 0.0), time.monotonic()
            self._end(planned.key, failed=event.run.status is not Status.COMPLETED)
            return
        self._running.pop(planned.key, None)
        reason = event.reason if isinstance(event, Postponed) else str(event.error)
        pending = StillPending(planned.key, planned.title, planned.task, reason)
        self._activity = replace(activity, still_pending=(*activity.still_pending, pending))

    def _write_all(self) -> None:
        while not self._ended.is_set():
            self._changed.wait(BEAT)
            if not self._ended.wait(SOON):
                self._changed.clear()
                self._write()

    def _write(self) -> None:
        with self._lock:
            now, unstored = time.monotonic(), self._unstored() & self._running.keys()
            started = [self._running[key] for key in self._running if key not in unstored]
            running = tuple(replace(cell, seconds=now - since) for cell, since in started)
            machines = tuple(replace(cell, seconds=now - since) for cell, since in self._last.values())
            activity = replace(
                self._activity,
                seconds=now - self._began,
                running=running,
                machines=machines,
                work=self._work.total,
                work_done=self._work.done,
                unstored=len(unstored),
                written=utc_now("milliseconds"),
            )
        with contextlib.suppress(OSError, ValueError):
            write_json(self.path, {"schema": SCHEMA, **dump(activity)})
        self._tell()
