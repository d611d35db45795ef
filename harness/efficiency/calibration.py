"""Calibration: the time of a fixed workload in Python and NumPy, which shows the machine's current speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from harness.efficiency.circumstances import Calibration

SECONDS = 0.3  # for one calibration
MIN_REPETITIONS, MAX_REPETITIONS = 5, 200
STEPS, SIDE, VALUES = 20_000, 96, 20_000  # chosen so that Python and NumPy take about a millisecond each


def calibration_work() -> Callable[[], float]:
    """The fixed workload: a Python loop, matrix products and exponentials."""
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
    """Measure the median time of the workload now, and its p90."""
    work, times = calibration_work(), list[float]()
    work()
    begin = time.perf_counter()
    while len(times) < MIN_REPETITIONS or (time.perf_counter() - begin < seconds and len(times) < MAX_REPETITIONS):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    times.sort()
    return Calibration(moment, statistics.median(times), times[int(0.9 * (len(times) - 1))], len(times))
