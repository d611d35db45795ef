"""Homes with a board of a few forecasters, for tests of the MLflow mirror."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from harness import (
    Context,
    DatasetSpec,
    Floats,
    ForecasterSpec,
    Journal,
    LocalForecaster,
    Panel,
    RollingOrigin,
    Task,
    hookimpl,
)
from harness.analysis.ranking.compute import compute_standings
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.evaluation.evaluate import evaluate
from harness.evaluation.outcomes import Actuals
from harness.plugins.catalog import load_catalog
from harness.results.board_results import JournalResults
from harness.tasks.folds import backtest
from harness_mlflow.mirror import Mirror
from harness_mlflow.orders import Orders
from harness_mlflow.place import Place

LABELS = ("last", "=1+1 [kW] 100 %", "a\\", 'it\'s "both" # ? & :')


@pytest.fixture(scope="module", autouse=True)
def own_store() -> Iterator[None]:
    """Homes have stores of their own in the files that import this, also in fixtures of a class."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield


@dataclass
class Last(LocalForecaster):
    """The last value."""

    shift: float = 0.0

    def predict_series(self, context: Context) -> Floats:
        return np.tile(context.target[-1] + self.shift, (context.horizon, 1))


class Toys:
    @hookimpl
    def harness_forecasters(self) -> list[ForecasterSpec]:
        return [ForecasterSpec("last", Last)]

    @hookimpl
    def harness_datasets(self) -> list[DatasetSpec]:
        return [DatasetSpec("hills", lambda: Panel.of([np.arange(30.0) ** 0.5, np.sin(np.arange(30.0))]))]


BOARD = Leaderboard(
    "Price [/MWh] <b>50 %</b>",
    "MASE",
    "last",
    (Task("hills", RollingOrigin(horizon=2, windows=3), name="Load [kW]: 100 % | `x` #?&"),),
    forecasters=tuple(Entry("last", label, {"shift": float(k)}) for k, label in enumerate(LABELS)),
)


def fill(home: Path, name: str, reason: str = "") -> None:
    """Run a board in this process, and store its standings."""
    catalog = load_catalog(extra={"toys": Toys()})
    journal = Journal(home)
    plan = plan_board(name, BOARD, Workspace(home, catalog))
    plan.save(home)
    for planned in plan.cells:
        panel = catalog.datasets[planned.cell.task.dataset].spec.panel()
        run = evaluate(Last(**planned.cell.parameters), planned.cell.task, panel, cell=planned.cell)
        journal.write_actuals(planned.fingerprint, planned.cell.task, Actuals.of(backtest(planned.cell.task, panel)))
        changes: dict[str, Any] = {"reason": reason, "notes": (reason,)} if reason else {}
        journal.write(replace(run, key=planned.key, provenance={}, **changes))
    compute_standings(JournalResults(plan.to_stored(), journal), catalog.metrics["MASE"].spec).save(home)


def copy_home(mirrored: Path, home: Path) -> Path:
    with closing(sqlite3.connect(mirrored / "mlflow" / "mlflow.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(mirrored, home, copy_function=shutil.copy2)
    return home


def copy_with_artifacts(mirrored: Path, home: Path) -> Path:
    """A copy of a home whose runs have their artifacts in the copy."""
    copy_home(mirrored, home)
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as database, database:
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(mirrored), str(home)))
    return home


def mirror(home: Path, problem: str = "") -> Mirror:
    """One pass in this process."""
    orders = Orders()
    orders.finish.set()
    made = Mirror(Place(home), orders)
    made.follow()
    found = made.progress.problem
    assert found == problem or (problem and problem in found), found
    return made


def change_record(home: Path, key: str) -> None:
    """Write the run of a cell again, with another note."""
    journal = Journal(home)
    run = journal.read_with_results(key)
    assert run is not None
    journal.write(replace(run, notes=(*run.notes, "written again")))


def client_of(home: Path) -> MlflowClient:
    return MlflowClient(Place(home).uri)


def execute(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
