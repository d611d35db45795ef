"""Floors: the least that a task can cost, as plain vectorised NumPy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MORE = 3  # times as many rounds before a ratio counts as worse


@dataclass(frozen=True)
class Comparison:
    """CPU seconds of two actions that ran in turn."""

    ours: float
    floor: float
    ratio: float  # the median of the pairs' ratios
    again: Callable[[], Comparison] | None = None  # the same in more rounds, for who doubts it


def compare(
    ours: Callable[[], object],
    floor: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
) -> Comparison:
    """Both in turn, after a warm-up: medians of CPU time, and of the ratio pair by pair."""
    ours(), floor()
    pairs = [(_spent(ours, clock), _spent(floor, clock)) for _ in range(rounds)]
    return Comparison(
        statistics.median(one for one, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(one / other for one, other in pairs),
        lambda: compare(ours, floor, MORE * rounds, clock),
    )


def _spent(action: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    action()
    return clock() - start


def seasonal_naive_scores(
    values: np.ndarray, offsets: np.ndarray, windows: int, stride: int, horizon: int, season: int
) -> dict[str, tuple[np.ndarray, float]]:
    """MAE, RMSE, MASE and sMAPE of seasonal naive at the last `windows` cutoffs of every series.

    `values` are the series end to end; every series is long enough. By window and overall.
    """
    lengths = np.diff(offsets)
    cutoffs = (lengths - horizon)[:, None] - stride * np.arange(windows)[::-1]
    starts = (offsets[:-1, None] + cutoffs).ravel()
    actual = sliding_window_view(values, horizon)[starts]
    last = sliding_window_view(values, season)[starts - season]
    forecast = np.tile(last, (1, -(-horizon // season)))[:, :horizon]
    error = forecast - actual
    absolute = np.abs(error)
    steps = np.abs(values[season:] - values[:-season])
    total = np.concatenate([[0.0], np.cumsum(steps)])
    firsts = np.repeat(offsets[:-1], windows)
    scale = (total[starts - season] - total[firsts]) / (starts - firsts - season)
    mae = absolute.mean(axis=1)
    mse = (error * error).mean(axis=1)
    smape = (200 * absolute / (np.abs(actual) + np.abs(forecast))).mean(axis=1)
    mase = mae / scale
    return {
        "MAE": (mae, float(mae.mean())),
        "RMSE": (np.sqrt(mse), float(np.sqrt(mse.mean()))),
        "MASE": (mase, float(mase.mean())),
        "sMAPE": (smape, float(smape.mean())),
    }
