"""PretrainedChronos2 and PretrainedBolt: models of Chronos, whose weights are loaded from the disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from chronos import BaseChronosPipeline, Chronos2Pipeline, ChronosBoltPipeline
from transformers.utils import logging

from harness import BadInput, Contexts, Floats, Forecast, TrainingData, Weights, quiet, weights_folder

Device = Literal["auto", "cpu", "cuda", "mps"]
DTypes = Literal["auto", "float32", "bfloat16"]


@dataclass
class PretrainedChronos(ABC):
    """A pretrained model of Chronos, which is not trained here.

    `checkpoint` is a local folder with weights, such as those of a fine-tuned model, instead of the published ones.
    `batch_size` is the number of series that are forecast at once, covariates included. `context_length` is the number
    of last values that are used, None for as many as the model takes. `device` is "auto" for a GPU where there is one.
    `dtype` is the type of the weights, "auto" for that of the checkpoint.
    """

    weights: ClassVar[Weights]
    pipeline_class: ClassVar[type[BaseChronosPipeline]]
    checkpoint: str | None = None
    batch_size: int = 256
    context_length: int | None = None
    device: Device = "auto"
    dtype: DTypes = "auto"

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {self.batch_size}")
        if self.context_length is not None and self.context_length < 1:
            raise ValueError(f"context_length must be at least 1, not {self.context_length}")

    def fit(self, train: TrainingData) -> None:
        """Loads the weights, if they are not loaded yet."""
        if not hasattr(self, "pipeline_"):
            self.pipeline_ = self.loaded()
        self.remarks_ = list(self._remarks(train))

    def load_model(self) -> None:
        """Loads the weights, which all cells of a run use."""
        self.loaded()

    def loaded(self) -> Any:
        """The pipeline of the library; raises BadInput for a checkpoint of another model."""
        folder = weights_folder(self.weights) if self.checkpoint is None else Path(self.checkpoint)
        if not (folder / "config.json").is_file():
            raise BadInput(f"the checkpoint {folder} is not a folder with config.json")
        states = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
        versions = tuple((name, state.st_size, state.st_mtime_ns) for name, state in states)
        pipeline = _load_pipeline(folder, _device(self.device), self.dtype, versions)
        if not isinstance(pipeline, self.pipeline_class):
            raise BadInput(
                f"the checkpoint {folder} is one of {type(pipeline).__name__}, not of {self.pipeline_class.__name__}"
            )
        return pipeline

    @property
    def parameter_count(self) -> int:
        """The number of weights."""
        return sum(weights.numel() for weights in self.pipeline_.model.parameters())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of the weights."""
        return sum(weights.numel() * weights.element_size() for weights in self.pipeline_.model.parameters())

    def predict(self, contexts: Contexts) -> Forecast:
        """The quantiles at the levels of the model and of the task, as the library gives them."""
        levels = self._levels(contexts)
        size = max(1, self.batch_size // self.series_of(contexts))
        length = min(int(contexts.lengths.max()), self.pipeline_.model.chronos_config.context_length)
        if self.context_length is not None:
            length = min(length, self.context_length)
        with quiet("chronos"):
            parts = [self.quantiles(batch, length, levels) for batch in contexts.batches(size)]
        return Forecast.quantiles_only(levels, np.concatenate(parts)[:, contexts.gap :])

    @property
    @abstractmethod
    def longest_horizon(self) -> int:
        """The number of steps that the model forecasts at once."""

    @abstractmethod
    def series_of(self, contexts: Contexts) -> int:
        """The number of series of a window, as the batches of the library count them."""

    @abstractmethod
    def quantiles(self, contexts: Contexts, length: int, levels: list[float]) -> Floats:
        """Quantiles of the gap and the horizon from so many last values, (window, step, target, level)."""

    def _levels(self, contexts: Contexts) -> list[float]:
        """The levels of the model, and those of the task that are not among them."""
        own = [float(level) for level in self.pipeline_.quantiles]
        asked = [level for level in contexts.quantile_levels if not np.isclose(level, own, rtol=0, atol=1e-7).any()]
        return sorted([*own, *asked])

    def _remarks(self, train: TrainingData) -> Iterator[str]:
        """What of the task is beyond what the model was trained for."""
        first, *_, last = self.pipeline_.quantiles
        if outside := [f"{level:g}" for level in train.quantile_levels if not first <= level <= last]:
            yield f"quantiles at {', '.join(outside)} are those at the model's outermost levels, {first:g} and {last:g}"
        if train.gap + train.horizon > (most := self.longest_horizon):
            yield f"more than {most} steps ahead are forecast from the model's own forecasts"


@dataclass
class PretrainedBolt(PretrainedChronos):
    """Each target is a series of its own, and covariates are not used.

    A horizon beyond that of the model is forecast in steps of that length, each from the quantiles of those before.
    """

    pipeline_class = ChronosBoltPipeline

    @property
    def longest_horizon(self) -> int:
        """As its configuration says."""
        return int(self.pipeline_.model.chronos_config.prediction_length)

    def series_of(self, contexts: Contexts) -> int:
        """One for each target."""
        return len(contexts.targets)

    def quantiles(self, contexts: Contexts, length: int, levels: list[float]) -> Floats:
        """Of all targets of these windows in one batch."""
        past = contexts.last_targets(length).transpose(0, 2, 1).astype(np.float32)  # (window, target, time)
        steps, targets = contexts.gap + contexts.horizon, len(contexts.targets)
        found, _ = self.pipeline_.predict_quantiles(torch.from_numpy(past.reshape(-1, length)), steps, levels)
        values: Floats = found.numpy().astype(np.float64).reshape(len(contexts), targets, steps, len(levels))
        return values.transpose(0, 2, 1, 3)


@dataclass
class PretrainedChronos2(PretrainedChronos):
    """All targets of a window are forecast together, from past and known covariates, too.

    A horizon beyond that of the model is forecast in parts, each from the quantiles of those before. The windows of a
    batch share no information.
    """

    pipeline_class = Chronos2Pipeline

    @property
    def longest_horizon(self) -> int:
        """As its configuration says."""
        return int(self.pipeline_.model_prediction_length)

    def series_of(self, contexts: Contexts) -> int:
        """One for each channel."""
        return len(contexts.channels)

    def quantiles(self, contexts: Contexts, length: int, levels: list[float]) -> Floats:
        """Of these windows in one batch."""
        steps = contexts.gap + contexts.horizon
        found, _ = self.pipeline_.predict_quantiles(
            _inputs(contexts, length), steps, levels, batch_size=self.batch_size, context_length=length
        )
        values: Floats = torch.stack(list(found)).numpy().astype(np.float64)  # (window, target, step, level)
        return values.transpose(0, 2, 1, 3)


def _inputs(contexts: Contexts, length: int) -> Any:
    """Windows as Chronos-2 takes them: an array of targets, or tables where there are covariates."""
    past = contexts.last(length).transpose(0, 2, 1).astype(np.float32)  # (window, channel, time)
    targets = list(contexts.targets)
    covariates = [i for i in range(past.shape[1]) if i not in targets]
    if not covariates:
        return past[:, targets]
    known = [i for i in covariates if contexts.channels[i].role == "known covariate"]
    ahead = contexts.known().transpose(0, 2, 1).astype(np.float32)  # (window, known covariate, step)
    return [
        {
            "target": past[i, targets],
            "past_covariates": {_name(j): past[i, j] for j in covariates},
            **({"future_covariates": {_name(j): ahead[i, k] for k, j in enumerate(known)}} if known else {}),
        }
        for i in range(len(contexts))
    ]


def _name(channel: int) -> str:
    """The name of a covariate, in the order of channels."""
    return f"channel {channel:06}"


@lru_cache(maxsize=1)
def _load_pipeline(folder: Path, device: str, dtype: str, versions: object) -> Any:
    """The pipeline of the library, loaded once in a process while `versions`, which its files have, are the same.

    The forecasters that share it do not change its weights.
    """
    logging.disable_progress_bar()
    with quiet("chronos", "transformers"):
        return BaseChronosPipeline.from_pretrained(folder, device_map=device, dtype=dtype)


def _device(name: Device) -> str:
    """The device of that name; raises BadInput if it is not available."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available[name]:
        raise BadInput(f"device {name!r} is not available on this machine")
    return name
