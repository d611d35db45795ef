"""Chronos-2 and Chronos-Bolt with small random weights: the contract, checkpoints, and what is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("chronos")

import torch
from adapter_checks import failed_checks, spec_of
from chronos import Chronos2Pipeline, ChronosBoltPipeline
from shared_models import count_loads
from small_chronos import BOLT, CHRONOS_2, MODELS, SPECS, STEPS, bolt_model, run_of

from harness import BadInput, Panel, RollingOrigin, Task

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("chronos_weights")]


@pytest.mark.parametrize("name", MODELS)
def test_contract(name: str) -> None:
    assert failed_checks(spec_of(SPECS, name, {"device": "cpu"})) == []


def test_every_model_of_the_library_is_listed_with_its_pipeline_and_its_weights() -> None:
    classes = {spec.name: spec.load().pipeline_class for spec in SPECS}

    assert all(spec.load().weights == spec.weights for spec in SPECS)
    assert classes.pop(CHRONOS_2) is Chronos2Pipeline
    assert len(classes) == 4
    assert {*classes.values()} == {ChronosBoltPipeline}


def test_levels_outside_of_the_models_are_told() -> None:
    task = Task("far", RollingOrigin(6, windows=1), quantile_levels=(0.01, 0.5))

    run = run_of(BOLT, task, Panel.of([np.sin(np.arange(80.0))], season_length=12))

    assert any("quantiles at 0.01 are those at the model's outermost levels, 0.1 and 0.9" in note for note in run.notes)


def test_a_horizon_beyond_the_models_is_told() -> None:
    task = Task("far", RollingOrigin(2 * STEPS, windows=1))

    run = run_of(BOLT, task, Panel.of([np.sin(np.arange(120.0))], season_length=12))

    assert any(f"more than {STEPS} steps ahead are forecast from the model's own forecasts" in n for n in run.notes)


def test_a_checkpoint_is_used_instead_of_the_weights(chronos_folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "weights")
    task = Task("x", RollingOrigin(6, windows=1))

    run = run_of(BOLT, task, Panel.of([np.sin(np.arange(80.0))]), checkpoint=str(chronos_folders[BOLT]))

    assert run.costs.parameters == sum(weights.numel() for weights in bolt_model().parameters())


@pytest.mark.parametrize("name", MODELS)
def test_the_cells_of_a_run_share_a_model(name: str, chronos_folders: dict[str, Path], tmp_path: Path) -> None:
    loader = 'from chronos import BaseChronosPipeline\nlog_calls(BaseChronosPipeline, "from_pretrained")'

    assert count_loads(tmp_path, name, chronos_folders[name], loader) == 1


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


def test_a_checkpoint_of_another_model_is_refused(chronos_folders: dict[str, Path]) -> None:
    made = spec_of(SPECS, CHRONOS_2, {}).make({"device": "cpu", "checkpoint": str(chronos_folders[BOLT])})

    with pytest.raises(BadInput, match="is one of ChronosBoltPipeline, not of Chronos2Pipeline"):
        made.fit(None)
