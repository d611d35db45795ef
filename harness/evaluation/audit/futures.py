"""Windows with another future: all that is not known at a cutoff replaced by noise or by missing values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.arrays import Bools, Floats, Ints
from harness.data.panel import Panel
from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Windows

NOISE = 10.0  # standard deviation, relative to the largest value of a series


@dataclass(frozen=True, eq=False)
class Pair:
    """The same call with the true future and with another one; a forecast is None where the whole call failed."""

    windows: Windows
    other: Windows
    ends: Ints  # (series,) the rows whose values are the same in both
    replacement: str
    second: Forecast | None
    first: Forecast | None = None
    may_fail: bool = True  # with the other future, since histories of other windows were replaced, too

    @property
    def compared(self) -> Bools:
        """The windows whose own histories are the same in both, (window,)."""
        return self.windows.cutoffs <= self.ends[self.windows.series]


def on_their_series(windows: Windows, positions: Ints) -> Windows:
    """Some of the windows, over a panel that holds their series only."""
    panel, part = windows.panel, windows.take(positions)
    series = np.unique(part.series)
    ends = np.zeros(len(panel), dtype=np.int64)
    ends[series] = panel.lengths[series]
    small = panel.between(np.zeros_like(ends), ends)
    assert small is not None
    return replace(part, panel=small, series=np.searchsorted(series, part.series))


def with_other_future(windows: Windows, ends: Ints, rng: np.random.Generator | None) -> Windows:
    """The same windows over a panel in which all that is unknown after `ends` rows of a series is noise.

    `ends` (series,); of a series with −1, all values are replaced. Without an rng they are missing. The noise of a
    categorical channel consists of its categories. Unknown are later
    values, the last ones of a channel with a delay, and later vintages. Known covariates without vintages stay.
    """
    panel = windows.panel
    rows = np.arange(len(panel.values)) - np.repeat(panel.offsets[:-1], panel.lengths)
    limits = np.repeat(ends, panel.lengths)
    values, sizes = panel.values.copy(), _sizes(panel)
    for column, channel in enumerate(panel.channels):
        if channel.role != "known covariate" or channel.name in panel.vintages:
            unknown = rows >= limits - panel.delays.get(column, 0)
            if channel.categories and rng is not None:
                values[unknown, column] = rng.integers(len(channel.categories), size=int(unknown.sum()))
            else:
                values[unknown, column] = _replacements(unknown, sizes[:, column], panel, rng)
    return replace(windows, panel=_with_other_vintages(panel.with_values(values), ends, rng))


def _sizes(panel: Panel) -> Floats:
    """The largest absolute value of each series, and one more, (series, channel)."""
    largest = np.fmax.reduceat(np.abs(panel.values), panel.offsets[:-1], axis=0)
    return np.where(np.isnan(largest), 0.0, largest) + 1.0


def _replacements(unknown: Bools, sizes: Floats, panel: Panel, rng: np.random.Generator | None) -> Floats | float:
    """Noise for the unknown rows of a channel, by the sizes of its series; NaN without an rng."""
    if rng is None:
        return np.nan
    noise = rng.standard_normal(int(unknown.sum()))
    noise *= NOISE * np.repeat(sizes, np.add.reduceat(unknown, panel.offsets[:-1], dtype=np.int64))
    return noise


def _with_other_vintages(panel: Panel, ends: Ints, rng: np.random.Generator | None) -> Panel:
    """The panel with noise, or missing values, in the vintages issued after `ends`, (series,)."""
    others = {}
    for name, vintages in panel.vintages.items():
        later, values = vintages.issued > ends[vintages.series], vintages.values.copy()
        size = float(np.nanmax(np.abs(values), initial=0.0)) + 1.0
        values[later] = np.nan if rng is None else rng.normal(0.0, NOISE * size, values[later].shape)
        others[name] = replace(vintages, values=values)
    return panel.with_vintages(others) if others else panel
