"""Writing to a home: full disks, several writers, killed writers, links, and files of others."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import Actuals, Forecast, Journal, Panel, Results, RollingOrigin, Run, Status, Task
from harness.data.storage import atomic_file, draft_id
from harness.errors import DamagedFile, InfrastructureFault
from harness.evaluation.run import Cell
from harness.evaluation.scoring import Terms
from harness.results import folders
from harness.results import journal as journal_module
from harness.results.folders import arrays_in
from harness.results.journal import CachedJournal, prepare_home
from harness.tasks.folds import backtest

TASK = Task("toy", RollingOrigin(2, windows=3))
KEY = "0123456789abcdef0123456789abcdef"
WRITER = """
import sys
from pathlib import Path
import numpy as np
from tests.results.test_writing import run_of
from harness import Journal

for level in range(int(sys.argv[2]), int(sys.argv[2]) + 40):
    Journal(Path(sys.argv[1])).write(run_of(level))
"""
FULL = """
import errno, os, sys
from pathlib import Path
import builtins, io
from tests.results.test_writing import ACTUALS, TASK, run_of
from harness import Journal
from harness.errors import InfrastructureFault

if sys.argv[2] == "limit":
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
else:
    left = [int(sys.argv[3])]
    sync = os.fsync
    def full(file):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)
    os.fsync = full
for write in (lambda: Journal(Path(sys.argv[1])).write(run_of(2)),
              lambda: Journal(Path(sys.argv[1])).write_actuals("aa", TASK, ACTUALS)):
    try:
        write()
    except InfrastructureFault as error:
        print(error)
