"""Training windows of token sequences: parts of series, in which missing values are skipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness import Ints, Unsupported
from harness_models.neural.examples import Rows

NONE = -1  # stands for no token: the input before the first token of a sequence, and padding


@dataclass(frozen=True)
class TokenBatch:
    """Some windows: the input of each step, and the token to predict from it."""

    inputs: Tensor  # (window, step); NONE at the first step
    outputs: Tensor  # (window, step)
    weights: Tensor  # (window, step) of the losses; 0 of steps that are not scored, such as padding


@dataclass(frozen=True, eq=False)
class TokenWindows:
    """Windows of sequences: each step's input is the token before it. The steps after the last token are padding."""

    tokens: Tensor  # (token,) of all series end to end, and `steps` of padding
    starts: Tensor  # (window,) positions of the first tokens
    counts: Tensor  # (window,) tokens
    skipped: Tensor  # (window,) tokens at the start whose losses are not scored
    steps: int

    def __len__(self) -> int:
        return len(self.starts)

    def evenly_spaced(self, maximum: int) -> TokenWindows:
        """At most so many of the windows, evenly spaced."""
        if len(self) <= maximum:
            return self
        chosen = torch.linspace(0, len(self) - 1, maximum, device=self.starts.device).long()
        return replace(self, starts=self.starts[chosen], counts=self.counts[chosen], skipped=self.skipped[chosen])

    def batch(self, positions: Tensor) -> TokenBatch:
        """The windows at these positions, with weights such that the mean loss of all windows is one of all tokens."""
        steps = torch.arange(self.steps, device=self.starts.device)
        outputs = self.tokens[self.starts[positions, None] + steps]
        none = outputs.new_full((len(positions), 1), NONE)
        scored = (steps < self.counts[positions, None]) & (steps >= self.skipped[positions, None])
        mean_count = (self.counts - self.skipped).float().mean()
        return TokenBatch(torch.cat([none, outputs[:, :-1]], dim=1), outputs, scored.float() / mean_count)


def mean_cross_entropy(logits: Tensor, outputs: Tensor, weights: Tensor) -> Tensor:
    """The mean over windows of the weighted losses −log p; logits are (window, step, token)."""
    losses = cross_entropy(logits.flatten(0, 1), outputs.flatten(), reduction="none")
    return (losses * weights.flatten()).sum() / len(outputs)


def token_windows(rows: Rows, target: int, steps: int, device: torch.device) -> tuple[TokenWindows, TokenWindows]:
    """The training windows and the validation windows of a channel, of which there may be none.

    They overlap by half. Each validation window has at least half of its steps before those that are scored, where the
    series has as many. Raises Unsupported if there is no token to train on.
    """
    values = rows.values[:, target]
    known = ~np.isnan(values)
    before = np.concatenate([[0], np.cumsum(known)])  # the known values before each row
    firsts, lasts = before[rows.offsets[:-1]], before[rows.offsets[1:]]
    borders = before[rows.offsets[:-1] + rows.borders]
    if not (borders > firsts).any():
        raise Unsupported("the training data contains no value of the target")
    tokens = np.concatenate([values[known], np.zeros(steps)]).astype(np.int64)
    series = list(zip(firsts.tolist(), borders.tolist(), lasts.tolist(), strict=True))
    training = [window for first, border, _ in series for window in _training(first, border, steps)]
    validation = [window for first, border, last in series for window in _validation(first, border, last, steps)]
    every = torch.as_tensor(tokens, device=device)
    return _windows(every, training, steps, device), _windows(every, validation, steps, device)


def _windows(tokens: Tensor, windows: list[tuple[int, int, int]], steps: int, device: torch.device) -> TokenWindows:
    table = torch.tensor(windows, dtype=torch.int64, device=device).reshape(-1, 3)
    return TokenWindows(tokens, table[:, 0], table[:, 1], table[:, 2], steps)


def _training(first: int, border: int, steps: int) -> Iterable[tuple[int, int, int]]:
    """(start, count, skipped) of windows that cover a series.

    Only that at the start of the series predicts a token without one before it, if windows have several steps.
    """
    if border - first <= steps:
        return [(first, border - first, 0)] if border > first else []
    starts = [*range(first, border - steps, max(1, steps // 2)), border - steps]
    return [(start, steps, int(start > first and steps > 1)) for start in starts]


def _validation(first: int, border: int, last: int, steps: int) -> Iterable[tuple[int, int, int]]:
    """(start, count, skipped) of windows in which each token from the border on is scored once."""
    scored = border
    while scored < last:
        start = max(first, scored - steps // 2)
        end = min(start + steps, last)
        yield start, end - start, scored - start
        scored = end


def known_last(values: Ints) -> Ints:
    """Tokens (window, step) with those that are known at the end, in their order, and NONE before them."""
    order = np.argsort(values != NONE, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1)
