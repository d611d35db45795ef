"""The networks of neuralforecast: the contract, and the forecasts of the library's own cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("neuralforecast")

import pandas as pd
from adapter_checks import (
    HORIZON,
    LEVELS,
    WINDOWS,
    backtest_run,
    failed_checks,
    first_forecasts,
    hourly_panel,
    largest_difference,
    seeded_run,
    spec_of,
)
from hourly import cpu_seconds
from neuralforecast import NeuralForecast, models
from neuralforecast.losses.pytorch import MQLoss

import harness_neuralforecast
from harness import ForecasterSpec, Panel, RollingOrigin, Task
from harness_neuralforecast.names import LEFT_OUT, MODELS, WITH_COVARIATES

SPECS = harness_neuralforecast.harness_forecasters()
RATE = {"learning_rate": 0.01, "scaler_type": "standard"}
SMALL: dict[str, dict[str, Any]] = {
    "NHITS": {"max_steps": 20, "mlp_units": 3 * [[16, 16]], **RATE},
    "PatchTST": {"max_steps": 20, **RATE, "hidden_size": 8, "n_heads": 2, "encoder_layers": 1, "linear_hidden_size": 8},
    "DeepAR": {"max_steps": 2, "lstm_hidden_size": 4, "trajectory_samples": 10},
}
BACKTEST: dict[str, dict[str, Any]] = {
    "NHITS": {"max_steps": 60, "input_size": 96, "mlp_units": 3 * [[16, 16]], **RATE},
    "TiDE": {"max_steps": 60, "input_size": 96, "hidden_size": 32, **RATE},
}
QUIET = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "accelerator": "cpu"}
STUDENT = {"name": "DistributionLoss", "distribution": "StudentT"}
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library


def test_every_model_of_the_library_is_listed_or_left_out() -> None:
    assert {*MODELS, *LEFT_OUT} == set(models.__all__)
    assert not {*MODELS} & {*LEFT_OUT}


@pytest.mark.parametrize("name", MODELS)
def test_covariates_are_those_that_the_network_takes(name: str) -> None:
    network = getattr(models, name)

    kinds = {
        "known covariate": network.EXOGENOUS_FUTR,
        "past covariate": network.EXOGENOUS_HIST,
        "static": network.EXOGENOUS_STAT,
    }

    assert set(WITH_COVARIATES.get(name, ())) == {kind for kind, taken in kinds.items() if taken}
    assert not network.MULTIVARIATE


@pytest.mark.parametrize("name", SMALL)
def test_contract(name: str) -> None:
    assert failed_checks(spec_of(SPECS, f"neuralforecast:{name}", SMALL[name])) == []


def test_every_model_forecasts() -> None:
    panel = Panel.of([np.sin(np.arange(120) / 2) + 2, np.cos(np.arange(100) / 2) + 2], season_length=12)
    task = Task("small", RollingOrigin(4, windows=2))  # quantiles cross after one step

    for spec in SPECS:
        small = {"hidden_size": 8, "conv_hidden_size": 8} if spec.name == "neuralforecast:TimesNet" else {}
        run = seeded_run(spec.make({"max_steps": 1, **small}, 0), task, panel, spec.batches)
        assert run.status == "completed", (spec.name, run.reason)


def test_forecasts_equal_the_cross_validation_of_the_library() -> None:
    panel = hourly_panel()

    run = backtest_run(_spec("NHITS").make(BACKTEST["NHITS"], 7), panel)

    found = _by_library("NHITS", panel)
    quantiles = found.drop(columns=["unique_id", "ds", "cutoff", "y"]).to_numpy()[:, -len(LEVELS) :]
    expected = quantiles.reshape(len(panel) * WINDOWS, HORIZON, 1, len(LEVELS))
    assert run.results is not None
    forecast = run.results.forecast.quantiles_of(LEVELS)
    assert largest_difference(forecast, np.sort(expected, axis=-1)) < 1e-6


@pytest.mark.parametrize("name", BACKTEST)
def test_the_adapter_adds_less_than_a_twentieth_to_the_time_of_the_library(name: str) -> None:
    panel = hourly_panel()

    library, adapter = cpu_seconds(
        lambda: _by_library(name, panel), lambda: backtest_run(_spec(name).make(BACKTEST[name], 7), panel)
    )

    assert adapter < 1.05 * library


def test_samples_do_not_depend_on_later_windows() -> None:
    spec = spec_of(SPECS, "neuralforecast:NHITS", SMALL["NHITS"] | {"loss": STUDENT})

    forecasts = [first_forecasts(lambda: spec.make({}, 0), later) for later in (np.zeros(8), 9 * np.ones(8))]

    np.testing.assert_array_equal(*forecasts)


def test_a_wrong_loss_is_refused_with_the_names_of_some() -> None:
    with pytest.raises(Exception, match=r"such as DistributionLoss.* not 'Absolute'"):
        SPECS[0].make({"loss": "Absolute"}, 0)


def test_series_that_are_too_short_are_left_out_of_the_training_with_a_remark() -> None:
    panel = Panel.of([np.arange(80.0), np.arange(9.0)], season_length=12)
    task = Task("short", RollingOrigin(2, windows=2))

    run = seeded_run(spec_of(SPECS, "neuralforecast:NHITS", SMALL["NHITS"]).make({}, 0), task, panel)

    assert run.status == "completed"
    assert any("1 series with fewer than 24 rows are not trained on" in note for note in run.notes)


def test_nothing_is_written_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    panel = Panel.of([np.sin(np.arange(80.0))], season_length=12)

    run = seeded_run(
        spec_of(SPECS, "neuralforecast:NHITS", SMALL["NHITS"]).make({}, 0),
        Task("x", RollingOrigin(2, windows=1)),
        panel,
    )

    assert run.status == "completed"
    assert list(tmp_path.iterdir()) == []


def _spec(name: str) -> ForecasterSpec:
    return next(spec for spec in SPECS if spec.name == f"neuralforecast:{name}")


def _by_library(name: str, panel: Panel) -> pd.DataFrame:
    """What the cross-validation of the library returns."""
    network = getattr(models, name)(
        h=HORIZON, loss=MQLoss(quantiles=list(LEVELS)), random_seed=7, **BACKTEST[name], **QUIET
    )
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids, panel.lengths),
            "ds": np.concatenate([np.arange(length) for length in panel.lengths]),
            "y": panel.values[:, 0],
        }
    )
    return NeuralForecast(models=[network], freq=1).cross_validation(frame, n_windows=WINDOWS, step_size=HORIZON)
