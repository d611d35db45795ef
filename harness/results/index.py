"""The index of a journal: the outcome of each cell, so that a run finds its pending cells without parsing records.

It is never trusted over the files: an entry counts as long as the record, its folder and its arrays are in the state in
which the record was read. Everything else is read anew. Several processes may write the index; the last one wins.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.damage import set_aside
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import DamagedFile, LaterVersion
from harness.evaluation.run import Run, Status
from harness.results.folders import RECORD

SCHEMA = 1
STATUSES = frozenset(status.value for status in Status)
FileState = tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """How and where a run ended, and whether it was run in strict mode."""

    status: Status
    strict: bool = False
    machine: str = ""  # its name; empty if it is not known
    finished: str = ""  # UTC, ISO 8601, by the clock of that machine

    @classmethod
    def of(cls, run: Run) -> Outcome:
        """The outcome of a run."""
        return cls(run.status, run.strict, machine_name(run.provenance), run.finished)


def machine_name(provenance: Mapping[str, Any]) -> str:
    """The name of the machine that a cell was run on; empty if it is not known."""
    machine = provenance.get("machine")
    name = machine.get("name") if isinstance(machine, Mapping) else None
    return name if isinstance(name, str) else ""


@dataclass(frozen=True)
class State:
    """When the record of a cell was written, in ns, 0 if there is none; and the status of its run, None if not run."""

    recorded: int
    status: Status | None
    strict: bool = False  # whether it was run in strict mode


def state_of(folder: str) -> FileState | None:
    """What tells the files of a cell from others: inodes, sizes and times; None if there is no record."""
    try:
        record, parent = os.stat(os.path.join(folder, RECORD)), os.stat(folder)
        with os.scandir(folder) as entries:
            arrays = sorted((entry.name, *_times(entry.stat())) for entry in entries if entry.name.endswith(".npy"))
    except OSError:
        return None
    digest = int.from_bytes(hashlib.blake2b(repr(arrays).encode(), digest_size=6).digest())
    return record.st_ino, *_times(record), parent.st_mtime_ns, digest


def _times(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Index:
    """The status of each cell of a journal, with the state of its files."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "journal" / "index.json"
        self._is_ours = True  # whether no later version of harness wrote it
        self._entries = self._read()
        self._changed = False

    def _read(self) -> dict[str, Any]:
        try:
            fields = read_checked_json(self.path, SCHEMA) or {}
        except DamagedFile as error:
            set_aside(error, self.home, "it is made again")
            return {}
        except LaterVersion:
            self._is_ours = False
            return {}
        entries = fields.get("cells")
        return entries if isinstance(entries, dict) else {}

    def outcome(self, key: str, state: FileState) -> Outcome | None:
        """The outcome of a cell whose files are in this state, None if it is not known."""
        match self._entries.get(key):
            case [str() as status, bool() as strict, str() as machine, str() as finished, *known]:
                if tuple(known) == state and status in STATUSES:
                    return Outcome(Status(status), strict, machine, finished)
        return None

    def note(self, key: str, state: FileState, outcome: Outcome) -> None:
        """Note the outcome of a cell whose files are in this state."""
        fields = (outcome.status.value, outcome.strict, outcome.machine, outcome.finished)
        self._entries[key] = [*fields, *state]
        self._changed = True

    def save(self) -> None:
        """Store the index, without cells that are no longer there, unless nothing has changed.

        It is not stored where the home cannot be written to.
        """
        if self._changed and self._is_ours:
            with suppress(OSError):
                for key in self._entries.keys() - set(os.listdir(self.home / "journal" / "cells")):
                    del self._entries[key]
                write_checked_json(self.path, {"cells": self._entries}, SCHEMA, indent=None, durable=False)
                self._changed = False
