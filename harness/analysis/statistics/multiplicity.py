"""Many tests at once: p-values of which the smallest may still be believed."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats
from harness.errors import BadInput


def holm(p_values: Floats) -> Floats:
    """Adjusted p-values, (test,), of which none is below a level by luck oftener than the level says.

    The smallest is multiplied by the number of tests, the next by one less, and so on, in an order that stays;
    Holm (1979). A test without a p-value (NaN) is none: it is not counted and stays NaN.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    if p_values.ndim != 1:
        raise BadInput(f"p-values must be (test,), not of shape {p_values.shape}")
    adjusted = p_values.copy()
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    steps = np.arange(len(order), 0, -1) * p_values[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
