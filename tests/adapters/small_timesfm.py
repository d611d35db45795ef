"""TimesFM with two narrow layers."""

from __future__ import annotations

import dataclasses
from typing import Any

from timesfm.timesfm_2p5 import timesfm_2p5_torch
from timesfm3 import ResidualBlockConfig, StackedTransformersConfig, TimesFM3Torch, TransformerConfig

WIDTH = 32
CONFIG = timesfm_2p5_torch.TimesFM_2p5_200M_torch_module.config  # of the library


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
