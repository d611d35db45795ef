"""A queue with one server and random arrivals, first come first served: response times by Lindley's recursion."""

from __future__ import annotations

import math

import numpy as np

from harness.arrays import Floats

QUERIES = 20_000  # of a simulation
STEPS = 40  # of the bisection: far finer than the simulation is accurate


def response_times(arrivals: Floats, services: Floats) -> Floats:
    """The time from arrival to answer of each query, (query,).

    Lindley (1952): W[n+1] = max(0, W[n] + S[n] − A[n+1]), with waiting time W, service time S and interarrival time
    A. Unrolled, W is the cumulative sum of S − A minus its running minimum.
    """
    steps = services[:-1] - np.diff(arrivals)
    walk = np.concatenate([[0.0], np.cumsum(steps)])
    return walk - np.minimum.accumulate(walk) + services


def arrival_times(rate: float, count: int, rng: np.random.Generator) -> Floats:
    """Arrivals of a Poisson process, in seconds from its start."""
    return rng.exponential(1 / rate, size=count).cumsum()


def highest_rate(services: Floats, bound: float, seed: int = 0, share: float = 0.99) -> float:
    """The highest arrival rate at which this share of response times is within the bound; 0 where there is none.

    Service times are resampled from the measured ones. Each rate uses the same random numbers, scaled, so that the
    percentile rises with the rate and a bisection finds where it meets the bound.
    """
    rng = np.random.default_rng(seed)
    service_times = rng.choice(np.asarray(services, dtype=float), size=QUERIES)
    unit = arrival_times(1.0, QUERIES, rng)

    def within_bound(rate: float) -> bool:
        ordered = np.sort(response_times(unit / rate, service_times))
        return bool(ordered[math.ceil(share * QUERIES) - 1] <= bound)

    high = 1.0 / float(service_times.mean())  # at a higher rate, the queue grows without limit
    low = high / 1e4
    if not within_bound(low):
        return 0.0
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if within_bound(middle) else (low, middle)
    return low
