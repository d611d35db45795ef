"""Chronos-2 and Chronos-Bolt with small random weights: the contract, and the forecasts of the library itself."""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("chronos")

import pandas as pd
import torch
from adapter_checks import HORIZON, LEVELS, WINDOWS, failed_checks, hourly_panel, spec_of
from chronos import BaseChronosPipeline, Chronos2Pipeline, ChronosBoltPipeline
from chronos.chronos2 import Chronos2Model
from chronos.chronos2.config import Chronos2CoreConfig
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from shared_models import count_loads
from transformers import T5Config

import harness_chronos
from harness import BadInput, Channel, Floats, Forecast, Panel, RollingOrigin, Run, Task, evaluate
from harness.forecasters.weights.fetching import take_weights
from harness_chronos.names import BOLT_LEVELS

SPECS = harness_chronos.harness_forecasters()
CHRONOS_2 = "chronos:Chronos-2"
BOLT = "chronos:Bolt-Tiny"
CONTEXT, STEPS = 64, 16  # of the small models, which forecast longer horizons in parts
MODEL_LEVELS = (0.05, *BOLT_LEVELS, 0.95)
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library


def with_rising_quantiles(model: Any, levels: int) -> Any:
    """The model, whose random quantiles rise with their levels."""
    layers = model.output_patch_embedding
    with torch.no_grad():
        for layer in (layers.output_layer, layers.residual_layer):
            layer.weight.mul_(0.01)
        steps = layers.output_layer.bias.numel() // levels
        layers.output_layer.bias.copy_(torch.linspace(-5, 5, levels).repeat_interleave(steps))
    return model


def bolt_model() -> ChronosBoltModelForForecasting:
    """A small Chronos-Bolt with random weights."""
    config = T5Config(
        vocab_size=2, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, pad_token_id=0, decoder_start_token_id=0
    )
    config.chronos_config = {
        "context_length": CONTEXT,
        "prediction_length": STEPS,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": list(BOLT_LEVELS),
        "use_reg_token": True,
    }
    config.chronos_pipeline_class = "ChronosBoltPipeline"
    config.architectures = ["ChronosBoltModelForForecasting"]
    torch.manual_seed(1)
    return with_rising_quantiles(ChronosBoltModelForForecasting(config), len(BOLT_LEVELS))


