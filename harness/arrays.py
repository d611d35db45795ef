"""The array types that signatures speak of; the axes are named where an array is declared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Times = NDArray[Any]  # datetime64, or integers where time has no calendar


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same data as an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
