"""The networks of GluonTS: the contract, and the forecasts of the library's own evaluation."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gluonts")

import gluonts.torch as library
import pandas as pd
import torch
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
from gluonts.dataset.split import split
from hourly import cpu_seconds

import harness_gluonts
from harness import ForecasterSpec, Panel, RollingOrigin, Task
from harness_gluonts.names import LEFT_OUT, MODELS

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library
SPECS = harness_gluonts.harness_forecasters()
SHORT = {"max_epochs": 1, "num_batches_per_epoch": 2}
SMALL: dict[str, dict[str, Any]] = {
    "SimpleFeedForward": {**SHORT, "hidden_dimensions": [4]},
    "DeepAR": {**SHORT, "num_layers": 1, "hidden_size": 4, "num_parallel_samples": 20},
    "TemporalFusionTransformer": {**SHORT, "hidden_dim": 4, "variable_dim": 4, "num_heads": 2},
}


def test_every_estimator_of_the_library_is_listed_or_left_out() -> None:
    estimators = {name.removesuffix("Estimator") for name in library.__all__ if name.endswith("Estimator")}
    assert {*MODELS, *LEFT_OUT} == estimators
    assert not {*MODELS} & {*LEFT_OUT}


@pytest.mark.parametrize("name", SMALL)
def test_contract(name: str) -> None:
    assert failed_checks(spec_of(SPECS, f"gluonts:{name}", SMALL[name])) == []


@pytest.mark.parametrize("freq", [None, "MS", "h"])
def test_every_estimator_forecasts_with_its_defaults(freq: str | None) -> None:
    start: Any = 0 if freq is None else "2020-01-01"
    series = [np.sin(np.arange(120) / 2) + 2, np.cos(np.arange(100) / 2) + 2]
    panel = Panel.of(series, season_length=12, start=start, freq=freq)
    task = Task("small", RollingOrigin(4, windows=2), quantile_levels=LEVELS)

    for spec in SPECS:
        run = seeded_run(spec.make(SHORT, 0), task, panel)
        assert run.status == "completed", (spec.name, run.reason)


@pytest.mark.parametrize("name", ["SimpleFeedForward", "DeepAR"])
def test_forecasts_equal_the_backtest_of_the_library(tmp_path: Path, name: str) -> None:
    panel, parameters = _with_calendar(hourly_panel()), {**SMALL[name], "context_length": 96}

    run = backtest_run(_spec(name).make(parameters, 7), panel)

    found = _by_library(name, parameters, panel, tmp_path)
    expected = np.stack([np.stack([window.quantile(level) for level in LEVELS], axis=-1) for window in found])[
        :, :, None
    ]
    assert run.results is not None
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS), expected) < 1e-6
    assert largest_difference(run.results.forecast.mean, np.stack([window.mean for window in found])[..., None]) < 1e-6


@pytest.mark.parametrize("name", ["SimpleFeedForward", "DeepAR"])
def test_the_adapter_adds_less_than_a_twentieth_to_the_time_of_the_library(tmp_path: Path, name: str) -> None:
    panel = _with_calendar(hourly_panel())
    parameters = {**SMALL[name], "context_length": 96, "num_batches_per_epoch": 50}

    def by_library() -> None:
        for window in _by_library(name, parameters, panel, tmp_path):
            for level in LEVELS:
                window.quantile(level)

    library, adapter = cpu_seconds(by_library, lambda: backtest_run(_spec(name).make(parameters, 7), panel))

    assert adapter < 1.05 * library


def test_a_training_that_fails_is_not_replaced_by_the_last_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    from gluonts.torch.model.simple_feedforward import lightning_module

    module = lightning_module.SimpleFeedForwardLightningModule
    step, calls = module.training_step, iter(range(100))

    def failing(self: Any, *arguments: Any) -> Any:
        if next(calls) == 3:
            raise RuntimeError("out of numbers")
        return step(self, *arguments)

    monkeypatch.setattr(module, "training_step", failing)
    forecaster = next(s for s in SPECS if s.name == "gluonts:SimpleFeedForward").make({**SHORT, "max_epochs": 3}, 0)

    run = seeded_run(
        forecaster, Task("x", RollingOrigin(2, windows=1)), Panel.of([np.sin(np.arange(80.0))], season_length=12)
    )

    assert run.status == "failed"
    assert "out of numbers" in run.reason


def test_samples_do_not_depend_on_later_windows() -> None:
    spec = spec_of(SPECS, "gluonts:DeepAR", SMALL["DeepAR"] | {"num_parallel_samples": 500})

    forecasts = [first_forecasts(lambda: spec.make({}, 0), later) for later in (np.zeros(8), 9 * np.ones(8))]

    np.testing.assert_array_equal(*forecasts)


def test_a_wrong_distribution_is_refused_with_the_names() -> None:
    with pytest.raises(Exception, match=r"distr_output is one of .*NormalOutput.* not 'Normal'"):
        SPECS[0].make({"distr_output": "Normal"}, 0)


def test_nothing_is_written_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    forecaster = spec_of(SPECS, "gluonts:SimpleFeedForward", SMALL["SimpleFeedForward"]).make({}, 0)

    run = seeded_run(
        forecaster, Task("x", RollingOrigin(2, windows=1)), Panel.of([np.sin(np.arange(80.0))], season_length=12)
    )

    assert run.status == "completed"
    assert list(tmp_path.iterdir()) == []


def _spec(name: str) -> ForecasterSpec:
    return next(spec for spec in SPECS if spec.name == f"gluonts:{name}")


def _with_calendar(panel: Panel) -> Panel:
    return Panel.of(list(panel), ids=panel.ids, season_length=24, start="2015-07-01", freq="h")


def _by_library(name: str, parameters: dict[str, Any], panel: Panel, folder: Path) -> list[Any]:
    """The forecasts of the windows that the library splits off."""
    start = pd.Period("2015-07-01", freq="h")
    dataset = [{"target": values[:, 0].astype(np.float32), "start": start} for values in panel]
    train, template = split(dataset, offset=-WINDOWS * HORIZON)
    trainer = {
        "max_epochs": 1,
        "logger": False,
        "enable_progress_bar": False,
        "accelerator": "cpu",
        "default_root_dir": folder,
    }
    arguments = {key: value for key, value in parameters.items() if key != "max_epochs"}
    frequency = {"freq": "h"} if name == "DeepAR" else {}
    estimator_class = getattr(library, f"{name}Estimator")
    estimator = estimator_class(prediction_length=HORIZON, trainer_kwargs=trainer, **arguments, **frequency)
    _seed(7)
    predictor = estimator.train(train)
    windows = template.generate_instances(prediction_length=HORIZON, windows=WINDOWS, distance=HORIZON)
    inputs = list(windows.input)
    together = [inputs[i::WINDOWS] for i in range(WINDOWS)] if name == "DeepAR" else [inputs]  # of a point in time
    found = []
    for part in together:
        _seed(7)
        found.append(list(predictor.predict(part)))
    return [window for same_series in zip(*found, strict=True) for window in same_series]


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
