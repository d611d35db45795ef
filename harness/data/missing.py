"""Imputation of missing values, for each cutoff from earlier values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.arrays import Bools, Floats, Ints
from harness.data.panel import Panel
from harness.errors import BadInput

Missing = Literal["native", "ffill", "interpolate", "seasonal"]
FILLINGS: tuple[Missing, ...] = ("native", "ffill", "interpolate", "seasonal")


def fill(panel: Panel, missing: Missing, season_length: int) -> Panel:
    """A panel with missing values filled, from all of its values; for data that ends at a cutoff.

    - `ffill`: the last value observed;
    - `interpolate`: linear interpolation, and the last value at the end;
    - `seasonal`: the value one season earlier, or else the last value observed.

    Values before the first observation become equal to it. A channel without observations stays missing.
    """
    if missing not in FILLINGS:
        raise BadInput(f"missing is one of {', '.join(FILLINGS)}, not {missing!r}")
    if missing == "native" or panel.complete:
        return panel
    values = panel.values.copy()
    for first, last in zip(panel.offsets[:-1], panel.offsets[1:], strict=True):
        for channel in range(values.shape[1]):
            _fill_series(values[first:last, channel], missing, season_length)
    return panel.with_values(values)


def _fill_series(series: Floats, missing: Missing, season_length: int) -> None:
    gaps = np.isnan(series)
    if not gaps.any() or gaps.all():
        return
    if missing == "seasonal":
        for t in np.flatnonzero(gaps):
            series[t] = series[t - season_length] if t >= season_length else np.nan
        gaps = np.isnan(series)
    observed = np.flatnonzero(~gaps)
    at = np.flatnonzero(gaps)
    if missing == "interpolate":
        series[at] = np.interp(at, observed, series[observed])
    else:
        series[at] = series[observed[np.maximum(np.searchsorted(observed, at) - 1, 0)]]


@dataclass(frozen=True, eq=False)
class Filled:
    """Filled values of a panel, corrected for each cutoff so that they do not depend on later values.

    A filled value depends on later ones inside an interpolated gap and before a series' first observation; `correct`
    replaces those.
    """

    values: Floats  # (observation, channel), filled from all values
    carried: Floats  # (observation, channel), the last observed value; NaN before the first
    observed: Ints  # (observation, channel), the row of that value; −1 before the first

    def correct(self, past: Floats, ends: Ints, channels: tuple[int, ...]) -> Floats:
        """`past` (window, length, channel), the rows before `ends`, as they would be filled at that cutoff."""
        columns = list(channels)
        latest = self.observed[ends - 1][:, columns]  # (window, channel)
        rows = ends[:, None] + np.arange(-past.shape[1], 0)  # (window, length)
        after = rows[:, :, None] > latest[:, None, :]
        if not after.any():
            return past
        value = self.carried[ends - 1][:, columns]
        return np.where(after & ~np.isnan(past), value[:, None, :], past)


@dataclass(frozen=True, eq=False)
class CausallyFilled(Filled):
    """Values filled from earlier ones only, except before the first observation; only those are corrected."""

    def correct(self, past: Floats, ends: Ints, channels: tuple[int, ...]) -> Floats:
        """`past` (window, length, channel), the rows before `ends`, missing before the first observation."""
        unobserved = self.observed[ends - 1][:, list(channels)] < 0
        return np.where(unobserved[:, None, :], np.nan, past) if unobserved.any() else past


def fill_for_cutoffs(panel: Panel, missing: Missing, season_length: int) -> Filled:
    """The filled values of a panel for all cutoffs."""
    filled = fill(panel, missing, season_length).values
    rows = np.arange(len(panel.values))[:, None]
    present: Bools = ~np.isnan(panel.values)
    firsts = np.repeat(panel.offsets[:-1], panel.lengths)[:, None]
    observed = np.maximum.accumulate(np.where(present, rows, -1), axis=0)
    observed = np.where(observed < firsts, -1, observed)
    carried = np.where(observed >= 0, np.take_along_axis(panel.values, np.maximum(observed, 0), axis=0), np.nan)
    kind = Filled if missing == "interpolate" else CausallyFilled
    return kind(filled, carried, observed)
