"""Percentiles of measured times, with intervals that assume nothing of how the times are distributed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from harness.efficiency.record import Histogram, Percentile

CONFIDENCE = 0.95
BINS = 60  # of a histogram


def percentile(times: Iterable[float], share: float, confidence: float = CONFIDENCE) -> Percentile:
    """The time that this share of the times did not exceed (nearest rank), and its interval.

    The k-th smallest of n independent times lies below the quantile with a probability that is binomial,
    whatever their distribution (David & Nagaraja, Order Statistics, 7.1). The interval is open above where
    even the largest of them may lie below the quantile: a p99 needs 368 times, a p90 36, a p50 6.
    """
    ordered = np.sort(np.fromiter(times, dtype=float))
    low, high = ranks(len(ordered), share, confidence)
    middle = max(math.ceil(share * len(ordered) - 1e-9), 1)
    return Percentile(
        float(ordered[middle - 1]),
        float(ordered[max(low, 1) - 1]),
        None if high is None else float(ordered[high - 1]),
    )


def histogram(times: Sequence[float]) -> Histogram:
    """The times in bins, even in their logarithms: a tail of a hundred times the median shows as well as it."""
    low, high = min(times), max(times)
    if not 0 < low < high:
        return Histogram(low, high, (len(times),))
    counts, _ = np.histogram(np.log(times), BINS, (math.log(low), math.log(high)))
    return Histogram(low, high, tuple(counts.tolist()))


@lru_cache(maxsize=1024)
def ranks(count: int, share: float, confidence: float = CONFIDENCE) -> tuple[int, int | None]:
    """Which of the times in their order are the ends of the interval, counted from 1.

    Each side misses with at most half of what confidence leaves. A low rank of 0 says that even the
    smallest may lie above; a high one of None that even the largest may lie below.
    """
    from scipy.stats import binom

    side = (1 - confidence) / 2
    below = binom.cdf(np.arange(count), count, share)  # P(at most k times lie below the quantile), k = 0 … n − 1
    low = int(np.searchsorted(below, side, side="right"))
    enough = np.flatnonzero(below >= 1 - side - 1e-12)
    return low, int(enough[0]) + 1 if len(enough) else None
