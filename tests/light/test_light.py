"""Without extras, harness lists, evaluates, scores and reports; it says what is not installed and how it is.

The heavy libraries are hidden from the processes of these tests. `tox -e light` runs them where they are not installed.
"""

from __future__ import annotations

import csv
import math
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HIDDEN = (
    "alembic joblib matplotlib mlflow openpyxl patsy polars pytest _pytest pytest_benchmark sklearn sqlalchemy "
    "statsmodels torch"
)
MODELS = "pip install 'forecast-harness[models]'"
ENVIRONMENT = {
    **os.environ,
    "COLUMNS": "200",
    "HARNESS_PLUGINS": "week_mean",
    "HIDDEN_PACKAGES": HIDDEN,
    "PYTHONPATH": str(HERE.parent / "hidden"),
}
light_only = pytest.mark.skipif(find_spec("torch") is not None, reason="takes long; `tox -e light` runs it")

for variable in ("HARNESS_DATA_DIR", "HARNESS_HOME", "HARNESS_MLFLOW"):
    ENVIRONMENT.pop(variable, None)


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command says, in a folder, with the plugin file of these tests."""
    command = [sys.executable, "-P", "-m", "harness", "--plugin-file", str(HERE / "week_mean.py"), *arguments]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of data of two stores."""
    made = tmp_path_factory.mktemp("light")
    with (made / "sales.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["store", "day", "sales"])
        for store in ("north", "south"):
            for day in range(120):
                sales = 10 + 3 * math.sin(day / 7 * 2 * math.pi) + day * 37 % 11 / 5
                rows.writerow([store, date(2024, 1, 1) + timedelta(day), f"{sales:.2f}"])
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The evaluation of that file."""
    return harness(folder, "run", "--data", "sales.csv", "--horizon", "7")


def test_listing_says_what_is_not_installed(folder: Path) -> None:
    listed = harness(folder, "list")

    assert listed.returncode == 0, listed.stderr
    installed, _, missing = listed.stdout.partition("FORECASTERS THAT ARE NOT INSTALLED")
    assert {"naive", "week-mean"} <= set(installed.split())
    assert "ridge" not in installed.split()
    forecasters, _, datasets = missing.partition("DATASETS THAT ARE NOT INSTALLED")
    assert re.search(rf"{re.escape(MODELS)} +arima, auto-arima, ", forecasters)
    assert re.search(rf"{re.escape(MODELS)} +co2, elnino, ", datasets)
    assert listed.stderr == ""


def test_a_card_says_it(folder: Path) -> None:
    assert f"not installed        run {MODELS}" in harness(folder, "list", "--card", "ets").stdout


def test_a_board_is_run_with_what_is_installed(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    (best,) = (line.split() for line in lines if line.split()[:1] == ["1"])
    assert best[1] == "week-mean"
    (left_out,) = (line for line in lines if line.startswith("not installed:"))
    assert "ets" in left_out
    assert left_out.endswith(f"(`{MODELS}`)")
    (mlflow,) = (line for line in (run.stdout + run.stderr).splitlines() if "MLflow" in line)
    assert "pip install 'forecast-harness[mlflow]'" in mlflow
    assert "warning" not in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.usefixtures("run")
def test_it_is_reported_in_all_formats(folder: Path) -> None:
    shown = harness(folder, "show", "sales", "--csv")
    assert next(csv.DictReader(shown.stdout.splitlines()))["forecaster"] == "week-mean"
    assert "| week-mean |" in harness(folder, "show", "sales", "--markdown").stdout
    assert harness(folder, "show", "sales", "--html", "page.html").returncode == 0
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "week-mean" in page
    assert "not installed: theta, ets" in page


@light_only
@pytest.mark.usefixtures("run")
def test_results_are_compared_and_forecasts_made(folder: Path) -> None:
    compared = harness(folder, "compare", "sales", "sales@.harness", "--only", "week-mean")
    assert "identical" in compared.stdout, compared.stderr
    made = harness(folder, "forecast", "sales.csv", "--horizon", "7", "--with", "week-mean", "--out", "next.parquet")
    assert "wrote 7 steps of each series to next.parquet" in made.stdout, made.stderr
    assert harness(folder, "data", "check", "sales.csv").stdout.endswith("The checks found nothing.\n")


@light_only
def test_a_contract_is_checked(folder: Path) -> None:
    checked = harness(folder, "check", "week-mean")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "FAILED" not in checked.stdout


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("check ridge", f"forecaster 'ridge' is not installed; run `{MODELS}`"),
        ("check co2", f"dataset 'co2' is not installed; run `{MODELS}`"),
        ("run sine --only ridge", f"forecaster 'ridge' is not installed; run `{MODELS}`"),
        ("run sine --set ridge.lags=3", f"forecaster 'ridge' is not installed; run `{MODELS}`"),
        ("forecast sine --with ridge", f"forecaster 'ridge' is not installed; run `{MODELS}`"),
        ("generate dyck-words --forecaster token-gru", f"forecaster 'token-gru' is not installed; run `{MODELS}`"),
        (
            "bench naive",
            "harness bench needs pytest-benchmark, which is not installed; run `pip install 'forecast-harness[bench]'`",
        ),
        ("ui", "harness ui needs MLflow, which is not installed; run `pip install 'forecast-harness[mlflow]'`"),
    ],
)
def test_asking_for_what_is_not_installed_gives_one_sentence(folder: Path, command: str, sentence: str) -> None:
    asked = harness(folder, *command.split())

    assert asked.returncode == 2
    assert asked.stderr == f"error: {sentence}\n"
    assert asked.stdout == ""


def test_a_board_whose_data_is_not_installed_says_so_once(folder: Path) -> None:
    run = harness(folder, "run", "classics")

    assert run.returncode == 2
    (line,) = (line for line in run.stdout.splitlines() if "classics" in line)
    assert line == f"board classics was left out: data not installed; run `{MODELS}`"
