"""The mirror in MLflow, against a real SQLite store, filled from a real journal."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from mlflow import MlflowClient

import harness
import harness_mlflow
from harness import (
    BadInput,
    Context,
    Contexts,
    DatasetSpec,
    Floats,
    Forecast,
    ForecasterSpec,
    Generation,
    Journal,
    LocalForecaster,
    Outcomes,
    Panel,
    RollingOrigin,
    SeriesSplit,
    StoredPlan,
    Task,
    TrainingData,
    board_page,
    hookimpl,
    read_checked_json,
    stored_plans,
    stored_standings,
    write_checked_json,
)
from harness.analysis.costs import with_costs
from harness.analysis.ranking.compute import compute_standings
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, plan_board
from harness.boards.workspace import Workspace
from harness.data.panel_store import store_panel
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench, Conditions, Histogram, Latency, Percentile, Subject
from harness.efficiency.store import write_bench
from harness.evaluation.evaluate import evaluate
from harness.evaluation.outcomes import Actuals
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.board_results import JournalResults
from harness.results.stored_plan import StoredCell
from harness.tasks.folds import backtest
from harness_mlflow import charts, plots, priority, server, tables, views
from harness_mlflow import companion as companion_module
from harness_mlflow import mirror as mirror_module
from harness_mlflow.companion import Companion
from harness_mlflow.entries import milliseconds, safe_name
from harness_mlflow.index import SCHEMA, Index, backlog, mirrored_board
from harness_mlflow.mirror import Mirror
from harness_mlflow.orders import Orders
from harness_mlflow.place import Place, without_password
from harness_mlflow.progress import Reported

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector

MIRROR = [sys.executable, "-P", "-m", "harness_mlflow.mirror", "--home"]
LEVELS = (0.1, 0.5, 0.9)
SVG = "{http://www.w3.org/2000/svg}"


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


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture(scope="module")
def full_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two boards that were run, and nothing in MLflow."""
    home = tmp_path_factory.mktemp("full")
    fill(home, "hills", HILLS)
    fill(home, "waves", WAVES)
    return home


