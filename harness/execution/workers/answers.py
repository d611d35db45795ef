"""Values in the answers of a worker, of which only what has the right type is used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.forecasters.layer import Layer
from harness.forecasters.remarks import CountedRemark, Remark
from harness.forecasters.remote import Description

MOST_TEXTS = 50  # of a list that are kept
MOST_TEXT = 2000  # characters
MOST_LAYERS = 2000  # of a model summary; a longer one is left out
MOST_AXES = 8  # of the output of a layer


def number_of(value: object) -> float:
    """A number; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return 0.0


def texts_of(values: object) -> list[str]:
    """The texts of a list."""
    listed = values[:MOST_TEXTS] if isinstance(values, list) else []
    return [value[:MOST_TEXT] for value in listed if isinstance(value, str)]


def description_of(told: Mapping[str, Any], peak_memory: int | None) -> Description:
    """What a forecaster tells of itself, and the peak memory of its process in bytes."""
    hyperparameters = told.get("hyperparameters")
    return Description(
        hyperparameters=hyperparameters if isinstance(hyperparameters, dict) else {},
        parameters=_count(told.get("parameters")),
        parameter_bytes=_count(told.get("parameter_bytes")),
        model_summary=_model_summary(told.get("model_summary")),
        curves=_curves(told.get("curves")),
        gradient_norms=_curves(told.get("gradient_norms")),
        remarks=_remarks(told.get("remarks")),
        peak_memory=peak_memory,
        is_local=told.get("is_local") is True,
    )


def _remarks(told: object) -> tuple[Remark, ...]:
    """The remarks of a list: texts, and tables of counted ones."""
    found = (_remark(value) for value in (told[:MOST_TEXTS] if isinstance(told, list) else ()))
    return tuple(remark for remark in found if remark is not None)


def _remark(told: object) -> Remark | None:
    if isinstance(told, str):
        return told[:MOST_TEXT]
    table = told if isinstance(told, dict) else {}
    topic, text, count, total = (table.get(name) for name in ("topic", "text", "count", "total"))
    count, total = _count(count), _count(total)
    if not isinstance(topic, str) or not isinstance(text, str) or count is None or total is None:
        return None
    return CountedRemark(topic[:MOST_TEXT], text[:MOST_TEXT], count, total)


def _curves(told: object) -> dict[str, tuple[float, ...]]:
    """The lists of numbers of a dictionary."""
    items = told.items() if isinstance(told, dict) else ()
    return {str(name): tuple(map(_point, curve)) for name, curve in items if isinstance(curve, list)}


def _model_summary(told: object) -> tuple[Layer, ...]:
    """The layers of a network; none where a row is not what the protocol says."""
    if not isinstance(told, list) or len(told) > MOST_LAYERS:
        return ()
    layers = [_layer(row) for row in told]
    return tuple(layer for layer in layers if layer is not None) if None not in layers else ()


def _layer(row: object) -> Layer | None:
    if not isinstance(row, dict):
        return None
    name, kind, shape, parameters = (row.get(key) for key in ("name", "type", "output_shape", "parameters"))
    if not isinstance(name, str) or not isinstance(kind, str) or not isinstance(shape, list) or len(shape) > MOST_AXES:
        return None
    count = _count(parameters)
    if count is None or any(length is not None and _count(length) is None for length in shape):
        return None
    return Layer(name[:MOST_TEXT], kind[:MOST_TEXT], tuple(shape), count)


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _point(value: object) -> float:
    """A point of a curve, where NaN is null and infinity a text."""
    if isinstance(value, str):
        return {"inf": math.inf, "-inf": -math.inf}.get(value, math.nan)
    return math.nan if value is None else number_of(value)
