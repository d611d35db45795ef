"""EstimatorRegression: the base class of regressions on lags by estimators of scikit-learn."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import Floats
from harness_models import estimators
from harness_models.lag_regression import LagRegression, Regressor


@dataclass
class EstimatorRegression(LagRegression):
    """A regression on lags by an estimator of scikit-learn.

    An estimator of one output is fitted to each step of "multi-output", all on the same columns. Missing features are
    imputed by the column means of the training data, unless the estimator takes missing values. A column without a
    value in the training data has no effect.
    """

    @abstractmethod
    def estimator(self) -> Any:
        """The unfitted estimator."""

    def regressor(self, outputs: int) -> Regressor:
        """The unfitted estimator, or one for each output."""
        return _Estimator(self.estimator(), outputs)

    @property
    def parameter_count(self) -> int:
        """The number of learned values, as of a tree: variables and thresholds of splits, and values of leaves."""
        return estimators.parameter_count(self._estimators())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these values."""
        return estimators.parameter_bytes(self._estimators())

    def _estimators(self) -> list[Any]:
        return [model.estimator for model in self.models_ if isinstance(model, _Estimator)]


class _Estimator:
    """An estimator of scikit-learn, for one output or several."""

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
        if self._takes_missing:
            self._values = np.where(count > 0, np.nan, 0.0)  # histograms need a value
        else:
            self._values = np.where(observed, table, 0.0).sum(axis=0) / np.maximum(count, 1)
        self.estimator.fit(self._imputed(table), outputs[:, 0] if self._is_flat else outputs)

    def predict(self, table: Floats) -> Floats:
        return np.asarray(self.estimator.predict(self._imputed(table)), dtype=np.float64)

    def _imputed(self, table: Floats) -> Floats:
        missing = np.isnan(table)
        return np.where(missing, self._values, table) if missing.any() else table
