"""One worker, random arrivals, first come first served: how long answers take, by Lindley's recursion."""

from __future__ import annotations

import math

import numpy as np

from harness.arrays import Floats

QUERIES = 20_000  # of a simulation
STEPS = 40  # of the bisection: far finer than the simulation is true


def responses(arrivals: Floats, services: Floats) -> Floats:
    """From arrival to answer of each query, (query,).

    Lindley (1952): W[n+1] = max(0, W[n] + S[n] − A[n+1]), W the wait, S the service, A the time since the
    last arrival. Unrolled, W is how far the sum of S − A lies above its lowest value so far.
    """
    steps = services[:-1] - np.diff(arrivals)
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    return walk - np.minimum.accumulate(walk) + services


def arrival_times(rate: float, count: int, rng: np.random.Generator) -> Floats:
    """Arrivals of a Poisson process, in seconds from its start."""
    return rng.exponential(1 / rate, size=count).cumsum()


def highest_rate(services: Floats, bound: float, seed: int = 0, share: float = 0.99) -> float:
    """The highest rate at which this share of answers comes within the bound; 0 where none is low enough.

    Service times are drawn again from those measured. Each rate sees the same draws, stretched, so that the
    percentile rises with the rate and a bisection finds where it meets the bound.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.choice(np.asarray(services, dtype=float), size=QUERIES)
    unit = arrival_times(1.0, QUERIES, rng)

    def kept(rate: float) -> bool:
        ordered = np.sort(responses(unit / rate, drawn))
        return bool(ordered[math.ceil(share * QUERIES) - 1] <= bound)

    high = 1.0 / float(drawn.mean())  # beyond, the queue grows for ever
    low = high / 1e4
    if not kept(low):
        return 0.0
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low
