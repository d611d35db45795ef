"""Values in full, for comparisons: their `repr` is short, and NaN does not equal itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

import numpy as np


def whole(value: object) -> object:
    """All that a value holds, as texts in tuples; two values without a difference give equal ones."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, tuple((field.name, whole(getattr(value, field.name))) for field in fields(value))
    if isinstance(value, np.ndarray):
        return repr(value.dtype), value.shape, tuple(map(repr, value.ravel().tolist()))
    if isinstance(value, Mapping):
        return tuple((repr(key), whole(part)) for key, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return type(value).__name__, tuple(map(whole, value))
    return repr(value)
