"""Examples: training windows as strided views of one array, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from harness import Channel, Floats, Ints, Panel, TrainingData, Unsupported
from harness_models.neural.covariates import RowFeatures, available_rows
from harness_models.neural.scaling import Scaler

B = TypeVar("B")  # a batch of windows
B_co = TypeVar("B_co", covariant=True)


class WindowSet(Protocol[B_co]):
    """The windows that a network is trained on, or validated."""

    @property
    def starts(self) -> Tensor:
        """Where each window starts, (window,), on the device of the data."""

    def __len__(self) -> int: ...

    def evenly_spaced(self, maximum: int) -> WindowSet[B_co]:
        """At most so many of the windows, evenly spaced."""

    def batch(self, positions: Tensor) -> B_co:
        """The windows at these positions."""


@dataclass(frozen=True)
class Shape:
    """The shape of a network's windows: input rows, and output rows after them."""

    lookback: int
    gap: int  # rows between the last input and the first output
    steps: int  # output rows
    every: bool = False  # outputs after each input row, as if it were the last one
    covariates: int = 0  # features besides the inputs: known covariates of the steps ahead, static covariates

    @property
    def ahead(self) -> int:
        """The rows after a window's cutoff up to its last output."""
        return self.gap + self.steps


@dataclass(frozen=True)
class Batch:
    """Some windows: inputs, outputs, and which steps are not padding."""

    inputs: Tensor  # (window, lookback, channel)
    outputs: Tensor  # (window, step, target), or (window, lookback, step, target)
    observed: Tensor | None  # (window, lookback); None without padding
    covariates: Tensor | None = None  # (window, feature), or (window, lookback, feature); None without any


@dataclass(frozen=True, eq=False)
class Examples:
    """Training windows of a panel."""

    inputs: Tensor  # (row, lookback, channel): a view of the window at each row
    outputs: Tensor  # (row, step, target) or (row, lookback, step, target): a view of the rows after it
    starts: Tensor  # (window,) the first rows of windows
    padding: Tensor | None  # (window,) the padded rows of each window
    covariates: RowFeatures | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def evenly_spaced(self, maximum: int) -> Examples:
        """At most so many of the windows, evenly spaced."""
        if len(self) <= maximum:
            return self
        positions = torch.linspace(0, len(self) - 1, maximum, device=self.starts.device).long()
        return replace(
            self, starts=self.starts[positions], padding=None if self.padding is None else self.padding[positions]
        )

    def batch(self, positions: Tensor) -> Batch:
        """The windows at these positions."""
        starts, lookback = self.starts[positions], self.inputs.shape[1]
        observed = covariates = None
        if self.padding is not None:
            steps = torch.arange(lookback, device=starts.device)
            observed = (steps >= self.padding[positions][:, None]).float()
        if self.covariates is not None:
            rows = starts + lookback - 1
            if self.outputs.ndim == 4:  # outputs after each input row
                rows = starts[:, None] + torch.arange(lookback, device=starts.device)
            covariates = self.covariates.after(rows)
        return Batch(self.inputs[starts], self.outputs[starts], observed, covariates)


@dataclass(frozen=True, eq=False)
class Rows:
    """The training series with the values available at each row, and the position in each where validation begins.

    The series are those of the training part, and then those that only the validation part has.
    """

    values: Floats  # (row, channel), series end to end
    offsets: Ints  # (series + 1,)
    borders: Ints  # (series,)

    @classmethod
    def of(cls, train: TrainingData, fraction: float) -> Rows:
        """The training and validation parts; without the latter, validation is a fraction of each series' end.

        Validation rows have the values of delayed channels that were known by then, training rows never have them.
        """
        lengths, validation = train.panel.lengths, train.validation
        if validation is None:
            validation_lengths = np.floor(lengths * fraction).astype(np.int64)
            values = available_rows(train.panel.values, train.panel.offsets, train.panel.channels)
            return cls(values, train.panel.offsets, lengths - validation_lengths)
        parts, borders = [], []
        for name, values, later in zip(train.panel.ids, train.panel, train.panel_at_validation_end, strict=True):
            parts.append([_with_delayed(values, later, train.panel.channels), *_series(validation, name)])
            borders.append(len(values))
        for name in validation.ids:
            if name not in train.panel.positions:
                parts.append(_series(validation, name))
                borders.append(0)
        series = [np.concatenate(part) for part in parts]
        offsets = np.concatenate([[0], np.cumsum([len(values) for values in series])])
        values = available_rows(np.concatenate(series), offsets, train.panel.channels)
        return cls(values, offsets, np.array(borders))


def _with_delayed(values: Floats, later: Floats, channels: Sequence[Channel]) -> Floats:
    """Rows (row, channel) with the last values of each delayed channel from `later`, the same rows known later."""
    delays = {i: channel.delay for i, channel in enumerate(channels) if channel.delay}
    values = values.copy() if delays else values
    for i, delay in delays.items():
        values[-delay:, i] = later[-delay:, i]
    return values


