"""The forecaster of each model; `harness_darts.models.NBEATSModel` is the one of `NBEATSModel`."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from darts import models

from harness import hyperparameter_fields
from harness_darts.global_model import DartsNetwork, DartsRegression
from harness_darts.local import SEASON, DartsLocalModel
from harness_darts.names import GLOBAL, LOCAL, NETWORKS, SAMPLED, STOCHASTIC, UNTRAINED

GIVEN = ("random_state", "random_errors", "kwargs", "kf", "required_matches", "min_train_length", "output_chunk_shift")
OF_A_NETWORK = ("loss_fn", "likelihood", "custom_encoder", "custom_decoder")
OPTIONAL = ("lags", "input_chunk_length", "output_chunk_length", "training_length", "quantiles", *SEASON)
_TRAINING: list[tuple[str, Any, Any]] = [
    ("batch_size", int, dataclasses.field(default=32)),
    ("n_epochs", int, dataclasses.field(default=100)),
    ("optimizer_kwargs", Any, dataclasses.field(default=None)),
    ("use_reversible_instance_norm", bool, dataclasses.field(default=False)),
    ("add_encoders", Any, dataclasses.field(default=None)),
    ("loss_fn", Any, dataclasses.field(default=None)),
    ("likelihood", Any, dataclasses.field(default=None)),
    ("num_samples", int, dataclasses.field(default=100)),
]
_SEED: tuple[str, Any, Any] = ("seed", int, dataclasses.field(default=0))
_SAMPLES: tuple[str, Any, Any] = ("num_samples", int, dataclasses.field(default=500))
_DEVICE: tuple[str, Any, Any] = ("device", str, dataclasses.field(default="auto"))


@cache
def forecaster_class(name: str) -> type[Any]:
    """The forecaster of a model, whose hyperparameters are the parameters of the model."""
    library_class = getattr(models, name)
    left_out = (*GIVEN, *(OF_A_NETWORK if name in NETWORKS else ()), *(("quantiles",) if name in GLOBAL else ()))
    fields = hyperparameter_fields(library_class.__init__, leave_out=("self", *left_out), optional=OPTIONAL)
    base: type[Any] = DartsNetwork if name in NETWORKS else DartsRegression if name in GLOBAL else DartsLocalModel
    return dataclasses.make_dataclass(
        name,
        [*fields, *_further(name)],
        bases=(base,),
        namespace={
            "__doc__": f"{(LOCAL | GLOBAL | NETWORKS)[name]}.\n\n{base.__doc__}",
            "__module__": __name__,
            "library_class": library_class,
        },
        kw_only=True,
    )


def _further(name: str) -> list[tuple[str, Any, Any]]:
    """Hyperparameters beside the parameters in the signature of the model."""
    if name in NETWORKS:
        return [*([] if name in UNTRAINED else [*_TRAINING, _SEED]), _DEVICE]
    return [*([_SAMPLES] if name in SAMPLED else []), *([_SEED] if name in STOCHASTIC else [])]


def __getattr__(name: str) -> Any:
    if name not in LOCAL and name not in GLOBAL and name not in NETWORKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return forecaster_class(name)
