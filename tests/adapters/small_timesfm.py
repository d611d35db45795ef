"""TimesFM with two narrow layers and random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import timesfm
import torch
from timesfm.timesfm_2p5 import timesfm_2p5_torch
from timesfm3 import ResidualBlockConfig, StackedTransformersConfig, TimesFM3Torch, TransformerConfig

import harness_timesfm

WIDTH = 32
MODULE = timesfm_2p5_torch.TimesFM_2p5_200M_torch_module  # whose size is fixed in the class
CONFIG = MODULE.config  # of the library
SPECS = harness_timesfm.harness_forecasters()
NAMES = ("timesfm:TimesFM-2.5", "timesfm:TimesFM-3.0")


def small_2_5() -> Any:
    """The configuration of a small TimesFM 2.5, which is to replace the one in the class of the library."""
    layer = dataclasses.replace(
        CONFIG.stacked_transformers.transformer, model_dims=WIDTH, hidden_dims=WIDTH, num_heads=4
    )
    narrow = {"hidden_dims": WIDTH}
    return dataclasses.replace(
        CONFIG,
        tokenizer=dataclasses.replace(CONFIG.tokenizer, output_dims=WIDTH, **narrow),
        stacked_transformers=dataclasses.replace(CONFIG.stacked_transformers, num_layers=2, transformer=layer),
        output_projection_point=dataclasses.replace(CONFIG.output_projection_point, input_dims=WIDTH, **narrow),
        output_projection_quantiles=dataclasses.replace(CONFIG.output_projection_quantiles, input_dims=WIDTH, **narrow),
    )


def small_3_0() -> Any:
    """A small TimesFM 3.0 of random weights."""
    layer = TransformerConfig(
        model_dims=WIDTH,
        hidden_dims=WIDTH,
        num_heads=4,
        attention_norm="rms",
        feedforward_norm="rms",
        qk_norm="rms",
        use_rope_seq=True,
        use_rope_var=False,
        use_bias=False,
        ff_activation="relu",
        deterministic=True,
    )
    block = ResidualBlockConfig(hidden_dims=WIDTH, output_dims=WIDTH, use_bias=False, activation="relu")
    return TimesFM3Torch(
        residual_block_config=block, transformer_config=StackedTransformersConfig(num_layers=2, transformer=layer)
    )


def save_checkpoints(folder: Path) -> dict[str, str]:
    """The folders of small checkpoints, by the names of the forecasters; the configuration of 2.5 is the small one."""
    torch.manual_seed(0)
    timesfm.TimesFM_2p5_200M_torch(torch_compile=False).save_pretrained(folder / "2.5")
    small_3_0().save_pretrained(folder / "3.0")
    return {name: str(folder / name.rpartition("-")[2]) for name in NAMES}


def made(name: str, checkpoints: dict[str, str], **parameters: Any) -> Any:
    """A forecaster with its small checkpoint."""
    spec = next(spec for spec in SPECS if spec.name == name)
    return spec.make({"checkpoint": checkpoints[name], "device": "cpu", **parameters})
