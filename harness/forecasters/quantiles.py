"""Arithmetic of quantiles: what follows from them for the mean, the median and other levels, and their crossings.

All arrays of quantiles have the levels, which rise, on their last axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.arrays import Bools, Floats, Ints, read_only

Levels = tuple[float, ...]

ROUNDING = 2.5e-7  # relative to the largest number of a target in a window: two units in the last place of float32
FLOAT16 = 1e-3  # relative to the largest number of a target in a window: two units in the last place of float16
REVERSED = 10  # pairs of a target that fall, in a window in which none rises, are no noise
SAME_LEVEL = 1e-7  # a third in float32 is a third


def position(levels: Levels, level: float) -> int | None:
    """The position of a level among these, up to rounding; None if it is not one of them."""
    return next((i for i, given in enumerate(levels) if abs(given - level) <= SAME_LEVEL), None)


def mean_of(quantiles: Floats, levels: Levels) -> Floats:
    """The integral of the piecewise linear quantile function from 0 to 1, constant beyond the outermost levels."""
    mean: Floats = quantiles @ _weights(levels)
    return mean


@lru_cache(maxsize=64)
def _weights(levels: Levels) -> Floats:
    """(p_{i+1} − p_{i−1}) / 2 of each level, where the outermost ones take the tails; they sum to 1."""
    bounds = np.concatenate([[0.0], np.convolve(levels, [0.5, 0.5], "valid"), [1.0]])
    return read_only(np.diff(bounds))


def between(quantiles: Floats, levels: Levels, level: float) -> Floats | None:
    """The quantile of a level, interpolated linearly between its neighbours; None outside of the levels."""
    same = position(levels, level)
    if same is not None:
        exact: Floats = quantiles[..., same]
        return exact
    if not levels or not levels[0] < level < levels[-1]:
        return None
    above = int(np.searchsorted(levels, level))
    share = (level - levels[above - 1]) / (levels[above] - levels[above - 1])
    return np.asarray((1 - share) * quantiles[..., above - 1] + share * quantiles[..., above])


@dataclass(frozen=True, eq=False)
class Sorted:
    """Quantiles in rising order, and how they crossed before."""

    quantiles: Floats  # (window, horizon, target, level)
    crossings: int = 0  # neighbouring pairs that crossed by more than rounding, outside of the windows `wrong`
    largest: float = 0.0  # by how much they crossed at most
    wrong: Ints | None = None  # windows whose quantiles cross so far that sorting does not mend them


def sorted_quantiles(quantiles: Floats) -> Sorted:
    """The quantiles of every window, (window, horizon, target, level), sorted where some cross.

    Wrong is a window with a target of which sorting changes a quantile by more than half of the greatest distance
    between its outermost quantiles, and by more than the rounding of float16; and one with a target of which at least
    ten pairs fall and none rises, since its levels are reversed. Windows with NaN or infinity are left as they are.
    """
    falls = quantiles[..., 1:] < quantiles[..., :-1]
    if not falls.any():
        return Sorted(quantiles)
    windows = np.flatnonzero(falls.any(axis=(1, 2, 3)))
    windows = windows[np.isfinite(quantiles[windows]).all(axis=(1, 2, 3))]
    given = quantiles[windows]
    rising = np.sort(given, axis=-1)
    crossing = _beyond_rounding(given)
    wrong = _change_too_much(given, rising) | _are_reversed(given, crossing)
    depths = (given[..., :-1] - given[..., 1:])[~wrong][crossing[~wrong]]
    mended = np.array(quantiles)
    mended[windows] = rising
    return Sorted(mended, len(depths), float(depths.max(initial=0.0)), windows[wrong])


def _change_too_much(given: Floats, rising: Floats) -> Bools:
    """Whether sorting changes the quantiles of a target too much, (window,): targets may differ in size."""
    axes = (1, 3)
    change = np.abs(rising - given).max(axis=axes, initial=0.0)  # (window, target)
    width = (rising[..., -1] - rising[..., 0]).max(axis=1, initial=0.0)
    size = np.abs(given).max(axis=axes, initial=0.0)
    return np.asarray(((change > width / 2) & (change > FLOAT16 * size)).any(axis=1))


def _are_reversed(given: Floats, crossing: Bools) -> Bools:
    """Whether the levels of a target are reversed, (window,)."""
    rises = (given[..., 1:] > given[..., :-1]).any(axis=(1, 3))  # (window, target)
    return np.asarray((~rises & (crossing.sum(axis=(1, 3)) >= REVERSED)).any(axis=1))


def _beyond_rounding(quantiles: Floats) -> Bools:
    """Which neighbouring pairs cross by more than rounding, (window, horizon, target, level − 1)."""
    sizes = np.max(np.abs(quantiles), axis=(1, 3), keepdims=True, initial=0.0, where=np.isfinite(quantiles))
    return np.asarray(quantiles[..., 1:] < quantiles[..., :-1] - ROUNDING * sizes)


def deepest_crossing(quantiles: Floats, levels: Levels) -> str:
    """Where the quantiles of a window, (horizon, target, level), cross most, as a part of a sentence."""
    drops = quantiles[..., :-1] - quantiles[..., 1:]  # (horizon, target, level − 1)
    step, target, level = np.unravel_index(np.nanargmax(drops), drops.shape)
    low, high = quantiles[step, target, level : level + 2]
    return f"step {step + 1}: {low:.6g} at level {levels[level]}, {high:.6g} at level {levels[level + 1]}"
