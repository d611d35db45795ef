"""Equality with fev: the scores of the same forecasts, and the leaderboard of our results.

Runs where fev is installed: `tox -e fev`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import Journal, stored_plans

fev = pytest.importorskip("fev")
datasets = pytest.importorskip("datasets")

LEVELS = [0.1, 0.5, 0.9]
TOLERANCES = {"lengths": 1e-6}  # fev rounds values to float32 where it leaves series out
ALL_METRICS = ["MAE", "MASE", "MSE", "RMSE", "RMSSE", "RMSLE", "MAPE", "SMAPE", "WAPE", "MQL", "WQL"]
COMMON: dict[str, Any] = {"dataset_path": "org/repository", "eval_metric": "SQL", "quantile_levels": LEVELS}
TASKS: list[dict[str, Any]] = [
    {
        **COMMON,
        "task_name": "multivariate",
        "dataset_config": "hours",
        "target": ["b", "a"],
        "extra_metrics": ALL_METRICS,
    },
    {
        **COMMON,
        "task_name": "lengths",
        "dataset_config": "ragged",
        "target": "a",
        "min_context_length": 40,
        "extra_metrics": ["MASE", "RMSSE", "WAPE"],
        "num_windows": 3,
        "initial_cutoff": -20,
        "window_step_size": 5,
    },
    {
        **COMMON,
        "task_name": "floors",
        "dataset_config": "hours",
        "target": ["a", "b"],
        "extra_metrics": [{"name": "WAPE", "epsilon": 10.5}, {"name": "WQL", "epsilon": 10.5}],
    },
    {
        **COMMON,
        "task_name": "generated",
        "dataset_config": "hours",
        "target": "made",
        "generate_univariate_targets_from": ["b", "a"],
        "extra_metrics": ["MASE", "WAPE", "WQL", "RMSE"],
    },
    {
        **COMMON,
        "task_name": "all columns",
        "dataset_config": "days",
        "target": "made",
        "generate_univariate_targets_from": "__ALL__",
        "extra_metrics": ["MASE"],
    },
    {
        **COMMON,
        "task_name": "dates",
        "dataset_config": "days",
        "target": "a",
        "initial_cutoff": "2024-02-19",
        "window_step_size": "2D",
        "known_dynamic_columns": ["b"],
        "extra_metrics": ["MASE"],
    },
    {
        **COMMON,
        "task_name": "weeks",
        "dataset_config": "days",
        "target": "a",
        "initial_cutoff": "2024-02-18",
        "window_step_size": "W",
        "past_dynamic_columns": ["b"],
        "extra_metrics": ["MASE"],
    },
]
for each in TASKS:
    each.update({"horizon": 4, "num_windows": each.get("num_windows", 2), "seasonality": 7})


def write(folder: Path, name: str, freq: str, lengths: list[int], rng: np.random.Generator) -> None:
    """A dataset in the layout of the hub, with missing values among those of `a`."""
    rows: dict[str, list[Any]] = {"id": [], "timestamp": [], "a": [], "b": []}
    for number, length in enumerate(lengths):
        a = 10 + np.sin(np.arange(length) * 2 * np.pi / 7) + rng.normal(size=length) + number
        a[[5, length - 3]] = np.nan
        rows["id"].append(f"s{9 - number}")
        rows["timestamp"].append(pd.date_range("2024-01-01", periods=length, freq=freq).to_numpy("datetime64[ms]"))
        rows["a"].append(a)
        rows["b"].append(rng.gamma(2.0, 5.0, length))
    (folder / name).mkdir(parents=True)
    pq.write_table(pa.table(rows), folder / name / "train-00000-of-00001.parquet")


def harness(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data, the task file, the board, its results and their export."""
    folder = tmp_path_factory.mktemp("fev")
    rng = np.random.default_rng(0)
    write(folder / "data", "hours", "h", [70, 70], rng)
    write(folder / "data", "ragged", "D", [70, 45, 60, 12, 90], rng)
    write(folder / "data", "days", "D", [70, 70, 70], rng)
    (folder / "suite.yaml").write_text(json.dumps({"tasks": TASKS}))  # JSON is YAML
    harness(folder, "fev", "board", "suite.yaml", "--data", "data")
    harness(folder, "run", "./suite", "--only", "naive,drift")
    harness(folder, "fev", "export", "./suite", "results.csv")
    return folder


@pytest.mark.parametrize("position", range(len(TASKS)), ids=[task["task_name"] for task in TASKS])
def test_scores_of_the_same_forecasts_are_equal(position: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEV_DATASETS_PREFIX", str(folder / "data"))
    monkeypatch.setenv("HF_HOME", str(folder / "cache"))
    task = fev.Task(**TASKS[position])
    rows = pd.read_csv(folder / "results.csv").set_index(["model_name", "task_name"])
    tolerance = TOLERANCES.get(task.task_name, 1e-9)
    for forecaster in ("seasonal-naive", "naive", "drift"):
        summary = task.evaluation_summary(predictions(task, forecaster, folder), forecaster)
        row = rows.loc[forecaster, task.task_name]
        for metric in [
            "test_error",
            "num_forecasts",
            *[fev.metrics.get_metric(each).name for each in task.extra_metrics],
        ]:
            np.testing.assert_allclose(row[metric], summary[metric], rtol=tolerance, err_msg=f"{forecaster} {metric}")


def predictions(task: Any, forecaster: str, folder: Path) -> list[Any]:
    """The stored forecasts of a forecaster, window by window, as fev has them."""
    (plan,) = stored_plans(folder / ".harness")
    journal = Journal(folder / ".harness")
    (cell,) = [cell for cell in plan.cells if (cell.forecaster, cell.task) == (forecaster, task.task_name)]
    run = journal.read_with_results(cell.key)
    assert run is not None
    assert run.results is not None
    actuals = journal.read_actuals(cell.fingerprint, run.cell.task)
    assert actuals is not None
    names = [actuals.ids[i].replace("/", "_") for i in actuals.series]
    made = []
    for number, window in enumerate(task.iter_windows(num_proc=1)):
        ids = list(window.get_input_data()[0][task.id_column])
        chosen = [
            next(w for w in range(len(names)) if (names[w], actuals.cutoff_index[w]) == (name, number)) for name in ids
        ]
        by_target = {}
        for target in task.target_columns:
            at = 0 if task.generate_univariate_targets_from else actuals.targets.index(target)
            forecast = run.results.forecast
            columns = {"predictions": forecast.mean[chosen, :, at].tolist()}
            columns |= {str(q): np.asarray(forecast.quantile(q))[chosen, :, at].tolist() for q in LEVELS}
            by_target[target] = datasets.Dataset.from_dict(columns)
        made.append(datasets.DatasetDict(by_target))
    return made


def test_the_leaderboard_of_our_results_has_the_numbers_that_we_show(folder: Path) -> None:
    table = fev.leaderboard(str(folder / "results.csv"), baseline_model="seasonal-naive")
    shown = subprocess.run(
        [sys.executable, "-m", "harness", "show", "./suite", "--only", "naive,drift", "--csv"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    ours = pd.read_csv(pd.io.common.StringIO(shown.stdout)).set_index("forecaster")
    for forecaster in ("naive", "drift"):
        np.testing.assert_allclose(ours.loc[forecaster, "skill"], table.loc[forecaster, "skill_score"], rtol=1e-9)
        np.testing.assert_allclose(ours.loc[forecaster, "win_rate"], table.loc[forecaster, "win_rate"], rtol=1e-9)
