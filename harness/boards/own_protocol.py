"""The protocol, the metric and the baseline that suit data of which only the horizon is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.arrays import Ints
from harness.data.panel import Panel
from harness.data.tables.frequencies import seasons_of
from harness.data.tables.series_statistics import intermittent_share
from harness.errors import BadTask

MOST_WINDOWS = 10  # a series
LEAST_CONTEXT = 8  # observations before the first cutoff, or two seasons
LEVELS = (0.1, 0.5, 0.9)  # quantile levels, whose interval should have 80 % of the actuals


@dataclass(frozen=True)
class BoardRequest:
    """What a board of a file should be like; what is None is chosen by the data."""

    horizon: int  # steps
    windows: int | None = None  # a series
    metric: str | None = None
    quantile_levels: tuple[float, ...] | None = None
    name: str | None = None
    forecasters: tuple[str, ...] = ()  # beside the usual ones


@dataclass(frozen=True)
class OwnProtocol:
    """How data is evaluated, and why."""

    windows: int  # a series
    metric: str
    baseline: str
    quantile_levels: tuple[float, ...]
    is_categorical: bool
    is_intermittent: bool  # whether more than half of the series have many zeros
    reasons: tuple[str, ...]


def own_protocol(panel: Panel, request: BoardRequest) -> OwnProtocol:
    """How a panel is evaluated; raises BadTask where there is too little data for the horizon."""
    season, reasons = panel.season_length, list[str]()
    windows = request.windows or _windows(panel.lengths, request.horizon, season, reasons)
    is_categorical = panel.channels[panel.targets[0]].categories is not None
    is_intermittent = not is_categorical and _is_intermittent(panel)
    metric = request.metric or _metric(is_categorical, is_intermittent, reasons)
    baseline = "majority-class" if is_categorical else "seasonal-naive" if season > 1 else "naive"
    levels = () if is_categorical else LEVELS if request.quantile_levels is None else request.quantile_levels
    return OwnProtocol(windows, metric, baseline, levels, is_categorical, is_intermittent, tuple(reasons))


def _windows(lengths: Ints, horizon: int, season: int, reasons: list[str]) -> int:
    """As many windows as half of the series have room for after the least context, at most ten."""
    least = max(2 * season, LEAST_CONTEXT)
    room = int(np.median(lengths))
    windows = min(MOST_WINDOWS, (room - least) // horizon)
    if windows < 1:
        least = max(season + 1, 2)
        windows = min(1, (room - least) // horizon)
    if windows < 1:
        raise BadTask(
            f"a horizon of {horizon:,} steps needs series of at least {horizon + least:,} observations, {least:,} of "
            f"them before the first cutoff, and half of the series have fewer than {room + 1:,}; shorten the horizon"
        )
    left = int((lengths < least + windows * horizon).sum())
    why = "the most that are used by default" if windows == MOST_WINDOWS else f"after at least {least:,} observations"
    count = "1 window" if windows == 1 else f"{windows} windows"
    reasons.append(f"{count} of {horizon:,} steps at the end of each series: {why}")
    if left:
        reasons.append(f"{left:,} of {len(lengths):,} series are shorter, and have fewer windows")
    return windows


def _is_intermittent(panel: Panel) -> bool:
    """Whether more than half of the series have intermittent demand."""
    seasons = seasons_of(panel.freq, panel.season_length)
    shares = [intermittent_share(panel.values[:, i], panel.offsets, seasons) for i in panel.targets]
    return bool(np.mean(shares) > 0.5)


def _metric(is_categorical: bool, is_intermittent: bool, reasons: list[str]) -> str:
    """Log loss of classes, RMSSE where most series are intermittent, else MASE."""
    if is_categorical:
        reasons.append("log loss, a proper scoring rule for probabilities of classes")
        return "log loss"
    if is_intermittent:
        reasons.append("RMSSE, which the mean minimises: most series are intermittent, and their median may be 0")
        return "RMSSE"
    reasons.append("MASE, the absolute error relative to that of the naive method in the history of each series")
    return "MASE"
