"""Pairs of token sequences, an input and an output, as examples of sequence-to-sequence networks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from harness import Floats, Ints, TrainingData, Unsupported
from harness_models.neural.examples import Rows
from harness_models.neural.tokens.windows import NONE, known_last


@dataclass(frozen=True)
class PairBatch:
    """Some pairs: inputs padded in front, the decoder's inputs, and the tokens to predict from them."""

    inputs: Tensor  # (pair, input step)
    observed: Tensor  # (pair, input step); 0 where padded
    before: Tensor  # (pair, step) the token before each output; NONE at the first step
    outputs: Tensor  # (pair, step)
    weights: Tensor  # (pair, step) of the losses; 0 of missing outputs


@dataclass(frozen=True, eq=False)
class TokenPairs:
    """Pairs of sequences; NONE where a token is missing."""

    inputs: Tensor  # (pair, input step)
    outputs: Tensor  # (pair, step)

    @property
    def starts(self) -> Tensor:
        """The positions of the pairs."""
        return torch.arange(len(self), device=self.inputs.device)

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> TokenPairs:
        """The pairs on a device."""
        return TokenPairs(self.inputs.to(device), self.outputs.to(device))

    def evenly_spaced(self, maximum: int) -> TokenPairs:
        """At most so many of the pairs, evenly spaced."""
        if len(self) <= maximum:
            return self
        chosen = torch.linspace(0, len(self) - 1, maximum, device=self.inputs.device).long()
        return replace(self, inputs=self.inputs[chosen], outputs=self.outputs[chosen])

    def batch(self, positions: Tensor) -> PairBatch:
        """The pairs at these positions, with weights such that the mean loss of all pairs is one of all tokens."""
        inputs, outputs = self.inputs[positions], self.outputs[positions]
        none = outputs.new_full((len(positions), 1), NONE)
        mean_count = (self.outputs != NONE).sum() / len(self)
        weights = (outputs != NONE).float() / mean_count
        return PairBatch(*with_start(inputs), torch.cat([none, outputs[:, :-1]], dim=1), outputs.clamp(min=0), weights)


def with_start(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs with a step of no token before the first one, and which steps are observed, (pair, step + 1)."""
    none = inputs.new_full((len(inputs), 1), NONE)
    observed = torch.cat([inputs != NONE, none == NONE], dim=1)
    return torch.cat([none, inputs], dim=1), observed.float()


def token_pairs(
    train: TrainingData, channels: tuple[int, int], lookback: int | None, validation: float, longest: int
) -> tuple[TokenPairs, TokenPairs]:
    """The pairs of an input and an output channel to train on, and those to validate, of which there may be none.

    There is a pair for each cutoff after which the output is known: the last `lookback` inputs before it, or as many as
    the longest one has but at most `longest`, and the outputs of the horizon. Without a validation part of the task,
    the last share `validation` of the pairs. Raises Unsupported if there is no pair to train on.
    """
    rows = Rows.of(train, 0.0)
    starts, ends, cutoffs = _cutoffs(rows, channels[1], train.gap, train.horizon)
    border = np.repeat(rows.offsets[:-1] + rows.borders, np.diff(rows.offsets))[cutoffs - 1]
    inside = np.flatnonzero(cutoffs + train.gap + train.horizon <= border)
    after = np.flatnonzero(cutoffs + train.gap >= border)
    if train.validation is None:
        kept = len(inside) - int(len(inside) * validation)
        inside, after = inside[:kept], inside[kept:]
    if not len(inside):
        raise Unsupported(
            f"the training data contains no series with an input and then {train.gap + train.horizon} rows, of which "
            "the first of the horizon has a value of the target"
        )
    length = lookback or min(int((cutoffs - starts)[inside].max()), longest)
    source, target = (rows.values[:, channel] for channel in channels)
    parts = []
    for pairs in (inside, after):
        inputs = _around(source, cutoffs[pairs], np.arange(-length, 0), starts[pairs], ends[pairs])
        ahead = train.gap + np.arange(train.horizon)
        outputs = _around(target, cutoffs[pairs], ahead, starts[pairs], ends[pairs])
        parts.append(TokenPairs(torch.as_tensor(known_last(inputs)), torch.as_tensor(outputs)))
    return parts[0], parts[1]


def _cutoffs(rows: Rows, channel: int, gap: int, horizon: int) -> tuple[Ints, Ints, Ints]:
    """The first row and the end of the series of each pair, and its cutoff, as positions of rows."""
    series = np.repeat(np.arange(len(rows.offsets) - 1), np.diff(rows.offsets))
    cutoffs = np.flatnonzero(~np.isnan(rows.values[:, channel])) - gap  # rows after which an output follows
    series = series[cutoffs + gap]
    starts, ends = rows.offsets[series], rows.offsets[series + 1]
    fit = (cutoffs > starts) & (cutoffs + gap + horizon <= ends)
    return starts[fit], ends[fit], cutoffs[fit]


def _around(values: Floats, cutoffs: Ints, steps: Ints, starts: Ints, ends: Ints) -> Ints:
    """The tokens at steps from each cutoff, (pair, step); NONE outside of its series and where one is missing."""
    positions = cutoffs[:, None] + steps
    inside = (positions >= starts[:, None]) & (positions < ends[:, None])
    found = values[np.where(inside, positions, 0)]
    return np.where(inside & ~np.isnan(found), found, NONE).astype(np.int64)
