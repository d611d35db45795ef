"""How fast the machine is at this moment: fixed work in Python and NumPy, timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from harness.efficiency.record import Calibration

SECONDS = 0.3  # for one calibration
FEWEST, MOST = 5, 200
STEPS, SIDE, VALUES = 20_000, 96, 20_000  # chosen so that Python and NumPy take about a millisecond each


def calibration_work() -> Callable[[], float]:
    """The work: a loop of Python, products of matrices, and exponentials, always the same."""
    rng = np.random.default_rng(0)
    matrix, values = rng.normal(size=(SIDE, SIDE)), rng.normal(size=VALUES)

    def work() -> float:
        total = 0
        for step in range(STEPS):
            total += step & 7
        product = matrix
        for _ in range(4):
            product = np.tanh(product @ matrix)
        return total + float(product.sum()) + float(np.exp(values).sum())

    return work


def calibrate(moment: str, seconds: float = SECONDS) -> Calibration:
    """The work's median time now, and its p90."""
    work, times = calibration_work(), list[float]()
    work()
    begin = time.perf_counter()
    while len(times) < FEWEST or (time.perf_counter() - begin < seconds and len(times) < MOST):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    times.sort()
    return Calibration(moment, statistics.median(times), times[int(0.9 * (len(times) - 1))], len(times))