"""
ACTUALS = Actuals.of(backtest(TASK, Panel.of([np.arange(30.0)] * 2, season_length=3)))


def run_of(level: float) -> Run:
    """A run all of whose arrays hold one value."""
    mean = np.full((300, 2, 1), float(level))
    terms = {"MAE": Terms(np.full((300, 1), float(level)), np.ones((300, 1)))}
    results = Results(Forecast.point(mean), terms, np.zeros(300, int), np.full(300, int(level)))
    return Run(Cell(TASK, "naive"), Status.COMPLETED, KEY, scores={"MAE": float(level)}, windows=300, results=results)


def level_of(home: Path) -> float | None:
    """The value of all arrays of the run and its score; None if there is no run."""
    run = Journal(home).read_with_results(KEY)
    if run is None:
        return None
    assert run.results is not None
    found = {run.scores["MAE"], *run.results.forecast.mean.ravel(), *run.results.cutoffs}
    found |= {*run.results.terms["MAE"].numerators.ravel()}
    assert len(found) == 1
    return float(found.pop())


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestFullDisks:
    @pytest.mark.parametrize(("kind", "amount"), [("limit", 0), ("limit", 300), ("limit", 3000)] + [("sync", 0)] * 1)
    def test_nothing_is_left_of_a_new_cell(self, tmp_path: Path, kind: str, amount: int) -> None:
        prepare_home(tmp_path)

        out, err = python(FULL, tmp_path, kind, amount).communicate(timeout=120)

        assert err == ""
        assert out.count("the result cannot be written") == (2 if amount < 3000 else 1), out
        assert "\n\n" not in out
        if amount < 3000:
            assert files(tmp_path) == set()
            assert list((tmp_path / "journal" / "cells").iterdir()) == []
            assert list((tmp_path / "journal" / "actuals").iterdir()) == []

    @pytest.mark.parametrize("synced", range(5))
    def test_the_former_run_stays_whole(self, tmp_path: Path, synced: int) -> None:
        Journal(tmp_path).write(run_of(1))
        before = files(tmp_path)

        out, err = python(FULL, tmp_path, "sync", synced).communicate(timeout=120)

        assert err == ""
        assert "the result cannot be written: No space left on device; make room" in out
        assert files(tmp_path / "journal" / "cells") == {name[len("journal/cells/") :] for name in before}
        assert level_of(tmp_path) == 1

    def test_another_error_of_the_system_is_a_fault_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("harness.results.stored_arrays.os.fsync", broken)

        with pytest.raises(InfrastructureFault, match=r"the result cannot be written: Input/output error; make room"):
            Journal(tmp_path).write(run_of(1))


class TestWriters:
    def test_a_record_always_has_its_arrays(self, tmp_path: Path) -> None:
        """Four processes write one cell again and again, while this one reads it."""
        Journal(tmp_path).write(run_of(0))
        writers = [python(WRITER, tmp_path, 100 * number) for number in range(4)]

        while any(writer.poll() is None for writer in writers):
            assert level_of(tmp_path) is not None

        assert [writer.communicate(timeout=120)[1] for writer in writers] == [""] * 4
        assert level_of(tmp_path) in {39, 139, 239, 339}
        assert not (tmp_path / "damaged").exists()
        Journal(tmp_path).write(run_of(7))
        assert len(list((tmp_path / "journal" / "cells" / KEY).iterdir())) == 5

    def test_scores_that_are_computed_again_keep_their_forecasts(self, tmp_path: Path) -> None:
        """Between reading and writing another process replaces the run, and removes the arrays that were read."""
        journal = Journal(tmp_path)
        journal.write(run_of(1))
        record = journal.record(KEY)
        assert record is not None

        journal.write(run_of(2))
        journal.write_scores(replace(record, run=run_of(1)))

        assert level_of(tmp_path) == 2

    def test_a_reader_does_not_move_away_what_is_being_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A reader has found a damaged record; before it moves it away, a writer has begun to replace it."""
        folder = tmp_path / "journal" / "cells" / KEY
        folder.mkdir(parents=True)
        (folder / "record.json").write_text("{", encoding="utf-8")
        read = journal_module.record_in

        def read_slowly(path: str) -> object:
            try:
                return read(path)
            except DamagedFile:
                Journal(tmp_path).write(run_of(3))
                raise

        with monkeypatch.context() as patched:
            patched.setattr(journal_module, "record_in", read_slowly)
            Journal(tmp_path).read(KEY)

        assert level_of(tmp_path) == 3

    @pytest.mark.parametrize("moved", ["mean", "terms"])
    def test_a_folder_that_is_moved_away_while_it_is_written_is_a_fault(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: str
    ) -> None:
        folder, write = tmp_path / "journal" / "cells" / KEY, folders.write_array

        def write_slowly(path: Path, file: str, array: np.ndarray) -> folders.StoredArray:
            stored = write(path, file, array)
            if file.endswith(f"-{moved}.npy"):
                path.rename(tmp_path / "elsewhere")
            return stored

        monkeypatch.setattr(folders, "write_array", write_slowly)

        with pytest.raises(InfrastructureFault):
            Journal(tmp_path).write(run_of(1))
        assert not folder.exists()

    def test_threads_of_one_process_may_write_one_cell(self, tmp_path: Path) -> None:
        threads = [threading.Thread(target=Journal(tmp_path).write, args=(run_of(level),)) for level in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert level_of(tmp_path) in range(8)


class TestLeftovers:
    @pytest.fixture
    def ended(self) -> int:
        """The number of a process that has ended."""
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait(60)
        return process.pid

    def test_drafts_of_ended_processes_are_removed(self, tmp_path: Path, ended: int) -> None:
        prepare_home(tmp_path)
        host, _, identifier = draft_id().split("-")
        old = f"{host}-{ended}-{identifier}"
        (tmp_path / "journal" / "actuals" / f".abc-{old}").mkdir()
        (tmp_path / "journal" / "actuals" / f".abc-{old}" / "x.npy").touch()
        (tmp_path / "boards" / "toys").mkdir()
        (tmp_path / "boards" / "toys" / f".plan.json-{old}").touch()
        (tmp_path / f".fingerprints.json-{old}").touch()
        for own in (f".fingerprints.json-{draft_id()}", f".fingerprints.json-00000000-{ended}-{identifier}", ".mine"):
            (tmp_path / own).touch()

        prepare_home(tmp_path)

        assert len(files(tmp_path)) == 3
        assert list((tmp_path / "journal" / "actuals").iterdir()) == []

    def test_arrays_of_ended_processes_are_removed_when_the_cell_is_looked_at(self, tmp_path: Path, ended: int) -> None:
        Journal(tmp_path).write(run_of(1))
        folder = tmp_path / "journal" / "cells" / KEY
        before = files(folder)
        host, _, identifier = draft_id().split("-")
        for name in (f"{host}-{ended}-{identifier}-mean.npy", f".record.json-{host}-{ended}-{identifier}"):
            (folder / name).touch()
        for name in ("mine.npy", "notes.txt", f"{draft_id()}-mean.npy"):
            (folder / name).touch()

        assert CachedJournal(tmp_path).state(KEY).status is Status.COMPLETED

        assert {name for name in files(folder) - before if "mine" in name or "notes" in name} == {
            "mine.npy",
            "notes.txt",
        }
        assert len(files(folder) - before) == 3

    def test_a_killed_writer_leaves_no_record_without_arrays(self, tmp_path: Path) -> None:
        for attempt in range(8):
            writer = python(WRITER, tmp_path, 0)
            while not (tmp_path / "journal" / "cells" / KEY / "record.json").exists():
                assert writer.poll() is None
            threading.Event().wait(0.003 * attempt)
            writer.kill()
            writer.communicate(timeout=60)

            assert level_of(tmp_path) is not None
        Journal(tmp_path).write(run_of(7))
        assert len(list((tmp_path / "journal" / "cells" / KEY).iterdir())) == 5


class TestFilesOfOthers:
    def test_a_link_in_the_place_of_a_cell_is_replaced_and_what_it_leads_to_stays(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "precious-mean.npy").write_text("1")
        home = prepare_home(tmp_path / "home")
        (home / "journal" / "cells" / KEY).symlink_to(tmp_path / "mine")

        Journal(home).write(run_of(1))

        assert level_of(home) == 1
        assert files(tmp_path / "mine") == {"precious-mean.npy"}
        assert not (home / "journal" / "cells" / KEY).is_symlink()
        assert "is damaged: it is a symbolic link; it was moved to" in caplog.text

    def test_a_link_in_the_place_of_actuals_too(self, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "precious.npy").write_text("1")
        journal = Journal(prepare_home(tmp_path / "home"))
        journal.write_actuals("aa", TASK, ACTUALS)
        (folder,) = journal.actuals.iterdir()
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "mine")

        journal.write_actuals("aa", TASK, ACTUALS)

        assert journal.read_actuals("aa", TASK) is not None
        assert files(tmp_path / "mine") == {"precious.npy"}

    def test_a_file_in_the_place_of_a_cell_is_moved_away(self, tmp_path: Path) -> None:
        home = prepare_home(tmp_path)
        (home / "journal" / "cells" / KEY).write_text("mine")

        Journal(home).write(run_of(1))

        assert level_of(home) == 1
        assert [path.read_text() for path in (home / "damaged").iterdir()] == ["mine"]

    def test_files_of_others_in_a_cell_stay(self, tmp_path: Path) -> None:
        Journal(tmp_path).write(run_of(1))
        folder = tmp_path / "journal" / "cells" / KEY
        (folder / "notes.txt").write_text("mine")

        Journal(tmp_path).write(run_of(2))

        assert (folder / "notes.txt").read_text() == "mine"
        assert len(arrays_in(folder) or {}) == 4


