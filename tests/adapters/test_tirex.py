"""TiRex with a tiny checkpoint of random weights: the contract, and the forecasts of the library itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("tirex")

import torch
from adapter_checks import (
    HORIZON,
    backtest_run,
    failed_checks,
    histories,
    hourly_panel,
    largest_difference,
    seeded_run,
    spec_of,
)
from shared_models import count_loads
from tirex import TiRexZero

import harness_tirex
from harness import BadInput, BadParameter, Channel, Contexts, Panel, RollingOrigin, Task, TrainingData

SPECS = harness_tirex.harness_forecasters()
NAMES = tuple(spec.name for spec in SPECS)
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a checkpoint as Lightning writes it, of a narrow model with two blocks."""
    parameters = {
        "model_config": {
            "input_patch_size": 32,
            "output_patch_size": 32,
            "quantiles": list(LEVELS),
            "block_kwargs": {"embedding_dim": 32, "num_heads": 4, "num_blocks": 2},
            "input_ff_dim": 32,
        },
        "train_ctx_len": 1024,
    }
    model = TiRexZero(backend="torch", **parameters)
    torch.manual_seed(0)
    for weights in model.parameters():  # some of which the library leaves uninitialised
        torch.nn.init.normal_(weights, std=0.2)
    last = model.output_patch_embedding
    with torch.no_grad():  # quantiles do not cross
        last.output_layer.weight.mul_(0.1)
        last.residual_layer.weight.mul_(0.1)
        last.output_layer.bias.add_(torch.linspace(-9, 9, len(LEVELS)).repeat_interleave(32))
    folder = tmp_path_factory.mktemp("tirex")
    torch.save({"hyper_parameters": parameters, "state_dict": model.state_dict()}, folder / "model.ckpt")
    return str(folder)


@pytest.mark.parametrize("name", NAMES)
def test_contract(checkpoint: str, name: str) -> None:
    assert failed_checks(spec_of(SPECS, name, {"checkpoint": checkpoint})) == []


@pytest.mark.parametrize("steps", [1, 3])
def test_forecasts_equal_the_library(checkpoint: str, steps: int) -> None:
    panel = hourly_panel()
    forecaster = _made(checkpoint, batch_size=16, max_accelerated_rollout_steps=steps)

    run = backtest_run(forecaster, panel, LEVELS)

    model = TiRexZero.from_pretrained(f"{checkpoint}/model.ckpt", backend="torch", device="cpu")
    past = histories(panel)
    found, median = model.forecast(
        past, output_type="numpy", prediction_length=HORIZON, max_accelerated_rollout_steps=steps
    )
    assert run.results is not None
    assert largest_difference(run.results.forecast.median[..., 0], median) < 1e-6
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS)[:, :, 0], found) < 1e-6


def test_harness_takes_no_longer_than_the_library(checkpoint: str) -> None:
    panel = hourly_panel()
    model = TiRexZero.from_pretrained(f"{checkpoint}/model.ckpt", backend="torch", device="cpu")
    past = histories(panel)

    ours, theirs = [], []
    for _ in range(3):
        begin = time.process_time()
        model.forecast(past, output_type="numpy", prediction_length=HORIZON)
        theirs.append(time.process_time() - begin)
        ours.append(backtest_run(_made(checkpoint), panel).costs.predict_cpu_seconds)

    assert min(ours) < 1.25 * min(theirs)


def test_a_target_without_observations_has_no_forecast(checkpoint: str) -> None:
    values = np.sin(np.arange(240.0)).reshape(-1, 2)
    values[:100, 1] = np.nan
    panel = Panel.of([values], channels=[Channel("a"), Channel("b")])
    forecaster = _made(checkpoint)
    forecaster.fit(TrainingData(panel, None, horizon=40))

    forecast = forecaster.predict(Contexts(panel, np.array([0, 0]), np.array([90, 110]), horizon=40))

    finite = np.isfinite(forecast.quantiles).all(axis=(1, 3))
    assert finite.tolist() == [[True, False], [True, True]]


def test_the_context_is_the_end_of_the_history(checkpoint: str) -> None:
    series = np.random.default_rng(0).normal(size=3000).cumsum()
    task = Task("long", RollingOrigin(40, windows=1), quantile_levels=LEVELS)

    whole, end = (
        seeded_run(_made(checkpoint), task, Panel.of([values])).results for values in (series, series[-1064:])
    )

    assert whole is not None
    assert end is not None
    assert np.array_equal(whole.forecast.quantiles_of(LEVELS), end.forecast.quantiles_of(LEVELS))


@pytest.mark.parametrize("name", NAMES)
def test_the_cells_of_a_run_share_a_model(checkpoint: str, tmp_path: Path, name: str) -> None:
    loader = 'from tirex import TiRexZero\nlog_calls(TiRexZero, "from_pretrained")'

    assert count_loads(tmp_path, name, Path(checkpoint), loader) == 1


def test_a_checkpoint_that_is_changed_is_loaded_again(checkpoint: str, tmp_path: Path) -> None:
    panel, folder = hourly_panel(1), tmp_path / "changed"
    shutil.copytree(checkpoint, folder)
    before = backtest_run(_made(str(folder)), panel, LEVELS).results
    content = torch.load(folder / "model.ckpt", weights_only=True)
    for weights in content["state_dict"].values():
        weights.mul_(0.5)
    torch.save(content, folder / "model.ckpt")

    after = backtest_run(_made(str(folder)), panel, LEVELS).results

    assert before is not None
    assert after is not None
    assert not np.array_equal(before.forecast.median, after.forecast.median)


def test_a_run_uses_the_fetched_weights(checkpoint: str, tmp_path: Path) -> None:
    days = pd.date_range("2020", periods=90)
    pd.DataFrame({"date": days, "sales": range(90)}).to_csv(tmp_path / "sales.csv", index=False)
    name = "tirex:TiRex-1.1-gifteval"

    fetched = _harness(tmp_path, "weights", "fetch", name, "--from", checkpoint)
    done = _harness(tmp_path, "run", "--data", "sales.csv", "--horizon", "7", "--only", name)

    assert fetched.returncode == 0, fetched.stderr
    assert done.returncode == 0, done.stderr
    assert re.search(rf"\d+ +{name} +-?\d", done.stdout), done.stdout


def test_weights_with_another_hash_are_refused(checkpoint: str, tmp_path: Path) -> None:
    refused = _harness(tmp_path, "weights", "fetch", "tirex:TiRex", "--from", checkpoint)

    assert refused.returncode == 2
    assert "b8c3f5a036c63272ce4b91c00187e26922a394cb6cb49d4e16db070ad0422314" in refused.stderr


def test_a_checkpoint_without_its_file_is_refused_without_asking_the_hub(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is not a folder with model\.ckpt"):
        _made(str(tmp_path)).fit(TrainingData(Panel.of([np.arange(50.0)]), None, horizon=4))


def test_wrong_hyperparameters_are_refused() -> None:
    for parameters, reason in (
        ({"device": "tpu"}, "device must be 'auto' or 'cpu' or 'cuda', not 'tpu'"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"max_accelerated_rollout_steps": 0}, "max_accelerated_rollout_steps must be at least 1, not 0"),
    ):
        with pytest.raises(BadParameter, match=reason):
            SPECS[0].make(parameters)


def _harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a folder, with a home and weights of its own."""
    environment = {**os.environ, "HARNESS_WEIGHTS_DIR": str(folder / "weights"), "HARNESS_MLFLOW": "off"}
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def _made(checkpoint: str, **parameters: Any) -> Any:
    return SPECS[0].make({"checkpoint": checkpoint, "device": "cpu", **parameters})
