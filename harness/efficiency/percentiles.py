"""Percentiles of the times of one process, with distribution-free confidence intervals, and histograms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from harness.arrays import Floats
from harness.efficiency.record import Histogram, Percentile

CONFIDENCE = 0.95
BINS = 60  # of a histogram


def percentile(times: Iterable[float], share: float, confidence: float = CONFIDENCE) -> Percentile:
    """The percentile at `share` by the nearest rank, and its interval from order statistics.

    The number of n independent times below a quantile is binomial, whatever their distribution (David & Nagaraja,
    Order Statistics, 7.1). The interval has no upper end where even the largest time may lie below the quantile: a
    p99 needs 368 times, a p90 36, a p50 6.
    """
    ordered = np.sort(np.fromiter(times, dtype=float))
    low, high = interval_ranks(len(ordered), share, confidence)
    nearest = max(math.ceil(share * len(ordered) - 1e-9), 1)
    return Percentile(
        float(ordered[nearest - 1]),
        float(ordered[max(low, 1) - 1]),
        None if high is None else float(ordered[high - 1]),
    )


def merged_histogram(histograms: Sequence[Histogram]) -> Histogram:
    """One histogram of several: each bin is counted at its middle, on the logarithmic scale."""
    low, high = min(found.low for found in histograms), max(found.high for found in histograms)
    total = sum(sum(found.counts) for found in histograms)
    if not 0 < low < high:
        return Histogram(low, high, (total,))
    middles = [_middles(found) for found in histograms]
    weights = np.concatenate([np.asarray(found.counts) for found in histograms])
    counts, _ = np.histogram(np.concatenate(middles), BINS, (math.log(low), math.log(high)), weights=weights)
    return Histogram(low, high, tuple(int(count) for count in counts))


def _middles(found: Histogram) -> Floats:
    """The logarithms of the middles of its bins, (bin,)."""
    edges = np.linspace(math.log(found.low), math.log(found.high), len(found.counts) + 1)
    return (edges[:-1] + edges[1:]) / 2


def histogram(times: Sequence[float]) -> Histogram:
    """A histogram with bins of equal width on a logarithmic scale, so that a long tail remains visible."""
    low, high = min(times), max(times)
    if not 0 < low < high:
        return Histogram(low, high, (len(times),))
    counts, _ = np.histogram(np.log(times), BINS, (math.log(low), math.log(high)))
    return Histogram(low, high, tuple(counts.tolist()))


@lru_cache(maxsize=1024)
def interval_ranks(count: int, share: float, confidence: float = CONFIDENCE) -> tuple[int, int | None]:
    """The ranks, from 1, of the times that are the ends of a percentile's interval.

    Each side misses with a probability of at most half of 1 − confidence. A low rank of 0: even the smallest time
    may lie above the quantile; a high rank of None: even the largest may lie below.
    """
    from scipy.special import bdtr  # the binomial distribution; scipy.stats takes a second to import

    tail = (1 - confidence) / 2
    cumulative = bdtr(np.arange(count), count, share)  # P(at most k times lie below the quantile), k = 0 … n − 1
    low = int(np.searchsorted(cumulative, tail, side="right"))
    sufficient = np.flatnonzero(cumulative >= 1 - tail - 1e-12)
    return low, int(sufficient[0]) + 1 if len(sufficient) else None
