"""Every regressor of scikit-learn on lags; `harness_models.sklearn_regressors.Lasso` is the forecaster of `Lasso`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
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

from harness import Floats, given_hyperparameters, hyperparameter_fields
from harness_models import estimators
from harness_models.lag_regression import LagRegression, Regressor
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
class SklearnRegression(LagRegression):
    """A regressor of scikit-learn on the features of `LagRegression`.

    The other hyperparameters are the parameters of the regressor. A parameter that has the name of a hyperparameter
    of `LagRegression` keeps its default. `seed` is the random state of a stochastic regressor. A regressor of one
    output is fitted to each step of "multi-output". Missing features are imputed by the column means of the training
    data, unless the regressor takes missing values.
    """

    library_class: ClassVar[Any]

    def regressor(self, outputs: int) -> Regressor:
        """The unfitted regressor."""
        parameters = given_hyperparameters(self, self.library_class)
        own = {field.name for field in dataclasses.fields(LagRegression)}
        parameters = {name: value for name, value in parameters.items() if name not in own}
        if self.library_class.__name__ in STOCHASTIC:
            parameters["random_state"] = getattr(self, "seed", 0)
        return _Estimator(self.library_class(**parameters), outputs)

    @property
    def parameter_count(self) -> int:
        """The number of learned values."""
        return estimators.parameter_count(self._estimators())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these values."""
        return estimators.parameter_bytes(self._estimators())

    def _estimators(self) -> list[Any]:
        return [model.estimator for model in self.models_ if isinstance(model, _Estimator)]


class _Estimator:
    """A regressor of scikit-learn, for one output or several."""

    def __init__(self, estimator: Any, outputs: int) -> None:
        from sklearn.multioutput import MultiOutputRegressor
        from sklearn.utils import get_tags

        tags = get_tags(estimator)
        self._takes_missing = tags.input_tags.allow_nan
        self._is_flat = outputs == 1 and tags.target_tags.single_output
        single = outputs > 1 and not tags.target_tags.multi_output
        self.estimator: Any = MultiOutputRegressor(estimator) if single else estimator

    def fit(self, table: Floats, outputs: Floats) -> None:
        observed = ~np.isnan(table)
        count = observed.sum(axis=0)
        means = np.where(observed, table, 0.0).sum(axis=0) / np.maximum(count, 1)
        self._values = np.where(count > 0, np.nan, 0.0) if self._takes_missing else means
        self.estimator.fit(self._imputed(table), outputs[:, 0] if self._is_flat else outputs)

    def predict(self, table: Floats) -> Floats:
        return np.asarray(self.estimator.predict(self._imputed(table)), dtype=np.float64)

    def _imputed(self, table: Floats) -> Floats:
        missing = np.isnan(table)
        return np.where(missing, self._values, table) if missing.any() else table


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