def _series(panel: Panel, name: str) -> list[Floats]:
    i = panel.positions.get(name)
    return [] if i is None else [panel.values[panel.offsets[i] : panel.offsets[i + 1]]]


def training_examples(
    rows: Rows,
    scaler: Scaler,
    shape: Shape,
    dtype: torch.dtype,
    device: torch.device,
    covariates: RowFeatures | None = None,
    *,
    any_output: bool = False,
) -> tuple[Examples, Examples]:
    """The training windows and the validation windows, of which there may be none.

    A window's outputs lie wholly in one part; a validation window's inputs may reach back into the
    training part. Series too short for a whole window give windows with at least half of the lookback,
    padded in front. `covariates` are features of the same rows. Raises Unsupported if there is no window to train on.

    Of windows with missing outputs there are none, but with `any_output` those that have one that is not. Each series
    with a row before its outputs then gives at least one window, however short.
    """
    lengths = np.diff(rows.offsets)
    short = lengths < shape.lookback + shape.ahead
    least = max(1, shape.lookback // 2)
    shortest = np.clip(lengths - shape.ahead, 1, least) if any_output else least
    shortest_inputs = np.where(short, shortest, shape.lookback)
    padding_rows = shape.lookback - int(shortest_inputs.min())
    padded_rows = _padded_rows(rows, scaler, padding_rows)
    begins = rows.offsets[:-1] + padding_rows * np.arange(1, len(lengths) + 1)
    first_outputs = rows.borders - shape.gap
    parts = []
    for firsts, lasts in (
        (shortest_inputs, rows.borders - shape.ahead),
        (np.maximum(shortest_inputs, first_outputs), np.where(rows.borders < lengths, lengths, 0) - shape.ahead),
    ):
        series, cutoffs = _ranges(firsts, lasts)
        padding = np.maximum(shape.lookback - cutoffs, 0)
        parts.append((begins[series] + cutoffs - shape.lookback, padding))
    if not len(parts[0][0]):
        needed = (1 if any_output else least) + shape.ahead
        raise Unsupported(
            f"a lookback of {shape.lookback} and {shape.ahead} steps ahead need a series of {needed} observations "
            f"to train on; the longest has {int(rows.borders.max())}"
        )
    inputs = torch.as_tensor(np.nan_to_num(padded_rows), dtype=dtype, device=device)
    outputs = torch.as_tensor(padded_rows[:, list(scaler.targets)], dtype=dtype, device=device)
    views = _input_view(inputs, shape), _output_view(outputs, shape)
    padded = any(padding.any() for _, padding in parts)
    if covariates is not None:
        covariates = covariates.padded(padding_rows)
    complete = not np.isnan(rows.values[:, list(scaler.targets)]).any()
    examples = []
    for starts, padding in parts:
        if not complete:
            missing = views[1][torch.as_tensor(starts)].isnan().flatten(1)
            kept = ~(missing.all(1) if any_output else missing.any(1)).cpu().numpy()
            starts, padding = starts[kept], padding[kept]
        pads = torch.as_tensor(padding, device=device) if padded else None
        examples.append(Examples(*views, torch.as_tensor(starts, device=device), pads, covariates))
    if not len(examples[0]):
        which = "any output value" if any_output else "all output values"
        raise Unsupported(f"no window of the training data has {which}")
    return examples[0], examples[1]


def _padded_rows(rows: Rows, scaler: Scaler, padding_rows: int) -> Floats:
    """The scaled rows, with rows of zeros before each series."""
    values = scaler.apply(rows.values)
    if not padding_rows:
        return values
    parts = np.split(values, rows.offsets[1:-1])
    zeros = np.zeros((padding_rows, values.shape[1]))
    return np.concatenate([block for part in parts for block in (zeros, part)])


def _ranges(firsts: Ints, lasts: Ints) -> tuple[Ints, Ints]:
    """The integers from the first to the last of each series, and their series."""
    counts = np.maximum(lasts - firsts + 1, 0)
    series = np.repeat(np.arange(len(counts)), counts)
    return series, firsts[series] + np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)


def _input_view(values: Tensor, shape: Shape) -> Tensor:
    values = values.contiguous()  # columns taken out of an array are often stored one after the other
    rows, channels = values.shape
    return values.as_strided((max(rows - shape.lookback + 1, 0), shape.lookback, channels), (channels, channels, 1))


def _output_view(values: Tensor, shape: Shape) -> Tensor:
    values = values.contiguous()
    rows, targets = values.shape
    begins = rows - shape.lookback - shape.ahead + 1
    if shape.every:
        offset = (1 + shape.gap) * targets
        return values.as_strided((begins, shape.lookback, shape.steps, targets), (targets, targets, targets, 1), offset)
    offset = (shape.lookback + shape.gap) * targets
    return values.as_strided((begins, shape.steps, targets), (targets, targets, 1), offset)
