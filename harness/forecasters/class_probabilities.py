"""Probabilities of classes as models give them → probabilities that add up to 1."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.arrays import Bools, Floats
from harness.data.channel import Channel
from harness.data.classes import target_categories
from harness.forecasters.forecast import Forecast

TOLERANCE = 1e-4  # by which the probabilities of a step may add up to less or more than 1: more than float32 rounds
ROUNDING = 1e-12  # sums that differ from 1 by no more are left as they are

Problem = tuple[str, str]  # what is wrong with a window, and at which step


def conformed_probabilities(forecast: Forecast, channels: Iterable[Channel]) -> tuple[Forecast, dict[int, Problem]]:
    """The forecast with probabilities that add up to 1, and by window what cannot be mended.

    Sums that differ from 1 by no more than TOLERANCE are mended by division. Wrong are negative probabilities, other
    sums, and probabilities of classes that a target does not have. Windows with NaN or infinity are left as they are.
    """
    probabilities = forecast.probabilities
    assert probabilities is not None
    counts = [len(names) for names in target_categories(channels)]
    sums = probabilities.sum(axis=-1)  # (window, horizon, target)
    finite = np.isfinite(sums)
    wrong: dict[int, Problem] = {}
    foreign = np.zeros(sums.shape, dtype=np.bool_)
    for target, count in enumerate(counts):
        foreign[:, :, target] = (probabilities[:, :, target, count:] != 0).any(axis=-1)
    negative = np.asarray((probabilities < 0).any(axis=-1))
    off = np.asarray(finite & (np.abs(sums - 1) > TOLERANCE))
    for at, describe in ((foreign, _foreign), (off, _sum), (negative, _negative)):
        known = np.asarray(at & finite)
        for i in np.flatnonzero(known.any(axis=(1, 2))).tolist():
            wrong[i] = describe(probabilities[i], *_first(known[i]))
    uneven = finite & (np.abs(sums - 1) > ROUNDING)
    if not uneven.any():
        return forecast, wrong
    divisors = np.where(uneven & ~off, sums, 1.0)
    return Forecast.from_probabilities(probabilities / divisors[..., None]), wrong


def _first(at: Bools) -> tuple[int, int]:
    """The first step and target of a window at which something is wrong."""
    step, target = np.argwhere(at)[0]
    return int(step), int(target)


def _negative(window: Floats, step: int, target: int) -> Problem:
    lowest = window[step, target].min()
    return f"the probability {lowest:.6g} is negative", _place(window, step, target)


def _sum(window: Floats, step: int, target: int) -> Problem:
    total = window[step, target].sum()
    must = f"add up to {total:.6g} instead of 1 (tolerance {TOLERANCE:g})"
    return f"the probabilities {must}", _place(window, step, target)


def _foreign(window: Floats, step: int, target: int) -> Problem:
    return "there are probabilities of classes that the target does not have", _place(window, step, target)


def _place(window: Floats, step: int, target: int) -> str:
    return f"step {step + 1}" + (f", target {target + 1}" if window.shape[1] > 1 else "")
