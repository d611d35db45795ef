"""Estimates from repetitions in several runs, with intervals that cover the variation between them.

Calls in one process share its state: memory layout, caches, frequency of the core, neighbours on the machine. Times of
calls are therefore not independent, and an interval from the calls of one process covers only this process. Repeated
processes are the units of observation instead (Georges, Buytaert & Eeckhout 2007; Kalibera & Jones 2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """The geometric mean of repetitions, and the ends of its 95 % interval; None where a single one gives none."""

    value: float
    low: float | None = None
    high: float | None = None


def estimate(runs: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> Estimate:
    """The geometric mean of positive values of repetitions, grouped by run, and its t interval on the log scale.

    Times are positive and skewed, and causes of variation multiply them, so that their logarithms are close to normal.

    Repetitions of one run resemble each other more than those of different runs. The variance of the mean therefore has
    the components within and between runs, by the analysis of variance of a one-way layout with groups of any size
    (Searle, Casella & McCulloch 1992); that between runs counts where its mean square is the larger one. The degrees of
    freedom are Satterthwaite's (1946), and at least those of one of the two. With one run this is the ordinary t
    interval. Where a value is 0, so is the mean, and there is no interval.
    """
    values = [value for run in runs for value in run]
    if len(values) == 1:
        return Estimate(values[0])
    if min(values) <= 0:
        return Estimate(0.0)
    logs = [np.log(np.asarray(run, dtype=float)) for run in runs if len(run)]
    mean, count = float(np.concatenate(logs).mean()), len(values)
    within, between = _mean_squares(logs)
    runs_freedom, freedom = len(logs) - 1, count - len(logs)
    if not freedom:  # one repetition in each run
        variance, degrees = between, float(runs_freedom)
    elif between <= within:
        variance, degrees = within, float(freedom)
    else:
        share = _share_between([len(run) for run in logs])
        variance = share * between + (1 - share) * within
        degrees = variance**2 / ((share * between) ** 2 / runs_freedom + ((1 - share) * within) ** 2 / freedom)
        degrees = max(degrees, min(runs_freedom, freedom))  # a negative weight within can lead below both
    half = _t_quantile((1 + confidence) / 2, degrees) * math.sqrt(variance / count)
    return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


def runs_differ(runs: Sequence[Sequence[float]]) -> bool:
    """Whether positive values vary more between runs than within them, so that `estimate` includes both.

    Unknown, and false, where there is one run or where each run has one value.
    """
    logs = [np.log(np.asarray(run, dtype=float)) for run in runs if len(run)]
    if len(logs) < 2 or sum(map(len, logs)) == len(logs):
        return False
    within, between = _mean_squares(logs)
    return between > within


def _mean_squares(logs: Sequence[np.ndarray]) -> tuple[float, float]:
    """The mean squares within runs and between them; those within are 0 where each run has one repetition."""
    every = np.concatenate(logs)
    freedom, runs_freedom = len(every) - len(logs), len(logs) - 1
    within = sum(float(((run - run.mean()) ** 2).sum()) for run in logs)
    between = sum(len(run) * float((run.mean() - every.mean()) ** 2) for run in logs)
    return (within / freedom if freedom else 0.0), (between / runs_freedom if runs_freedom else 0.0)


def _share_between(sizes: Sequence[int]) -> float:
    """The weight of the mean square between runs in the variance of the mean, times its count.

    It is 1 where all runs have the same size; that of the mean square within runs is the rest.
    """
    count, squares = sum(sizes), sum(size**2 for size in sizes)
    effective = (count - squares / count) / (len(sizes) - 1)  # the size of a run in the expected mean square between
    return squares / (count * effective)


def _t_quantile(share: float, degrees: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, share))
