"""The forecaster of each network; `harness_neuralforecast.models.NHITS` is the one of `NHITS`."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from neuralforecast import models

from harness import hyperparameter_fields
from harness_neuralforecast.global_model import NeuralForecastModel
from harness_neuralforecast.names import MODELS

GIVEN = (  # by the task and the data, or no JSON values
    *("h", "futr_exog_list", "hist_exog_list", "stat_exog_list", "cat_exog_list", "categorical_cardinalities"),
    *("cat_emb_dim", "random_seed", "alias", "valid_loss", "optimizer", "optimizer_kwargs", "lr_scheduler"),
    *("lr_scheduler_kwargs", "dataloader_kwargs"),
)


@cache
def forecaster_class(name: str) -> type[NeuralForecastModel]:
    """The forecaster of a network, whose hyperparameters are the parameters of the network."""
    library_class = getattr(models, name)
    fields = hyperparameter_fields(library_class, leave_out=GIVEN, optional=("input_size",))
    return dataclasses.make_dataclass(
        name,
        fields,
        bases=(NeuralForecastModel,),
        namespace={
            "__doc__": f"{MODELS[name]}.\n\n{NeuralForecastModel.__doc__}",
            "__module__": __name__,
            "library_class": library_class,
        },
        kw_only=True,
    )


def __getattr__(name: str) -> Any:
    if name not in MODELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return forecaster_class(name)
