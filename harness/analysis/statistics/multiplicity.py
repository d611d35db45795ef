"""Multiple testing: p-values adjusted for the number of tests."""

from __future__ import annotations

import numpy as np

from harness.arrays import Floats
from harness.errors import BadInput


def holm(p_values: Floats) -> Floats:
    """Holm-adjusted p-values, (test,), which control the family-wise error rate.

    The smallest is multiplied by the number of tests, the next by one less, and so on, kept in order; Holm (1979).
    NaN, a test that could not be done, is ignored and stays NaN.
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