class TestClocks:
    def test_a_record_from_the_future_is_replaced(self, tmp_path: Path) -> None:
        journal = CachedJournal(tmp_path)
        journal.write(run_of(1))
        os.utime(journal.cells / KEY / "record.json", (4e9, 4e9))
        before = journal.state(KEY)
        assert journal.read(KEY) is not None

        journal.write(run_of(2))

        after, run = journal.state(KEY), journal.read(KEY)
        assert 0 < after.recorded < before.recorded
        assert run is not None
        assert run.scores["MAE"] == 2

    @pytest.mark.parametrize("time", [0, 1, 4e9])
    def test_times_of_files_do_not_tell_which_is_valid(self, tmp_path: Path, time: float) -> None:
        journal = CachedJournal(tmp_path)
        journal.write(run_of(1))
        journal.state(KEY)
        journal.save_index()

        for path in (tmp_path / "journal").rglob("*"):
            os.utime(path, (time, time))

        assert CachedJournal(tmp_path).state(KEY).status is Status.COMPLETED
        assert level_of(tmp_path) == 1


class TestReadOnly:
    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everything")
    def test_a_home_that_cannot_be_written_to_can_be_read(self, tmp_path: Path) -> None:
        Journal(tmp_path).write(run_of(1))
        folders = [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o500)
        try:
            journal = CachedJournal(tmp_path)
            assert journal.state(KEY).status is Status.COMPLETED
            journal.save_index()
            assert level_of(tmp_path) == 1
            with pytest.raises(InfrastructureFault, match="Permission denied"):
                journal.write(run_of(2))
        finally:
            for folder in folders:
                folder.chmod(0o700)


class TestDrafts:
    def test_a_draft_is_no_draft_of_an_ended_process_while_it_is_written(self, tmp_path: Path) -> None:
        with atomic_file(tmp_path / "a.json") as draft:
            draft.write_text("{}")
            prepare_home(tmp_path)

            assert draft.exists()
