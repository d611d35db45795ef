"""The index of a journal: it saves reading records, and is never trusted over them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness import Journal, RollingOrigin, Run, Status, Task
from harness.data.storage import read_checked_json, write_checked_json
from harness.evaluation.run import Cell
from harness.results import journal as journal_module
from harness.results.index import SCHEMA, Index, State
from harness.results.journal import CachedJournal
from tests.results.test_writing import KEY, run_of

RUN = Run(Cell(Task("toy", RollingOrigin(2)), "naive"), Status.COMPLETED, "aa")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of the records that were parsed."""
    folders: list[str] = []
    read = journal_module.record_in
    monkeypatch.setattr(journal_module, "record_in", lambda folder: folders.append(folder) or read(folder))
    return folders


def statuses(home: Path, *keys: str) -> list[Status | None]:
    """The statuses as a new process finds them, which stores what it has learned."""
    journal = CachedJournal(home)
    found = [journal.state(key).status for key in keys]
    journal.save_index()
    return found


def test_a_record_is_not_parsed_again(tmp_path: Path, parsed: list[str]) -> None:
    Journal(tmp_path).write(RUN)

    assert statuses(tmp_path, "aa", "bb") == [Status.COMPLETED, None]
    assert len(parsed) == 2
    assert statuses(tmp_path, "aa", "bb") == [Status.COMPLETED, None]
    assert len(parsed) == 3  # of the cell that was not run


def test_the_state_is_that_of_the_journal_without_an_index(tmp_path: Path) -> None:
    Journal(tmp_path).write(RUN)
    statuses(tmp_path, "aa")

    assert CachedJournal(tmp_path).state("aa") == Journal(tmp_path).state("aa") != State(0, None)
    assert CachedJournal(tmp_path).state("bb") == State(0, None)


@pytest.mark.parametrize("status", [Status.FAILED, Status.COMPLETED])
def test_a_record_that_was_replaced_is_parsed(tmp_path: Path, parsed: list[str], status: Status) -> None:
    Journal(tmp_path).write(RUN)
    statuses(tmp_path, "aa")
    parsed.clear()

    Journal(tmp_path).write(replace(RUN, status=status))

    assert statuses(tmp_path, "aa") == [status]
    assert len(parsed) == 1


def test_a_record_that_was_changed_in_its_place_is_parsed(tmp_path: Path) -> None:
    Journal(tmp_path).write(RUN)
    statuses(tmp_path, "aa")
    path = tmp_path / "journal" / "cells" / "aa" / "record.json"
    before, content = path.stat(), path.read_bytes()

    path.write_bytes(content.replace(b"completed", b"c0mpleted"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert statuses(tmp_path, "aa") == [None]


def test_a_record_that_was_removed_is_none(tmp_path: Path) -> None:
    Journal(tmp_path).write(RUN)
    statuses(tmp_path, "aa")

    (tmp_path / "journal" / "cells" / "aa" / "record.json").unlink()

    assert statuses(tmp_path, "aa") == [None]


def test_a_copied_home_is_read_anew(tmp_path: Path, parsed: list[str]) -> None:
    Journal(tmp_path / "home").write(RUN)
    statuses(tmp_path / "home", "aa")
    parsed.clear()

    shutil.copytree(tmp_path / "home", tmp_path / "copy")

    assert statuses(tmp_path / "copy", "aa") == [Status.COMPLETED]
    assert len(parsed) == 1


@pytest.mark.parametrize("entry", [None, 3, [], ["completed"], ["nonsense", 1], {"a": 1}, [1, 2, 3, 4, 5, 6]])
def test_entries_of_other_types_count_as_unknown(tmp_path: Path, entry: object) -> None:
    Journal(tmp_path).write(RUN)
    write_checked_json(tmp_path / "journal" / "index.json", {"cells": {"aa": entry}}, SCHEMA)

    assert statuses(tmp_path, "aa") == [Status.COMPLETED]


@pytest.mark.parametrize("cells", [None, 3, []])
def test_an_index_of_another_type_is_empty(tmp_path: Path, cells: object) -> None:
    write_checked_json(tmp_path / "journal" / "index.json", {"cells": cells}, SCHEMA)

    assert Index(tmp_path).outcome("aa", (1,)) is None


def test_a_truncated_array_is_noticed(tmp_path: Path) -> None:
    Journal(tmp_path).write(run_of(1))
    assert statuses(tmp_path, KEY) == [Status.COMPLETED]
    (array,) = (tmp_path / "journal" / "cells" / KEY).glob("*-mean.npy")

    os.truncate(array, 100)

    assert statuses(tmp_path, KEY) == [None]


@pytest.mark.parametrize("strict", [False, True])
def test_it_knows_whether_a_run_was_strict(tmp_path: Path, strict: bool) -> None:
    Journal(tmp_path).write(replace(RUN, strict=strict))

    assert [CachedJournal(tmp_path).state("aa").strict for _ in statuses(tmp_path, "aa")] == [strict]


def test_cells_that_are_gone_are_removed(tmp_path: Path) -> None:
    for key in ("aa", "bb"):
        Journal(tmp_path).write(replace(RUN, key=key))
    statuses(tmp_path, "aa", "bb")
    shutil.rmtree(tmp_path / "journal" / "cells" / "aa")
    Journal(tmp_path).write(replace(RUN, key="cc"))

    statuses(tmp_path, "cc")

    entries = read_checked_json(tmp_path / "journal" / "index.json", SCHEMA)
    assert entries is not None
    assert entries["cells"].keys() == {"bb", "cc"}


def test_one_of_a_later_version_is_not_overwritten(tmp_path: Path) -> None:
    Journal(tmp_path).write(RUN)
    path = tmp_path / "journal" / "index.json"
    path.write_text(json.dumps({"schema": SCHEMA + 1}), encoding="utf-8")

    assert statuses(tmp_path, "aa") == [Status.COMPLETED]
    assert json.loads(path.read_bytes()) == {"schema": SCHEMA + 1}


def test_processes_that_write_it_at_once_lose_nothing_but_time(tmp_path: Path) -> None:
    for key in ("aa", "bb"):
        Journal(tmp_path).write(replace(RUN, key=key))
    one, other = CachedJournal(tmp_path), CachedJournal(tmp_path)

    assert one.state("aa").status is Status.COMPLETED
    assert other.state("bb").status is Status.COMPLETED
    one.save_index()
    other.save_index()

    assert statuses(tmp_path, "aa", "bb") == [Status.COMPLETED, Status.COMPLETED]
