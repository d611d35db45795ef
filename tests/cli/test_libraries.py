"""Models of other libraries in commands: their names have a colon, and they are on a board only where it names them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

Harness = Callable[..., str]


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "harness", *arguments]
        wide = {**os.environ, "COLUMNS": "160", "HARNESS_MLFLOW": "off"}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=wide)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_they_are_listed_by_library(harness: Harness) -> None:
    said = harness("list", "forecasters")

    paragraphs = {part.split(":")[0].strip(): " ".join(part.split()) for part in said.split("\n\n")[1:]}
    assert "49 models" in paragraphs["sklearn"]
    assert "ElasticNet, ElasticNetCV" in paragraphs["sklearn"]
    for library, version, models in (("sktime", "1", 51), ("statsforecast", "2.1", 39)):
        if find_spec(library) is None:
            command = f"harness env create {library} '{library}>={version}' {models} models such as {library}:"
            assert command in " ".join(said.split())
        else:
            assert f"{models} models" in paragraphs[library]
    if find_spec("sktime") is None:
        assert "64 more need other packages: `harness list forecasters --card NAME` says" in " ".join(said.split())
        assert said.count("sktime:") == 1


def test_one_is_checked_by_its_name(harness: Harness) -> None:
    said = harness("check", "sklearn:LinearRegression")

    assert "passed" in said
    assert "FAILED" not in said


def test_a_misspelt_one_is_no_import_path(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness", "check", "sklearn:LinearRegresion"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "called 'sklearn:LinearRegresion'; did you mean 'sklearn:LinearRegression'?" in done.stderr


def test_one_runs_on_a_board_with_its_hyperparameters(harness: Harness) -> None:
    said = harness("run", "classics", "--only", "sklearn:Lasso", "--set", "sklearn:Lasso.alpha=0.01")

    assert "sklearn:Lasso (alpha=0.01)" in " ".join(said.split())


@pytest.mark.parametrize("given", ["sklearn:Laso", "Lasso", "lasso", "skleam:Lasso"])
def test_a_misspelt_one_is_compared_with_all_models(tmp_path: Path, given: str) -> None:
    command = [sys.executable, "-m", "harness", "run", "classics", "--only", given]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert f"called {given!r}; did you mean 'sklearn:Lasso'?" in done.stderr


@pytest.mark.skipif(find_spec("sktime") is not None, reason="sktime is installed")
def test_one_whose_library_is_not_installed_names_the_environment_to_make(harness: Harness, tmp_path: Path) -> None:
    cards = {name: harness("list", "forecasters", "--card", name) for name in ("sktime:VAR", "darts:ARIMA")}
    command = [sys.executable, "-m", "harness", "check", "sktime:VAR"]

    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "run harness env create sktime sktime statsmodels" in " ".join(cards["sktime:VAR"].split())
    assert "harness env create darts 'darts>=0.40'" in " ".join(cards["darts:ARIMA"].split()) or find_spec("darts")
    assert (
        "forecaster 'sktime:VAR' is not installed; run `harness env create sktime sktime statsmodels`" in refused.stderr
    )
