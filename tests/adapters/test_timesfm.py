"""TimesFM with tiny checkpoints of random weights: the contract, and the forecasts of the library itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("timesfm")

import timesfm
import timesfm3
import torch
from adapter_checks import (
    HORIZON,
    WINDOWS,
    backtest_run,
    failed_checks,
    hourly_panel,
    largest_difference,
    seeded_run,
    spec_of,
)
from safetensors.torch import load_file, save_file
from shared_models import count_loads
from small_timesfm import small_2_5, small_3_0
from timesfm.timesfm_2p5 import timesfm_2p5_torch

import harness_timesfm
from harness import BadInput, BadParameter, Channel, Contexts, Floats, Panel, RollingOrigin, Task, TrainingData
from harness_timesfm.checkpoints import LEVELS

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library
SPECS = harness_timesfm.harness_forecasters()
NAMES = ("timesfm:TimesFM-2.5", "timesfm:TimesFM-3.0")
# as the results of TimesFM 2.5 on GIFT-Eval were computed (github.com/SalesforceAIResearch/gift-eval, timesfm2p5.ipynb)
OPTIONS_2_5 = {
    "normalize_inputs": True,
    "use_continuous_quantile_head": True,
    "force_flip_invariance": True,
    "infer_is_positive": True,
    "fix_quantile_crossing": True,
}

LOADERS = {  # the statements that log when the library loads a model
    "timesfm:TimesFM-2.5": """
from small_timesfm import small_2_5
from timesfm import TimesFM_2p5_200M_torch
from timesfm.timesfm_2p5 import timesfm_2p5_torch
timesfm_2p5_torch.TimesFM_2p5_200M_torch_module.config = small_2_5()
log_calls(TimesFM_2p5_200M_torch, "load_checkpoint")""",
    "timesfm:TimesFM-3.0": """
