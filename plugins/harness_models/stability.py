"""Linear recursions whose free runs explode: noticed on the training data, and made stable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness import Floats

LEAST_RELATIVE_WIDTH = 1e-3  # of a range, relative to its values: a constant series has no width
ON_CIRCLE = 1e-6  # roots closer to the unit circle than this are on it


def explodes(runs: Floats, low: Floats, high: Floats) -> bool:
    """Whether a free run, (run, step), leaves the range of the observed values by more than its width.

    `low` and `high` are the ends of the range, (run,) or (1,).
    """
    width = np.maximum(high - low, LEAST_RELATIVE_WIDTH * np.maximum(np.abs(low), np.abs(high)))
    return bool(((runs < (low - width)[:, None]) | (runs > (high + width)[:, None])).any())


def stable_weights(weights: Floats, is_unstable: Callable[[Floats], bool]) -> Floats:
    """The weights of x_t = Σ_i w_i x_{t−i}, (lag,) from lag 1, or others for which `is_unstable` is false.

    Roots outside the unit circle are moved onto it, along their radius: exponential growth becomes that of
    an integrated process. Where this is still unstable, as several unit roots may be, they are
    reflected instead: z becomes 1/z̄, which leaves the shape of the spectrum as it is (Oppenheim and
    Schafer 1989, Discrete-Time Signal Processing, section 5.6). Weights that are stable, or whose roots are
    not the cause, are returned themselves.
    """
    roots = np.roots(np.concatenate([[1.0], -weights]))
    outside = roots[np.abs(roots) > 1 + ON_CIRCLE]
    if not len(outside) or not is_unstable(weights):
        return weights
    for places in (outside / np.abs(outside), 1 / outside.conj()):
        moved = _with_roots(weights, outside, places)
        if not is_unstable(moved):
            return moved
    return weights


def _with_roots(weights: Floats, before: NDArray[np.complex128], after: NDArray[np.complex128]) -> Floats:
    """The weights where other roots replace some.

    The polynomial is changed in its values on the unit circle, where none of these roots lies: multiplying
    out all roots would lose precision.
    """
    size = 2 * (len(weights) + 1)
    lag = np.exp(-2j * np.pi * np.arange(size) / size)
    values = np.fft.fft(np.concatenate([[1.0], -weights]), size)
    for old, new in zip(before, after, strict=True):
        values *= (1 - lag * new) / (1 - lag * old)
    return np.asarray(-np.fft.ifft(values).real[1 : len(weights) + 1])
