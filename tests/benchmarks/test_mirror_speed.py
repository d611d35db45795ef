"""What it costs to mirror a cell into MLflow, beside the bare calls that any mirror of it must make."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from floors import Comparison
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

from harness import Actuals, Forecast, Journal, Panel, RollingOrigin, StoredCell, StoredPlan, Task
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Cell
from harness.tasks.folds import backtest
from harness_mlflow.index import read_boards
from harness_mlflow.mirror import Mirror, Orders
from harness_mlflow.place import Place
from harness_models.naive import Naive

FORECASTERS, TASKS = 20, 25
BARE = 100  # cells written by bare calls
BOUND = 1.8
SECONDS = 60  # a goal for all cells, MLflow's start apart
LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 10))

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the journal of a board of invented cells."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    cells = tuple(cell for number in range(TASKS) for cell in invented(Journal(tmp_path), number))
    board = tmp_path / "boards" / "invented" / "plan.json"
    board.parent.mkdir(parents=True)
    stored = StoredPlan("invented", "Invented", "", "MASE", "forecaster-0", cells)
    board.write_text(json.dumps(stored.to_json()), encoding="utf-8")
    return tmp_path


def invented(journal: Journal, number: int) -> Iterator[StoredCell]:
    """The cells of a task: one forecaster's real run, and others made from it by adding noise."""
    rng = np.random.default_rng(number)
    panel = Panel.of(list(rng.normal(size=(4, 400)).cumsum(axis=1)), season_length=24)
    task = Task(f"data-{number}", RollingOrigin(horizon=24, windows=10), quantile_levels=LEVELS)
    journal.write_actuals(panel.fingerprint(), task, Actuals.of(backtest(task, panel)))
    real = evaluate(Naive(), task, panel)
    assert real.results is not None
    mean = real.results.forecast.mean
    for k in range(FORECASTERS):
        cell = Cell(task, f"forecaster-{k}")
        noisy = mean + rng.normal(size=mean.shape)
        quantiles = noisy[..., None] + np.linspace(-3, 3, len(LEVELS))
        results = replace(real.results, forecast=Forecast(noisy, LEVELS, quantiles))
        run = replace(real, cell=cell, key=cell.key(panel.fingerprint(), "1"), results=results)
        journal.write(replace(run, curves={"loss": tuple(1 / np.arange(1.0, 101.0))}))
        yield StoredCell(run.key, cell.forecaster, task.label, panel.fingerprint())


def test_a_cell_costs_little_more_than_the_bare_calls(home: Path, tmp_path: Path, record_ratio: Any) -> None:
    mirror = Mirror(Place(home), Orders())
    (board,) = read_boards(home)
    store, sent = mirror._open_board(board.plan)  # starts MLflow, and makes its store

    wall, processor = time.perf_counter(), time.process_time()
    mirror.send_cells([board.plan])
    wall, ours = time.perf_counter() - wall, (time.process_time() - processor) / mirror.progress.sent

    assert (mirror.progress.problem, mirror.progress.sent) == ("", FORECASTERS * TASKS)
    some = client_runs(store.client, sent.cells_experiment)
    experiment = store.client.create_experiment("bare")
    before = time.process_time()
    for number, run in enumerate(some):
        write_bare(store.client, experiment, run, tmp_path / "bare" / str(number))
    floor = (time.process_time() - before) / len(some)
    compared = Comparison(ours, floor, ours / floor)
    record_ratio("mirroring a cell into MLflow", compared, BOUND)
    record_ratio(f"mirroring {mirror.progress.sent} cells, seconds", round(wall, 1), SECONDS)


def client_runs(client: MlflowClient, experiment: str) -> list[Any]:
    return list(client.search_runs([experiment], max_results=BARE))


def write_bare(client: MlflowClient, experiment: str, run: Any, folder: Path) -> None:
    """The same run once more: its tags, parameters, metrics, curve, data set and files."""
    moment = run.info.start_time
    made = client.create_run(experiment, moment, run.data.tags, run.info.run_name).info.run_id
    metrics = [Metric(name, value, moment, 0) for name, value in run.data.metrics.items()]
    metrics += [Metric("training/loss", 1 / step, moment, step) for step in range(1, 101)]
    params = [Param(*item) for item in run.data.params.items()]
    client.log_batch(made, metrics, params, [RunTag("harness.bare", "yes")])
    (given,) = run.inputs.dataset_inputs
    known = given.dataset
    client.log_inputs(made, [DatasetInput(Dataset(known.name, known.digest, known.source_type, known.source), [])])
    folder.mkdir(parents=True)
    for name, size in (("record.json", 4_000), ("forecasts.svg", 12_000), ("error.svg", 6_000), ("table", 40_000)):
        (folder / name).write_bytes(os.urandom(size))
    client.set_terminated(made, "FINISHED", moment)
