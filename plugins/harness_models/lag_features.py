"""Windows as the rows of a table: lags, covariates and facts in columns, what comes next as targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from harness import Contexts, Floats, Ints, Panel

MOST_CATEGORIES = 32  # a fact of more texts than that is a name, not a category
FLATTEST = 1e-3  # of its centre a window's spread is taken to be, lest flat ones are blown up beyond all others
Facts = Mapping[str, Sequence[str | float]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Windows of several targets: what is known of them, and in training what came."""

    lags: Floats  # (window, target, lag)
    beside: Floats  # (window, other): the last past covariates, and the facts of the series
    known: Floats  # (window, step, known covariate)
    ahead: Floats  # (window, step, target)


@dataclass(frozen=True)
class Encoding:
    """How facts of series become numbers: numbers as they are, texts as one column a category."""

    categories: Mapping[str, tuple[str, ...]]  # none of a fact that is a number

    @classmethod
    def of(cls, facts: Facts) -> Encoding:
        """The encoding of these facts; texts of more than 32 categories are left out."""
        categories: dict[str, tuple[str, ...]] = {}
        for name, values in sorted(facts.items()):
            texts = {value for value in values if isinstance(value, str)}
            if len(texts) <= MOST_CATEGORIES:
                categories[name] = tuple(sorted(texts))
        return cls(categories)

    def encoded(self, facts: Facts, count: int) -> Floats:
        """Facts of `count` series or windows, (count, column); a text unknown has no column."""
        columns = [np.empty((count, 0))]
        for name, texts in self.categories.items():
            values = facts[name]
            if texts:
                columns.append(np.array([[value == text for text in texts] for value in values], dtype=float))
            else:
                columns.append(np.array(values, dtype=float)[:, None])
        return np.concatenate(columns, axis=1)


def training_rows(panel: Panel, encoding: Encoding, lags: int, steps: Ints, most: int) -> Rows | None:
    """Windows from all of a panel, at most `most` of them evenly spaced; None if it has no window.

    `steps` are those forecast, counted from the last lag.
    """
    span = lags + int(steps[-1])
    counts = np.maximum(panel.lengths - span + 1, 0)
    total = int(counts.sum())
    if total == 0:
        return None
    chosen = np.arange(total) if total <= most else np.linspace(0, total - 1, most).astype(np.int64)
    series = np.searchsorted(np.cumsum(counts), chosen, side="right")
    starts = panel.offsets[series] + chosen - (np.cumsum(counts) - counts)[series]
    views = sliding_window_view(panel.values, span, axis=0)  # (start, channel, time)
    targets, past, known = (list(panel.channels_of(role)) for role in ("target", "past covariate", "known covariate"))
    facts = encoding.encoded(panel.static, len(panel))[series]
    columns = views[starts]  # (window, channel, time)
    return Rows(
        lags=columns[:, targets, :lags],
        beside=np.concatenate([columns[:, past, lags - 1], facts], axis=1),
        known=columns[:, known][:, :, lags + steps - 1].transpose(0, 2, 1),
        ahead=columns[:, targets][:, :, lags + steps - 1].transpose(0, 2, 1),
    )


def forecast_rows(contexts: Contexts, encoding: Encoding, lags: int) -> Rows:
    """The windows to forecast; `known` holds every step from the last observation on, `ahead` nothing."""
    past = [i for i, channel in enumerate(contexts.channels) if channel.role == "past covariate"]
    beside = encoding.encoded(contexts.static, len(contexts)) if encoding.categories else np.empty((len(contexts), 0))
    if past:
        beside = np.concatenate([contexts.last(1)[:, 0, past], beside], axis=1)
    return Rows(
        lags=contexts.last_targets(lags).transpose(0, 2, 1),
        beside=beside,
        known=contexts.known(),
        ahead=np.empty((len(contexts), 0, len(contexts.targets))),
    )


@dataclass(frozen=True, eq=False)
class Scale:
    """Where each window's lags lie, and how far apart; (row,) each."""

    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, lags: Floats, kind: str) -> Scale:
        """The scale of lags (row, lag): "none", less the "last", or less the mean and by the deviation."""
        if kind == "none":
            return cls(np.zeros(len(lags)), np.ones(len(lags)))
        seen = ~np.isnan(lags)
        if kind == "last":
            latest = lags.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
            return cls(lags[np.arange(len(lags)), latest], np.ones(len(lags)))
        if seen.all():
            centre = lags.mean(axis=1)
            deviation = np.sqrt(np.square(lags - centre[:, None]).mean(axis=1))
        else:
            count = np.maximum(seen.sum(axis=1), 1)
            centre = np.where(seen, lags, 0.0).sum(axis=1) / count
            centre = np.where(seen.any(axis=1), centre, np.nan)
            deviation = np.sqrt((np.where(seen, lags - centre[:, None], 0.0) ** 2).sum(axis=1) / count)
        spread = np.maximum(deviation, FLATTEST * np.abs(centre))
        return cls(centre, np.where(spread > 0, spread, 1.0))

    def at_most(self, spread: Floats) -> Scale:
        """The same centre, and no more than that spread."""
        return Scale(self.centre, np.minimum(self.spread, spread))

    def apply(self, values: Floats) -> Floats:
        """Values (row, column) as multiples of the spread about the centre."""
        return np.asarray((values - self.centre[:, None]) / self.spread[:, None])

    def undo(self, values: Floats) -> Floats:
        """Values (row, column) as they were."""
        return np.asarray(values * self.spread[:, None] + self.centre[:, None])
