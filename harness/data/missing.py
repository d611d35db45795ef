"""Imputation of missing values, for each cutoff from earlier values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from harness.arrays import Bools, Floats, Ints
from harness.data.panel import Panel
from harness.errors import BadData, BadInput

Missing = Literal["native", "ffill", "interpolate", "seasonal"]
FILLINGS: tuple[Missing, ...] = ("native", "ffill", "interpolate", "seasonal")


def fill(panel: Panel, missing: Missing, season_length: int) -> Panel:
    """A panel with missing values filled, from all of its values; for data that ends at a cutoff.

    - `ffill`: the last value observed;
    - `interpolate`: linear interpolation, and the last value at the end; of categorical channels as `ffill`;
    - `seasonal`: the value one season earlier, or else the last value observed.

    Values before the first observation become equal to it. A channel without observations stays missing. The last
    values of a channel with a delay are not known at the end: whatever the filling, they become equal to the last value
    that is.
    """
    if missing not in FILLINGS:
        raise BadInput(f"missing is one of {', '.join(FILLINGS)}, not {missing!r}")
    if missing == "native" or (panel.complete and not panel.delays):
        return panel
    values = panel.values.copy()
    for first, last in zip(panel.offsets[:-1], panel.offsets[1:], strict=True):
        for channel in range(values.shape[1]):
            known = max(first, last - panel.delays.get(channel, 0))
            carry = missing == "interpolate" and panel.channels[channel].categories is not None
            _fill_series(values[first:known, channel], "ffill" if carry else missing, season_length)
            values[known:last, channel] = values[known - 1, channel] if known > first else np.nan
    return panel.with_values(values)


def known_at_end(panel: Panel) -> Panel:
    """The panel as it is known at the end of each series: the last values of a channel with a delay are missing."""
    if not panel.delays:
        return panel
    values = panel.values.copy()
    to_end = np.repeat(panel.offsets[1:], panel.lengths) - np.arange(len(values))  # 1 in the last row of a series
    for channel, delay in panel.delays.items():
        values[to_end <= delay, channel] = np.nan
    return panel.with_values(values)


def check_delays(panel: Panel) -> None:
    """Raise BadData for a delay that is as long as the longest series."""
    longest = int(panel.lengths.max())
    for channel, delay in panel.delays.items():
        if delay >= longest:
            raise BadData(
                f"delay {delay} of channel {panel.channels[channel].name!r} hides all of its values: the longest "
                f"series has {longest} observations; correct the delay or leave the channel out"
            )


def with_delays(past: Floats, channels: tuple[int, ...], delays: Mapping[int, int]) -> Floats:
    """`past` (window, length, channel), the rows before a cutoff, without the values that are not known yet.

    `channels` are the channels on the last axis; a copy where one of them has a delay.
    """
    if not any(channel in delays for channel in channels):
        return past
    past = past.copy()
    for column, channel in enumerate(channels):
        if channel in delays:
            past[:, max(past.shape[1] - delays[channel], 0) :, column] = np.nan
    return past


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
    replaces those, and the last values of a channel with a delay.
    """

    values: Floats  # (observation, channel), filled from all values
    carried: Floats  # (observation, channel), the last observed value; NaN before the first
    observed: Ints  # (observation, channel), the row of that value; −1 before the first
    delays: Mapping[int, int] = field(default_factory=dict)  # by channel

    def correct(self, past: Floats, firsts: Ints, ends: Ints, channels: tuple[int, ...]) -> Floats:
        """`past` (window, length, channel), the rows before `ends`, as they would be filled at that cutoff.

        `firsts` are the first rows of each window's series.
        """
        corrected = self._correct(past, ends, ends, channels)
        if not any(channel in self.delays for channel in channels):
            return corrected
        corrected = corrected.copy()
        for column, channel in enumerate(channels):
            if channel in self.delays:
                corrected[:, :, column] = self._correct_delayed(past[:, :, column], firsts, ends, channel)
        return corrected

    def _correct_delayed(self, past: Floats, firsts: Ints, ends: Ints, channel: int) -> Floats:
        """The same for a channel with a delay: `past` (window, length) as it is filled from what is known."""
        known = np.maximum(ends - self.delays[channel], firsts)  # rows before it are known
        unobserved = (known == firsts) | (self.observed[known - 1, channel] < 0)
        last = np.where(unobserved, np.nan, self._last_values(known - 1, channel))
        rows = ends[:, None] + np.arange(-past.shape[1], 0)  # (window, length)
        unknown = unobserved[:, None] | ((rows >= known[:, None]) & ~np.isnan(past))
        return np.where(unknown, last[:, None], self._correct(past[:, :, None], ends, known, (channel,))[:, :, 0])

    def _last_values(self, rows: Ints, channel: int) -> Floats:
        """The values of a channel in these rows, as they are filled where they are the last ones."""
        return np.asarray(self.carried[rows, channel])

    def _correct(self, past: Floats, ends: Ints, known: Ints, channels: tuple[int, ...]) -> Floats:
        """`past`, the rows before `ends`, as they are filled from the rows before `known`."""
        columns = list(channels)
        latest = self.observed[known - 1][:, columns]  # (window, channel)
        rows = ends[:, None] + np.arange(-past.shape[1], 0)  # (window, length)
        after = rows[:, :, None] > latest[:, None, :]
        if not after.any():
            return past
        value = self.carried[known - 1][:, columns]
        return np.where(after & ~np.isnan(past), value[:, None, :], past)


@dataclass(frozen=True, eq=False)
class CausallyFilled(Filled):
    """Values filled from earlier ones only, except before the first observation; only those are corrected."""

    def _last_values(self, rows: Ints, channel: int) -> Floats:
        return np.asarray(self.values[rows, channel])

    def _correct(self, past: Floats, ends: Ints, known: Ints, channels: tuple[int, ...]) -> Floats:
        unobserved = self.observed[known - 1][:, list(channels)] < 0
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
    return kind(filled, carried, observed, panel.delays)
