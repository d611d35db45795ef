"""Training windows for free runs: parts of series without missing values, scaled, as columns of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from harness import Floats, Ints, Panel
from harness_models.pasts import evenly_spaced

SCALES = ("panel", "window", "none")
CANDIDATES = 1024  # windows from which diverse ones are selected
COMPARED = 100  # values of each window that are compared


@dataclass(frozen=True)
class Scale:
    """Location and spread of values: of the training panel, of each window's own past, or 0 and 1 for "none"."""

    location: float
    spread: float
    deviations: float  # standard deviations that are scaled to one
    by_window: bool

    @classmethod
    def of(cls, panel: Panel, deviations: float, kind: str) -> Scale:
        """The scale of a panel's targets."""
        if kind == "none":
            return cls(0.0, 1.0, deviations, by_window=False)
        values = panel.target_values
        spread = deviations * float(np.nanstd(values)) or 1.0
        return cls(float(np.nanmean(values)), spread, deviations, kind == "window")

    def of_past(self, past: Floats) -> tuple[Floats, Floats]:
        """Location and spread of each column of a past (step, window)."""
        if not self.by_window:
            return np.full(past.shape[1], self.location), np.full(past.shape[1], self.spread)
        location, spread = past.mean(axis=0), self.deviations * past.std(axis=0)
        spread = np.maximum(spread, 1e-3 * np.abs(location))  # for flat pasts
        return location, np.where(spread > 0, spread, 1.0)


@dataclass(frozen=True, eq=False)
class TrainingWindows:
    """The windows of a panel's targets, each target separately: a warm-up, and steps ahead."""

    values: Floats  # (observation,), series after series, target after target
    lengths: Ints  # of these
    warm_up: int
    scale: Scale

    @classmethod
    def of(cls, panel: Panel, warm_up: int, scale: Scale) -> TrainingWindows:
        """The windows of a panel; values are not copied if it has one target."""
        values = np.ascontiguousarray(panel.target_values.T).ravel()
        return cls(values, np.tile(panel.lengths, len(panel.targets)), warm_up, scale)

    @property
    def runs(self) -> Ints:
        """The lengths of the longest parts of series without missing values."""
        missing = np.flatnonzero(np.isnan(self.values))
        edges = np.unique(np.concatenate([[0], np.cumsum(self.lengths), missing, missing + 1]))
        return np.diff(edges)[~np.isin(edges[:-1], missing)]

    def starts(self, ahead: int, held_out: int = 0) -> Ints:
        """The starts of windows with so many steps after the warm-up and without missing values.

        Windows do not include the last `held_out` values of each series.
        """
        length = self.warm_up + ahead
        ends = np.cumsum(self.lengths)
        counts = np.maximum(self.lengths - held_out - length + 1, 0)
        starts = np.repeat(ends - self.lengths, counts) + np.arange(counts.sum())
        starts -= np.repeat(np.cumsum(counts) - counts, counts)
        missing = np.concatenate([[0], np.cumsum(np.isnan(self.values))])
        return np.asarray(starts[missing[starts + length] == missing[starts]])

    def late_starts(self, ahead: int, held_out: int) -> Ints:
        """The starts of windows whose forecasts begin in the last `held_out` values of their series."""
        starts, ends = self.starts(ahead), np.cumsum(self.lengths)
        end = ends[np.searchsorted(ends, starts, side="right")]
        return starts[starts + self.warm_up >= end - held_out]

    def take(self, starts: Ints, ahead: int) -> Any:
        """The windows with these starts, scaled, (warm-up + ahead, window)."""
        length = self.warm_up + ahead
        windows = sliding_window_view(self.values, length)[starts].T
        location, spread = self.scale.of_past(windows[: self.warm_up])
        return torch.from_numpy(np.ascontiguousarray((windows - location) / spread))

    def diverse(self, starts: Ints, ahead: int, count: int) -> Any:
        """Diverse windows, as `take` returns them: the largest one, then repeatedly the one farthest from all others.

        They cover the extremes of amplitudes and phases, which random windows do not.
        """
        waves = self.take(evenly_spaced(starts, CANDIDATES), ahead)
        points = waves[:: -(-len(waves) // COMPARED)].T.numpy()
        chosen = [int(np.argmax((points**2).sum(axis=1)))]
        distances = ((points - points[chosen[0]]) ** 2).sum(axis=1)
        while len(chosen) < min(count, len(points)):
            chosen.append(int(np.argmax(distances)))
            distances = np.minimum(distances, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        return waves[:, chosen].contiguous()


def backfill(past: Floats) -> Floats:
    """The past (step, column), with values before a column's first observation filled by it."""
    missing = np.isnan(past)
    if not missing[0].any():
        return past
    first = np.argmin(missing, axis=0)
    before = np.arange(len(past))[:, None] < first
    return np.where(before, past[first, np.arange(past.shape[1])], past)
