"""TiRex: a pretrained xLSTM, which forecasts each target by itself."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from tirex import TiRexZero

from harness import BadInput, Contexts, Floats, Forecast, TrainingData, Weights, torch_device, weights_folder
from harness_tirex.checkpoints import WEIGHTS

Device = Literal["auto", "cpu", "cuda"]


@dataclass
class TiRex:
    """TiRex of NXAI, a pretrained xLSTM on patches of 32 time steps.

    Each target is forecast from the last 2,048 time steps of its own history. `checkpoint` is a folder with the file
    `model.ckpt`; None is the published checkpoint. `device` is "cpu", "cuda", or "auto" for a GPU if there is one; the
    cells are those of PyTorch on both, never the compiled kernels of the library. `batch_size` is the number of series
    of a forward pass. `max_accelerated_rollout_steps` is the number of patches that are forecast by one pass, as in
    the library.
    """

    weights: ClassVar[Weights] = WEIGHTS["TiRex"]
    checkpoint: str | None = None
    device: Device = "auto"
    batch_size: int = 512
    max_accelerated_rollout_steps: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", "max_accelerated_rollout_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    def fit(self, train: TrainingData) -> None:
        """Loads the checkpoint, if it is not loaded yet; nothing is learned."""
        if not hasattr(self, "model_"):
            self.model_ = self._loaded()

    def load_model(self) -> None:
        """Loads the checkpoint, which all cells of a run use."""
        self._loaded()

    def _loaded(self) -> TiRexZero:
        """The model of the library; raises BadInput for a folder that is no checkpoint."""
        folder = weights_folder(self.weights) if self.checkpoint is None else Path(self.checkpoint).absolute()
        path = folder / "model.ckpt"
        if not path.is_file():  # for which the library would ask the hub
            raise BadInput(f"the checkpoint {folder} is not a folder with {path.name}")
        state = path.stat()
        return _load(path, _device(self.device), state.st_size, state.st_mtime_ns)

    @property
    def parameter_count(self) -> int:
        """The number of weights."""
        return sum(weights.numel() for weights in self.model_.parameters())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the weights."""
        return sum(weights.numel() * weights.element_size() for weights in self.model_.parameters())

    def predict(self, contexts: Contexts) -> Forecast:
        """The quantiles of the model, batch by batch."""
        batches = contexts.batches(max(1, self.batch_size // len(contexts.targets)))
        found = np.concatenate([self._forecast(batch) for batch in batches])
        return Forecast.quantiles_only(self.model_.config.quantiles, found)

    def _forecast(self, contexts: Contexts) -> Floats:
        """The quantiles of some windows, (window, horizon, target, level)."""
        past = contexts.last_targets(min(int(contexts.lengths.max()), self.model_.config.train_ctx_len))
        rows = past.transpose(0, 2, 1).reshape(-1, past.shape[1])  # (window · target, time), NaN before the start
        found, _ = self.model_.forecast(  # the second value is the median
            rows,
            output_type="numpy",
            batch_size=self.batch_size,
            prediction_length=contexts.gap + contexts.horizon,
            max_accelerated_rollout_steps=self.max_accelerated_rollout_steps,
        )
        found[np.isnan(rows).all(axis=1)] = np.nan  # the library forecasts a series without observations, too
        shape = len(contexts), len(contexts.targets), *found.shape[1:]  # (window, target, gap + horizon, level)
        ahead: Floats = found.reshape(shape)[:, :, contexts.gap :].transpose(0, 2, 1, 3)
        return ahead


@dataclass
class TiRex11GiftEval(TiRex):
    """TiRex 1.1 of NXAI, trained without the datasets of GIFT-Eval; otherwise as TiRex."""

    weights: ClassVar[Weights] = WEIGHTS["TiRex-1.1-gifteval"]


@lru_cache(maxsize=1)
def _load(path: Path, device: str, size: int, modified: int) -> TiRexZero:
    """The model of a checkpoint, loaded once in a process while the size and the time of its file are the same.

    The forecasters that share it do not change its weights.
    """
    with redirect_stdout(io.StringIO()):  # the library tells that it loads the weights
        return TiRexZero.from_pretrained(str(path), backend="torch", device=device)


def _device(name: Device) -> str:
    """The device of that name; raises BadInput if it is not available."""
    if name == "cuda" and not torch.cuda.is_available():
        raise BadInput("device 'cuda' is not available on this machine")
    return torch_device(name)
