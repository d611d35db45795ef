"""What the home's own MLflow store holds, read from its SQLite file without MLflow, in milliseconds.

So a command knows what a user deleted in MLflow's pages, and whether the installed MLflow is another than the one that
wrote the store, before it starts anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

RUNS = """
    SELECT runs.experiment_id, tags.key, tags.value, COUNT(*), SUM(runs.status = 'RUNNING')
    FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid
    JOIN tags AS homes ON homes.run_uuid = runs.run_uuid AND homes.key = 'harness.home' AND homes.value = ?
    WHERE runs.lifecycle_stage = 'active' AND tags.key IN ('harness.key', 'harness.page', 'forecaster')
    GROUP BY runs.experiment_id, tags.key, tags.value
"""
HOME = "SELECT value FROM tags WHERE key = 'harness.home' GROUP BY value ORDER BY COUNT(*) DESC LIMIT 1"
LOCKED = 10.0  # seconds to wait for a database that another process has locked


class Unreadable(Exception):
    """The file is no database of MLflow; the text completes the sentence "the store …"."""


@dataclass(frozen=True)
class Contents:
    """The active experiments of a store, and what their active runs are of."""

    revision: str  # of the tables
    values: Mapping[tuple[str, str], frozenset[str]]  # of a tag of the home's active runs, by experiment and tag
    faulty: frozenset[tuple[str, str]]  # experiment and tag where a value is doubled, or a cell's run unfinished

    def has(self, experiment: str) -> bool:
        """Whether an experiment is active."""
        return (experiment, "") in self.values

    def of(self, experiment: str, tag: str) -> frozenset[str]:
        """The values of a tag of an experiment's runs."""
        return self.values.get((experiment, tag), frozenset())

    def has_faulty(self, board: str, cells: str, pages: str) -> bool:
        """Whether a board's experiments have doubled or unfinished runs, or that of pages doubled ones."""
        places = ((board, "forecaster"), (cells, "harness.key"), (pages, "harness.page"))
        return any(place in self.faulty for place in places)


def installed_mlflow() -> str:
    """The version of the installed MLflow."""
    return metadata.version("mlflow")


def mlflow_revisions() -> list[str]:
    """The revisions of tables that the installed MLflow knows, its own first."""
    import mlflow.store.db_migrations
    from alembic.script import ScriptDirectory

    (folder,) = mlflow.store.db_migrations.__path__
    return [script.revision for script in ScriptDirectory(folder).walk_revisions()]


def revision_of(database: Path) -> str:
    """The revision of a database's tables.

    Raises Unreadable where it is damaged or no database of MLflow, sqlite3.OperationalError where it cannot be opened.
    """
    try:
        with closing(sqlite3.connect(database, timeout=LOCKED)) as connection:
            return _revision(connection)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise Unreadable("is damaged") from error


def read_contents(database: Path, home: str) -> Contents | None:
    """What a store holds of a home; None where that is not known now. Raises Unreadable where it is damaged."""
    try:
        with closing(sqlite3.connect(database, timeout=5)) as connection:
            revision = _revision(connection)
            found: dict[tuple[str, str], set[str]] = {}
            for (number,) in connection.execute(
                "SELECT experiment_id FROM experiments WHERE lifecycle_stage = 'active'"
            ):
                found[str(number), ""] = set()
            faulty: set[tuple[str, str]] = set()
            for number, tag, value, count, running in connection.execute(RUNS, (home,)):
                found.setdefault((str(number), tag), set()).add(value)
                if count > 1 or (running and tag == "harness.key"):
                    faulty.add((str(number), tag))
    except sqlite3.OperationalError:  # it is locked, or MLflow has changed its tables
        return None
    except sqlite3.DatabaseError as error:
        raise Unreadable("is damaged") from error
    return Contents(revision, {key: frozenset(values) for key, values in found.items()}, frozenset(faulty))


def home_of(database: Path) -> str:
    """The identifier of the home with the most runs in a store; empty where there is none, or where it is unknown."""
    try:
        with closing(sqlite3.connect(database, timeout=LOCKED)) as connection:
            row = connection.execute(HOME).fetchone()
    except sqlite3.Error:
        return ""
    return "" if row is None else str(row[0])


def _revision(connection: sqlite3.Connection) -> str:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "experiments", "runs", "tags"} <= tables:
        raise Unreadable("has none of MLflow's tables")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise Unreadable("has no version of MLflow's tables")
    return str(row[0])
