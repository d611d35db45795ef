"""Pretrained: what the forecasters of TimesFM share, the checkpoint and its device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from harness import BadInput, TrainingData, Weights, torch_device, weights_folder

Device = Literal["auto", "cpu", "cuda"]


@dataclass
class Pretrained(ABC):
    """A pretrained model, which is loaded once and forecasts windows in batches."""

    weights: ClassVar[Weights]
    checkpoint: str | None = None
    device: Device = "auto"
    batch_size: int = 64

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {self.batch_size}")

    def fit(self, train: TrainingData) -> None:
        """Loads the checkpoint, if it is not loaded yet; nothing is learned."""
        if not hasattr(self, "model_"):
            self.model_ = self._loaded()

    def load_model(self) -> None:
        """Loads the checkpoint, which all cells of a run use."""
        self._loaded()

    def _loaded(self) -> Any:
        """The model of the library; raises BadInput for a folder that is no checkpoint."""
        folder = weights_folder(self.weights) if self.checkpoint is None else Path(self.checkpoint).absolute()
        for name in self.weights.files:
            if not (folder / name).is_file():
                raise BadInput(f"the checkpoint {folder} is not a folder with {name}")
        states = [(folder / name).stat() for name in self.weights.files]
        versions = tuple((state.st_size, state.st_mtime_ns) for state in states)
        return _load(self._read, folder, _device(self.device), versions)

    @staticmethod
    @abstractmethod
    def _read(folder: Path, device: str) -> Any:
        """The model of the library with the weights of a folder, on a device."""

    @property
    def parameter_count(self) -> int:
        """The number of weights."""
        return sum(weights.numel() for weights in self.model_.model.parameters())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the weights."""
        return sum(weights.numel() * weights.element_size() for weights in self.model_.model.parameters())


@lru_cache(maxsize=1)
def _load(read: Callable[[Path, str], Any], folder: Path, device: str, versions: object) -> Any:
    """The model of a checkpoint, loaded once in a process while `versions`, which its files have, are the same.

    The forecasters that share it do not change its weights.
    """
    return read(folder, device)


def _device(name: Device) -> str:
    """The device of that name; raises BadInput if it is not available."""
    if name == "cuda" and not torch.cuda.is_available():
        raise BadInput("device 'cuda' is not available on this machine")
    return torch_device(name)
