"""The SQLite database of a home's own MLflow store: its creation, its upgrade, and artifact paths that follow the home.

The store only mirrors the journal. So one of an older MLflow is upgraded, and one that is damaged or of a newer MLflow
is set aside under another name and created anew. Another store, which MLFLOW_TRACKING_URI names, is never touched here.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from harness_mlflow.inspection import LOCKED, Unreadable, installed_mlflow, mlflow_revisions, revision_of
from harness_mlflow.place import Place, sqlite_uri

UPGRADE = 600.0  # seconds that an upgrade may take


@dataclass(frozen=True)
class Repair:
    """What was done with a database that the installed MLflow could not use."""

    sentence: str
    anew: bool = False  # whether a new one replaced it


def create(place: Place) -> None:
    """Create a database with MLflow's tables, atomically: MLflow cannot complete an interrupted creation."""
    from mlflow import MlflowClient

    place.folder.mkdir(parents=True, exist_ok=True)
    draft, whole = (place.folder / f".{uuid.uuid4().hex}{ending}" for ending in (".draft", ".db"))
    MlflowClient(sqlite_uri(draft)).search_experiments(max_results=1)
    with closing(sqlite3.connect(draft)) as connection:
        connection.execute("VACUUM INTO ?", (str(whole),))
    os.replace(whole, place.database)
    with contextlib.suppress(OSError):  # on systems where it cannot be removed while MLflow has it open
        draft.unlink()


def prepare(place: Place) -> None:
    """Let readers read during writes (WAL), and update artifact paths if the home was moved."""
    place.folder.mkdir(parents=True, exist_ok=True)
    if not place.database.is_file():
        return
    with closing(sqlite3.connect(place.database, timeout=LOCKED)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "experiments" in tables:
            _move_artifacts(connection, place.artifacts.as_uri())


def make_usable(place: Place) -> Repair | None:
    """Create, upgrade or replace the home's own database where the installed MLflow cannot use it.

    Returns what was done with an existing database, None if nothing. Raises sqlite3.OperationalError where the file
    cannot be opened, as when another process has locked it.
    """
    if not place.database.is_file():
        if place.database.exists():
            return set_aside(place, "is no file")
        create(place)
        return None
    try:
        revision = revision_of(place.database)
    except Unreadable as error:
        return set_aside(place, str(error))
    known = mlflow_revisions()
    if revision == known[0]:
        return None
    if revision not in known:
        return set_aside(place, f"is of another MLflow than the installed {installed_mlflow()}")
    try:
        return _upgrade(place, known[0])
    except (OSError, sqlite3.DatabaseError, Unreadable, subprocess.SubprocessError) as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        return set_aside(place, "is of an older MLflow and could not be upgraded")


def is_damaged(database: Path) -> bool:
    """Whether SQLite finds the file damaged; reads all of it."""
    try:
        with closing(sqlite3.connect(database, timeout=LOCKED)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def set_aside(place: Place, why: str) -> Repair:
    """Move the database to the home's damaged files, and create a new one; `why` completes "the store …"."""
    kept = _free_name(place.damaged, "mlflow")
    place.damaged.mkdir(parents=True, exist_ok=True)
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{place.database}{ending}", f"{kept}{ending}")
    create(place)
    shown = kept.relative_to(place.home)
    return Repair(f"the store {why}; it was moved to {shown}, and a new one is filled from the journal", anew=True)


def _upgrade(place: Place, wanted: str) -> Repair:
    """Upgrade a copy of the database; it replaces the original, which is kept under another name."""
    draft, kept = place.folder / f".{uuid.uuid4().hex}.db", _free_name(place.folder, "mlflow-before-upgrade")
    try:
        with closing(sqlite3.connect(place.database, timeout=LOCKED)) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        command = [sys.executable, "-P", "-m", "mlflow", "db", "upgrade", sqlite_uri(draft)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=UPGRADE)
        if revision_of(draft) != wanted:
            raise Unreadable("is not upgraded")
        for ending in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{place.database}{ending}", f"{kept}{ending}")
        os.replace(draft, place.database)
    finally:
        for ending in ("-wal", "-shm", ""):
            Path(f"{draft}{ending}").unlink(missing_ok=True)
    return Repair(f"the store was upgraded to MLflow {installed_mlflow()}; the former one is kept as {kept.name}")


def _free_name(folder: Path, begin: str) -> Path:
    return folder / f"{begin}-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}.db"


def _move_artifacts(connection: sqlite3.Connection, here: str) -> None:
    locations = [text for (text,) in connection.execute("SELECT artifact_location FROM experiments")]
    folders = {text.rpartition("/")[0] for text in locations if text}
    for there in folders:
        if there.startswith("file:") and there.endswith("/mlflow/artifacts") and there != here:
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (here, len(there) + 1, len(there) + 1, f"{there}/"),
                )
