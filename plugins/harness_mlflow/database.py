"""The SQLite database of a home's own MLflow store: concurrent reads, and artifact paths that follow the home."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from contextlib import closing

from harness_mlflow.place import Place


def create(place: Place) -> None:
    """Create a database with MLflow's tables, atomically: MLflow cannot complete an interrupted creation."""
    from mlflow import MlflowClient

    place.folder.mkdir(parents=True, exist_ok=True)
    draft, whole = (place.folder / f".{uuid.uuid4().hex}{ending}" for ending in (".draft", ".db"))
    MlflowClient(f"sqlite:///{draft}").search_experiments(max_results=1)
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
    with closing(sqlite3.connect(place.database, timeout=60)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "experiments" in tables:
            _move_artifacts(connection, place.artifacts.as_uri())


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
