"""Training windows for free runs: stretches of series without gaps, scaled, as columns of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from harness import Floats, Ints, Panel

SCALES = ("panel", "window")
CANDIDATES = 1024  # windows that are looked at to find those that cover the data
COMPARED = 100  # values of each that are compared


@dataclass(frozen=True)
class Scale:
    """Where values lie and how far apart: in the training panel, or in each window's own past."""

    centre: float
    spread: float
    deviations: float  # taken as one
    by_window: bool

    @classmethod
    def of(cls, panel: Panel, deviations: float, kind: str) -> Scale:
        """What the targets of a panel say."""
        values = panel.target_values
        spread = deviations * float(np.nanstd(values)) or 1.0
        return cls(float(np.nanmean(values)), spread, deviations, kind == "window")

    def of_past(self, past: Floats) -> tuple[Floats, Floats]:
        """Centre and spread of each column of a past (step, window)."""
        if not self.by_window:
            return np.full(past.shape[1], self.centre), np.full(past.shape[1], self.spread)
        centre, spread = past.mean(axis=0), self.deviations * past.std(axis=0)
        spread = np.maximum(spread, 1e-3 * np.abs(centre))  # flat pasts would be blown up beyond all others
        return centre, np.where(spread > 0, spread, 1.0)


@dataclass(frozen=True, eq=False)
class Cuts:
    """The windows of a warm-up and some steps ahead in a panel's targets, each target by itself."""

    values: Floats  # (observation,), series after series, target after target
    lengths: Ints  # of these
    warm_up: int
    scale: Scale

    @classmethod
    def of(cls, panel: Panel, warm_up: int, scale: Scale) -> Cuts:
        """Of a panel; nothing is copied where it has one target."""
        values = np.ascontiguousarray(panel.target_values.T).ravel()
        return cls(values, np.tile(panel.lengths, len(panel.targets)), warm_up, scale)

    def starts(self, ahead: int, held_out: int = 0) -> Ints:
        """Where windows begin that go so many steps beyond the warm-up, none of them missing.

        Windows keep clear of the last `held_out` values of each series.
        """
        length = self.warm_up + ahead
        ends = np.cumsum(self.lengths)
        counts = np.maximum(self.lengths - held_out - length + 1, 0)
        starts = np.repeat(ends - self.lengths, counts) + np.arange(counts.sum())
        starts -= np.repeat(np.cumsum(counts) - counts, counts)
        missing = np.concatenate([[0], np.cumsum(np.isnan(self.values))])
        return np.asarray(starts[missing[starts + length] == missing[starts]])

    def late_starts(self, ahead: int, held_out: int) -> Ints:
        """Where windows begin that are forecast within the last `held_out` values of their series."""
        starts, ends = self.starts(ahead), np.cumsum(self.lengths)
        end = ends[np.searchsorted(ends, starts, side="right")]
        return starts[starts + self.warm_up >= end - held_out]

    def cut(self, starts: Ints, ahead: int) -> Any:
        """Those windows, scaled, (warm-up + ahead, window)."""
        length = self.warm_up + ahead
        windows = sliding_window_view(self.values, length)[starts].T
        centre, spread = self.scale.of_past(windows[: self.warm_up])
        return torch.from_numpy(np.ascontiguousarray((windows - centre) / spread))

    def covering(self, starts: Ints, ahead: int, count: int) -> Any:
        """Windows as unlike each other as can be, as `cut` gives them: the largest, then ever the farthest.

        Chosen so they reach both ends of every amplitude and phase, which windows drawn at random do not.
        """
        waves = self.cut(spread_over(starts, CANDIDATES), ahead)
        points = waves[:: -(-len(waves) // COMPARED)].T.numpy()
        chosen = [int(np.argmax((points**2).sum(axis=1)))]
        distances = ((points - points[chosen[0]]) ** 2).sum(axis=1)
        while len(chosen) < min(count, len(points)):
            chosen.append(int(np.argmax(distances)))
            distances = np.minimum(distances, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        return waves[:, chosen].contiguous()


def spread_over(values: Ints, count: int) -> Ints:
    """At most `count` of the values, evenly spaced from the first to the last."""
    return values[np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(np.int64))]
