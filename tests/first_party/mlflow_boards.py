"""A home with two boards that were run, one of them with odd cells, and what of it is in MLflow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mlflow import MlflowClient

from harness import (
    Context,
    Contexts,
    DatasetSpec,
    Floats,
    Forecast,
    ForecasterSpec,
    Generation,
    Journal,
    LocalForecaster,
    Panel,
    RollingOrigin,
    SeriesSplit,
    Task,
    TrainingData,
    hookimpl,
)
from harness.analysis.ranking.compute import compute_standings
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, plan_board
from harness.boards.workspace import Workspace
from harness.evaluation.evaluate import evaluate
from harness.evaluation.outcomes import Actuals
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.board_results import JournalResults
from harness.tasks.folds import backtest
from harness_mlflow import views

LEVELS = (0.1, 0.5, 0.9)
CELL_NAMES = (
    "last · hills",
    "drawn · hills · seed 0",
    "drawn · hills · seed 1",
    "last (wide) · hills",
    "unfit · hills",
)


@dataclass
class Last(LocalForecaster):
    """The last value, with normal noise around it."""

    spread: float = 1.0

    def predict_series(self, context: Context) -> Forecast:
        mean = np.tile(context.target[-1], (context.horizon, 1))
        deviation = self.spread * np.sqrt(np.arange(1.0, context.horizon + 1))[:, None]
        return Forecast.from_normal(mean[None], deviation[None], context.quantile_levels)


@dataclass
class Drawn(LocalForecaster):
    """The last value and a random step."""

    seed: int = 0

    def predict_series(self, context: Context) -> Floats:
        step = np.random.default_rng([self.seed, len(context.target)]).normal()
        return np.tile(context.target[-1] + step, (context.horizon, 1))


@dataclass
class Unfit:
    """Raises when it is fitted."""

    def fit(self, train: TrainingData) -> None:
        raise RuntimeError("no patience")

    def predict(self, contexts: Contexts) -> Forecast:
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, 1)))


def hills() -> Panel:
    steps = np.random.default_rng(0).normal(size=(2, 60))
    return Panel.of(list(steps.cumsum(axis=1)), season_length=4)


def waves() -> Panel:
    return Panel.of([(1 + k) * np.cos(0.1 * np.arange(120) + k) for k in range(6)])


class Toys:
    @hookimpl
    def harness_forecasters(self) -> list[ForecasterSpec]:
        return [ForecasterSpec("last", Last), ForecasterSpec("drawn", Drawn), ForecasterSpec("unfit", Unfit)]

    @hookimpl
    def harness_datasets(self) -> list[DatasetSpec]:
        return [DatasetSpec("hills", hills), DatasetSpec("waves", waves)]


HILLS = Leaderboard(
    "Hills and vales",
    "MASE",
    "last",
    (Task("hills", RollingOrigin(horizon=4, windows=5), quantile_levels=LEVELS),),
    forecasters=(Entry("last"), Entry("drawn"), Entry("last", "last (wide)", {"spread": 3.0}), Entry("unfit")),
    seeds=2,
)


WAVES = Leaderboard(
    "Waves that run free",
    "MSE",
    "last",
    (Task("waves", Generation(warm_up=20, horizon=80), SeriesSplit(1, 1, 4)),),
    forecasters=(Entry("last"),),
)


def fill(home: Path, name: str, board: Leaderboard) -> BoardPlan:
    """Run a board's missing cells in this process, and store its standings."""
    catalog = load_catalog(extra={"toys": Toys()})
    journal = Journal(home)
    plan = plan_board(name, board, Workspace(home, catalog))
    plan.save(home)
    for cell in plan.cells:
        if not journal.has(cell.key):
            write_cell(journal, cell, catalog)
    compute_standings(JournalResults(plan.to_stored(), journal), catalog.metrics[board.metric].spec).save(home)
    return plan


def write_cell(journal: Journal, one: Any, catalog: Catalog) -> None:
    panel = catalog.datasets[one.cell.task.dataset].spec.panel()
    forecaster = catalog.forecasters[one.cell.forecaster].spec.make(one.cell.parameters, one.cell.seed)
    run = evaluate(forecaster, one.cell.task, panel, cell=one.cell)
    moments = {"started": "2024-05-01T10:00:00.250+00:00", "finished": "2024-05-01T10:00:02.500+00:00"}
    provenance = {
        "harness": "9.9",
        "threads": 1,
        "plugin": {"name": "toys", "version": "3"},
        "machine": {"name": "box"},
    }
    journal.write_actuals(one.fingerprint, one.cell.task, Actuals.of(backtest(one.cell.task, panel)))
    curves = {"loss": tuple(1 / k for k in range(1, 2001))} if one.title == "last" else {}
    norms = {"hidden state before training": (1.0, 0.1, 0.01)} if one.title == "last" else {}
    journal.write(replace(run, key=one.key, provenance=provenance, curves=curves, gradient_norms=norms, **moments))


def client_of(home: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{home / 'mlflow' / 'mlflow.db'}")


def runs_of(home: Path, experiment: str) -> dict[str, Any]:
    """The runs of an experiment by name; no two of one name."""
    client = client_of(home)
    number = client.get_experiment_by_name(experiment).experiment_id
    found = list(client.search_runs([number]))
    named = {run.info.run_name: run for run in found}
    assert len(named) == len(found)
    return named


def keys_of(home: Path) -> list[str]:
    """The keys of all cells in MLflow, repeated if they are."""
    return sorted(
        run.data.tags["harness.key"]
        for board in ("hills", "waves")
        for run in runs_of(home, f"{board} · cells").values()
    )


def artifact(home: Path, experiment: str, name: str, file: str) -> Path:
    return home / "mlflow" / "artifacts" / experiment / runs_of(home, experiment)[name].info.run_id / "artifacts" / file


def pages_of(home: Path) -> list[Any]:
    """The runs that hold the page of the board `hills`."""
    client = client_of(home)
    experiment = client.get_experiment_by_name(views.PAGES).experiment_id
    return list(client.search_runs([experiment], "tags.`harness.page` = 'hills'"))


def html_of(home: Path) -> str:
    (run,) = pages_of(home)
    folder = home / "mlflow" / "artifacts" / views.PAGES / run.info.run_id / "artifacts"
    return (folder / "board.html").read_text(encoding="utf-8")
