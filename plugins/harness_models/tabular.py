"""Global regressions of scikit-learn on lags: ridge regression and gradient boosting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness import Floats, TrainingData
from harness_models.estimator_regression import EstimatorRegression
from harness_models.lag_features import Rows, Scale, training_rows
from harness_models.lag_regression import LagRegression, Regressor, flat, table_of
from harness_models.linear import Linear
from harness_models.pasts import all_finite
from harness_models.stability import explodes

MOST_RUNS = 1000  # free runs of the training data that are tried: windows times targets
UNSTABLE = "free runs of the training data left its range by more than the width of this range"


@dataclass
class RidgeRegression(LagRegression):
    """Ridge regression with the penalty `alpha` on coefficients of standardised columns.

    Its "direct" and "multi-output" forecasts are the same, except that the latter use the known covariates
    of all steps. Missing values are imputed by the column means of the training data.

    A "recursive" model is changed only where a free run over the horizon, from one of at most 1000 pasts
    within the training data, leaves the range of its series by more than its width. With "standard" scaling, windows
    of few lags can be nearly flat, and the errors of such windows, divided by their deviation, dominate the fit:
    it is repeated with windows weighted by their variance, relative to the mean variance of their series.
    Otherwise roots outside the unit circle are moved onto it (see `stability`). A remark says what was done.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha < 0:
            raise ValueError(f"alpha must be at least 0, not {self.alpha}")

    def regressor(self, outputs: int) -> Regressor:
        """A linear model."""
        return Linear(self.alpha)

    @property
    def parameter_count(self) -> int:
        """The number of coefficients and intercepts."""
        return sum(model.parameter_count for model in self.models_ if isinstance(model, Linear))

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these parameters."""
        return 8 * self.parameter_count

    def fit_models(self, train: TrainingData) -> None:
        """Fits the models; a recursive one whose free runs of the training data explode is made stable."""
        super().fit_models(train)
        if self.strategy != "recursive":
            return
        runs = _TrainingRuns.of(self, train)
        (model,) = self.models_
        if isinstance(model, Linear) and runs.explode(model):
            self.models_ = [self._stable_model(model, runs, train)]

    def _stable_model(self, model: Linear, runs: _TrainingRuns, train: TrainingData) -> Linear:
        """Another model, whose free runs do not explode, or if none is found the same; with a remark."""
        if self.scale == "standard":
            weighted = self._weighted_model(train)
            if not runs.explode(weighted):
                self.remarks_.append(f"{UNSTABLE}: windows are weighted by their variance")
                return weighted
        stable = model.stabilised(self.lags_, self.scale, runs.explode)
        mended = "roots outside the unit circle were moved"
        if stable is model:
            mended = "no stable fit was found" + ("" if self.scale == "standard" else '; try scale = "standard"')
        self.remarks_.append(f"{UNSTABLE}: {mended}")
        return stable

    def _weighted_model(self, train: TrainingData) -> Linear:
        """The model of errors in the units of each series, not of each window: a flat window counts less."""
        rows = self.training_rows(train)
        scale = Scale.of(flat(rows.lags), self.scale)
        outputs = scale.apply(flat(rows.ahead.transpose(0, 2, 1)))
        complete = ~np.isnan(outputs[:, 0]) & ~np.isnan(scale.spread)
        series = (rows.series[:, None] * rows.lags.shape[1] + np.arange(rows.lags.shape[1])).ravel()[complete]
        squares = scale.spread[complete] ** 2
        of_series = np.bincount(series, squares) / np.maximum(np.bincount(series), 1)
        model = Linear(self.alpha)
        table = table_of(scale.apply(flat(rows.lags)), rows, rows.known)
        model.fit(table[complete], outputs[complete], squares / of_series[series])
        return model

    def _forecast_recursively(self, rows: Rows, ahead: int) -> Floats:
        """By a recursion without a table; rows with missing lags by the general method.

        Both are computed for all rows, so that missing values of other rows cannot change a forecast.
        """
        model = self.models_[0]
        if not isinstance(model, Linear):
            return super()._forecast_recursively(rows, ahead)
        values = _free_run(model, self.scale, rows)
        if all_finite(rows.lags):
            return values
        incomplete = np.isnan(flat(rows.lags)).any(axis=1, keepdims=True)
        return np.where(incomplete, super()._forecast_recursively(rows, ahead), values)


def _free_run(model: Linear, scale: str, rows: Rows) -> Floats:
    """The free run of a linear model over the steps of the known covariates, (row, step)."""
    exogenous = model.exogenous(rows.other, rows.known)
    if exogenous.shape[1] > 1:
        exogenous = np.repeat(exogenous, rows.lags.shape[1], axis=1)
    return model.recursion(rows.lags.shape[2], scale).forecast(flat(rows.lags), exogenous)


@dataclass(frozen=True, eq=False)
class _TrainingRuns:
    """Free runs within the training data, with the known covariates of their first step."""

    rows: Rows
    scale: str
    low: Floats  # (row,) the range of the target in the training data of its series
    high: Floats

    @classmethod
    def of(cls, forecaster: LagRegression, train: TrainingData) -> _TrainingRuns:
        panel = train.panel
        most = max(1, MOST_RUNS // len(panel.targets))
        rows = training_rows(panel, forecaster.encoding_, forecaster.feature_lags, np.array([1]), most)
        assert rows is not None  # it was fitted to some
        values, firsts = panel.target_values, panel.offsets[:-1]
        low, high = np.fmin.reduceat(values, firsts)[rows.series], np.fmax.reduceat(values, firsts)[rows.series]
        known = np.repeat(rows.known, train.gap + train.horizon, axis=1)
        return cls(replace(rows, known=known), forecaster.scale, low.ravel(), high.ravel())

    def explode(self, model: Linear) -> bool:
        """Whether a free run leaves the range of its series by far."""
        with np.errstate(over="ignore", invalid="ignore"):
            return explodes(_free_run(model, self.scale, self.rows), self.low, self.high)


@dataclass
class GradientBoosting(EstimatorRegression):
    """Histogram gradient boosting of regression trees, which handle missing values.

    A column without a value in the training data has no effect.
    Trees have one output: "multi-output" fits one ensemble for each step, all on the same columns.
    """

    max_iter: int = 100
    learning_rate: float = 0.1
    max_leaf_nodes: int = 31
    min_samples_leaf: int = 20
    seed: int = 0  # of the sample by which scikit-learn bins large tables

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("max_iter", 1), ("max_leaf_nodes", 2), ("min_samples_leaf", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be positive, not {self.learning_rate}")

    def estimator(self) -> Any:
        """An ensemble of trees."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            early_stopping=False,
            random_state=self.seed,
        )