def chronos_2_model() -> Chronos2Model:
    """A small Chronos-2 with random weights."""
    config = Chronos2CoreConfig(d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    config.chronos_config = {
        "context_length": CONTEXT,
        "output_patch_size": 8,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": list(MODEL_LEVELS),
        "use_reg_token": True,
        "use_arcsinh": True,
        "max_output_patches": STEPS // 8,
        "time_encoding_scale": CONTEXT,
    }
    config.chronos_pipeline_class = "Chronos2Pipeline"
    config.architectures = ["Chronos2Model"]
    torch.manual_seed(1)
    return with_rising_quantiles(Chronos2Model(config), len(MODEL_LEVELS))


MODELS: dict[str, Callable[[], Any]] = {BOLT: bolt_model, CHRONOS_2: chronos_2_model}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with weights for each forecaster."""
    folders = {}
    for name, model in MODELS.items():
        folders[name] = tmp_path_factory.mktemp(name.partition(":")[2])
        model().save_pretrained(folders[name])
    return folders


@pytest.fixture(autouse=True)
def fetched(checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights of both are fetched from these folders."""
    monkeypatch.setenv("HARNESS_WEIGHTS_DIR", str(tmp_path / "weights"))
    for name, folder in checkpoints.items():
        weights = spec_of(SPECS, name, {}).weights
        assert weights is not None
        take_weights(weights, folder, lambda text: None)


def pipeline(name: str, checkpoints: dict[str, Path]) -> Any:
    """The library's own pipeline."""
    return BaseChronosPipeline.from_pretrained(checkpoints[name], device_map="cpu")


def run_of(name: str, task: Task, panel: Panel, **parameters: Any) -> Run:
    """The run of a forecaster, as its spec says."""
    spec = spec_of(SPECS, name, {})
    run = evaluate(spec.make({"device": "cpu", **parameters}), task, panel, missing=spec.missing)
    assert run.status == "completed", run.reason
    assert run.results is not None
    return run


def assert_equal(forecast: Forecast, expected: Floats, levels: tuple[float, ...]) -> None:
    """The quantiles of windows are those of the library, which harness sorts, up to float32's rounding."""
    found = forecast.quantiles_of(levels)
    scale = np.abs(expected).max(axis=(1, 2, 3), keepdims=True)
    assert found.shape == expected.shape
    assert (np.abs(np.sort(found, axis=-1) - np.sort(expected, axis=-1)) / scale).max() < 1e-6


def etth1(rows: int) -> Floats:
    """The first rows of ETTh1, with all seven columns."""
    path = Path(os.environ.get("HARNESS_DATA_DIR", "")) / "ETTh1.csv"
    if not path.is_file():
        pytest.skip("set HARNESS_DATA_DIR to a folder that holds ETTh1.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        table = [row[1:] for _, row in zip(range(rows + 1), csv.reader(lines), strict=False)]
    return np.array(table[1:], dtype=float)


@pytest.mark.parametrize("name", MODELS)
def test_contract(name: str) -> None:
    assert failed_checks(spec_of(SPECS, name, {"device": "cpu"})) == []


def test_every_model_of_the_library_is_listed_with_its_pipeline() -> None:
    classes = {spec.name: spec.load().pipeline_class for spec in SPECS}

    assert classes.pop(CHRONOS_2) is Chronos2Pipeline
    assert len(classes) == 4
    assert {*classes.values()} == {ChronosBoltPipeline}


@pytest.mark.parametrize("horizon", [STEPS, 3 * STEPS])
@pytest.mark.parametrize("name", MODELS)
def test_forecasts_of_m4_hourly_equal_those_of_predict_df(
    name: str, horizon: int, checkpoints: dict[str, Path]
) -> None:
    panel = hourly_panel(8)
    task = Task("hourly", RollingOrigin(horizon, windows=WINDOWS), quantile_levels=LEVELS)

    run = run_of(name, task, panel)

    expected = []
    for ahead in range(WINDOWS, 0, -1):
        frame = pd.concat(
            [
                pd.DataFrame(
                    {
                        "item_id": series,
                        "timestamp": pd.date_range("2020", periods=len(rows) - ahead * horizon, freq="h"),
                        "target": rows[: len(rows) - ahead * horizon, 0],
                    }
                )
                for series, rows in zip(panel.ids, panel, strict=True)
            ]
        )
        found = pipeline(name, checkpoints).predict_df(frame, prediction_length=horizon, quantile_levels=list(LEVELS))
        expected.append(found[[str(level) for level in LEVELS]].to_numpy().reshape(len(panel), horizon, len(LEVELS)))
    assert run.results is not None
    order = np.lexsort((run.results.cutoffs, run.results.series))  # by series, then by time
    every = np.stack(expected, axis=1).reshape(-1, horizon, 1, len(LEVELS))
    forecast = run.results.forecast.mapped(lambda values: values[order])
    assert_equal(forecast, every.astype(float), LEVELS)


def test_several_targets_and_covariates_of_etth1_equal_those_of_predict_df(checkpoints: dict[str, Path]) -> None:
    values, horizon, gap = etth1(400), 24, 2
    roles = ("target", "target", "past covariate", "past covariate", "known covariate", "known covariate")
    names = [f"c{i}" for i in range(len(roles))]
    channels = tuple(Channel(name, role) for name, role in zip(names, roles, strict=True))
    panel = Panel.of([values[:, :6]], channels=channels, season_length=24)
    levels = (0.1, 0.33, 0.5, 0.95)
    task = Task("etth1", RollingOrigin(horizon, windows=3, gap=gap), quantile_levels=levels)

    run = run_of(CHRONOS_2, task, panel)

    assert run.results is not None
    expected = []
    for cutoff in run.results.cutoffs:
        frame = pd.DataFrame(values[:, :6], columns=names).assign(
            item_id="a", timestamp=pd.date_range("2020", periods=len(values), freq="h")
        )
        known = ["c4", "c5"]
        found = pipeline(CHRONOS_2, checkpoints).predict_df(
            frame[:cutoff],
            frame[cutoff : cutoff + gap + horizon][["item_id", "timestamp", *known]],
            target=["c0", "c1"],
            prediction_length=gap + horizon,
            quantile_levels=list(levels),
        )
        of_targets = [
            found[found["target_name"] == name][[str(level) for level in levels]].to_numpy()[gap:]
            for name in ("c0", "c1")
        ]
        expected.append(np.stack(of_targets, axis=1))
    assert_equal(run.results.forecast, np.stack(expected).astype(float), levels)


@pytest.mark.parametrize("name", MODELS)
def test_missing_values_are_those_of_the_library(name: str, checkpoints: dict[str, Path]) -> None:
    values = np.sin(np.arange(90) / 3) * 5 + 20
    values[[10, 40, 41, 42, 60]] = np.nan
    task = Task("gaps", RollingOrigin(6, windows=1), quantile_levels=LEVELS)

    run = run_of(name, task, Panel.of([values], season_length=12))

    inputs = [torch.tensor(values[:-6], dtype=torch.float32)]
    found, _ = pipeline(name, checkpoints).predict_quantiles(inputs, 6, list(LEVELS))
    expected = np.asarray(found[0], dtype=float).reshape(1, 6, 1, len(LEVELS))
    assert run.results is not None
    assert_equal(run.results.forecast, expected, LEVELS)


@pytest.mark.parametrize("name", MODELS)
def test_quantiles_at_other_levels_are_those_of_the_library(name: str, checkpoints: dict[str, Path]) -> None:
    values, levels = np.sin(np.arange(90) / 3) * 5 + 20, (0.02, 0.25, 0.5, 0.88)
    task = Task("levels", RollingOrigin(6, windows=1), quantile_levels=levels)

    run = run_of(name, task, Panel.of([values], season_length=12))

    inputs = [torch.tensor(values[:-6], dtype=torch.float32)]
    found, _ = pipeline(name, checkpoints).predict_quantiles(inputs, 6, list(levels))
    expected = np.asarray(found[0], dtype=float).reshape(1, 6, 1, len(levels))
    assert run.results is not None
    assert_equal(run.results.forecast, expected, levels)


@pytest.mark.parametrize("name", MODELS)
def test_the_size_of_batches_and_repetition_change_nothing_beyond_rounding(name: str) -> None:
    panel = hourly_panel(6)
    task = Task("hourly", RollingOrigin(STEPS, windows=3), quantile_levels=LEVELS)

    first, again, small = (run_of(name, task, panel, batch_size=size) for size in (256, 256, 2))

    assert first.results is not None
    assert again.results is not None
    assert small.results is not None
    quantiles = first.results.forecast.quantiles_of(LEVELS)
    assert np.array_equal(again.results.forecast.quantiles_of(LEVELS), quantiles)
    assert np.abs(small.results.forecast.quantiles_of(LEVELS) / quantiles - 1).max() < 1e-5


def test_a_shorter_context_uses_the_last_values_only(checkpoints: dict[str, Path]) -> None:
    values = np.sin(np.arange(120) / 3) * 5 + 20
    task = Task("short", RollingOrigin(6, windows=1), quantile_levels=LEVELS)

    run = run_of(CHRONOS_2, task, Panel.of([values], season_length=12), context_length=20)
    short = run_of(CHRONOS_2, task, Panel.of([values[94:]]))

    assert run.results is not None
    assert short.results is not None
    assert_equal(run.results.forecast, short.results.forecast.quantiles_of(LEVELS), LEVELS)


def test_levels_outside_of_the_models_are_told() -> None:
    task = Task("far", RollingOrigin(6, windows=1), quantile_levels=(0.01, 0.5))

    run = run_of(BOLT, task, Panel.of([np.sin(np.arange(80.0))], season_length=12))

    assert any("quantiles at 0.01 are those at the model's outermost levels, 0.1 and 0.9" in note for note in run.notes)


def test_a_horizon_beyond_the_models_is_told() -> None:
    task = Task("far", RollingOrigin(2 * STEPS, windows=1))

    run = run_of(BOLT, task, Panel.of([np.sin(np.arange(120.0))], season_length=12))

    assert any(f"more than {STEPS} steps ahead are forecast from the model's own forecasts" in n for n in run.notes)


def test_a_checkpoint_is_used_instead_of_the_weights(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "weights")
    task = Task("x", RollingOrigin(6, windows=1))

    run = run_of(BOLT, task, Panel.of([np.sin(np.arange(80.0))]), checkpoint=str(checkpoints[BOLT]))

    assert run.costs.parameters == sum(weights.numel() for weights in bolt_model().parameters())


@pytest.mark.parametrize("name", MODELS)
def test_the_cells_of_a_run_share_a_model(name: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    loader = 'from chronos import BaseChronosPipeline\nlog_calls(BaseChronosPipeline, "from_pretrained")'

    assert count_loads(tmp_path, name, checkpoints[name], loader) == 1


def test_a_checkpoint_that_is_changed_is_loaded_again(tmp_path: Path) -> None:
    task, panel = Task("x", RollingOrigin(6, windows=1)), Panel.of([np.sin(np.arange(80.0))])
    model, folder = bolt_model(), tmp_path / "changed"
    model.save_pretrained(folder)
    before = run_of(BOLT, task, panel, checkpoint=str(folder))
    with torch.no_grad():
        model.output_patch_embedding.output_layer.bias.add_(1)
    model.save_pretrained(folder)

    after = run_of(BOLT, task, panel, checkpoint=str(folder))

    assert before.results is not None
    assert after.results is not None
    assert not np.array_equal(before.results.forecast.median, after.results.forecast.median)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"checkpoint": "absent"}, "the checkpoint absent is not a folder with config.json"),
        ({"device": "cuda"}, "device 'cuda' is not available on this machine"),
    ],
)
def test_what_cannot_be_loaded_is_told(parameters: dict[str, Any], message: str) -> None:
    if parameters.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")

    with pytest.raises(BadInput, match=message):
        spec_of(SPECS, BOLT, {}).make(parameters).fit(None)


