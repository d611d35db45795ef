"""The forecaster of each model of statsforecast; `harness_statsforecast.models.AutoETS` is the one of `AutoETS`."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from statsforecast import models

from harness import hyperparameter_fields
from harness_statsforecast.local import SampledModel, StatsForecastModel
from harness_statsforecast.names import MODELS, SAMPLED


@cache
def forecaster_class(name: str) -> type[StatsForecastModel]:
    """The forecaster of a model, whose hyperparameters are the parameters of the model."""
    library_class = getattr(models, name)
    fields = hyperparameter_fields(library_class, leave_out=("alias",), optional=("season_length",))
    base = SampledModel if name in SAMPLED else StatsForecastModel
    return dataclasses.make_dataclass(
        name,
        fields,
        bases=(base,),
        namespace={
            "__doc__": library_class.__doc__ or MODELS[name],
            "__module__": __name__,
            "library_class": library_class,
        },
        kw_only=True,
    )


def __getattr__(name: str) -> Any:
    if name not in MODELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return forecaster_class(name)
