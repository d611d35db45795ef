"""TimesFM3: TimesFM 3.0, which forecasts targets together, with covariates."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors import safe_open
from timesfm3 import TimesFM3Evaluator

from harness import BadInput, Contexts, Floats, Forecast, Ints, TrainingData, Unsupported, Weights
from harness_timesfm.checkpoints import WEIGHTS_3_0
from harness_timesfm.pretrained import Pretrained

LONGEST_CONTEXT = 15_360  # of the library
MOST_ROWS = 2**31  # of a forward pass of the library, which is given batches
MOST_COVARIATES = 31  # beside a target; of more, the library takes some at random


@dataclass
class TimesFM3(Pretrained):
    """TimesFM 3.0 of Google Research, a pretrained transformer on patches of targets and covariates.

    The targets of a window are forecast together, with its past and known covariates. `checkpoint` is a folder with the
    files `config.json` and `model.safetensors`; None is the published checkpoint. `device` is "cpu", "cuda", or "auto"
    for a GPU if there is one. `batch_size` is the number of windows of a forward pass. `max_context` is the longest
    context.

    The other hyperparameters are those of `timesfm3.TimesFM3Evaluator.predict_batch`, with its defaults.
    """

    weights: ClassVar[Weights] = WEIGHTS_3_0
    max_context: int = LONGEST_CONTEXT
    use_symmetric_averaging: bool = True
    make_positive: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.max_context <= LONGEST_CONTEXT:
            raise ValueError(f"max_context must be from 1 to {LONGEST_CONTEXT}, not {self.max_context}")

    def fit(self, train: TrainingData) -> None:
        """Loads the checkpoint; nothing is learned."""
        panel = train.panel
        count = len(panel.channels_of("past covariate")) + len(panel.channels_of("known covariate"))
        if count > MOST_COVARIATES:
            raise Unsupported(f"TimesFM 3.0 takes {MOST_COVARIATES} covariates beside a target; the task has {count}")
        super().fit(train)

    @staticmethod
    def _read(folder: Path, device: str) -> Any:
        with redirect_stdout(io.StringIO()):  # the library tells that it loads the weights
            model = TimesFM3Evaluator.from_pretrained(
                str(folder), device=device, per_core_batch_size=MOST_ROWS, local_files_only=True
            )
        with safe_open(folder / "model.safetensors", "pt") as file:  # the library ignores names that do not fit
            if set(file.keys()) != set(model.model.state_dict()):
                raise BadInput(f"the weights in {folder / 'model.safetensors'} are not those of its config.json")
        return model

    def predict(self, contexts: Contexts) -> Forecast:
        """The quantiles of the model, in batches of windows with equally many patches.

        With known covariates, the library does not mask the last patch that it adds before a shorter context, so that
        the forecast of a window would depend on the longest context of its batch.
        """
        patches = self._patches(contexts)
        levels = self.model_.config.quantiles
        found = np.empty((len(contexts), contexts.horizon, len(contexts.targets), len(levels)))
        with _few_objects_to_collect():
            for count in np.unique(patches):
                windows = np.flatnonzero(patches == count)
                for first in range(0, len(windows), self.batch_size):
                    some = windows[first : first + self.batch_size]
                    found[some] = self._forecast(contexts.take(some), int(count) * self._patch_length)
        return Forecast.quantiles_only(levels, found)

    @property
    def _patch_length(self) -> int:
        return int(self.model_.config.input_patch_length)

    def _patches(self, contexts: Contexts) -> Ints:
        """The number of patches of each window's context, which begins with the first observation of a target."""
        counts = []
        for batch in contexts.batches(self.batch_size):
            observed = ~np.isnan(batch.last_targets(self._length(batch))).all(axis=2)  # (window, time)
            counts.append(-(-(observed.shape[1] - observed.argmax(axis=1)) // self._patch_length))
        return np.concatenate(counts)

    def _length(self, contexts: Contexts) -> int:
        return min(int(contexts.lengths.max()), self.max_context)

    def _forecast(self, contexts: Contexts, length: int) -> Floats:
        """The quantiles of windows with at most so many time steps, (window, horizon, target, level)."""
        past = contexts.last(min(length, self._length(contexts))).transpose(0, 2, 1)  # (window, channel, time)
        targets = past[:, list(contexts.targets)]
        outputs = self.model_.predict_batch(  # which leaves out the time steps before the first observation of a target
            list(targets),
            contexts.gap + contexts.horizon,
            past_only_covariates=_rows(past, contexts, "past covariate"),
            past_future_covariates=_with_future(_rows(past, contexts, "known covariate"), contexts),
            use_symmetric_averaging=self.use_symmetric_averaging,
            make_positive=self.make_positive,
        )
        found = np.stack([output.quantiles for output in outputs])  # (window, target, gap + horizon, level)
        found[np.isnan(targets).all(axis=2)] = np.nan  # the library takes a target without observations as zeros
        ahead: Floats = found[:, :, contexts.gap :].transpose(0, 2, 1, 3)
        return ahead


@contextmanager
def _few_objects_to_collect() -> Iterator[None]:
    """A block in which garbage collection, which the library runs after each call, does not visit older objects."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _rows(past: Floats, contexts: Contexts, role: str) -> list[Floats] | None:
    """The history of the channels of a role, (channel, time) of each window; None if there are none."""
    channels = [i for i, channel in enumerate(contexts.channels) if channel.role == role]
    return list(past[:, channels]) if channels else None


def _with_future(rows: list[Floats] | None, contexts: Contexts) -> list[Floats] | None:
    """The history of known covariates, followed by their values in the steps ahead."""
    if rows is None:
        return None
    ahead = contexts.known().transpose(0, 2, 1)  # (window, known covariate, gap + horizon)
    return [np.concatenate(pair, axis=1) for pair in zip(rows, ahead, strict=True)]
