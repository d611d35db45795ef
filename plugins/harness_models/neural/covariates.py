"""Covariates of networks: delayed past covariates, and features of the steps ahead and of the series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from harness import Channel, Contexts, Floats, Ints, Panel, TrainingData
from harness_models.lag_features import Encoding

BATCH = 10_000  # rows whose vintages are in memory at once


def available_rows(values: Floats, offsets: Ints, channels: Sequence[Channel]) -> Floats:
    """Rows (row, channel) of series with the values that are available at each row: of a delayed channel, earlier ones.

    The first rows of each series have none, and are NaN there.
    """
    if not any(channel.delay for channel in channels):
        return values
    available = values.copy()
    positions = np.arange(len(values)) - np.repeat(offsets[:-1], np.diff(offsets))
    for i, channel in enumerate(channels):
        if channel.delay:
            available[:, i] = np.where(positions < channel.delay, np.nan, np.roll(values[:, i], channel.delay))
    return available


def available_inputs(contexts: Contexts, lookback: int) -> Floats:
    """The same for the last rows of each context, (window, lookback, channel)."""
    longest = max(channel.delay for channel in contexts.channels)
    if not longest:
        return contexts.last(lookback)
    values = contexts.last(lookback + longest)
    firsts = [longest - channel.delay for channel in contexts.channels]
    return np.stack([values[:, first : first + lookback, i] for i, first in enumerate(firsts)], axis=2)


@dataclass(frozen=True, eq=False)
class Standardised:
    """The columns of a table that are not constant, in units of their mean and standard deviation (ddof 0)."""

    columns: Ints  # (kept,) positions in the table
    mean: Floats  # (kept,)
    spread: Floats

    @classmethod
    def of(cls, table: Floats) -> Standardised:
        """The columns of a table (row, column), which may have missing values."""
        observed = ~np.isnan(table)
        count = np.maximum(observed.sum(axis=0), 1)
        mean = np.where(observed, table, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(observed, table - mean, 0.0) ** 2).sum(axis=0) / count)
        kept = np.flatnonzero(spread > 1e-12 * np.abs(mean))
        return cls(kept, mean[kept], spread[kept])

    def apply(self, table: Floats) -> Floats:
        """These columns of a table (…, column); a missing value is zero."""
        return np.nan_to_num((table[..., self.columns] - self.mean) / self.spread)


@dataclass(frozen=True)
class OneHot:
    """The encoding of channels: numbers as they are, classes with a column each, 1 for that of a step and else 0."""

    classes: tuple[int, ...]  # of each channel, 0 of a number

    @property
    def sources(self) -> list[int]:
        """The channel of each column."""
        return [i for i, count in enumerate(self.classes) for _ in range(count or 1)]

    def encode(self, table: Floats) -> Floats:
        """The columns of a table (…, channel); those of a missing class are NaN."""
        if not any(self.classes):
            return table
        columns = []
        for i, count in enumerate(self.classes):
            values = table[..., i : i + 1]
            encoded = np.where(np.isnan(values), np.nan, values == np.arange(count)) if count else values
            columns.append(encoded)
        return np.concatenate(columns, axis=-1)


@dataclass(frozen=True, eq=False)
class CovariateFeatures:
    """Features besides the history: known covariates of the gap and horizon steps, and static covariates.

    Classes are one-hot. Each feature is standardised by the training data; what is constant there is left out.
    """

    one_hot: OneHot  # of the known covariates
    known: Standardised  # of the encoded columns
    encoding: Encoding
    static: Standardised  # of the encoded columns

    @classmethod
    def of(cls, panel: Panel) -> CovariateFeatures:
        """The features of the training data."""
        encoding = Encoding.of(panel.static)
        columns = panel.channels_of("known covariate")
        one_hot = OneHot(tuple(len(panel.channels[i].categories or ()) for i in columns))
        static = encoding.encode(panel.static, len(panel))
        known = one_hot.encode(panel.values[:, list(columns)])
        return cls(one_hot, Standardised.of(known), encoding, Standardised.of(static))

    def count(self, ahead: int) -> int:
        """The number of features for so many steps ahead."""
        return ahead * len(self.known.columns) + len(self.static.columns)

    def of_contexts(self, contexts: Contexts) -> Floats:
        """The features of each window, (window, feature)."""
        known = self.of_known(contexts.known()).reshape(len(contexts), -1)
        return np.concatenate([known, self.of_series(contexts.static, len(contexts))], axis=1)

    def of_known(self, table: Floats) -> Floats:
        """The features of known covariates (…, known covariate), of the same steps."""
        return self.known.apply(self.one_hot.encode(table))

    def of_series(self, static: Mapping[str, Sequence[str | float]], count: int) -> Floats:
        """The features of the static covariates of so many series or windows, (series, feature)."""
        return self.static.apply(self.encoding.encode(static, count))


@dataclass(frozen=True, eq=False)
class RowFeatures:
    """The features of training windows, by the last row of their inputs."""

    ahead: Tensor  # (row, feature) of the steps after each row
    static: Tensor  # (series, feature)
    ends: Tensor  # (series,) the first row after each series
    padding: int = 0  # rows before each series that `ahead` does not have

    @classmethod
    def of(
        cls, features: CovariateFeatures, train: TrainingData, rows: tuple[Floats, Ints], device: torch.device
    ) -> RowFeatures:
        """The features of rows (row, channel) and their offsets, as in `Rows`: those of training, then of validation.

        Where a known covariate has vintages, they are those available at each row.
        """
        values, offsets = rows
        panel, ahead = train.panel, train.gap + train.horizon
        known = features.of_known(values[:, list(panel.channels_of("known covariate"))])
        table = torch.as_tensor(np.ascontiguousarray(known), dtype=torch.float32, device=device)
        count, width = table.shape
        table = table.as_strided((max(count - ahead, 0), ahead * width), (width, 1), width)
        if panel.vintages and width:
            table = _with_vintages(table, features, train, offsets)
        parts = [panel] if train.validation is None else [panel, train.validation]
        static = [features.of_series(part.static, len(part)) for part in parts]
        new = [i for i, name in enumerate(parts[-1].ids) if name not in panel.positions]
        every = static[0] if len(parts) == 1 else np.concatenate([static[0], static[1][new]])
        return cls(
            table,
            torch.as_tensor(every, dtype=torch.float32, device=device),
            torch.tensor(offsets[1:], device=device),
        )

    def padded(self, rows: int) -> RowFeatures:
        """The same, for rows where each series has so many rows of padding before it."""
        count = torch.arange(1, len(self.ends) + 1, device=self.ends.device)
        return replace(self, ends=self.ends + rows * count, padding=rows)

    def repeated(self, count: int, times: int) -> RowFeatures:
        """The same, for so many copies of the rows, `count` each, one after the other."""
        if times == 1:
            return self
        missing = self.ahead.new_zeros(count - len(self.ahead), self.ahead.shape[1])  # of rows without all steps ahead
        shifts = count * torch.arange(times, device=self.ends.device)[:, None]
        return replace(
            self,
            ahead=torch.cat([self.ahead, missing]).repeat(times, 1),
            static=self.static.repeat(times, 1),
            ends=(self.ends + shifts).flatten(),
        )

    def after(self, rows: Tensor) -> Tensor:
        """The features (…, feature) of windows whose inputs end with these rows."""
        series = torch.searchsorted(self.ends, rows, right=True)
        return torch.cat([self.ahead[rows - self.padding * (series + 1)], self.static[series]], dim=-1)


def _with_vintages(table: Tensor, features: CovariateFeatures, train: TrainingData, offsets: Ints) -> Tensor:
    """A copy of `RowFeatures.ahead` with the vintages that were available at each row, as at a cutoff after it."""
    changed, width = table.clone(), len(features.known.columns)
    for part, firsts in _parts(train, offsets):
        names = [part.channels[i].name for i in part.channels_of("known covariate")]
        sources = [names[i] for i in features.one_hot.sources]
        uncertain = [k for k, column in enumerate(features.known.columns) if sources[column] in part.vintages]
        series = np.repeat(np.arange(len(part)), part.lengths)
        cutoffs = np.arange(len(part.values)) - part.offsets[series] + 1
        rows = firsts[series] + cutoffs - 1
        inside = np.flatnonzero(rows < len(table))  # those before the last steps
        contexts = Contexts(part, series[inside], cutoffs[inside], train.gap + train.horizon)
        for first, batch in zip(range(0, len(inside), BATCH), contexts.batches(BATCH), strict=True):
            known = torch.as_tensor(features.of_known(batch.known()), dtype=table.dtype, device=table.device)
            chosen = torch.as_tensor(rows[inside[first : first + BATCH]], device=table.device)
            for k in uncertain:
                changed[chosen, k::width] = known[:, :, k]
    return changed


def _parts(train: TrainingData, offsets: Ints) -> list[tuple[Panel, Ints]]:
    """The training and the validation part, and where each of their series begins among the rows."""
    panel, validation = train.panel, train.validation
    if validation is None:
        return [(panel, offsets[:-1])]
    firsts = np.empty(len(validation), dtype=np.int64)
    new = len(panel)
    for i, name in enumerate(validation.ids):
        position = panel.positions.get(name)
        firsts[i] = offsets[new] if position is None else offsets[position] + panel.lengths[position]
        new += position is None
    return [(panel, offsets[: len(panel)]), (validation, firsts)]