@pytest.fixture
def home(full_journal: Path, empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That home, with an MLflow store that is empty."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    home = tmp_path / "home"
    shutil.copytree(full_journal, home, copy_function=shutil.copy2)
    (home / "mlflow").mkdir()
    shutil.copy(empty_store, home / "mlflow" / "mlflow.db")
    return home


@pytest.fixture(scope="module")
def mirrored(full_journal: Path, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose boards are in MLflow; for tests that only look."""
    home = tmp_path_factory.mktemp("mirrored") / "home"
    shutil.copytree(full_journal, home, copy_function=shutil.copy2)
    (home / "mlflow").mkdir()
    shutil.copy(empty_store, home / "mlflow" / "mlflow.db")
    mirror(home)
    return home


def mirror(home: Path) -> Mirror:
    """One pass in this process."""
    orders = Orders()
    orders.finish.set()
    made = Mirror(Place(home), orders)
    made.follow()
    assert made.progress.problem == ""
    return made


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


class TestCells:
    NAMES = (
        "last · hills",
        "drawn · hills · seed 0",
        "drawn · hills · seed 1",
        "last (wide) · hills",
        "unfit · hills",
    )

    def test_every_cell_is_a_run_called_by_forecaster_task_and_seed(self, mirrored: Path) -> None:
        assert set(runs_of(mirrored, "hills · cells")) == set(self.NAMES)

    def test_metrics_are_the_scores_and_the_costs_of_the_journal(self, mirrored: Path) -> None:
        for run in runs_of(mirrored, "hills · cells").values():
            record = Journal(mirrored).read(run.data.tags["harness.key"])
            assert record is not None
            finite = {name: score for name, score in record.scores.items() if math.isfinite(score)}

            assert {name: run.data.metrics[name] for name in finite} == pytest.approx(finite, rel=1e-5)
            assert run.data.metrics["fit_seconds"] == pytest.approx(record.costs.fit_seconds, rel=1e-5)
            assert run.data.metrics["predict_cpu_seconds"] == pytest.approx(record.costs.predict_cpu_seconds, rel=1e-5)
            assert run.data.metrics["windows"] == 10

    def test_parameters_are_the_hyperparameters_and_the_task(self, mirrored: Path) -> None:
        params = runs_of(mirrored, "hills · cells")["last (wide) · hills"].data.params

        assert params["spread"] == "3.0"
        assert params["forecaster"] == "last"
        assert params["task.dataset"] == "hills"
        assert params["task.protocol.kind"] == "rolling-origin"
        assert params["task.protocol.horizon"] == "4"
        assert json.loads(params["task.quantile_levels"]) == list(LEVELS)

    def test_tags_say_what_it_is_and_where_it_was_made(self, mirrored: Path) -> None:
        tags = runs_of(mirrored, "hills · cells")["drawn · hills · seed 1"].data.tags

        expected = {
            "board": "hills",
            "forecaster": "drawn",
            "task": "hills",
            "seed": "1",
            "status": "completed",
            "plugin": "toys 3",
            "machine": "box",
            "harness.version": "9.9",
            "current": "yes",
        }
        assert {name: tags[name] for name in expected} == expected
        assert Journal(mirrored).has(tags["harness.key"])

    def test_training_is_a_curve(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        points = client_of(mirrored).get_metric_history(run.info.run_id, "training/loss")

        assert [(point.step, point.value) for point in points[:3]] == [(1, 1.0), (8, 1 / 8), (15, 1 / 15)]
        assert len(points) == 286

    def test_the_data_is_an_input_known_by_its_fingerprint(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        (given,) = run.inputs.dataset_inputs

        assert given.dataset.name == "hills"
        assert given.dataset.digest == hills().fingerprint()[:36]
        assert json.loads(given.dataset.source)["dataset"] == "hills"

    def test_it_began_and_ended_when_the_cell_did(self, mirrored: Path) -> None:
        info = runs_of(mirrored, "hills · cells")["last · hills"].info

        assert info.start_time == 1_714_557_600_250
        assert info.end_time == 1_714_557_602_500
        assert info.status == "FINISHED"

    def test_a_failed_cell_says_why(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["unfit · hills"]

        assert run.info.status == "FAILED"
        assert run.data.tags["status"] == "failed"
        assert "no patience" in run.data.tags["reason"]
        assert "no patience" in run.data.tags["mlflow.note.content"]
        traceback = artifact(mirrored, "hills · cells", "unfit · hills", "traceback.txt").read_text(encoding="utf-8")
        assert "RuntimeError: no patience" in traceback

    def test_the_record_goes_along(self, mirrored: Path) -> None:
        path = artifact(mirrored, "hills · cells", "last · hills", "record.json")
        record = json.loads(path.read_text(encoding="utf-8"))

        run = Journal(mirrored).read(record["key"])
        assert run is not None
        assert record["scores"] == json.loads(json.dumps(run.to_json()))["scores"]

    @pytest.mark.parametrize("file", ["forecasts.svg", "error_by_step.svg"])
    @pytest.mark.parametrize(("board", "name"), [("hills", "last · hills"), ("waves", "last · waves")])
    def test_plots_are_pictures(self, mirrored: Path, board: str, name: str, file: str) -> None:
        root = ElementTree.parse(artifact(mirrored, f"{board} · cells", name, file)).getroot()

        texts = [element.text for element in root.iter(f"{SVG}text")]
        assert texts[0] == name
        assert {"forecast", "actual"} <= set(texts) or {"mean", "median"} <= set(texts)
        assert len(list(root.iter(f"{SVG}path"))) > 10

    def test_the_description_leads_to_the_plots(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        page = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/forecasts.svg"

        assert page in run.data.tags["mlflow.note.content"]
        failed = runs_of(mirrored, "hills · cells")["unfit · hills"]
        assert "forecasts.svg" not in failed.data.tags["mlflow.note.content"]

    def test_the_table_of_forecasts_holds_what_the_journal_holds(self, mirrored: Path) -> None:
        run = runs_of(mirrored, "hills · cells")["last · hills"]
        stored = Journal(mirrored).read_with_results(run.data.tags["harness.key"])
        assert stored is not None
        assert stored.results is not None
        assert stored.results.forecast.quantiles is not None
        (cell,) = [c for c in stored_plans(mirrored)[0].cells if c.key == stored.key]
        actuals = Journal(mirrored).read_actuals(cell.fingerprint, stored.cell.task)
        assert actuals is not None

        table = pq.read_table(artifact(mirrored, "hills · cells", "last · hills", "forecasts.parquet"))

        assert table.column_names == ["series", "cutoff", "step", "target", "mean", "q0.1", "q0.5", "q0.9", "actual"]
        column = {name: table[name].to_numpy() for name in table.column_names if name != "series"}
        np.testing.assert_array_equal(column["mean"], stored.results.forecast.mean.ravel())
        np.testing.assert_array_equal(column["q0.9"], stored.results.forecast.quantiles[..., 2].ravel())
        np.testing.assert_array_equal(column["actual"], actuals.values.ravel())
        np.testing.assert_array_equal(column["cutoff"], np.repeat(actuals.cutoffs, 4))
        np.testing.assert_array_equal(column["step"], np.tile([1, 2, 3, 4], 10))
        assert table["series"].to_pylist()[::4] == [actuals.ids[i] for i in actuals.series]


class TestBoards:
    def test_every_forecaster_is_a_run_that_carries_its_standings(self, mirrored: Path) -> None:
        computed = stored_standings(mirrored, "hills")
        assert computed is not None
        runs = runs_of(mirrored, "hills")

        assert set(runs) == {row.forecaster for row in computed.rows}
        for row in computed.rows:
            metrics = runs[row.forecaster].data.metrics
            expected = {
                "rank": row.rank,
                "skill": row.skill,
                "win_rate": row.win_rate,
                "mean_rank": row.mean_rank,
                "median_relative_error": row.median_relative_error,
                "relative_error": row.relative_error,
                "mcs_p_value": row.mcs_p_value,
                "skill_std": row.skill_std,
                "seeds": row.seeds,
                "MASE/hills": row.scores["hills"],
                **row.metrics,
                "predict_ms_per_window": 1000 * row.window_seconds,
                "fit_seconds": row.fit_seconds,
                "predict_seconds": row.predict_seconds,
                "completed": row.completed,
                "failed_results": sum(row.missing.values()),
                "failed_windows": row.failed_windows,
            }
            for name in ("skill", "win_rate", "mean_rank", "median_relative_error"):
                expected[f"{name}_low"], expected[f"{name}_high"] = row.interval(name)
            if not row.completed:  # whose statistics would be those of imputed errors
                statistics = ("skill", "win_rate", "mean_rank", "median_relative_error", "relative_error")
                expected = {name: x for name, x in expected.items() if not name.startswith(statistics)}
            assert metrics == pytest.approx({name: x for name, x in expected.items() if math.isfinite(x)}, rel=1e-4)

    def test_numbers_of_a_row_have_five_digits(self, mirrored: Path) -> None:
        for run in runs_of(mirrored, "hills").values():
            for value in run.data.metrics.values():
                assert value.is_integer() or value == float(f"{value:.5g}")

    def test_who_is_tied_for_first_and_who_has_seen_the_data_is_tagged(self, home: Path) -> None:
        computed = stored_standings(home, "hills")
        assert computed is not None
        rows = [
            replace(
                row,
                tied_for_first=row.rank <= 2,
                training_overlap=("hills",) if row.forecaster == "drawn" else (),
                date_overlap=("hills",) if row.forecaster == "drawn" else (),
                pool="zero-shot" if row.forecaster == "drawn" else "local",
            )
            for row in computed.rows
        ]
        replace(computed, rows=tuple(rows)).save(home)

        mirror(home)

        tags = {name: run.data.tags for name, run in runs_of(home, "hills").items()}
        tied = {name for name, found in tags.items() if found.get("tied_for_first") == "yes"}
        assert tied == {row.forecaster for row in rows if row.tied_for_first}
        assert [name for name, found in tags.items() if "training_overlap" in found] == ["drawn"]
        assert tags["drawn"]["training_overlap"] == tags["drawn"]["date_overlap"] == "hills"
        assert tags["drawn"]["overlap"] == "hills (dataset); hills (date)"
        assert {name: found["pool"] for name, found in tags.items()} == {row.forecaster: row.pool for row in rows}
        note = client_of(home).get_experiment_by_name("hills").tags["mlflow.note.content"]
        assert "not significantly worse than the best (model confidence set): last" in note
        replace(computed, rows=tuple(replace(row, tied_for_first=False) for row in computed.rows)).save(home)
        mirror(home)
        assert not any("tied_for_first" in run.data.tags for run in runs_of(home, "hills").values())

    def test_a_tag_of_an_earlier_version_is_deleted(self, home: Path) -> None:
        mirror(home)
        computed = stored_standings(home, "hills")
        assert computed is not None
        client_of(home).set_tag(runs_of(home, "hills")["unfit"].info.run_id, "missing", "1 failed")
        replace(computed, rows=tuple(replace(row, failed_windows=1) for row in computed.rows)).save(home)

        mirror(home)

        tags = runs_of(home, "hills")["unfit"].data.tags
        assert "missing" not in tags
        assert tags["failed_results"] == "1 failed, 1 window"

    def test_the_description_says_how_intervals_were_made(self, mirrored: Path) -> None:
        computed = stored_standings(mirrored, "hills")
        assert computed is not None
        assert computed.significance is not None

        note = client_of(mirrored).get_experiment_by_name("hills").tags["mlflow.note.content"]

        assert f"95% intervals: {computed.significance.method}" in note

    def test_hyperparameters_and_losses_are_told(self, mirrored: Path) -> None:
        runs = runs_of(mirrored, "hills")

        assert runs["last (wide)"].data.params["spread"] == "3.0"
        assert runs["unfit"].data.tags["failed_results"] == "1 failed"
        assert runs["unfit"].info.status == "FAILED"
        assert "failed_results" not in runs["last"].data.tags

    def test_the_board_opens_sorted_with_its_columns(self, mirrored: Path) -> None:
        experiment = client_of(mirrored).get_experiment_by_name("hills")
        view = json.loads(experiment.tags["mlflow.sharedViewState.harness"])

        assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`rank`", True)
        assert view["selectedColumns"] == [
            "metrics.`rank`",
            "tags.`tied_for_first`",
            "metrics.`skill`",
            "tags.`interval`",
            "metrics.`win_rate`",
            "metrics.`relative_error`",
            "metrics.`MASE/hills`",
            "metrics.`fit_seconds`",
            "metrics.`predict_ms_per_window`",
            "metrics.`completed`",
            "metrics.`failed_results`",
            "tags.`failed_results`",
        ]
        assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
        assert experiment.tags["mlflow.note.content"].startswith(
            "**Hills and vales**: ranked by MASE, relative to last"
        )

    def test_boards_and_cells_lead_to_each_other(self, mirrored: Path) -> None:
        client = client_of(mirrored)
        board, cells = (client.get_experiment_by_name(name).experiment_id for name in ("hills", "hills · cells"))
        row = runs_of(mirrored, "hills")["drawn"]
        cell = runs_of(mirrored, "hills · cells")["drawn · hills · seed 0"]

        assert cell.data.tags["harness.row"] == row.info.run_id
        assert views.run_page(board, row.info.run_id) in cell.data.tags["mlflow.note.content"]
        assert row.data.tags["harness.cells_experiment_id"] == cells
        view = views.cells_of("drawn")
        note = row.data.tags["mlflow.note.content"]
        assert views.view_page(cells, view) in note
        numbers = {run.info.run_id for name, run in runs_of(mirrored, "hills · cells").items() if "drawn" in name}
        assert views.artifact_page(cells, min(numbers), "forecasts.svg") in note
        shown = json.loads(client.get_experiment(cells).tags[f"mlflow.sharedViewState.{view}"])
        found = client.search_runs([cells], shown["searchFilter"])
        assert {run.info.run_name for run in found} == {"drawn · hills · seed 0", "drawn · hills · seed 1"}

    def test_cells_of_several_tasks_are_grouped(self) -> None:
        backtest = StoredPlan("a", "A", "", "MAE", "b", tuple(StoredCell(f"{k}", "b", f"{k}", "") for k in range(2)))

        both, one, mine = (
            json.loads(view)
            for view in (
                views.cells_view(backtest, ""),
                views.cells_view(replace(backtest, cells=backtest.cells[:1]), ""),
                views.forecaster_view(backtest, ""),
            )
        )

        assert both["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "task"}]
        assert both["orderByKey"] == one["orderByKey"] == "metrics.`MAE`"
        assert one["groupBy"] is mine["groupBy"] is None
        assert mine["orderByKey"] == "tags.`task`"

    def test_new_standings_are_a_new_step_of_those_that_changed(self, home: Path) -> None:
        mirror(home)
        computed = stored_standings(home, "hills")
        assert computed is not None
        rows = [replace(row, skill=0.125) if row.forecaster == "drawn" else row for row in computed.rows]
        replace(computed, rows=tuple(rows)).save(home)

        mirror(home)

        client, runs = client_of(home), runs_of(home, "hills")
        skills = {name: client.get_metric_history(run.info.run_id, "skill") for name, run in runs.items()}
        assert [metric.step for metric in skills["last"]] == [0]
        assert [metric.step for metric in skills["drawn"]] == [0, 1]
        assert runs["drawn"].data.metrics["skill"] == 0.125

    def test_who_leaves_the_board_leaves_its_table_and_may_come_back(self, home: Path) -> None:
        mirror(home)
        fill(home, "hills", replace(HILLS, forecasters=HILLS.forecasters[:2]))

        mirror(home)

        assert set(runs_of(home, "hills")) == {"last", "drawn"}
        assert runs_of(home, "hills · cells")["unfit · hills"].data.tags["current"] == "no"
        fill(home, "hills", HILLS)
        mirror(home)
        assert set(runs_of(home, "hills")) == {"last", "drawn", "last (wide)", "unfit"}
        assert runs_of(home, "hills · cells")["unfit · hills"].data.tags["current"] == "yes"

    def test_a_score_that_is_lost_does_not_stay(self, home: Path) -> None:
        mirror(home)
        computed = stored_standings(home, "hills")
        assert computed is not None
        rows = tuple(replace(row, scores={"hills": math.nan}) for row in computed.rows)
        replace(computed, rows=rows).save(home)

        mirror(home)

        assert math.isnan(runs_of(home, "hills")["last"].data.metrics["MASE/hills"])


class TestPage:
    def test_the_board_lies_among_the_artifacts_and_is_linked(self, mirrored: Path) -> None:
        (run,) = pages_of(mirrored)
        client = client_of(mirrored)
        link = views.artifact_page(run.info.experiment_id, run.info.run_id, "board.html")

        assert html_of(mirrored) == board_page("hills", mirrored)
        assert (run.info.run_name, run.info.status) == ("hills", "FINISHED")
        assert link in client.get_experiment_by_name("hills").tags["mlflow.note.content"]
        assert all(link in row.data.tags["mlflow.note.content"] for row in runs_of(mirrored, "hills").values())

    def test_it_is_among_neither_the_cells_nor_the_forecasters(self, mirrored: Path) -> None:
        assert set(runs_of(mirrored, "hills · cells")) == set(TestCells.NAMES)
        assert set(runs_of(mirrored, "hills")) == {"last", "drawn", "last (wide)", "unfit"}
        assert set(runs_of(mirrored, views.PAGES)) == {"hills", "waves"}

    def test_one_that_an_earlier_version_wrote_among_the_cells_goes(self, home: Path) -> None:
        mirror(home)
        index, client = Index(Place(home)), client_of(home)
        sent = index.board("hills")
        tags = {"board": "hills", "harness.kind": "page", "harness.home": Place(home).identity()}
        client.create_run(sent.cells_experiment, tags=tags, run_name="page")
        client.delete_experiment(sent.pages_experiment)
        sent.pages_experiment = ""
        index.save()

        mirror(home)

        assert set(runs_of(home, "hills · cells")) == set(TestCells.NAMES)
        assert html_of(home) == board_page("hills", home)

    def test_new_standings_replace_it(self, home: Path) -> None:
        mirror(home)
        (before,) = pages_of(home)
        computed = stored_standings(home, "hills")
        assert computed is not None
        replace(computed, title="Hills without vales").save(home)

        mirror(home)

        (after,) = pages_of(home)
        assert after.info.run_id == before.info.run_id
        assert "Hills without vales" in html_of(home)

    def test_where_it_was_lost_it_is_made_again(self, home: Path) -> None:
        mirror(home)
        (lost,) = pages_of(home)
        client_of(home).delete_run(lost.info.run_id)
        (home / "mlflow" / "mirrored.json").unlink()

        mirror(home)

        (run,) = pages_of(home)
        assert run.info.run_id != lost.info.run_id
        assert html_of(home) == board_page("hills", home)
        notes = [row.data.tags["mlflow.note.content"] for row in runs_of(home, "hills").values()]
        assert all(run.info.run_id in note and lost.info.run_id not in note for note in notes)

    @pytest.mark.parametrize("outcome", [None, RuntimeError("no ink")])
    def test_without_a_page_the_board_is_mirrored_all_the_same(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, outcome: Exception | None
    ) -> None:
        def none(board: str, home: Path) -> None:
            if outcome is not None:
                raise outcome

        monkeypatch.setattr(harness, "board_page", none)

        mirror(home)

        assert pages_of(home) == []
        assert set(runs_of(home, "hills")) == {"last", "drawn", "last (wide)", "unfit"}
        assert "board.html" not in client_of(home).get_experiment_by_name("hills").tags["mlflow.note.content"]


class TestOddNames:
    NAMES = ("<script>alert(1)</script>", "it's", 'a "b"', 'it\'s "both"', "a/b c", "100 % _x_ *y*", "two\nlines")
    ODDER = ("half \ud800", "nothing \0", "long " * 2000, "[x](javascript:alert(1))", "'; DROP TABLE runs; --")

    def test_a_forecasters_cells_are_found_whatever_it_is_called(self, home: Path) -> None:
        entries = tuple(Entry("last", name, {"spread": 1.0 + k}) for k, name in enumerate(self.NAMES))
        fill(home, "hills", replace(HILLS, forecasters=(Entry("last"), *entries)))

        mirror(home)

        client, cells = client_of(home), client_of(home).get_experiment_by_name("hills · cells")
        assert set(runs_of(home, "hills")) == {"last", *self.NAMES}
        for name in self.NAMES:
            view = json.loads(cells.tags[f"mlflow.sharedViewState.{views.cells_of(name)}"])
            (found,) = client.search_runs([cells.experiment_id], view["searchFilter"])
            assert found.info.run_name == f"{name} · hills"

    def test_boards_and_their_parts_may_have_any_name(self, home: Path) -> None:
        entries = tuple(Entry("last", name, {"spread": 2.0 + k}) for k, name in enumerate(self.ODDER))
        tasks = tuple(replace(HILLS.tasks[0], name=f"{name[:300]} {k}") for k, name in enumerate(self.ODDER))
        board = replace(HILLS, title="<b>t</b>", forecasters=(Entry("last"), *entries), tasks=tasks, seeds=1)
        fill(home, 'a "b" 100% <i>', replace(board, description="<script>alert(1)</script>"))

        mirror(home)

        client = client_of(home)
        experiment = client.get_experiment_by_name('a "b" 100% <i>')
        assert len(client.search_runs([experiment.experiment_id])) == 1 + len(self.ODDER)
        assert "<script>" not in experiment.tags["mlflow.note.content"]
        json.loads(experiment.tags["mlflow.sharedViewState.harness"])
        assert not backlog(Place(home)).work

    def test_the_description_names_machines_whose_times_are_not_comparable(self, home: Path) -> None:
        (plan,) = (plan for plan in stored_plans(home) if plan.name == "hills")
        standings = stored_standings(home, "hills")
        assert standings is not None

        notes = [
            views.board_note(plan, replace(standings, machines=machines), "1", "2", "")
            for machines in (("EPYC, 4 cores",), ("EPYC, 4 cores", "Xeon, 64 cores"))
        ]

        line = "- times of runs are not comparable: the cells ran on EPYC, 4 cores and on Xeon, 64 cores"
        assert [line in note for note in notes] == [False, True]

    def test_descriptions_show_texts_as_they_are(self) -> None:
        assert views.plain("<script>x</script> *a* _b_ `c`\n& [d](e)") == (
            "&lt;script&gt;x&lt;/script&gt; \\*a\\* \\_b\\_ \\`c\\` &amp; \\[d\\](e)"
        )
        assert views.plain("at 12:30 :smile: \x1b") == "at 12:30 &#58;smile: \\\\x1b"


class TestCatchingUp:
    def test_a_second_pass_does_not_even_open_the_store(self, home: Path) -> None:
        mirror(home)

        again = mirror(home)

        assert again.progress.sent == 0
        assert again._store is None
        assert not backlog(Place(home))

    def test_a_lost_index_is_rebuilt_and_nothing_sent_twice(self, home: Path) -> None:
        mirror(home)
        before = {run.info.run_id for run in runs_of(home, "hills · cells").values()}
        (home / "mlflow" / "mirrored.json").unlink()

        mirror(home)

        assert {run.info.run_id for run in runs_of(home, "hills · cells").values()} == before
        assert keys_of(home) == sorted(Journal(home).keys())
        assert len(client_of(home).get_metric_history(runs_of(home, "hills")["last"].info.run_id, "rank")) == 1

    def test_an_index_of_another_store_is_not_believed(self, home: Path) -> None:
        mirror(home)
        path = home / "mlflow" / "mirrored.json"
        fields = read_checked_json(path, SCHEMA)
        assert fields is not None
        for board in fields["stores"]["own"].values():
            board["cells_experiment"] = "77"
        write_checked_json(path, {name: fields[name] for name in ("stores", "versions")}, SCHEMA)
        last = home / "journal" / "cells" / stored_plans(home)[0].cells[-1].key / "record.json"
        last.touch()

        again = mirror(home)

        assert again.progress.sent > 1
        assert keys_of(home) == sorted(Journal(home).keys())
        assert not backlog(Place(home))

    @pytest.mark.parametrize("content", ["", "{", "[1]", '{"schema": 2, "stores": 7}', "flipped", "[" * 100_000])
    def test_a_damaged_index_is_moved_aside_and_made_again(self, home: Path, content: str) -> None:
        mirror(home)
        before = {run.info.run_id for run in runs_of(home, "hills · cells").values()}
        path = home / "mlflow" / "mirrored.json"
        text = path.read_text()
        path.write_text(
            text.replace('"cells_experiment": "', '"cells_experiment": "7') if content == "flipped" else content
        )

        mirror(home)

        assert {run.info.run_id for run in runs_of(home, "hills · cells").values()} == before
        assert not backlog(Place(home)).work

    def test_an_index_of_a_later_version_is_left_and_told(self, home: Path) -> None:
        mirror(home)
        path = home / "mlflow" / "mirrored.json"
        write_checked_json(path, {"stores": {}}, SCHEMA + 1)

        (sentence,) = Companion(home).finish()

        assert "was written by a later version of harness" in sentence
        assert read_checked_json(path, SCHEMA + 1) is not None

    def test_a_record_that_cannot_be_read_stops_no_other(self, home: Path) -> None:
        for key in list(Journal(home).keys())[:4]:
            (home / "journal" / "cells" / key / "record.json").write_text('{"schema": 1, "status": "completed"}')
        orders = Orders()
        orders.finish.set()

        made = Mirror(Place(home), orders)
        made.follow()

        assert made.progress.problem == ""
        assert len(keys_of(home)) == 2

    def test_a_forecaster_that_was_given_another_name_takes_its_cells_along(self, home: Path) -> None:
        mirror(home)
        entries = (Entry("last"), Entry("drawn"), Entry("last", "last of all", {"spread": 3.0}), Entry("unfit"))
        fill(home, "hills", replace(HILLS, forecasters=entries))

        mirror(home)

        assert set(runs_of(home, "hills")) == {"last", "drawn", "last of all", "unfit"}
        names = set(runs_of(home, "hills · cells"))
        assert names == {name.replace("last (wide)", "last of all") for name in TestCells.NAMES}
        assert not backlog(Place(home))

    def test_a_cell_that_was_run_again_replaces_its_run(self, home: Path) -> None:
        mirror(home)
        journal = Journal(home)
        key = runs_of(home, "hills · cells")["last · hills"].data.tags["harness.key"]
        run = journal.read_with_results(key)
        assert run is not None
        journal.write(replace(run, scores={"MASE": 7.0}))

        mirror(home)

        metrics = runs_of(home, "hills · cells")["last · hills"].data.metrics
        assert metrics["MASE"] == 7.0
        assert "MAE" not in metrics

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
    def test_a_mirror_that_is_killed_again_and_again_leaves_one_run_a_key(self, home: Path) -> None:
        cells = home / "mlflow" / "artifacts"
        for wanted in (1, 3):
            process = subprocess.Popen([*MIRROR, str(home)], stderr=subprocess.DEVNULL)
            while len(list(cells.glob("*/*/artifacts/record.json"))) < wanted and process.poll() is None:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert backlog(Place(home))

        subprocess.run([*MIRROR, str(home)], check=True, stderr=subprocess.DEVNULL)

        assert keys_of(home) == sorted(Journal(home).keys())
        for board in ("hills", "waves"):
            assert all(run.info.status != "RUNNING" for run in runs_of(home, f"{board} · cells").values())
        assert not backlog(Place(home))

    def test_a_run_that_was_left_unfinished_is_made_anew(self, home: Path) -> None:
        first = mirror(home)
        run = runs_of(home, "hills · cells")["last · hills"]
        client_of(home).update_run(run.info.run_id, "RUNNING")
        (home / "mlflow" / "mirrored.json").unlink()

        mirror(home)

        again = runs_of(home, "hills · cells")["last · hills"]
        assert first.progress.sent
        assert again.info.status == "FINISHED"

    def test_a_home_that_was_moved_takes_its_artifacts_along(self, home: Path, tmp_path: Path) -> None:
        mirror(home)
        moved = tmp_path / "elsewhere"
        home.rename(moved)
        (moved / "mlflow" / "mirrored.json").unlink()

        mirror(moved)

        run = runs_of(moved, "hills · cells")["last · hills"]
        assert run.info.artifact_uri.startswith((moved / "mlflow" / "artifacts").as_uri())

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
    def test_a_store_is_made_whole_or_not_at_all(self, home: Path) -> None:
        database = home / "mlflow" / "mlflow.db"
        database.unlink()
        process = subprocess.Popen([*MIRROR, str(home)], stderr=subprocess.DEVNULL)
        while not list((home / "mlflow").glob(".*.draft")) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not database.exists()

        subprocess.run([*MIRROR, str(home)], check=True, stderr=subprocess.DEVNULL)

        assert keys_of(home) == sorted(Journal(home).keys())

    def test_only_one_mirror_is_at_work(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        place.folder.mkdir()

        with FileLock(place.folder / "mirror.lock"):
            ended = subprocess.run([*MIRROR, str(tmp_path)], stderr=subprocess.DEVNULL)

        assert ended.returncode == 1
        assert Reported.of(place).problem == "another harness command is sending this home's runs"


class TestHooks:
    def test_importing_the_plugin_loads_nothing_heavy(self) -> None:
        program = (
            "import sys, click, harness_mlflow; harness_mlflow.harness_commands(click.Group()); "
            "print(sorted({'mlflow', 'numpy', 'pandas', 'matplotlib', 'psutil'} & set(sys.modules)))"
        )

        printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

        assert printed.strip() == "[]"

    def test_an_empty_home_has_nothing_to_say(self, tmp_path: Path) -> None:
        assert harness_mlflow.harness_finished(tmp_path) == []

    @pytest.mark.slow
    def test_a_mirror_follows_the_run_and_finishes_with_it(self, home: Path) -> None:
        before = time.monotonic()
        harness_mlflow.harness_run_finished(home)
        harness_mlflow.harness_run_finished(home)
        assert time.monotonic() - before < 1

        (sentence,) = harness_mlflow.harness_finished(home)

        assert sentence == f"MLflow: `harness ui` shows the boards (store: {home / 'mlflow' / 'mlflow.db'})"
        assert keys_of(home) == sorted(Journal(home).keys())
        before = time.monotonic()
        assert harness_mlflow.harness_finished(home) == [sentence]
        assert time.monotonic() - before < 1

    def test_it_can_be_switched_off(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HARNESS_MLFLOW", "off")

        harness_mlflow.harness_run_finished(home)
        (sentence,) = harness_mlflow.harness_finished(home)

        assert sentence.startswith("MLflow: nothing is sent, as HARNESS_MLFLOW is off")
        assert backlog(Place(home)).cells == 6

    @pytest.mark.slow
    def test_a_command_that_waits_tells_how_many_runs_were_sent(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(companion_module, "SILENCE", 0.0)
        monkeypatch.setattr(companion_module, "INTERVAL", 0.1)
        told: list[str] = []

        Companion(home).finish(told.append)

        assert told[0].startswith("MLflow: 6 runs are sent, all results are stored already; Ctrl-C leaves the rest")
        found = [re.match(r"MLflow: (\d) of 6 runs sent(; the standings are sent)?$", line) for line in told[1:]]
        sent = [int(line[1]) for line in found if line is not None]
        assert sent == sorted(sent)
        assert len(sent) == len(told) - 1 > 0

    @pytest.mark.slow
    def test_a_store_that_is_away_is_told_and_caught_up_with(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")

        (sentence,) = Companion(home).finish()

        assert "it does not answer; 6 runs wait" in sentence
        assert "The journal is complete; the next command sends the rest." in sentence
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
        assert "`harness ui`" in Companion(home).finish()[0]
        assert keys_of(home) == sorted(Journal(home).keys())

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the whole process gives way")
    def test_it_gives_way_until_it_is_told_to_finish(self, home: Path) -> None:
        process = subprocess.Popen([*MIRROR, str(home), "--follow"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            threads: list[int] = []
            while len(threads) < 3 and process.poll() is None:  # the main one, the listening one, the one that works
                time.sleep(0.01)
                threads = sorted(map(int, os.listdir(f"/proc/{process.pid}/task")))

            def policies() -> list[int]:
                return [os.sched_getscheduler(thread) for thread in threads[:3]]

            while os.SCHED_IDLE not in policies():
                time.sleep(0.01)
            assert policies()[0] == os.SCHED_OTHER
            assert os.getpriority(os.PRIO_PROCESS, threads[0]) == os.getpriority(os.PRIO_PROCESS, os.getpid())
        finally:
            assert process.stdin is not None
            process.stdin.write(b"finish\n")
            process.stdin.flush()
            process.wait()
            process.stdin.close()

        assert process.returncode == 0
        assert keys_of(home) == sorted(Journal(home).keys())

    def test_a_mirror_that_gets_no_processor_starts_again(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        orders, again, waits = Orders(), [], threading.Event()
        made = Mirror(Place(home), orders)
        monkeypatch.setattr(priority, "HAND_OVER", 0.05)
        monkeypatch.setattr(mirror_module, "lower_priority", lambda: None)
        monkeypatch.setattr(mirror_module, "_replace_process", lambda place: (again.append(place), waits.set()))
        monkeypatch.setattr(
            made, "send_cells", lambda plans: (orders.finish.set(), orders.changed.set(), waits.wait(9))
        )
        monkeypatch.setattr(made, "send_all", lambda: None)

        made.follow()

        assert set(again) == ({made.place} if sys.platform == "linux" else set())

    @pytest.mark.slow
    def test_without_a_word_the_mirror_ends_after_the_run_at_hand(self, home: Path) -> None:
        process = subprocess.Popen([*MIRROR, str(home), "--follow"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while not list((home / "mlflow" / "artifacts").glob("*/*/artifacts/record.json")):
            time.sleep(0.002)
        if sys.platform != "win32":
            process.send_signal(signal.SIGINT)

        process.communicate()

        assert process.returncode == 0
        statuses = [run.info.status for run in runs_of(home, "hills · cells").values()]
        assert "RUNNING" not in statuses
        assert len(statuses) < 6


class TestPlots:
    def test_windows_are_the_best_the_median_and_the_worst(self) -> None:
        losses = np.array([3.0, math.nan, 1.0, 5.0, 4.0, 2.0])

        chosen = plots.chosen_windows(losses, ("best", "median", "worst"))

        assert chosen == [(2, "best"), (0, "median"), (3, "worst")]

    def test_a_single_window_is_drawn_once(self) -> None:
        assert plots.chosen_windows(np.array([1.0]), ("best", "worst")) == [(0, "best")]

    def test_the_worst_wave_is_the_one_of_the_highest_amplitude(self) -> None:
        run = evaluate(Last(), WAVES.tasks[0], waves())
        assert run.results is not None
        outcomes = Outcomes(Actuals.of(backtest(WAVES.tasks[0], waves())), run.results.forecast)

        losses, said = plots.window_losses(run, outcomes, "MSE")

        assert said == "MSE"
        np.testing.assert_allclose(losses, outcomes.squared_error.mean(axis=(1, 2)))
        assert plots.chosen_windows(losses, ("best", "worst"))[1] == (int(losses.argmax()), "worst")

    def test_coverage_does_not_choose_windows(self) -> None:
        run = evaluate(Last(), HILLS.tasks[0], hills())
        assert run.results is not None
        outcomes = Outcomes(Actuals.of(backtest(HILLS.tasks[0], hills())), run.results.forecast)

        losses, said = plots.window_losses(run, outcomes, "coverage")

        assert said == "MAE"
        np.testing.assert_allclose(losses, outcomes.absolute_error.mean(axis=(1, 2)))

    def test_a_generated_wave_follows_its_given_steps_and_the_cutoff_is_inside_of_the_axes(self, home: Path) -> None:
        store_panel(waves(), home)
        mirror(home)

        text = artifact(home, "waves · cells", "last · waves", "forecasts.svg").read_text(encoding="utf-8")

        assert ">given<" in text
        assert len(re.findall(rf"<path d='M[^']*L[^']*' [^>]*stroke='{plots.GIVEN}'", text)) == 2  # one of each wave
        for rule in re.findall(r"<path d='M([\d.]+) [^']*' [^>]*stroke-dasharray='2 2'", text):
            assert charts.MARGIN_LEFT + 50 < float(rule) < plots.WIDTH / 2  # after 20 of 100 steps

    def test_training_curves_are_on_a_logarithmic_axis(self, mirrored: Path) -> None:
        text = artifact(mirrored, "hills · cells", "last · hills", "training.svg").read_text(encoding="utf-8")

        assert ">loss<" in text
        assert all(f">{tick}<" in text for tick in ("0.001", "0.01", "0.1", "1"))
        note = runs_of(mirrored, "hills · cells")["last · hills"].data.tags["mlflow.note.content"]
        assert "training.svg" in note

    def test_gradient_norms_are_a_plot_and_metrics_of_their_own(self, mirrored: Path) -> None:
        text = artifact(mirrored, "hills · cells", "last · hills", "gradient_norms.svg").read_text(encoding="utf-8")

        assert ">hidden state before training<" in text
        assert ">time steps before the last one<" in text
        data = runs_of(mirrored, "hills · cells")["last · hills"].data
        assert data.metrics["gradient_norms/hidden state before training"] == 0.01
        assert "gradient_norms.svg" in data.tags["mlflow.note.content"]


class TestTables:
    def test_long_tables_are_rounded_and_thinned_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run = evaluate(Last(), HILLS.tasks[0], hills())
        assert run.results is not None
        outcomes = Outcomes(Actuals.of(backtest(HILLS.tasks[0], hills())), run.results.forecast)
        monkeypatch.setattr(tables, "FULL", 10)
        monkeypatch.setattr(tables, "MOST", 20)
        monkeypatch.setattr(tables, "CHUNK", 8)

        said = tables.write_forecasts(tmp_path / "forecasts.parquet", outcomes, lambda: None)

        table = pq.read_table(tmp_path / "forecasts.parquet")
        assert said == "numbers are rounded to float32; only one of 2 windows is listed"
        assert str(table.schema.field("mean").type) == "float"
        np.testing.assert_allclose(table["actual"].to_numpy(), outcomes.actuals[::2].ravel(), rtol=1e-6)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "safe"),
        [
            ("MASE/sunspots", "MASE/sunspots"),
            ("log10(MSE)", "log10_MSE_"),
            ("MASE//x/../y", "MASE/x/y"),
            ("Größe 1.5", "Größe 1.5"),
            ("", "_"),
        ],
    )
    def test_names_are_made_as_mlflow_takes_them(self, name: str, safe: str) -> None:
        assert safe_name(name) == safe

    def test_passwords_are_not_told(self) -> None:
        assert without_password("no http://me:secret@box/x, no") == "no http://box/x, no"

    @pytest.mark.parametrize("password", ["plain", "sl/ash", "col:on", "%40"])
    def test_addresses_are_shown_without_passwords(self, password: str) -> None:
        text = f"cannot connect to postgresql://me:{password}@box/db?sslmode=require&password={password} today"

        assert without_password(text) == "cannot connect to postgresql://box/db?sslmode=require&password=… today"

    def test_moments_are_milliseconds(self) -> None:
        assert milliseconds("1970-01-01T00:00:01.5+00:00", 0) == 1500
        assert milliseconds("", 7_000_000) == 7


class TestUi:
    def test_a_home_without_boards_says_what_to_run(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="`harness run BOARD` fills it"):
            server.show(tmp_path, None, None, browser=False, say=print)

    def test_a_board_that_is_not_there_is_named(self, home: Path) -> None:
        with pytest.raises(BadInput, match=r"no board called 'hils'.*did you mean 'hills'"):
            server.show(home, "hils", None, browser=False, say=print)

    def test_a_port_that_was_asked_for_must_be_free(self, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

            with pytest.raises(BadInput, match=f"port {port} of 127.0.0.1 is taken"):
                server.free_port(port)

    @pytest.mark.slow
    def test_boards_are_shown_without_the_server_that_holds_the_store(
        self, mirrored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = Index(Place(mirrored))
        index.save()  # what the own store holds, as if the server held it
        stored = json.loads(index.path.read_text(encoding="utf-8"))["stores"]["own"]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example.org/")
        remote = Index(Place(mirrored))
        remote.boards = {name: mirrored_board(sent) for name, sent in stored.items()}
        remote.save()

        with server.serve(Place(mirrored), None) as address:
            with urllib.request.urlopen(address) as answer:
                page = answer.read().decode()
            with urllib.request.urlopen(f"{address}/boards/hills") as answer:
                board = answer.read().decode()
            evil = urllib.request.Request(address, headers={"Host": "evil.example"})
            with pytest.raises(urllib.error.HTTPError, match="400") as refused:
                urllib.request.urlopen(evil)
            refused.value.close()

        link = 'href="https://mlflow.example.org/#/experiments/1/runs?workflowType=machine_learning'
        assert link in page
        assert link in board
        assert "secret" not in page + board

    @pytest.mark.slow
    def test_two_servers_that_start_at_once_have_a_port_each(
        self, mirrored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both find the same port free; the one that loses it takes the next, and never answers for the other."""
        place, free_port = Place(mirrored), server.free_port
        with server.serve(place, None) as first:
            port = int(first.rpartition(":")[2])
            found = iter([port])  # as if the first server had not listened yet
            monkeypatch.setattr(server, "free_port", lambda asked: next(found, None) or free_port(asked))

            with server.serve(place, None) as second:
                assert second != first
                with urllib.request.urlopen(f"{second}/health") as answer:
                    assert answer.status == 200

    @pytest.mark.slow
    def test_the_server_answers_takes_few_processes_and_leaves_none(self, mirrored: Path) -> None:
        place, others = Place(mirrored), family_below()  # a mirror of an earlier test may still end
        with server.serve(place, None) as address:
            family = [process for process in family_below() if process not in others]
            with urllib.request.urlopen(f"{address}/health") as answer:
                assert answer.status == 200
            with urllib.request.urlopen(f"{address}/boards/hills") as answer:
                assert answer.status == 200
            memory = sum(process.memory_info().rss for process in family)

        assert memory < 700e6  # as counted for each process: pages that both share count twice
        assert len(family) == 2
        assert not any(process.is_running() for process in family)


def family_below() -> list[psutil.Process]:
    """The servers that this process has started."""
    return [
        child for child in psutil.Process(os.getpid()).children(recursive=True) if "mlflow" in " ".join(child.cmdline())
    ]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class TestMeasuredCosts:
    """What `harness bench` measured, on a board that is mirrored already."""

    @pytest.fixture(scope="class")
    def measured(self, mirrored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A copy of it, in which two forecasters were measured since."""
        home = tmp_path_factory.mktemp("measured") / "home"
        shutil.copytree(mirrored, home, copy_function=shutil.copy2)
        with sqlite3.connect(home / "mlflow" / "mlflow.db") as database:  # artifacts moved along
            for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
                database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(mirrored), str(home)))
        self.measure(home, "last", 0.002)
        self.measure(home, "last (wide)", 0.004)
        self.store(home)
        mirror(home)
        return home

    @staticmethod
    def measure(home: Path, forecaster: str, seconds: float) -> None:
        backtest = next(plan for plan in stored_plans(home) if plan.name == "hills")
        cell = next(cell.key for cell in backtest.cells if cell.forecaster == forecaster)
        p50, p90, p99 = (Percentile(seconds * k, seconds * k, seconds * k) for k in (1, 2, 3))
        bins = Histogram(seconds / 2, seconds * 4, (1, 300, 20, 5))
        latency = Latency(p50, p90, p99, seconds, 326, 9, 0.0, histogram=bins)
        subject = Subject(forecaster, "last", "hills", "hills", cell)
        bench = Bench(cell, subject, this_machine(), Conditions(1.0, 1, "auto"), "2026-01-02T03:04:05+00:00")
        write_bench(home, replace(bench, latency=latency))

    @staticmethod
    def store(home: Path) -> None:
        found, backtest = (
            stored_standings(home, "hills"),
            next(plan for plan in stored_plans(home) if plan.name == "hills"),
        )
        assert found is not None
        with_costs(found, backtest, home).save(home)

    def test_they_are_metrics_of_the_forecaster(self, measured: Path) -> None:
        metrics = runs_of(measured, "hills")["last"].data.metrics

        assert metrics["latency_p50_ms"] == pytest.approx(2.0)
        assert metrics["latency_p99_ms"] == pytest.approx(6.0)
        assert "throughput" not in metrics  # was not measured
        assert "latency_p99_ms" not in runs_of(measured, "hills")["drawn"].data.metrics

    def test_where_they_were_measured_is_a_tag(self, measured: Path) -> None:
        said = runs_of(measured, "hills")["last"].data.tags["measured"]

        assert this_machine().processor in said
        assert "1 thread, cpu, 2026-01-02T03:04:05" in said

    def test_the_table_shows_them(self, measured: Path, mirrored: Path) -> None:
        columns = [
            json.loads(client_of(home).get_experiment_by_name("hills").tags["mlflow.sharedViewState.harness"])[
                "selectedColumns"
            ]
            for home in (measured, mirrored)
        ]

        assert "metrics.`latency_p99_ms`" in columns[0]
        assert "metrics.`predict_ms_per_window`" not in columns[0]
        assert "metrics.`predict_ms_per_window`" in columns[1]

    def test_all_figures_and_a_histogram_are_artifacts(self, measured: Path) -> None:
        told = json.loads(artifact(measured, "hills", "last", "bench.json").read_text(encoding="utf-8"))
        drawn = artifact(measured, "hills", "last", "latency.svg").read_text(encoding="utf-8")

        assert told["latency"]["p99"]["seconds"] == pytest.approx(0.006)
        said = [element.text for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
        assert {"p50 2 ms", "p90 4 ms", "p99 6 ms"} <= set(said)
        assert not artifact(measured, "hills", "drawn", "bench.json").exists()

    def test_skill_against_latency_is_drawn_beside_the_page(self, measured: Path) -> None:
        (run,) = pages_of(measured)
        folder = measured / "mlflow" / "artifacts" / views.PAGES / run.info.run_id / "artifacts"

        drawn = ElementTree.fromstring((folder / "pareto.svg").read_text(encoding="utf-8"))

        said = [element.text for element in drawn.iter(f"{SVG}text")]
        assert "last" in said
        assert "last (wide)" in said
        assert "drawn" not in said

    def test_measuring_again_adds_a_repetition_and_what_is_gone_goes(self, measured: Path, tmp_path: Path) -> None:
        before = artifact(measured, "hills", "last", "bench.json").read_text(encoding="utf-8")
        self.measure(measured, "last", 0.003)
        kept = measured / "bench" / this_machine().id
        cell = next(cell.key for cell in stored_plans(measured)[0].cells if cell.forecaster == "last (wide)")
        (kept / f"{cell}.json").unlink()
        self.store(measured)

        mirror(measured)

        runs = runs_of(measured, "hills")
        assert artifact(measured, "hills", "last", "bench.json").read_text(encoding="utf-8") != before
        assert runs["last"].data.metrics["latency_p50_ms"] == pytest.approx(math.sqrt(2.0 * 3.0), rel=1e-4)
        assert not artifact(measured, "hills", "last (wide)", "bench.json").exists()
        assert "measured" not in runs["last (wide)"].data.tags
