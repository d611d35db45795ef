"""Problems of stores in words for the user."""

from __future__ import annotations

import re

from harness_mlflow.inspection import installed_mlflow
from harness_mlflow.place import without_password

OTHER_TABLES = re.compile(r"out-of-date database schema \(found version (\w+), but expected (\w+)\)")
MOST = 200  # characters of a message


def problem_sentence(message: str, kind: str) -> str:
    """The first line of an error's message, without passwords; of tables of another MLflow, what to do.

    `kind` is the name of the error's class, for messages that are no sentence.
    """
    if (known := tables_problem(message)) is not None:
        return known
    text = next((line.strip() for line in message.splitlines() if line.strip()), "") or kind
    if "Max retries exceeded" in text:
        return "it does not answer"
    if " " not in text:
        text = f"{kind}: {text}"
    return without_password(text if len(text) <= MOST else f"{text[:MOST]}…")


def tables_problem(message: str) -> str | None:
    """What to do where MLflow says that a store's tables are of another version; None if it does not."""
    found = OTHER_TABLES.search(message)
    if found is None:
        return None
    from harness_mlflow.database import mlflow_revisions

    if found[1] in mlflow_revisions():
        return (
            f"its tables are of an MLflow older than the installed {installed_mlflow()}, and harness does not alter "
            "them; make a backup, then run `mlflow db upgrade` with the address of the store"
        )
    return (
        f"its tables are of an MLflow newer than the installed {installed_mlflow()}; install the version that made them"
    )
