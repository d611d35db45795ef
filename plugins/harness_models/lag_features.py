"""Windows as rows of a table: lags, covariates and static attributes as features, later values as outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from harness import Contexts, Floats, Ints, Panel

MOST_CATEGORIES = 32  # a text attribute with more values is taken for a name, not a category
LEAST_RELATIVE_SPREAD = 1e-3  # lower bound of a window's scale, relative to its location: flat windows
Static = Mapping[str, Sequence[str | float]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Windows of several targets: features, and for training the outputs."""

    series: Ints  # (window,) positions in the panel
    lags: Floats  # (window, target, lag)
    other: Floats  # (window, feature): the last past covariates, and the static attributes of the series
    known: Floats  # (window, step, known covariate)
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


def training_rows(panel: Panel, encoding: Encoding, lags: int, steps: Ints, max_rows: int) -> Rows | None:
    """Windows of a whole panel, at most `max_rows` of them evenly spaced; None if it has no window.

    `steps` are the steps ahead of the last lag to forecast.
    """
    span = lags + int(steps[-1])
    counts = np.maximum(panel.lengths - span + 1, 0)
    total = int(counts.sum())
    if total == 0:
        return None
    chosen = np.arange(total) if total <= max_rows else np.linspace(0, total - 1, max_rows).astype(np.int64)
    series = np.searchsorted(np.cumsum(counts), chosen, side="right")
    starts = panel.offsets[series] + chosen - (np.cumsum(counts) - counts)[series]
    views = sliding_window_view(panel.values, span, axis=0)  # (start, channel, time)
    targets, past, known = (list(panel.channels_of(role)) for role in ("target", "past covariate", "known covariate"))
    static = encoding.encode(panel.static, len(panel))[series]
    columns = views[starts]  # (window, channel, time)
    return Rows(
        series=series,
        lags=columns[:, targets, :lags],
        other=np.concatenate([columns[:, past, lags - 1], static], axis=1),
        known=columns[:, known][:, :, lags + steps - 1].transpose(0, 2, 1),
        ahead=columns[:, targets][:, :, lags + steps - 1].transpose(0, 2, 1),
    )


def forecast_rows(contexts: Contexts, encoding: Encoding, lags: int) -> Rows:
    """The windows to forecast; `known` has every step after the last observation, `ahead` is empty."""
    past = [i for i, channel in enumerate(contexts.channels) if channel.role == "past covariate"]
    other = encoding.encode(contexts.static, len(contexts)) if encoding.categories else np.empty((len(contexts), 0))
    if past:
        other = np.concatenate([contexts.last(1)[:, 0, past], other], axis=1)
    return Rows(
        series=contexts.series,
        lags=contexts.last_targets(lags).transpose(0, 2, 1),
        other=other,
        known=contexts.known(),
        ahead=np.empty((len(contexts), 0, len(contexts.targets))),
    )


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
