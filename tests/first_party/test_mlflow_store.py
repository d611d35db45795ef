"""The home's own MLflow store: of another MLflow, damaged, changed by its user, in a folder of any name."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow_homes import LABELS, change_record, client_of, copy_home, execute, fill, mirror, own_store  # noqa: F401
from sqlalchemy.engine import make_url

from harness import HarnessError, Journal, stored_plans
from harness_mlflow import server, views
from harness_mlflow.companion import Companion
from harness_mlflow.entries import LONGEST_NAME, safe_name
from harness_mlflow.index import Index, backlog
from harness_mlflow.inspection import mlflow_revisions
from harness_mlflow.place import Place, sqlite_uri
from harness_mlflow.runs import experiment_name, folder_name
from harness_mlflow.storage import storable

pytestmark = [
    pytest.mark.long_file,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # MLflow leaves its engines to the collector
]


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a board that is in MLflow."""
    home = tmp_path_factory.mktemp("mirrored") / "home"
    fill(home, "hills")
    mirror(home)
    return home


@pytest.fixture
def home(mirrored: Path, tmp_path: Path) -> Path:
    """A copy of that home."""
    return copy_home(mirrored, tmp_path / "home")


def experiments_of(home: Path) -> dict[str, Any]:
    return {found.name: found for found in client_of(home).search_experiments()}


def runs_of(home: Path, experiment: str) -> list[Any]:
    return list(client_of(home).search_runs([experiments_of(home)[experiment].experiment_id]))


def keys_of(home: Path) -> list[str]:
    runs = runs_of(home, "hills · cells")
    return sorted(run.data.tags["harness.key"] for run in runs if "harness.key" in run.data.tags)


def rows_of(home: Path) -> dict[str, Any]:
    runs = runs_of(home, "hills")
    assert len(runs) == len(LABELS)
    return {run.data.tags["forecaster"]: run for run in runs}


def complete(home: Path) -> bool:
    """Whether everything is in MLflow, once."""
    return (
        keys_of(home) == sorted(Journal(home).keys())
        and set(rows_of(home)) == set(LABELS)
        and len(runs_of(home, views.PAGES)) == 1
        and not backlog(Place(home))
    )


def kept(home: Path, reason: str) -> list[Path]:
    return sorted(home.glob(f"{reason}-*.db"))


