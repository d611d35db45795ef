"""Rows of a panel with classes as inputs of a network: numbers standardised, classes one-hot or embedded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from harness import Channel, Floats, Panel, TrainingData, Unsupported
from harness_models.neural.examples import Rows
from harness_models.neural.scaling import Scaler

ENCODINGS = ("one-hot", "embedding")


def class_scaler(panel: Panel) -> Scaler:
    """The scaler of a panel: numbers are standardised, and a class is its position plus 1, so that 0 is a missing one.

    Raises Unsupported if all targets are missing, or each has one class only.
    """
    values, targets = panel.values, list(panel.targets)
    found = [np.unique(column[~np.isnan(column)]) for column in values[:, targets].T]
    if not any(map(len, found)):
        raise Unsupported("all targets of the training data are missing: there is nothing to learn from")
    if max(map(len, found)) == 1:
        first = next(i for i, classes in enumerate(found) if len(classes))
        channel = panel.channels[targets[first]]
        name = (channel.categories or ())[int(found[first][0])]
        raise Unsupported(
            f"target {channel.name!r} has no class but {name!r} in the training data: there is nothing to learn from"
        )
    scaler = Scaler.of(panel)
    categorical = np.array([channel.categories is not None for channel in panel.channels])
    mean, spread = np.where(categorical, -1.0, scaler.mean), np.where(categorical, 1.0, scaler.spread)
    return replace(scaler, mean=mean, spread=spread)


def informative_channels(train: TrainingData) -> tuple[int, ...]:
    """The channels that have a value in a row that may be an input; all of them if there are none.

    Where whole sequences are classified, the target has none: its only values are the classes to be forecast.
    """
    panel = train.panel
    to_end = np.repeat(panel.offsets[1:], panel.lengths) - np.arange(len(panel.values))
    inputs = panel.values[to_end > train.gap + train.horizon]
    return tuple(np.flatnonzero(~np.isnan(inputs).all(axis=0)).tolist()) or tuple(range(len(panel.channels)))


def rows_of(train: TrainingData, fraction: float, seed: int) -> Rows:
    """The training and validation parts; without the latter, validation is a fraction of each series' end.

    Where the targets of each series fit into one window, as those of whole sequences do, it is a fraction of the
    series, chosen at random.
    """
    rows = Rows.of(train, fraction)
    if train.validation is not None:
        return rows
    lasts, firsts = np.array([_ends_of_targets(values) for values in _target_series(train.panel)]).T
    if (lasts - firsts >= train.horizon).any():
        return rows
    borders = np.diff(rows.offsets)
    count = int(fraction * len(borders))
    borders[np.random.default_rng(seed).permutation(len(borders))[:count]] = 0
    return replace(rows, borders=borders)


def longest_history(train: TrainingData) -> int:
    """The longest automatic lookback: half of what the horizon leaves of the longest series.

    It is more where the first class of a series comes later: all rows before it.
    """
    half = (int(train.panel.lengths.max()) - train.gap - train.horizon) // 2
    firsts = [_ends_of_targets(values)[1] for values in _target_series(train.panel)]
    return max(half, max(firsts) - train.gap)


def _target_series(panel: Panel) -> list[Floats]:
    return np.split(panel.target_values, panel.offsets[1:-1])


def _ends_of_targets(values: Floats) -> tuple[int, int]:
    """The last and the first row (row, target) with a target; 0 without any."""
    known = np.flatnonzero(~np.isnan(values).all(axis=1))
    return (int(known[-1]), int(known[0])) if len(known) else (0, 0)


@dataclass(frozen=True)
class InputColumns:
    """Which channels of a row are numbers, and which are classes, with the number of codes of each."""

    numbers: tuple[int, ...]
    classes: tuple[int, ...]
    codes: tuple[int, ...]  # of each categorical channel: one more than its classes, 0 of a missing one

    @classmethod
    def of(cls, channels: tuple[Channel, ...], chosen: tuple[int, ...]) -> InputColumns:
        """The columns of some channels of a panel."""
        counts = {i: len(channels[i].categories or ()) for i in chosen}
        classes = tuple(i for i in chosen if channels[i].categories is not None)
        return cls(tuple(i for i in chosen if i not in classes), classes, tuple(counts[i] + 1 for i in classes))


class Inputs(nn.Module):  # type: ignore[misc]
    """The inputs of a backbone: numbers as they are, classes one-hot, or as learned vectors of `embedding` numbers."""

    layer_type = "Input"

    def __init__(self, columns: InputColumns, embedding: int | None) -> None:
        super().__init__()
        self.columns = columns
        self.features = len(columns.numbers) + sum(embedding or codes for codes in columns.codes)
        if embedding is not None and columns.codes:
            self.embeddings = nn.ModuleList(nn.Embedding(codes, embedding) for codes in columns.codes)
        else:
            self.embeddings = None

    def forward(self, rows: Tensor) -> Tensor:
        """(window, lookback, feature) from rows (window, lookback, channel)."""
        parts = [rows[..., list(self.columns.numbers)].float()]
        for i, (channel, codes) in enumerate(zip(self.columns.classes, self.columns.codes, strict=True)):
            positions = rows[..., channel].long()
            positions = positions.where((positions > 0) & (positions < codes), 0)  # what is no class is missing
            found = one_hot(positions, codes).float() if self.embeddings is None else self.embeddings[i](positions)
            parts.append(found)
        return torch.cat(parts, dim=-1)