from timesfm3 import TimesFM3Evaluator
log_calls(TimesFM3Evaluator, "from_pretrained")""",
}


@pytest.fixture(autouse=True)
def narrow_2_5(monkeypatch: pytest.MonkeyPatch) -> None:
    """TimesFM 2.5 with two narrow layers; its size is fixed in the class of the library."""
    monkeypatch.setattr(timesfm_2p5_torch.TimesFM_2p5_200M_torch_module, "config", small_2_5())


@pytest.fixture
def checkpoints(tmp_path: Path) -> dict[str, str]:
    """The folders of tiny checkpoints, by the names of the forecasters."""
    torch.manual_seed(0)
    timesfm.TimesFM_2p5_200M_torch(torch_compile=False).save_pretrained(tmp_path / "2.5")
    small_3_0().save_pretrained(tmp_path / "3.0")
    return {name: str(tmp_path / name.rpartition("-")[2]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_contract(checkpoints: dict[str, str], name: str) -> None:
    assert failed_checks(spec_of(SPECS, name, {"checkpoint": checkpoints[name]})) == []


def test_forecasts_of_2_5_equal_the_library(checkpoints: dict[str, str]) -> None:
    panel = hourly_panel()
    forecaster = _made("timesfm:TimesFM-2.5", checkpoints, batch_size=16)

    run = backtest_run(forecaster, panel, LEVELS)

    own = _own_forecasts("timesfm:TimesFM-2.5", checkpoints["timesfm:TimesFM-2.5"])
    median, found = own([values[:, 0] for values in _histories(panel)])
    assert run.results is not None
    assert largest_difference(run.results.forecast.median[..., 0], median) < 1e-6
    assert largest_difference(run.results.forecast.mean[..., 0], found[..., 0]) < 1e-6
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS)[:, :, 0], found[..., 1:]) < 1e-6


def test_forecasts_of_3_0_equal_the_library(checkpoints: dict[str, str]) -> None:
    panel = hourly_panel()

    run = backtest_run(_made("timesfm:TimesFM-3.0", checkpoints, batch_size=16), panel, LEVELS)

    own = _own_forecasts("timesfm:TimesFM-3.0", checkpoints["timesfm:TimesFM-3.0"])
    found = np.stack([output.quantiles for output in own([values[:, 0] for values in _histories(panel)])])
    assert run.results is not None
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS)[:, :, 0], found) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_harness_takes_no_longer_than_the_library(checkpoints: dict[str, str], name: str) -> None:
    panel = hourly_panel()
    histories = [values[:, 0] for values in _histories(panel)]
    own = _own_forecasts(name, checkpoints[name])

    ours, theirs = [], []
    for _ in range(3):
        begin = time.process_time()
        own(list(histories))
        theirs.append(time.process_time() - begin)
        ours.append(backtest_run(_made(name, checkpoints), panel).costs.predict_cpu_seconds)

    assert min(ours) < 1.25 * min(theirs)


def test_targets_and_covariates_reach_3_0_as_the_library_takes_them(checkpoints: dict[str, str]) -> None:
    panel = _panel_with_covariates()
    task = Task("covariates", RollingOrigin(10, windows=2, gap=3), quantile_levels=LEVELS)

    run = seeded_run(_made("timesfm:TimesFM-3.0", checkpoints), task, panel)

    model = timesfm3.TimesFM3Evaluator.from_pretrained(checkpoints["timesfm:TimesFM-3.0"], device="cpu")
    found = []
    for values in panel:
        for cutoff in (len(values) - 23, len(values) - 13):
            output = model.predict(
                values[:cutoff, :2].T,
                13,
                past_only_covariates=values[:cutoff, 2:3].T,
                past_future_covariates=values[: cutoff + 13, 3:].T,
                return_quantiles=True,
                use_symmetric_averaging=True,
                make_positive=True,
            )
            found.append(output.quantiles[:, 3:].transpose(1, 0, 2))
    assert run.results is not None, run.reason
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS), np.stack(found)) < 1e-6


def test_a_window_is_forecast_as_without_the_others(checkpoints: dict[str, str]) -> None:
    panel = _panel_with_covariates()
    contexts = _contexts(panel, [150, 149, 40, 90, 12])
    forecaster = _made("timesfm:TimesFM-3.0", checkpoints)
    forecaster.fit(_training(panel))

    together = forecaster.predict(contexts).quantiles
    alone = [forecaster.predict(contexts.take(slice(i, i + 1))).quantiles for i in range(len(contexts))]

    assert largest_difference(np.concatenate(alone), together) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_target_without_observations_has_no_forecast(checkpoints: dict[str, str], name: str) -> None:
    values = np.sin(np.arange(240.0)).reshape(-1, 2)
    values[:100, 1] = np.nan
    panel = Panel.of([values], channels=[Channel("a"), Channel("b")])
    forecaster = _made(name, checkpoints)
    forecaster.fit(_training(panel))

    forecast = forecaster.predict(_contexts(panel, [90, 110]))

    finite = np.isfinite(forecast.quantiles).all(axis=(1, 3))
    assert finite.tolist() == [[True, False], [True, True]]


def test_the_context_of_2_5_is_the_end_of_the_history(checkpoints: dict[str, str]) -> None:
    panel = hourly_panel(3)
    cut = Panel.of([values[-600:] for values in panel], season_length=24)
    forecaster = _made("timesfm:TimesFM-2.5", checkpoints, max_context=500)

    whole, end = (backtest_run(forecaster, data, LEVELS).results for data in (panel, cut))

    assert whole is not None
    assert end is not None
    assert np.array_equal(whole.forecast.quantiles_of(LEVELS), end.forecast.quantiles_of(LEVELS))


def test_a_horizon_beyond_the_quantile_head_is_unsupported(checkpoints: dict[str, str]) -> None:
    panel = Panel.of([np.sin(np.arange(1300.0))])
    task = Task("long", RollingOrigin(1100, windows=1))

    refused = seeded_run(_made("timesfm:TimesFM-2.5", checkpoints), task, panel)
    forecast = seeded_run(_made("timesfm:TimesFM-2.5", checkpoints, use_continuous_quantile_head=False), task, panel)

    assert refused.status == "unsupported"
    assert "forecasts 1,024 steps, not 1,100" in refused.reason
    assert forecast.status == "completed", forecast.reason


def test_more_covariates_than_3_0_takes_are_unsupported(checkpoints: dict[str, str]) -> None:
    channels = [Channel("y"), *(Channel(f"x{i}", "past covariate") for i in range(32))]
    panel = Panel.of([np.random.default_rng(0).normal(size=(80, 33))], channels=channels)

    run = seeded_run(_made("timesfm:TimesFM-3.0", checkpoints), Task("wide", RollingOrigin(4, windows=1)), panel)

    assert run.status == "unsupported"
    assert "takes 31 covariates beside a target; the task has 32" in run.reason


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_checkpoint_without_a_file_is_refused(checkpoints: dict[str, str], file: str) -> None:
    (Path(checkpoints["timesfm:TimesFM-3.0"]) / file).unlink()

    with pytest.raises(BadInput, match=f"is not a folder with {file}"):
        _made("timesfm:TimesFM-3.0", checkpoints).fit(_training(Panel.of([np.arange(50.0)])))


def test_weights_that_do_not_fit_are_refused(checkpoints: dict[str, str]) -> None:
    path = Path(checkpoints["timesfm:TimesFM-3.0"]) / "config.json"
    config = json.loads(path.read_text())
    config["transformer_config"]["num_layers"] = 3  # of which the library would initialise one at random
    path.write_text(json.dumps(config))

    with pytest.raises(BadInput, match="are not those of its config"):
        _made("timesfm:TimesFM-3.0", checkpoints).fit(_training(Panel.of([np.arange(50.0)])))


@pytest.mark.parametrize("name", NAMES)
def test_the_cells_of_a_run_share_a_model(checkpoints: dict[str, str], tmp_path: Path, name: str) -> None:
    assert count_loads(tmp_path, name, Path(checkpoints[name]), LOADERS[name]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_that_is_changed_is_loaded_again(checkpoints: dict[str, str], name: str) -> None:
    panel, folder = hourly_panel(1), Path(checkpoints[name])
    before = backtest_run(_made(name, checkpoints), panel).results
    weights = load_file(folder / "model.safetensors")
    save_file({key: 2 * value for key, value in weights.items()}, folder / "model.safetensors")

    after = backtest_run(_made(name, checkpoints), panel).results

    assert before is not None
    assert after is not None
    assert not np.array_equal(before.forecast.median, after.forecast.median)


def test_a_run_uses_a_checkpoint(checkpoints: dict[str, str], tmp_path: Path) -> None:
    days = pd.date_range("2020", periods=90)
    pd.DataFrame({"date": days, "sales": range(90)}).to_csv(tmp_path / "sales.csv", index=False)
    name = "timesfm:TimesFM-3.0"
    chosen = ("--only", name, "--set", f"{name}.checkpoint={checkpoints[name]}")
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


def _made(name: str, checkpoints: dict[str, str], **parameters: Any) -> Any:
    spec = next(spec for spec in SPECS if spec.name == name)
    return spec.make({"checkpoint": checkpoints[name], "device": "cpu", **parameters})


def _own_forecasts(name: str, checkpoint: str) -> Callable[[list[Floats]], Any]:
    """The library's own function from histories to forecasts."""
    if name == "timesfm:TimesFM-3.0":
        evaluator = timesfm3.TimesFM3Evaluator.from_pretrained(checkpoint, device="cpu", per_core_batch_size=64)
        return lambda histories: list(evaluator.predict_batch(histories, HORIZON))
    model = timesfm.TimesFM_2p5_200M_torch(torch_compile=False)
    model.load_checkpoint(checkpoint)
    model.compile(timesfm.ForecastConfig(max_context=704, max_horizon=HORIZON, per_core_batch_size=64, **OPTIONS_2_5))
    return lambda histories: model.forecast(HORIZON, histories)


def _training(panel: Panel) -> TrainingData:
    return TrainingData(panel, None, horizon=4)


def _contexts(panel: Panel, cutoffs: list[int]) -> Contexts:
    """The windows of the first series at these cutoffs."""
    return Contexts(panel, np.zeros(len(cutoffs), dtype=np.int64), np.array(cutoffs), horizon=4, quantile_levels=LEVELS)


def _histories(panel: Panel) -> list[Floats]:
    """The histories of the last windows of each series, in the order of a backtest."""
    return [values[: len(values) - HORIZON * (WINDOWS - i)] for values in panel for i in range(WINDOWS)]


def _panel_with_covariates() -> Panel:
    """Series of different lengths with two targets, a past covariate and a known one."""
    rng = np.random.default_rng(0)
    roles = ("target", "target", "past covariate", "known covariate")
    channels = [Channel(name, role) for name, role in zip("abcd", roles, strict=True)]
    return Panel.of([rng.normal(size=(length, 4)).cumsum(axis=0) for length in (150, 90)], channels=channels)
