"""Windows as rows of a table: lags, covariates and static attributes as features, later values as outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from harness import Channel, Contexts, Floats, Ints, Panel

MOST_CATEGORIES = 32  # a text attribute with more values is taken for a name, not a category
LEAST_RELATIVE_SPREAD = 1e-3  # lower bound of a window's scale, relative to its location: flat windows
Static = Mapping[str, Sequence[str | float]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Windows of several targets: features, and for training the outputs."""

    series: Ints  # (window,) positions in the panel
    lags: Floats  # (window, target, lag)
    other: Floats  # (window, feature): the last values of covariates, and the static attributes of the series
    known: Floats  # (window, step, known covariate), or with lags that move (window, step, known covariate × lag)
    ahead: Floats  # (window, step, target)


@dataclass(frozen=True)
class Encoding:
    """The encoding of static attributes: numbers as they are, texts one-hot."""

    categories: Mapping[str, tuple[str, ...]]  # empty for a number

    @classmethod
    def of(cls, static: Static) -> Encoding:
        """The encoding of these attributes; texts of more than 32 categories are left out."""
        categories: dict[str, tuple[str, ...]] = {}
        for name, values in sorted(static.items()):
            texts = {value for value in values if isinstance(value, str)}
            if len(texts) <= MOST_CATEGORIES:
                categories[name] = tuple(sorted(texts))
        return cls(categories)

    def encode(self, static: Static, count: int) -> Floats:
        """The attributes of `count` series or windows, (count, column); an unknown category is zero in all columns."""
        columns = [np.empty((count, 0))]
        for name, texts in self.categories.items():
            values = static[name]
            if texts:
                columns.append(np.array([[value == text for text in texts] for value in values], dtype=float))
            else:
                columns.append(np.array(values, dtype=float)[:, None])
        return np.concatenate(columns, axis=1)


@dataclass(frozen=True)
class Lags:
    """How many last values are features: of each target, and the last available ones of each covariate.

    Those of known covariates are either the last ones before the cutoff, or with `moving_known` those before each step.
    """

    target: int
    past: int = 1
    known: int = 0
    moving_known: int = 0

    def of_covariates(self, channels: Sequence[Channel]) -> list[tuple[int, int, int]]:
        """The position of each covariate, its delay, and how many of its last values are features."""
        counts = {"past covariate": self.past, "known covariate": self.known, "target": 0}
        found = [(i, channel.delay, counts[channel.role]) for i, channel in enumerate(channels)]
        return [feature for feature in found if feature[2]]


def training_rows(panel: Panel, encoding: Encoding, lags: Lags, steps: Ints, max_rows: int) -> Rows | None:
    """Windows of a whole panel, at most `max_rows` of them evenly spaced; None if it has no window.

    `steps` are the steps ahead of the last lag to forecast, consecutive ones from 1 on where lags of known covariates
    move with the step. The covariates are those available at each window's cutoff.
    """
    span = lags.target + int(steps[-1])
    counts = np.maximum(panel.lengths - span + 1, 0)
    total = int(counts.sum())
    if total == 0:
        return None
    chosen = np.arange(total) if total <= max_rows else np.linspace(0, total - 1, max_rows).astype(np.int64)
    series = np.searchsorted(np.cumsum(counts), chosen, side="right")
    starts = panel.offsets[series] + chosen - (np.cumsum(counts) - counts)[series]
    views = sliding_window_view(panel.values, span, axis=0)  # (start, channel, time)
    targets, known = (list(panel.channels_of(role)) for role in ("target", "known covariate"))
    columns = views[starts]  # (window, channel, time)
    ends = starts + lags.target
    ahead = columns[:, known][:, :, lags.target + steps - 1].transpose(0, 2, 1)
    if panel.vintages:
        contexts = Contexts(panel, series, ends - panel.offsets[series], int(steps[-1]))
        ahead = contexts.known()[:, steps - 1]
    if lags.moving_known:
        before = Lags(0, past=0, known=lags.moving_known)
        ahead = with_known_lags(ahead, [*_last_covariates(panel, before, ends, panel.offsets[series])])
    return Rows(
        series=series,
        lags=columns[:, targets, : lags.target],
        other=np.concatenate(
            [
                *_last_covariates(panel, lags, ends, panel.offsets[series]),
                encoding.encode(panel.static, len(panel))[series],
            ],
            axis=1,
        ),
        known=ahead,
        ahead=columns[:, targets][:, :, lags.target + steps - 1].transpose(0, 2, 1),
    )


