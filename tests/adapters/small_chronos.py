"""Chronos-2 and Chronos-Bolt with small random weights, and their runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from adapter_checks import spec_of
from chronos import BaseChronosPipeline
from chronos.chronos2 import Chronos2Model
from chronos.chronos2.config import Chronos2CoreConfig
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from transformers import T5Config

import harness_chronos
from harness import Panel, Run, Task, evaluate
from harness.forecasters.weights.fetching import take_weights
from harness_chronos.names import BOLT_LEVELS

SPECS = harness_chronos.harness_forecasters()
CHRONOS_2 = "chronos:Chronos-2"
BOLT = "chronos:Bolt-Tiny"
CONTEXT, STEPS = 64, 16  # of the small models, which forecast longer horizons in parts
MODEL_LEVELS = (0.05, *BOLT_LEVELS, 0.95)


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


def fetch(checkpoints: dict[str, Path]) -> None:
    """Take the weights of forecasters from these folders."""
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
