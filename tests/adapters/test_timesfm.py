"""TimesFM with small checkpoints of random weights: the contract, checkpoints, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("timesfm")

from adapter_checks import backtest_run, failed_checks, hourly_panel, seeded_run, spec_of
from safetensors.torch import load_file, save_file
from shared_models import count_loads
from small_timesfm import NAMES, SPECS, made

from harness import BadInput, BadParameter, Channel, Panel, RollingOrigin, Task, TrainingData

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library
LOADERS = {  # the statements that log when the library loads a model
    "timesfm:TimesFM-2.5": """
from small_timesfm import MODULE, small_2_5
from timesfm import TimesFM_2p5_200M_torch
MODULE.config = small_2_5()
log_calls(TimesFM_2p5_200M_torch, "load_checkpoint")""",
    "timesfm:TimesFM-3.0": """
from timesfm3 import TimesFM3Evaluator
log_calls(TimesFM3Evaluator, "from_pretrained")""",
}


@pytest.mark.parametrize("name", NAMES)
def test_contract(timesfm_folders: dict[str, str], name: str) -> None:
    assert failed_checks(spec_of(SPECS, name, {"checkpoint": timesfm_folders[name]})) == []


def test_a_horizon_beyond_the_quantile_head_is_unsupported(timesfm_folders: dict[str, str]) -> None:
    panel = Panel.of([np.sin(np.arange(1300.0))])
    task = Task("long", RollingOrigin(1100, windows=1))

    refused = seeded_run(made("timesfm:TimesFM-2.5", timesfm_folders), task, panel)
    forecast = seeded_run(made("timesfm:TimesFM-2.5", timesfm_folders, use_continuous_quantile_head=False), task, panel)

    assert refused.status == "unsupported"
    assert "forecasts 1,024 steps, not 1,100" in refused.reason
    assert forecast.status == "completed", forecast.reason


def test_more_covariates_than_3_0_takes_are_unsupported(timesfm_folders: dict[str, str]) -> None:
    channels = [Channel("y"), *(Channel(f"x{i}", "past covariate") for i in range(32))]
    panel = Panel.of([np.random.default_rng(0).normal(size=(80, 33))], channels=channels)

    run = seeded_run(made("timesfm:TimesFM-3.0", timesfm_folders), Task("wide", RollingOrigin(4, windows=1)), panel)

    assert run.status == "unsupported"
    assert "takes 31 covariates beside a target; the task has 32" in run.reason


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_checkpoint_without_a_file_is_refused(timesfm_folders: dict[str, str], file: str) -> None:
    (Path(timesfm_folders["timesfm:TimesFM-3.0"]) / file).unlink()

    with pytest.raises(BadInput, match=f"is not a folder with {file}"):
        made("timesfm:TimesFM-3.0", timesfm_folders).fit(TrainingData(Panel.of([np.arange(50.0)]), None, horizon=4))


def test_weights_that_do_not_fit_are_refused(timesfm_folders: dict[str, str]) -> None:
    path = Path(timesfm_folders["timesfm:TimesFM-3.0"]) / "config.json"
    config = json.loads(path.read_text())
    config["transformer_config"]["num_layers"] = 3  # of which the library would initialise one at random
    path.write_text(json.dumps(config))

    with pytest.raises(BadInput, match="are not those of its config"):
        made("timesfm:TimesFM-3.0", timesfm_folders).fit(TrainingData(Panel.of([np.arange(50.0)]), None, horizon=4))


@pytest.mark.parametrize("name", NAMES)
def test_the_cells_of_a_run_share_a_model(timesfm_folders: dict[str, str], tmp_path: Path, name: str) -> None:
    assert count_loads(tmp_path, name, Path(timesfm_folders[name]), LOADERS[name]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_that_is_changed_is_loaded_again(timesfm_folders: dict[str, str], name: str) -> None:
    panel, folder = hourly_panel(1), Path(timesfm_folders[name])
    before = backtest_run(made(name, timesfm_folders), panel).results
    weights = load_file(folder / "model.safetensors")
    save_file({key: 2 * value for key, value in weights.items()}, folder / "model.safetensors")

    after = backtest_run(made(name, timesfm_folders), panel).results

    assert before is not None
    assert after is not None
    assert not np.array_equal(before.forecast.median, after.forecast.median)


def test_a_run_uses_a_checkpoint(timesfm_folders: dict[str, str], tmp_path: Path) -> None:
    days = pd.date_range("2020", periods=90)
    pd.DataFrame({"date": days, "sales": range(90)}).to_csv(tmp_path / "sales.csv", index=False)
    name = "timesfm:TimesFM-3.0"
    chosen = ("--only", name, "--set", f"{name}.checkpoint={timesfm_folders[name]}")
    command = [sys.executable, "-m", "harness", "run", "--data", "sales.csv", "--horizon", "7", *chosen]

    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "HARNESS_MLFLOW": "off"}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert re.search(rf"\d+ +{name}.* -?\d", done.stdout), done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_wrong_hyperparameters_are_refused(name: str) -> None:
    spec = next(spec for spec in SPECS if spec.name == name)

    for parameters, reason in (
        ({"device": "tpu"}, "device must be 'auto' or 'cpu' or 'cuda', not 'tpu'"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"max_context": 0}, "max_context must be"),
    ):
        with pytest.raises(BadParameter, match=reason):
            spec.make(parameters)
