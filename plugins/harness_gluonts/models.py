"""The forecaster of each estimator; `harness_gluonts.models.DeepAR` is the one of `DeepAREstimator`."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import gluonts.torch as library

from harness import hyperparameter_fields
from harness_gluonts.global_model import GluonTSModel
from harness_gluonts.names import MODELS

GIVEN = (  # by the task and the data, or no JSON values
    *("freq", "prediction_length", "num_feat_dynamic_real", "num_feat_static_cat", "num_feat_static_real"),
    *("cardinality", "embedding_dimension", "time_features", "imputation_method", "train_sampler"),
    *("validation_sampler", "trainer_kwargs", "static_dims", "dynamic_dims", "past_dynamic_dims"),
    *("static_cardinalities", "dynamic_cardinalities", "past_dynamic_cardinalities"),
)


@cache
def forecaster_class(name: str) -> type[GluonTSModel]:
    """The forecaster of an estimator, whose hyperparameters are the parameters of the estimator."""
    library_class = getattr(library, f"{name}Estimator")
    fields = hyperparameter_fields(library_class, leave_out=GIVEN, optional=("context_length", "patch_len"))
    return dataclasses.make_dataclass(
        name,
        fields,
        bases=(GluonTSModel,),
        namespace={
            "__doc__": f"{MODELS[name]}.\n\n{GluonTSModel.__doc__}",
            "__module__": __name__,
            "library_class": library_class,
        },
        kw_only=True,
    )


def __getattr__(name: str) -> Any:
    if name not in MODELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return forecaster_class(name)
