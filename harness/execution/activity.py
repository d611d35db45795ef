"""What a running command does, in a file of the home that others read: <home>/journal/running/<process>-<draft>.json.

The file is written by a thread, at most once a second, and is removed when the command ends. One whose process is gone
is stale: it is not read, and the next command removes it, as it does a damaged one. Durations are by a clock that does
not jump.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.data.storage import read_json, write_json
from harness.evaluation.run import Status
from harness.execution.events import Event, Finished, NotStarted, PartsDone, Postponed, Started, Waiting
from harness.execution.process_usage import has_ended, identity
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.results.index import machine_name

SCHEMA = 4  # 1 had no executor, shard and machines, 2 no parts of cells, and 3 no time of writing
SOON = 1.0  # seconds after a change until the file is written
CELL, REPETITION = "cell", "repetition"  # what a command does: `harness bench` measures repetitions
STALE = 60.0  # seconds without a sign of a process, after which others may take over its cells
BEAT = 10.0  # seconds without a change until it is written again, so that durations in it are recent


@dataclass(frozen=True)
class RunningCell:
    """A cell that is being run."""

    key: str
    title: str  # the forecaster's name on the board
    task: str
    since: str  # UTC, ISO 8601
    seconds: float  # from then until the file was written
    parts: int = 0  # into which it is divided; 0: it is not
    parts_done: int = 0


@dataclass(frozen=True)
class StillPending:
    """A cell that could not be run, and the reason."""

    key: str
    title: str
    task: str
    reason: str


@dataclass(frozen=True)
class LastCell:
    """The last cell of a command that a machine has finished."""

    machine: str
    finished: str  # UTC, ISO 8601, by the clock of that machine
    seconds: float  # from then until the file was written, by the clock of the command's machine


@dataclass(frozen=True)
class Activity:
    """A command that runs cells, or measures repetitions: its process, and how far it is."""

    process: int
    host: str
    identity: str  # what tells the process from another one of its number, later or in another container
    since: str  # UTC, ISO 8601
    boards: tuple[str, ...]
    cells: int  # that were pending when it began; or repetitions
    seconds: float = 0.0  # since then
    done: int = 0
    failed: int = 0  # of those done
    running: tuple[RunningCell, ...] = ()
    still_pending: tuple[StillPending, ...] = ()
    waits_for: tuple[str, ...] = ()  # processes that run the cells that are left
    unit: str = CELL  # what is counted
    executor: str = "local"
    shard: str = ""  # of the run that it is a part of, such as 3/16
    machines: tuple[LastCell, ...] = ()  # those that have finished cells of it
    written: str = ""  # UTC, ISO 8601, by the clock of its machine; empty: not known
    age: float | None = None  # seconds since it was written, when it was read, by the clock of the reader

    @property
    def is_silent(self) -> bool:
        """Whether it was written so long ago that its process or its machine seems to be gone."""
        return self.age is not None and self.age > STALE

    @property
    def seconds_left(self) -> float | None:
        """The time that the remaining cells take at the present rate; None where nothing is known yet."""
        return seconds_left(self.done, self.cells - len(self.still_pending), self.seconds)


def seconds_left(done: int, total: int, seconds: float) -> float | None:
    """The time that the remaining of all cells take at the rate so far; None before the first is done."""
    return None if done == 0 else max(0, total - done) * seconds / done


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
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        """`tell` is called each time after the file was written."""
        self.path = activity_folder(home) / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.json"
        self._began = time.monotonic()
        process, host = os.getpid(), socket.gethostname()
        self._activity = Activity(
            process, host, identity(process), _now(), tuple(boards), total, unit=unit, executor=executor, shard=shard
        )
        self._last: dict[str, tuple[LastCell, float]] = {}  # by machine
        self._running: dict[str, tuple[RunningCell, float]] = {}
        self._tell = tell
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
        self._running[key] = RunningCell(key, title, task, _now(), 0.0), time.monotonic()

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
            self._end(planned.key, failed=event.run.status not in (Status.COMPLETED, Status.UNSUPPORTED))
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
            now = time.monotonic()
            running = tuple(replace(cell, seconds=now - since) for cell, since in self._running.values())
            machines = tuple(replace(cell, seconds=now - since) for cell, since in self._last.values())
            activity = replace(
                self._activity,
                seconds=now - self._began,
                running=running,
                machines=machines,
                written=_now("milliseconds"),
            )
        with contextlib.suppress(OSError, ValueError):
            write_json(self.path, {"schema": SCHEMA, **dump(activity)})
        self._tell()


def activity_folder(home: Path) -> Path:
    """The folder of the files of running commands."""
    return home / "journal" / "running"


def activities(home: Path) -> list[Activity]:
    """The commands that run cells of this home, the first of them first; those of other machines as last written."""
    stored = (activity for _, activity in _stored(activity_folder(home)) if activity)
    found = [_with_age(activity) for activity in stored if not _is_stale(activity)]
    return sorted(found, key=lambda activity: activity.since)


def own_activity(home: Path) -> dict[str, Any] | None:
    """What this process does, as its file says it; None without one."""
    files = sorted(activity_folder(home).glob(f"{os.getpid()}-*.json"))
    return read_json(files[-1]) if files else None


def read_activity(fields: Mapping[str, Any] | None) -> Activity | None:
    """The activity that a file or a lease holds; None if it is damaged, of another version, or its process is gone."""
    if fields is None or fields.get("schema") not in range(1, SCHEMA + 1):
        return None
    with contextlib.suppress(ValueError):
        activity = load(Activity, {name: value for name, value in fields.items() if name != "schema"})
        return None if _is_stale(activity) else _with_age(activity)
    return None


def remove_stale(folder: Path) -> None:
    """Remove the files of processes of this machine that are gone, and damaged ones.

    One of a later version is left to it.
    """
    for path, activity in _stored(folder):
        if activity is None or _is_stale(activity):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _stored(folder: Path) -> Iterator[tuple[Path, Activity | None]]:
    """The files of a folder with what they say, None for a damaged one; without those of later versions."""
    for path in sorted(folder.glob("*.json")):
        fields = read_json(path)
        schema = None if fields is None else fields.pop("schema", None)
        if isinstance(schema, int) and schema > SCHEMA:
            continue
        activity = None
        if fields is not None and isinstance(schema, int) and schema >= 1:
            with contextlib.suppress(ValueError):
                activity = load(Activity, fields)
        yield path, activity


def _is_stale(activity: Activity) -> bool:
    """Whether the process is gone; not known of another machine or container."""
    return activity.host == socket.gethostname() and has_ended(activity.process, activity.identity)


def _with_age(activity: Activity) -> Activity:
    """The activity with its age, where it tells when it was written."""
    with contextlib.suppress(ValueError, TypeError):
        age = datetime.now(UTC) - datetime.fromisoformat(activity.written)
        return replace(activity, age=max(0.0, age.total_seconds()))
    return replace(activity, age=None)


def _now(precision: str = "seconds") -> str:
    return datetime.now(UTC).isoformat(timespec=precision)
