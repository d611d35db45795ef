"""What a forecaster tells of itself: hyperparameters, model size and summary, curves, gradient norms and remarks."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

from harness.errors import Failure, InfrastructureFault, attempt
from harness.evaluation.batch_halving import halving_note
from harness.evaluation.model_size import model_size
from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster, LocalForecaster
from harness.forecasters.layer import Layer
from harness.forecasters.remarks import CountedRemark, Remark
from harness.forecasters.remote import Description, RemoteForecaster


def describe(forecaster: Forecaster | RemoteForecaster) -> Description:
    """The description of a forecaster; one in another process gives its own, or an empty one if that has ended."""
    if isinstance(forecaster, RemoteForecaster):
        told = attempt(forecaster.describe)
        if isinstance(told, Failure) and isinstance(told.error, InfrastructureFault):
            raise told.error
        return Description() if isinstance(told, Failure) else told
    size = model_size(forecaster)
    named = attempt(partial(hyperparameters, forecaster))
    layers = _model_summary(forecaster)
    return Description(
        hyperparameters={} if isinstance(named, Failure) else named,
        parameters=size.parameters,
        parameter_bytes=size.bytes,
        model_summary=layers,
        curves=_curves(forecaster, "curves_"),
        gradient_norms=_curves(forecaster, "gradient_norms_"),
        remarks=(*halving_note(forecaster), *_remarks(forecaster), *_disagreement(forecaster, layers)),
        is_local=isinstance(forecaster, LocalForecaster | FittedLocalForecaster),
    )


def hyperparameters(forecaster: object) -> dict[str, Any]:
    """All hyperparameters, including defaults, as JSON values; without the seed."""
    if not dataclasses.is_dataclass(forecaster):
        return {}
    return {
        hyperparameter.name: _plain(getattr(forecaster, hyperparameter.name))
        for hyperparameter in dataclasses.fields(forecaster)
        if hyperparameter.init and hyperparameter.name != "seed"
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {str(name): _plain(element) for name, element in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _model_summary(forecaster: object) -> tuple[Layer, ...]:
    """The forecaster's `model_summary`, whose values are converted to the types that they should have."""

    def layers() -> tuple[Layer, ...]:
        return tuple(_layer(row) for row in getattr(forecaster, "model_summary", None) or ())

    found = attempt(layers)
    return () if isinstance(found, Failure) else found


def _layer(row: Any) -> Layer:
    shape = tuple(None if length is None else int(length) for length in row.output_shape)
    return Layer(str(row.name), str(row.type), shape, int(row.parameters))


def _disagreement(forecaster: object, layers: tuple[Layer, ...]) -> list[str]:
    """A remark, if the layers do not have the number of parameters that the forecaster states."""
    stated = attempt(lambda: int(forecaster.parameter_count))  # type: ignore[attr-defined]
    total = sum(layer.parameters for layer in layers)
    if not layers or isinstance(stated, Failure) or stated == total:
        return []
    return [f"the layers of its model summary have {total:,} parameters, but its parameter_count is {stated:,}"]


def _curves(forecaster: object, attribute: str) -> dict[str, tuple[float, ...]]:
    """The forecaster's `curves_` or `gradient_norms_`: sequences of numbers by name, of its last training."""

    def curves() -> dict[str, tuple[float, ...]]:
        value: Any = getattr(forecaster, attribute, None) or {}
        return {str(name): tuple(float(point) for point in curve) for name, curve in value.items()}

    found = attempt(curves)
    return {} if isinstance(found, Failure) else found


def _remarks(forecaster: object) -> tuple[Remark, ...]:
    """The forecaster's `remarks_`."""

    def remarks() -> tuple[Remark, ...]:
        listed = getattr(forecaster, "remarks_", None) or ()
        return tuple(remark if type(remark) is CountedRemark else str(remark) for remark in listed)

    found = attempt(remarks)
    return () if isinstance(found, Failure) else found