class TestVersions:
    @pytest.mark.slow
    def test_a_store_of_an_older_mlflow_is_upgraded_and_its_copy_kept(self, home: Path, tmp_path: Path) -> None:
        place = Place(home)
        older = older_store(tmp_path / "older.db")
        execute(older, "INSERT INTO experiments (name, lifecycle_stage) VALUES ('mine', 'active')")
        place.database.unlink()
        shutil.copy(older, place.database)
        before = older.read_bytes()

        assert backlog(place)
        (note,) = mirror(home).progress.notes

        assert "was upgraded to MLflow" in note
        assert complete(home)
        assert "mine" in experiments_of(home)
        (copy,) = kept(home, "mlflow/mlflow-before-upgrade")
        assert copy.read_bytes() == before
        assert copy.name in note

    @pytest.mark.slow
    @pytest.mark.parametrize("how", ["newer", "no database", "cut"])
    def test_one_that_cannot_be_used_is_set_aside_and_made_anew(self, home: Path, how: str) -> None:
        database = Place(home).database
        if how == "newer":
            execute(database, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
        elif how == "cut":
            database.write_bytes(database.read_bytes()[:9000])
        else:
            database.write_bytes(b"no database at all" * 100)
        before = database.read_bytes()

        assert backlog(Place(home))
        (note,) = mirror(home).progress.notes

        assert "the store" in note
        assert "a new one is filled from the journal" in note
        (copy,) = kept(home, "damaged/mlflow")
        assert copy.name in note
        assert copy.read_bytes()[:18] == before[:18]
        assert complete(home)

    @pytest.mark.slow
    def test_damage_in_the_middle_is_found_when_it_is_met(self, home: Path) -> None:
        database = Place(home).database
        content = bytearray(database.read_bytes())
        with closing(sqlite3.connect(database)) as connection:
            (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'params'").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        content[(root - 1) * size : root * size] = b"\xff" * size
        database.write_bytes(content)
        key = stored_plans(home)[0].cells[0].key
        change_record(home, key)

        note, done = Companion(home).finish()

        assert "the store is damaged" in note
        assert "`harness ui` shows the boards" in done
        assert complete(home)

    def test_one_that_is_locked_stays(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda path, timeout=0.0: connect(path, timeout=0.0))
        (home / "mlflow" / "mirrored.json").unlink()
        execute(Place(home).database, "PRAGMA journal_mode=DELETE")
        with closing(connect(Place(home).database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")

            mirror(home, "locked")

        assert not kept(home, "damaged/mlflow")
        mirror(home)
        assert complete(home)

    @pytest.mark.slow
    @pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
    def test_a_lock_is_waited_for_within_bounds_and_caught_up_after(self, home: Path, lock: str) -> None:
        key = stored_plans(home)[0].cells[0].key
        change_record(home, key)
        if lock == "EXCLUSIVE":
            execute(Place(home).database, "PRAGMA journal_mode=DELETE")
        with closing(sqlite3.connect(Place(home).database, isolation_level=None)) as other:
            other.execute(f"BEGIN {lock}")
            begin = time.monotonic()

            (told,) = Companion(home).finish()

            assert "locked" in told
            assert time.monotonic() - begin < 120
            other.execute("ROLLBACK")
        assert "`harness ui` shows the boards" in Companion(home).finish()[0]
        assert complete(home)

    def test_the_check_is_made_once(self, home: Path) -> None:
        execute(Place(home).database, "UPDATE experiments SET last_update_time = 1")

        assert not backlog(Place(home))
        assert mirror(home)._store is None

    @pytest.mark.parametrize("newer", [False, True])
    def test_a_store_of_ones_own_is_never_altered(
        self, home: Path, newer: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        older = older_store(tmp_path / "older.db")
        if newer:
            execute(older, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
        before = older.read_bytes()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{older}")

        mirror(home, "install that version" if newer else "make a backup, then run `mlflow db upgrade`")

        with (
            pytest.raises(HarnessError, match=r"older\.db\): its tables are of an MLflow"),
            server.serve(Place(home), 1),
        ):
            pass
        assert older.read_bytes() == before
        assert not list(tmp_path.glob("mlflow-*"))

    def test_why_a_server_ended_is_told(self, tmp_path: Path) -> None:
        log = tmp_path / "server.log"
        log.write_text(
            "before: Error\n"
            "mlflow.exceptions.MlflowException: Detected out-of-date database schema (found version ffff, but expected "
            "aaaa). Take a backup\n"
        )

        assert "newer than the installed" in server._reason(log, 14)
        log.write_text("INFO\nOperationalError: cannot connect to postgresql://me:secret@box/db\n  at line 3\n")
        assert server._reason(log, 5) == "OperationalError: cannot connect to postgresql://box/db"


def older_store(path: Path) -> Path:
    """A store whose tables are three revisions old, made by MLflow's own migrations."""
    import alembic.command
    from alembic.config import Config
    from mlflow.store import db_migrations
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    (folder,) = db_migrations.__path__
    config = Config()
    config.set_main_option("script_location", folder)
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, mlflow_revisions()[3])
    engine.dispose()
    return path


class TestDeletions:
    def test_a_deleted_board_comes_back(self, home: Path) -> None:
        before = {name: found.experiment_id for name, found in experiments_of(home).items()}
        for name in ("hills", "hills · cells", views.PAGES):
            client_of(home).delete_experiment(before[name])

        assert backlog(Place(home)).cells == len(LABELS)
        mirror(home)

        assert complete(home)
        assert {name: found.experiment_id for name, found in experiments_of(home).items()} == before

    def test_what_was_replaced_before_does_not_come_back_with_it(self, home: Path) -> None:
        key = stored_plans(home)[0].cells[0].key
        change_record(home, key)
        mirror(home)
        client_of(home).delete_experiment(experiments_of(home)["hills · cells"].experiment_id)

        mirror(home)

        assert complete(home)

    def test_deleted_runs_come_back_and_their_cells_lead_to_them(self, home: Path) -> None:
        client = client_of(home)
        for run in [*runs_of(home, "hills · cells")[:3], rows_of(home)["last"]]:
            client.delete_run(run.info.run_id)

        assert backlog(Place(home))
        mirror(home)

        assert complete(home)
        row = rows_of(home)["last"].info.run_id
        (cell,) = (run for run in runs_of(home, "hills · cells") if run.data.tags.get("forecaster") == "last")
        assert cell.data.tags["harness.row"] == row
        assert row in cell.data.tags["mlflow.note.content"]
        (page,) = runs_of(home, views.PAGES)
        assert page.info.run_id in rows_of(home)["last"].data.tags["mlflow.note.content"]

    def test_those_of_a_row_alone_lead_to_the_new_one(self, home: Path) -> None:
        former = rows_of(home)["last"].info.run_id
        client_of(home).delete_run(former)

        mirror(home)

        assert complete(home)
        (cell,) = (run for run in runs_of(home, "hills · cells") if run.data.tags.get("forecaster") == "last")
        assert former not in cell.data.tags["mlflow.note.content"]

    def test_what_was_deleted_for_good_comes_back(self, home: Path) -> None:
        store = client_of(home)._tracking_client.store
        for name in ("hills", "hills · cells", views.PAGES):
            number = experiments_of(home)[name].experiment_id
            client_of(home).delete_experiment(number)
            for run in store.search_runs([number], None, 2).to_list():
                store._hard_delete_run(run.info.run_id)
            store._hard_delete_experiment(number)

        mirror(home)

        assert complete(home)

    def test_a_renamed_board_keeps_its_new_name(self, home: Path) -> None:
        number = experiments_of(home)["hills"].experiment_id
        client_of(home).rename_experiment(number, "my hills")
        assert not backlog(Place(home))
        key = stored_plans(home)[0].cells[0].key
        change_record(home, key)

        mirror(home)

        assert set(experiments_of(home)) == {"Default", "my hills", "hills · cells", views.PAGES}
        assert not backlog(Place(home))
        assert Index(Place(home)).boards["hills"].experiment == number

    def test_another_experiment_of_the_same_number_is_not_taken_for_it(self, home: Path) -> None:
        number = experiments_of(home)["hills"].experiment_id
        execute(
            Place(home).database,
            f"UPDATE experiments SET name = 'mine' WHERE experiment_id = {number}",
            f"DELETE FROM experiment_tags WHERE experiment_id = {number}",
            f"UPDATE runs SET lifecycle_stage = 'deleted' WHERE experiment_id = {number}",
        )

        mirror(home)

        assert complete(home)
        assert not runs_of(home, "mine")


class TestFolders:
    PATHS = ("100%/%41/a?b/a#b/a b+c", "me@box/[x]/Größe/it's/~", 'a"b/a&b=c;d/日本/a:b')

    @pytest.mark.parametrize("path", PATHS)
    def test_a_home_has_any_name(self, path: str, mirrored: Path, tmp_path: Path) -> None:
        home = copy_home(mirrored, tmp_path / path / "home")
        key = stored_plans(home)[0].cells[0].key
        change_record(home, key)
        before = {found for found in tmp_path.rglob("*") if found.is_dir()}

        mirror(home)

        assert complete(home)
        (run,) = (run for run in runs_of(home, "hills · cells") if run.data.tags.get("harness.key") == key)
        assert json.loads(Path(client_of(home).download_artifacts(run.info.run_id, "record.json")).read_text())["key"]
        made = {found for found in tmp_path.rglob("*") if found.is_dir()} - before
        assert all(found.is_relative_to(home / "mlflow" / "artifacts") for found in made)

    def test_a_store_is_created_in_one(self, mirrored: Path, tmp_path: Path) -> None:
        home = copy_home(mirrored, tmp_path / "100%41?#")
        Place(home).database.unlink()

        mirror(home)

        assert complete(home)

    @pytest.mark.slow
    def test_the_server_serves_one_and_no_command_line_shows_the_store(self, mirrored: Path, tmp_path: Path) -> None:
        place = Place(copy_home(mirrored, tmp_path / "100%41?#& [x]@'"))
        mirror(place.home)
        (page,) = runs_of(place.home, views.PAGES)

        with server.serve(place, None) as address:
            below = psutil.Process(os.getpid()).children(recursive=True)
            living = (process for process in below if process.status() != psutil.STATUS_ZOMBIE)
            lines = [" ".join(process.cmdline()) for process in living]
            query = f"get-artifact?path=board.html&run_uuid={page.info.run_id}"
            with urllib.request.urlopen(f"{address}/{query}") as answer:
                html = answer.read().decode()

        assert "Price [/MWh]" in html
        assert not any("sqlite" in line for line in lines)


class TestNames:
    def test_every_text_is_stored(self, tmp_path: Path, mirrored: Path) -> None:
        home = copy_home(mirrored, tmp_path / "home")
        reason = "half \ud800, \x1b[31mred\x1b[0m, nothing \0, " + "long " * 3000
        time.sleep(0.01)
        fill(home, "hills", reason)

        mirror(home)

        assert complete(home)
        run = runs_of(home, "hills · cells")[0]
        assert run.data.tags["reason"].startswith("half \\ud800, \\x1b[31mred\\x1b[0m, nothing \\x00, long")

    def test_a_board_may_have_a_long_name(self) -> None:
        long, longer = "x" * 255, "x" * 256

        assert len(experiment_name(long)) <= LONGEST_NAME
        assert experiment_name(long) != experiment_name(longer)
        assert experiment_name("hills · cells") == "hills · cells"
        assert len(folder_name("日" * 200).encode()) <= 200
        assert folder_name("..") != ".."

    @pytest.mark.parametrize("name", ["x" * 300, "x" * 239 + "/y", "a[b]%#?&:\"'", "\ud800", "..", "/", "a/ /b", "\n"])
    def test_metrics_and_parameters_may_have_any_name(self, name: str, mirrored: Path) -> None:
        safe = safe_name(name)
        client = client_of(mirrored)
        number = client.create_run("0").info.run_id

        client.log_metric(number, safe, 1.0)
        client.log_param(number, safe, storable(name))

        assert client.get_run(number).data.metrics == {safe: 1.0}

    def test_an_address_is_escaped_where_it_must_be(self) -> None:
        assert sqlite_uri(Path("/a/b c/m.db")) == "sqlite:////a/b c/m.db"
        assert make_url(sqlite_uri(Path("/a?b/%41/m.db"))).database == "/a?b/%41/m.db"


def test_the_identity_of_a_home_survives_damage_of_its_file(home: Path) -> None:
    place = Place(home)
    identity, path = place.identity(), place.folder / "home.json"
    path.write_text(path.read_text().replace(identity, identity[::-1]))

    assert place.identity() == identity
    assert backlog(place).cells == 0