def _last_covariates(panel: Panel, lags: Lags, ends: Ints, firsts: Ints) -> Iterator[Floats]:
    """The last available values of each covariate before the rows `ends`, (window, lag) each."""
    for channel, delay, count in lags.of_covariates(panel.channels):
        rows = (ends - delay)[:, None] + np.arange(-count, 0)
        inside = rows >= firsts[:, None]
        yield np.where(inside, panel.values[np.where(inside, rows, 0), channel], np.nan)


def forecast_rows(contexts: Contexts, encoding: Encoding, lags: Lags) -> Rows:
    """The windows to forecast; `known` has every step after the last observation, `ahead` is empty."""
    other = encoding.encode(contexts.static, len(contexts)) if encoding.categories else np.empty((len(contexts), 0))
    covariates = lags.of_covariates(contexts.channels)
    if covariates:
        length = max(delay + count for _, delay, count in covariates)
        last = contexts.last(length)
        parts = [last[:, length - delay - count : length - delay, channel] for channel, delay, count in covariates]
        other = np.concatenate([*parts, other], axis=1)
    known = contexts.known()
    if lags.moving_known:
        last = contexts.last(lags.moving_known)
        channels = [i for i, channel in enumerate(contexts.channels) if channel.role == "known covariate"]
        known = with_known_lags(known, [last[:, :, channel] for channel in channels])
    return Rows(
        series=contexts.series,
        lags=contexts.last_targets(lags.target).transpose(0, 2, 1),
        other=other,
        known=known,
        ahead=np.empty((len(contexts), 0, len(contexts.targets))),
    )


def with_known_lags(known: Floats, last: Sequence[Floats]) -> Floats:
    """Known covariates (window, step, covariate) and their lags at each step, (window, step, covariate × lag).

    `last` are the values of each covariate before the first step, (window, lag).
    """
    values = [np.concatenate([before, known[:, :, i]], axis=1) for i, before in enumerate(last)]
    parts = [sliding_window_view(each, each.shape[1] - known.shape[1] + 1, axis=1) for each in values]
    return np.concatenate(parts, axis=2) if parts else known


@dataclass(frozen=True, eq=False)
class Scale:
    """Location and scale of each window's lags, (row,) each."""

    location: Floats
    spread: Floats

    @classmethod
    def of(cls, lags: Floats, kind: str) -> Scale:
        """The scale of lags (row, lag): "none", the "last" value and 1, or "standard": mean and standard deviation."""
        if kind == "none":
            return cls(np.zeros(len(lags)), np.ones(len(lags)))
        observed = ~np.isnan(lags)
        if kind == "last":
            latest = lags.shape[1] - 1 - np.argmax(observed[:, ::-1], axis=1)
            return cls(lags[np.arange(len(lags)), latest], np.ones(len(lags)))
        if observed.all():
            location = lags.mean(axis=1)
            deviation = np.sqrt(np.square(lags - location[:, None]).mean(axis=1))
        else:
            count = np.maximum(observed.sum(axis=1), 1)
            location = np.where(observed, lags, 0.0).sum(axis=1) / count
            location = np.where(observed.any(axis=1), location, np.nan)
            deviation = np.sqrt((np.where(observed, lags - location[:, None], 0.0) ** 2).sum(axis=1) / count)
        spread = np.maximum(deviation, LEAST_RELATIVE_SPREAD * np.abs(location))
        return cls(location, np.where(spread > 0, spread, 1.0))

    def at_most(self, spread: Floats) -> Scale:
        """The same location, and at most that spread."""
        return Scale(self.location, np.minimum(self.spread, spread))

    def apply(self, values: Floats) -> Floats:
        """Values (row, column), scaled."""
        return np.asarray((values - self.location[:, None]) / self.spread[:, None])

    def undo(self, values: Floats) -> Floats:
        """Values (row, column), scaled back."""
        return np.asarray(values * self.spread[:, None] + self.location[:, None])
