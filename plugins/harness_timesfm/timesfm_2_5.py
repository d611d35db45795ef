"""TimesFM25: TimesFM 2.5, which forecasts each target by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import timesfm
import torch

from harness import Contexts, Floats, Forecast, Unsupported, Weights
from harness_timesfm.checkpoints import LEVELS, WEIGHTS_2_5
from harness_timesfm.pretrained import Pretrained

LIMIT = 16_384  # time steps of context and horizon
OUTPUT_PATCH = 128  # time steps by which the horizon is rounded up
QUANTILE_HEAD = 1024  # time steps


@dataclass
class TimesFM25(Pretrained):
    """TimesFM 2.5 of Google Research, a pretrained transformer on patches of 32 time steps.

    Each target is forecast from its own history. `checkpoint` is a folder with the file `model.safetensors`; None is
    the published checkpoint. `device` is "cpu", "cuda", or "auto" for a GPU if there is one. `batch_size` is the number
    of series of a forward pass. `max_context` is the longest context, less where the horizon takes more than 1,024 of
    the 16,384 time steps that the model takes together.

    The other hyperparameters are those of `timesfm.ForecastConfig`, with the values of the library's example and of its
    results on GIFT-Eval. With `use_continuous_quantile_head` the horizon is at most 1,024 time steps.
    """

    weights: ClassVar[Weights] = WEIGHTS_2_5
    max_context: int = 15_360
    normalize_inputs: bool = True
    use_continuous_quantile_head: bool = True
    force_flip_invariance: bool = True
    infer_is_positive: bool = True
    fix_quantile_crossing: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_context < 1:
            raise ValueError(f"max_context must be at least 1, not {self.max_context}")

    @staticmethod
    def _read(folder: Path, device: str) -> Any:
        model = timesfm.TimesFM_2p5_200M_torch(torch_compile=False)
        model.model.device, model.model.device_count = torch.device(device), 1
        model.load_checkpoint(str(folder))
        return model

    def predict(self, contexts: Contexts) -> Forecast:
        """The mean and the deciles of the model, batch by batch."""
        steps = contexts.gap + contexts.horizon
        longest = self._longest_context(steps)
        batches = contexts.batches(max(1, self.batch_size // len(contexts.targets)))
        found = np.concatenate([self._forecast(batch, steps, longest) for batch in batches])
        return Forecast(found[..., 0], LEVELS, found[..., 1:])

    def _longest_context(self, steps: int) -> int:
        """The longest context beside so many steps ahead; raises Unsupported if the model cannot forecast these."""
        if self.use_continuous_quantile_head and steps > QUANTILE_HEAD:
            raise Unsupported(
                f"the quantile head of TimesFM 2.5 forecasts {QUANTILE_HEAD:,} steps, not {steps:,} (gap and horizon); "
                "set use_continuous_quantile_head to false"
            )
        left = LIMIT - -(-steps // OUTPUT_PATCH) * OUTPUT_PATCH
        if left < 1:
            raise Unsupported(f"TimesFM 2.5 takes {LIMIT:,} time steps of context and horizon, not {steps:,} ahead")
        return min(self.max_context, left)

    def _forecast(self, contexts: Contexts, steps: int, longest: int) -> Floats:
        """The mean and the deciles of some windows, (window, horizon, target, 1 + level)."""
        past = contexts.last_targets(min(int(contexts.lengths.max()), longest))
        rows = past.transpose(0, 2, 1).reshape(-1, past.shape[1])  # (window · target, time), NaN before the start
        unknown = np.flatnonzero(np.isnan(rows).all(axis=1))  # the library fails on rows without observations
        inputs = np.array(rows)
        inputs[unknown] = 0.0
        self.model_.compile(self._config(rows, steps))
        _, found = self.model_.forecast(steps, list(inputs))
        found[unknown] = np.nan
        shape = len(contexts), len(contexts.targets), steps, 1 + len(LEVELS)
        ahead: Floats = found.reshape(shape)[:, :, contexts.gap :].transpose(0, 2, 1, 3)
        return ahead

    def _config(self, rows: Floats, steps: int) -> timesfm.ForecastConfig:
        """The configuration of a forward pass of all rows."""
        return timesfm.ForecastConfig(
            max_context=rows.shape[1],
            max_horizon=steps,
            per_core_batch_size=len(rows),
            normalize_inputs=self.normalize_inputs,
            use_continuous_quantile_head=self.use_continuous_quantile_head,
            force_flip_invariance=self.force_flip_invariance,
            infer_is_positive=self.infer_is_positive,
            fix_quantile_crossing=self.fix_quantile_crossing,
        )
