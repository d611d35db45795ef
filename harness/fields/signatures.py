"""The parameters of a class of another library as fields of a dataclass, for forecasters that wrap that class."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Collection
from copy import deepcopy
from functools import partial
from typing import Any

LIBRARY_DEFAULT = "library_default"  # in a field's metadata: its default is no JSON value, and None stands for it


def hyperparameter_fields(
    library_class: Callable[..., Any], *, leave_out: Collection[str] = (), optional: Collection[str] = ()
) -> list[tuple[str, Any, Any]]:
    """The parameters of a class of another library, as the fields that `dataclasses.make_dataclass` takes.

    A default that is no JSON value, and that of an `optional` parameter, becomes None: `given_hyperparameters` leaves
    it out while it is None. A parameter without default is required.

        fields = harness.hyperparameter_fields(SomeModel, leave_out=("verbose",))
        MyModel = dataclasses.make_dataclass("MyModel", fields, bases=(MyBase,), kw_only=True)
    """
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(library_class).parameters.values()
    return [
        (parameter.name, Any, _field(parameter, parameter.name in optional))
        for parameter in parameters
        if parameter.kind not in kinds and parameter.name not in leave_out
    ]


def given_hyperparameters(forecaster: Any, library_class: Callable[..., Any]) -> dict[str, Any]:
    """The values of the fields that are parameters of the class, without those that stand for the class's default."""
    parameters = inspect.signature(library_class).parameters
    return {
        field.name: deepcopy(getattr(forecaster, field.name))
        for field in dataclasses.fields(forecaster)
        if field.name in parameters
        and not (field.metadata.get(LIBRARY_DEFAULT) and getattr(forecaster, field.name) is None)
    }


def _field(parameter: inspect.Parameter, optional: bool) -> Any:
    default = parameter.default
    if optional or (default is not inspect.Parameter.empty and not _is_json(default)):
        return dataclasses.field(default=None, metadata={LIBRARY_DEFAULT: True})
    if default is inspect.Parameter.empty:
        return dataclasses.field()
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=partial(deepcopy, default))
    return dataclasses.field(default=default)


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
