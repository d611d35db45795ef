"""`harness fev board`: the tasks of fev as a board, and what is refused."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import BadInput, HarnessError
from harness_fev.metrics import fev_metric

LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
TASK: dict[str, Any] = {"dataset_path": "org/repository", "dataset_config": "shops", "horizon": 4, "seasonality": 7}


def write_dataset(folder: Path, name: str, columns: dict[str, list[Any]]) -> None:
    """Series as a Parquet file in the layout of the hub."""
    (folder / name).mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / name / "train-00000-of-00001.parquet")


def times(length: int, freq: str = "D") -> np.ndarray:
    return pd.date_range("2024-01-01", periods=length, freq=freq).to_numpy("datetime64[ms]")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    series = {
        "id": ["north", "south"],
        "timestamp": [times(60), times(60)],
        "target": [rng.normal(size=60) for _ in range(2)],
        "promo": [rng.normal(size=60) for _ in range(2)],
        "footfall": [rng.normal(size=60) for _ in range(2)],
        "area": [450, 300],
    }
    write_dataset(tmp_path / "data", "shops", series)
    return tmp_path / "data"


def harness(folder: Path, *arguments: object, code: int = 0, **variables: str) -> str:
    """The output of a command in a folder."""
    kept = {name: value for name, value in os.environ.items() if name != "FEV_DATASETS_PREFIX"}
    done = subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments)],
        cwd=folder,
        env={**kept, "HARNESS_HOME": str(folder / "home"), "HARNESS_MLFLOW": "off", "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def task_file(folder: Path, *tasks: dict[str, Any]) -> Path:
    path = folder / "suite.yaml"
    path.write_text(json.dumps({"tasks": [{**TASK, **task} for task in tasks]}))  # JSON is YAML
    return path


def board_of(folder: Path, data: Path | None, *tasks: dict[str, Any], max_context: int | None = None) -> dict[str, Any]:
    """The board file of tasks, as TOML reads it."""
    pytest.importorskip("yaml")
    from harness_fev.board_file import board_files
    from harness_fev.tasks import read_tasks

    files = board_files(read_tasks(task_file(folder, *tasks)), folder / "suite", data, "suite", max_context)
    return tomllib.loads(files.contents["leaderboard.toml"])


def test_the_example_of_the_documentation_is_a_board(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    page = (Path(__file__).parents[2] / "docs" / "fev.md").read_text()
    blocks = {kind: page.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("yaml", "python")}
    (tmp_path / "shops.yaml").write_text(blocks["yaml"])
    subprocess.run([sys.executable, "-c", blocks["python"]], cwd=tmp_path, check=True)

    harness(tmp_path, "fev", "board", "shops.yaml", "--data", "fev_datasets")
    said = harness(tmp_path, "run", "./shops", "--jobs", "0")

    assert "seasonal-naive" in said
    assert "failed" not in said


class TestFields:
    def test_columns_windows_and_levels_are_those_of_the_task(self, tmp_path: Path, data: Path) -> None:
        task = {
            "num_windows": 3,
            "window_step_size": 2,
            "min_context_length": 20,
            "known_dynamic_columns": ["promo"],
            "past_dynamic_columns": ["footfall"],
            "static_columns": ["area"],
            "eval_metric": "WQL",
            "quantile_levels": [0.9, 0.1],
        }
        board = board_of(tmp_path, data, task)
        assert board["metric"] == "fev WQL"
        assert board["tasks"] == [
            {
                "name": "shops",
                "dataset": {
                    "file": "../data/shops/train-00000-of-00001.parquet",
                    "name": "fev:shops",
                    "time": "timestamp",
                    "id": "id",
                    "target": ["target"],
                    "known": ["promo"],
                    "past": ["footfall"],
                    "static": ["area"],
                    "season_length": 7,
                },
                "protocol": {
                    "kind": "rolling-origin",
                    "horizon": 4,
                    "windows": 3,
                    "first_cutoff": -8,
                    "stride": 2,
                    "min_context": 20,
                },
                "covariates": ["promo", "footfall", "area"],
                "quantile_levels": [0.1, 0.9],
            }
        ]

    def test_columns_of_generated_targets_are_series(self, tmp_path: Path, data: Path) -> None:
        board = board_of(tmp_path, data, {"generate_univariate_targets_from": ["target", "footfall"]})
        dataset = board["tasks"][0]["dataset"]
        assert (dataset["layout"], dataset["target"]) == ("wide", ["target", "footfall"])

    def test_former_names_of_fields_are_read(self, tmp_path: Path, data: Path) -> None:
        board = board_of(tmp_path, data, {"num_rolling_windows": 2, "rolling_step_size": 3, "target_column": "promo"})
        assert board["tasks"][0]["protocol"]["first_cutoff"] == -7
        assert board["tasks"][0]["dataset"]["target"] == ["promo"]

    def test_an_offset_that_is_a_number_of_steps_is_converted(self, tmp_path: Path, data: Path) -> None:
        board = board_of(tmp_path, data, {"initial_cutoff": "2024-02-04", "window_step_size": "W", "num_windows": 3})
        assert board["tasks"][0]["protocol"]["stride"] == 7
        assert board["tasks"][0]["protocol"]["first_cutoff"] == "2024-02-04"

    def test_tasks_that_read_the_same_data_otherwise_have_datasets_of_their_own(
        self, tmp_path: Path, data: Path
    ) -> None:
        tasks = [{"task_name": "a"}, {"task_name": "b", "horizon": 2}, {"task_name": "c", "target": "promo"}]
        board = board_of(tmp_path, data, *tasks)
        assert [task["dataset"]["name"] for task in board["tasks"]] == ["fev:a", "fev:b", "fev:c"]
        board = board_of(tmp_path, data, *tasks[:2])
        assert [task["dataset"]["name"] for task in board["tasks"]] == ["fev:shops", "fev:shops"]

    def test_the_context_of_forecasters_can_be_limited(self, tmp_path: Path, data: Path) -> None:
        board = board_of(tmp_path, data, {}, max_context=30)
        assert board["tasks"][0]["protocol"]["max_context"] == 30


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"horizont": 3}, "task 'shops': horizont is no field of a task"),
        ({"horizon": 0}, "task 'shops': horizon must be a whole number of at least 1, not 0"),
        ({"horizon": True}, "task 'shops': horizon must be a whole number"),
        ({"num_windows": "2"}, "task 'shops': num_windows must be a whole number"),
        ({"initial_cutoff": -3}, "task 'shops': initial_cutoff must be at most -4, so that all windows fit, not -3"),
        ({"window_step_size": "D"}, "task 'shops': window_step_size must be a number of steps without initial_cutoff"),
        (
            {"initial_cutoff": "2024-01-31", "window_step_size": "ME", "num_windows": 3},
            "task 'shops': window_step_size 'ME' is no fixed number of steps of the frequency D: cutoffs are 29 and",
        ),
        (
            {"initial_cutoff": "2024-01-31", "window_step_size": "often"},
            "task 'shops': window_step_size 'often' is no offset of pandas",
        ),
        ({"quantile_levels": [0.5, 1.0]}, "task 'shops': quantile_levels must be a list of levels between 0 and 1"),
        ({"eval_metric": "SQL"}, "task 'shops': quantile_levels is empty, and SQL needs quantiles"),
        ({"eval_metric": "MAEB"}, "task 'shops': eval_metric MAEB is no mean of losses"),
        ({"eval_metric": "CRPS"}, "task 'shops': eval_metric has an unknown metric 'CRPS'"),
        ({"extra_metrics": ["MASE"]}, "task 'shops': extra_metrics has MASE again"),
        (
            {"eval_metric": {"name": "MASE", "epsilon": 0.1}},
            "task 'shops': eval_metric sets epsilon of MASE, which harness has only for WAPE and WQL",
        ),
        ({"max_context_length": 10}, "task 'shops': max_context_length = 10 with MASE has no counterpart"),
        (
            {"target": ["target"], "generate_univariate_targets_from": ["promo"]},
            "task 'shops': generate_univariate_targets_from needs a single target",
        ),
        ({"target": "sales"}, "task 'shops': target names the column 'sales', which .*parquet lacks; it has id, time"),
        ({"static_columns": ["size"]}, "task 'shops': static_columns names the column 'size'"),
        ({"dataset_config": "markets"}, "task 'markets': there is no file .*markets/\\*.parquet"),
        (
            {"dataset_config": None, "dataset_path": "s3://bucket/shops.parquet", "task_name": "s"},
            "task 's': dataset_path 's3://bucket/shops.parquet' is not local",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused_with_task_and_field(
    fields: dict[str, Any], message: str, tmp_path: Path, data: Path
) -> None:
    with pytest.raises(HarnessError, match=message):
        board_of(tmp_path, data, fields)


def test_tasks_of_other_metrics_are_refused(tmp_path: Path, data: Path) -> None:
    with pytest.raises(BadInput, match="task 'b': eval_metric is 'fev MAE', and that of 'a' is 'fev MASE'"):
        board_of(tmp_path, data, {"task_name": "a"}, {"task_name": "b", "eval_metric": "MAE"})


def test_two_tasks_of_one_name_are_refused(tmp_path: Path, data: Path) -> None:
    with pytest.raises(BadInput, match="two tasks are called 'shops'"):
        board_of(tmp_path, data, {}, {})


@pytest.mark.parametrize("text", ["tasks: [", "tasks: 3", "- a", "tasks: []"])
def test_a_file_without_tasks_is_refused(text: str, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    from harness_fev.tasks import read_tasks

    (tmp_path / "suite.yaml").write_text(text)
    with pytest.raises(BadInput, match=r"suite\.yaml (is not YAML|has no list of tasks)"):
        read_tasks(tmp_path / "suite.yaml")


def test_series_that_end_with_missing_targets_are_told(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    from harness_fev.board_file import board_files
    from harness_fev.tasks import read_tasks

    values = [np.arange(60.0), np.arange(60.0)]
    values[1][-2:] = np.nan
    columns = {"id": ["a", "b"], "timestamp": [times(60)] * 2, "target": values}
    write_dataset(tmp_path / "data", "shops", columns)
    files = board_files(read_tasks(task_file(tmp_path, {})), tmp_path / "suite", tmp_path / "data", "suite", None)
    (remark,) = files.remarks
    assert remark.startswith("task 'shops': 1 series end with missing targets")


class TestCommand:
    def test_without_data_it_says_how_to_name_it(self, tmp_path: Path) -> None:
        pytest.importorskip("yaml")
        task_file(tmp_path, {})
        told = harness(tmp_path, "fev", "board", "suite.yaml", code=2)
        assert "name its folder by --data or FEV_DATASETS_PREFIX, or let --download fetch it" in told

    def test_the_folder_of_fev_is_used(self, tmp_path: Path, data: Path) -> None:
        pytest.importorskip("yaml")
        task_file(tmp_path, {})
        told = harness(tmp_path, "fev", "board", "suite.yaml", "--name", "two", FEV_DATASETS_PREFIX=str(data))
        assert "wrote two/leaderboard.toml: 1 task\n" in told
        assert "exists already" in harness(
            tmp_path, "fev", "board", "suite.yaml", "--name", "two", "--data", data, code=2
        )

    def test_names_of_boards_of_plugins_and_unknown_tasks_are_refused(self, tmp_path: Path, data: Path) -> None:
        pytest.importorskip("yaml")
        task_file(tmp_path, {})
        told = harness(tmp_path, "fev", "board", "suite.yaml", "--data", data, "--name", "ett", code=2)
        assert "there is a board called 'ett' already" in told
        told = harness(tmp_path, "fev", "board", "suite.yaml", "--data", data, "--task", "shop", code=2)
        assert "there is no task 'shop'; the tasks are shops" in told


class TestDownload:
    def test_a_snapshot_of_the_hub_is_used_where_it_lies(self, tmp_path: Path, data: Path) -> None:
        """The real client of the hub, which has nothing to download."""
        pytest.importorskip("yaml")
        from harness_fev.data import download
        from harness_fev.tasks import read_tasks

        assert download(read_tasks(task_file(tmp_path, {})), data) == []

    def test_without_a_network_it_is_one_sentence(self, tmp_path: Path) -> None:
        pytest.importorskip("yaml")
        pytest.importorskip("huggingface_hub")
        task_file(tmp_path, {})
        told = harness(tmp_path, "fev", "board", "suite.yaml", "--download", code=2, HF_ENDPOINT="http://127.0.0.1:9")
        assert "task 'shops': shops could not be downloaded from org/repository" in told
        assert "download it elsewhere, and name its folder by --data" in told


def test_results_are_exported_and_those_of_others_are_claimed(tmp_path: Path, data: Path) -> None:
    pytest.importorskip("yaml")
    fields = {"eval_metric": "SQL", "extra_metrics": ["MASE"], "quantile_levels": [0.1, 0.5, 0.9], "num_windows": 3}
    task_file(tmp_path, fields)
    harness(tmp_path, "fev", "board", "suite.yaml", "--data", "data")
    assert "has no completed results" in harness(tmp_path, "fev", "export", "./suite", "results.csv", code=2)
    harness(tmp_path, "run", "./suite", "--only", "naive")
    assert "wrote results.csv: 2 results" in harness(tmp_path, "fev", "export", "./suite", "results.csv")

    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    shown = {
        row["forecaster"]: row for row in csv.DictReader(harness(tmp_path, "show", "./suite", "--csv").splitlines())
    }
    assert [row["model_name"] for row in rows] == ["seasonal-naive", "naive"]
    for row in rows:
        ours = shown[row["model_name"]]
        assert row["test_error"] == row["SQL"] == ours["fev SQL"]
        assert row["MASE"] == ours["fev MASE"]
        assert (row["horizon"], row["initial_cutoff"], row["num_forecasts"]) == ("4", "-12", "6")
        assert (row["quantile_levels"], row["extra_metrics"]) == ("[0.1, 0.5, 0.9]", "['MASE']")

    told = harness(tmp_path, "fev", "claim", "./suite", "results.csv", "--source", "a paper")
    assert "claimed results of seasonal-naive, naive" in told
    table = harness(tmp_path, "show", "./suite")
    assert "naive (claimed) ◊" in table
    assert "claimed by a paper, not measured here: seasonal-naive (claimed), naive (claimed)" in table
    ranked = list(csv.DictReader(harness(tmp_path, "show", "./suite", "--claimed", "--csv").splitlines()))
    ranks = {row["forecaster"]: row["rank"] for row in ranked}
    assert ranks["naive"] == ranks["naive (claimed)"] != ""
    told = harness(tmp_path, "show", "./suite", "--claimed", "--pool", "local", code=2)
    assert "--claimed ranks a whole board; leave --within and --pool out" in told
    harness(tmp_path, "show", "./suite", "--html", "page.html")
    assert "a paper" in (tmp_path / "page.html").read_text()


def test_epsilon_is_the_least_mean_absolute_actual() -> None:
    with pytest.raises(BadInput, match="MASE has no epsilon"):
        fev_metric("MASE", epsilon=1.0)
    assert fev_metric("WAPE", epsilon=1.0).name == "fev WAPE (epsilon 1)"


def test_ett_1h_has_the_published_scores(tmp_path: Path, real_file: Callable[[str], Path]) -> None:
    """fev-bench's published scores of the task; its models of statsforecast were given the last 1,000 observations."""
    pytest.importorskip("yaml")
    frames = {name: pd.read_csv(real_file(f"{name}.csv"), parse_dates=["date"]) for name in ("ETTh1", "ETTh2")}
    columns: dict[str, list[Any]] = {"id": list(frames)}
    columns["timestamp"] = [frame["date"].to_numpy("datetime64[ms]") for frame in frames.values()]
    targets = ["HUFL", "HULL", "LUFL", "LULL", "MUFL", "MULL", "OT"]
    columns |= {target: [frame[target].to_numpy() for frame in frames.values()] for target in targets}
    write_dataset(tmp_path / "data", "ETT_1H", columns)
    task = {
        "dataset_path": "autogluon/fev_datasets",
        "dataset_config": "ETT_1H",
        "horizon": 168,
        "num_windows": 20,
        "seasonality": 24,
        "eval_metric": "SQL",
        "extra_metrics": ["MASE", {"name": "WAPE", "epsilon": 1.0}, {"name": "WQL", "epsilon": 1.0}],
        "quantile_levels": LEVELS,
        "target": targets,
    }
    task_file(tmp_path, task)
    harness(tmp_path, "fev", "board", "suite.yaml", "--data", "data", "--max-context", 1000)
    harness(tmp_path, "run", "./suite", "--only", "naive,drift")
    rows = csv.DictReader(harness(tmp_path, "show", "./suite", "--csv").splitlines())
    names = ("fev SQL", "fev MASE", "fev WAPE (epsilon 1)", "fev WQL (epsilon 1)")
    scores = {row["forecaster"]: [float(row[name] or "nan") for name in names] for row in rows}
    expected = {
        "naive": [2.313658912, 1.718414182, 0.338907016, 0.490342447],
        "seasonal-naive": [1.206889929, 1.322715890, 0.286422459, 0.259709018],
        "drift": [2.422186261, 1.782332336, 0.351743820, 0.513664494],
    }
    for forecaster, values in expected.items():
        assert scores[forecaster] == pytest.approx(values, abs=6e-10)