def test_a_checkpoint_of_another_model_is_refused(checkpoints: dict[str, Path]) -> None:
    made = spec_of(SPECS, CHRONOS_2, {}).make({"device": "cpu", "checkpoint": str(checkpoints[BOLT])})

    with pytest.raises(BadInput, match="is one of ChronosBoltPipeline, not of Chronos2Pipeline"):
        made.fit(None)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_cpu_seconds(name: str, checkpoints: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    panel = hourly_panel(20)
    task = Task("hourly", RollingOrigin(HORIZON, windows=WINDOWS), quantile_levels=LEVELS)
    loaded, own, forecasts, whole = pipeline(name, checkpoints), [], [], []
    for _ in range(5):
        begin = time.process_time()
        for ahead in range(WINDOWS, 0, -1):
            inputs = [torch.tensor(rows[: len(rows) - ahead * HORIZON, 0]) for rows in panel]
            loaded.predict_quantiles(inputs, HORIZON, list(LEVELS))
        middle = time.process_time()
        run = run_of(name, task, panel)
        own.append(middle - begin)
        forecasts.append(run.costs.predict_cpu_seconds)
        whole.append(time.process_time() - middle)

    with capsys.disabled():
        times = f"{min(own):.3f} s by the library, {min(forecasts):.3f} s by the adapter, {min(whole):.3f} s in all"
        print(f"\n{name}: {times}")  # noqa: T201
    assert min(forecasts) < 1.5 * min(own) + 0.05
