"""Every forecaster of sktime as one of harness; `harness_sktime.forecasters.ThetaForecaster` is one of them."""

from __future__ import annotations

import dataclasses
from functools import cache
from importlib import import_module
from typing import Any

from harness import hyperparameter_fields
from harness_sktime.local import SEEDS, SktimeForecaster
from harness_sktime.names import FORECASTERS, LETTERS


@cache
def forecaster_class(name: str) -> type[SktimeForecaster]:
    """The forecaster whose hyperparameters are the parameters of sktime's."""
    library_class = getattr(import_module(FORECASTERS[name]), name)
    fields = hyperparameter_fields(library_class, leave_out=SEEDS, optional=("sp",))
    seed = [("seed", int, dataclasses.field(default=0))] if "s" in LETTERS[name] else []
    return dataclasses.make_dataclass(
        name,
        [*fields, *seed],
        bases=(SktimeForecaster,),
        namespace={"__doc__": library_class.__doc__, "__module__": __name__, "library_class": library_class},
        kw_only=True,
    )


def __getattr__(name: str) -> Any:
    if name not in FORECASTERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return forecaster_class(name)
