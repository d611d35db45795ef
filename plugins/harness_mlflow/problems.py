"""Problems of stores in words for the user."""

from __future__ import annotations

import io
import re
from typing import TextIO

from harness import HarnessError
from harness_mlflow.inspection import installed_mlflow, mlflow_revisions
from harness_mlflow.place import without_password

OTHER_TABLES = re.compile(r"out-of-date database schema \(found version (\w+), but expected (\w+)\)")
MOST = 300  # characters of a message
DATABASES = ("postgresql", "mysql", "mssql", "sqlite")  # how the address of a database begins


def problem_sentence(message: str, kind: str) -> str:
    """The first line of an error's message, without passwords; of tables of another MLflow, what to do.

    `kind` is the name of the error's class, for messages that are no sentence.
    """
    if (known := tables_problem(message)) is not None:
        return known
    text = next((line.strip() for line in message.splitlines() if line.strip()), "") or kind
    if re.search("Max retries exceeded|Read timed out|Connection aborted|RemoteDisconnected", text):
        return "it does not answer"
    if " " not in text:
        text = f"{kind}: {text}"
    return without_password(text if len(text) <= MOST else f"{text[:MOST]}…")


def is_beyond_repair(message: str) -> bool:
    """Whether a message is of an SQLite file that lacks tables or columns which its version of MLflow has."""
    return (
        re.search(r"no such (table|column)|has no column named|disk image is malformed|not a database", message)
        is not None
    )


class WithoutPasswords(io.TextIOBase):
    """A stream that removes passwords from what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text."""
        self._stream.write(without_password(text).encode("utf-8", "backslashreplace").decode("utf-8"))
        self._stream.flush()
        return len(text)


def tables_problem(message: str) -> str | None:
    """What to do where MLflow says that a store's tables are of another version; None if it does not."""
    found = OTHER_TABLES.search(message)
    return None if found is None else _other_tables(found[1])


def check_tables(uri: str) -> None:
    """Raise HarnessError where the tables of a user's database are of another MLflow.

    MLflow itself would upgrade some of them unasked. An empty database is fine: MLflow fills it.
    """
    if not uri.startswith(DATABASES):
        return
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(uri)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    finally:
        engine.dispose()
    if revision is not None and revision != mlflow_revisions()[0]:
        raise HarnessError(_other_tables(str(revision)))


def _other_tables(revision: str) -> str:
    if revision in mlflow_revisions():
        return (
            f"its tables are of an MLflow older than the installed {installed_mlflow()}, and harness does not alter "
            "them; make a backup, then run `mlflow db upgrade` with the address of the store"
        )
    return f"its tables are of an MLflow newer than the installed {installed_mlflow()}; install that version"
