"""Every regressor of scikit-learn on lags; `harness_models.sklearn_regressors.Lasso` is the forecaster of `Lasso`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from sklearn import (
    cross_decomposition,
    dummy,
    ensemble,
    gaussian_process,
    kernel_ridge,
    linear_model,
    neighbors,
    neural_network,
    svm,
    tree,
)

from harness import given_hyperparameters, hyperparameter_fields
from harness_models.estimator_regression import EstimatorRegression
from harness_models.lag_regression import LagRegression
from harness_models.sklearn_names import REGRESSORS, STOCHASTIC

LIBRARY = (
    cross_decomposition,
    dummy,
    ensemble,
    gaussian_process,
    kernel_ridge,
    linear_model,
    neighbors,
    neural_network,
    svm,
    tree,
)


@dataclass
class SklearnRegression(EstimatorRegression):
    """A regressor of scikit-learn on the features of `LagRegression`.

    The other hyperparameters are the parameters of the regressor. A parameter that has the name of a hyperparameter
    of `LagRegression` keeps its default. `seed` is the random state of a stochastic regressor.
    """

    library_class: ClassVar[Any]

    def estimator(self) -> Any:
        """The unfitted regressor."""
        parameters = given_hyperparameters(self, self.library_class)
        own = {field.name for field in dataclasses.fields(LagRegression)}
        parameters = {name: value for name, value in parameters.items() if name not in own}
        if self.library_class.__name__ in STOCHASTIC:
            parameters["random_state"] = getattr(self, "seed", 0)
        return self.library_class(**parameters)


@cache
def forecaster_class(name: str) -> type[SklearnRegression]:
    """The forecaster of a regressor, whose hyperparameters are those of lags and the parameters of the regressor."""
    library_class = next(getattr(module, name) for module in LIBRARY if module.__name__ == REGRESSORS[name])
    own = [field.name for field in dataclasses.fields(LagRegression)]
    left_out = [*own, "random_state"] if name in STOCHASTIC else own
    fields = hyperparameter_fields(library_class, leave_out=[*left_out, "n_jobs", "verbose"])
    seed = [("seed", int, dataclasses.field(default=0))] if name in STOCHASTIC else []
    summary = f"scikit-learn's {name} on lags, one global model.\n\n{SklearnRegression.__doc__}"
    return dataclasses.make_dataclass(
        name,
        [*fields, *seed],
        bases=(SklearnRegression,),
        namespace={"__doc__": summary, "__module__": __name__, "library_class": library_class},
        kw_only=True,
    )


def __getattr__(name: str) -> Any:
    if name not in REGRESSORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return forecaster_class(name)
