"""What a running command does, in a file of the home that others read: <home>/journal/running/<process>-<draft>.json.

The file is written by a thread, at most once a second, and is removed when the command ends. One whose process is gone
is stale: it is not read, and the next command removes it, as it does a damaged one. A process of another machine is
taken to be gone when it has given no sign for a day. Durations are by a clock that does not jump.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.data.storage import read_json
from harness.execution.expected_work import seconds_left
from harness.execution.process_usage import has_ended
from harness.fields.reading import load

SCHEMA = 7
# 1 had no executor, shard and machines, 2 no parts of cells, 3 no time of writing, 4 no expected work, 5 no `unstored`,
# 6 no `asked_for`
CELL, REPETITION = "cell", "repetition"  # what a command does: `harness bench` measures repetitions
STALE = 60.0  # seconds without a sign of a process, after which others may take over its cells
FORGOTTEN = 86_400.0  # seconds without a sign, after which it is gone: clocks of machines differ by less, and a process
# that was suspended for as long writes its file again
MOST = 1e15  # of a number in a file, which is damaged if it has a larger one


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
    work: float = 0.0  # the seconds that its cells were expected to take; 0: not known
    work_done: float = 0.0  # of those done
    unstored: int = 0  # cells that are finished, and wait for a store that does not answer
    asked_for: str = ""  # a hash of the keys of all its cells, also of those that were done before; empty: not known
    written: str = ""  # UTC, ISO 8601, by the clock of its machine; empty: not known
    age: float | None = None  # seconds since it was written, when it was read, by the clock of the reader

    @property
    def is_silent(self) -> bool:
        """Whether it was written so long ago that its process or its machine seems to be gone."""
        return self.age is not None and self.age > STALE

    @property
    def seconds_left(self) -> float | None:
        """The time that the remaining cells take at the present rate; None where nothing is known, or nothing runs."""
        if not self.running:
            return None
        if self.work > 0:
            return seconds_left(self.work_done, self.work, self.seconds)
        return seconds_left(self.done, self.cells - len(self.still_pending), self.seconds)

    @property
    def cells_left(self) -> int:
        """The number of cells that are not done and may still be run."""
        return max(0, self.cells - self.done - len(self.still_pending))

    @property
    def relative_cost(self) -> float:
        """The expected time of a remaining cell, relative to that of a cell that is done; 1 where it is not known."""
        left = max(0.0, self.work - self.work_done)
        known = left > 0 and self.work_done > 0 and self.cells_left > 0 and self.done > 0
        return (left / self.cells_left) / (self.work_done / self.done) if known else 1.0


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
    if not isinstance(fields, Mapping) or fields.get("schema") not in range(1, SCHEMA + 1):
        return None
    activity = _loaded({name: value for name, value in fields.items() if name != "schema"})
    return None if activity is None or _is_stale(activity) else _with_age(activity)


def remove_stale(folder: Path) -> None:
    """Remove the files of processes that are gone, and damaged ones.

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
        yield path, None if fields is None or not isinstance(schema, int) or schema < 1 else _loaded(fields)


def _loaded(fields: Mapping[str, Any]) -> Activity | None:
    """The activity with these fields; None if they are damaged."""
    try:
        found = load(Activity, fields)
    except ValueError:
        return None
    numbers = [found.cells, found.done, found.failed, found.unstored, found.seconds, found.work, found.work_done]
    numbers += [cell.seconds for cell in found.running] + [cell.seconds for cell in found.machines]
    return found if all(abs(number) < MOST for number in numbers) else None


def _is_stale(activity: Activity) -> bool:
    """Whether the process is gone; of another machine or container, that is known only by its long silence."""
    age = _seconds_since(activity.written)
    if age is not None and abs(age) > FORGOTTEN:  # a time that is yet to come is by a clock that was put right
        return True
    return activity.host == socket.gethostname() and has_ended(activity.process, activity.identity)


def _with_age(activity: Activity) -> Activity:
    """The activity with its age, where it tells when it was written."""
    age = _seconds_since(activity.written)
    return replace(activity, age=None if age is None else max(0.0, age))


def _seconds_since(written: str) -> float | None:
    """The seconds since a time of ISO 8601; None if it is not one."""
    with contextlib.suppress(ValueError, TypeError):
        return (datetime.now(UTC) - datetime.fromisoformat(written)).total_seconds()
    return None


def hash_of_cells(keys: Iterable[str]) -> str:
    """A hash of the keys of cells, the same in each order; empty where there are none."""
    ordered = sorted(set(keys))
    return hashlib.blake2b(" ".join(ordered).encode(), digest_size=8).hexdigest() if ordered else ""


def utc_now(precision: str = "seconds") -> str:
    """The present time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec=precision)
