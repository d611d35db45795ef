"""The device that a forecaster computed on, and the type of its numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from harness.errors import Failure, attempt


def device_facts(forecaster: object) -> dict[str, str]:
    """The kind of the device, "cuda" or "cpu", the name of a GPU, and the type of the model's numbers, if known."""
    found = attempt(lambda: {**_device(), **_dtype(forecaster)})
    return {} if isinstance(found, Failure) else found


def _device() -> dict[str, str]:
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return {"kind": "cuda", "name": str(torch.cuda.get_device_name())}
    return {"kind": "cpu"}


def _dtype(forecaster: object) -> dict[str, str]:
    """The `dtype` that a forecaster states, or that of the first weights of a network among its attributes."""
    stated = getattr(forecaster, "dtype", None)
    for dtype in (stated, *_dtypes_of_networks(forecaster)):
        name = getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
        if dtype is not None and name not in ("", "auto"):
            return {"dtype": name}
    return {}


def _dtypes_of_networks(forecaster: object) -> Iterator[Any]:
    values = getattr(forecaster, "__dict__", {}).values()
    for value in (*values, *(getattr(value, "model", None) for value in values)):  # that of a pipeline, too
        parameters = getattr(value, "parameters", None)
        if callable(parameters) and not isinstance(value, type):
            weights = attempt(lambda parameters=parameters: next(iter(parameters())))  # type: ignore[misc]
            if hasattr(weights, "dtype"):
                yield weights.dtype
