"""Global regressions of scikit-learn on lags; all windows are forecast at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from harness import Contexts, Floats, Forecast, TrainingData, Unsupported
from harness_models import estimators
from harness_models.lag_features import Encoding, Rows, Scale, forecast_rows, training_rows
from harness_models.linear import Linear
from harness_models.pasts import BATCH, all_finite

STRATEGIES = ("recursive", "direct", "multi-output")
SCALES = ("none", "last", "standard")


class Regressor(Protocol):
    """A regression of outputs (row, output) on a table (row, column)."""

    def fit(self, table: Floats, outputs: Floats) -> Any: ...

    def predict(self, table: Floats) -> Floats: ...


@dataclass
class LagRegression(ABC):
    """A regression on the last `lags` values, by one of three multi-step strategies.

    - "recursive": one model of the next step, applied to its own outputs;
    - "direct": one model for each step ahead;
    - "multi-output": one model whose outputs are all steps.

    Each target of each series gives rows of its own; the features are its lags, the last past covariates,
    the static attributes of the series, and the known covariates of the step (for "multi-output": of all
    steps). `scale` is the scaling of the lags and outputs of each row: "none", "last" (minus the last
    value), or "standard" (minus the mean, divided by the standard deviation of the lags; recursive
    forecasts never use a greater one than that of the observed lags, for stability). `lags` None means two
    seasons, at least 24, but at most half of what the horizon leaves of the longest series. Training uses
    at most `max_rows` windows, evenly spaced; rows with missing outputs are left out. Forecasts have no
    quantiles.
    """

    lags: int | None = None
    strategy: str = "recursive"
    scale: str = "standard"
    max_rows: int = 100_000

    def __post_init__(self) -> None:
        if self.lags is not None and self.lags < 1:
            raise ValueError(f"lags must be at least 1, not {self.lags}")
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy is one of {', '.join(STRATEGIES)}, not {self.strategy!r}")
        if self.scale not in SCALES:
            raise ValueError(f"scale is one of {', '.join(SCALES)}, not {self.scale!r}")
        if self.max_rows < 1:
            raise ValueError(f"max_rows must be at least 1, not {self.max_rows}")

    @abstractmethod
    def regressor(self, outputs: int) -> Regressor:
        """An unfitted model."""

    def fit(self, train: TrainingData) -> None:
        """Fits one model, or with "direct" one for each step, to the windows of all series."""
        recursive = self.strategy == "recursive"
        steps = np.array([1]) if recursive else np.arange(1, train.horizon + 1) + train.gap
        self.lags_ = self._lags(train, int(steps[-1]))
        self.encoding_ = Encoding.of(train.panel.static)
        rows = training_rows(train.panel, self.encoding_, self.lags_, steps, self.max_rows)
        if rows is None:
            raise Unsupported(
                f"{self.lags_} lags and {steps[-1]} steps ahead need series of {self.lags_ + steps[-1]} "
                f"observations to train on; the longest has {train.panel.lengths.max()}"
            )
        scale = Scale.of(_flat(rows.lags), self.scale)
        scaled, outputs = scale.apply(_flat(rows.lags)), scale.apply(_flat(rows.ahead.transpose(0, 2, 1)))
        if self.strategy == "direct":
            self.models_ = [
                self._fit_model(_table(scaled, rows, rows.known[:, [i]]), outputs[:, [i]]) for i in range(len(steps))
            ]
        else:
            self.models_ = [self._fit_model(_table(scaled, rows, rows.known), outputs)]

    def _lags(self, train: TrainingData, ahead: int) -> int:
        if self.lags is not None:
            return self.lags
        half = (int(train.panel.lengths.max()) - ahead) // 2
        return max(1, min(max(2 * train.season_length, 24), half))

    def _fit_model(self, table: Floats, outputs: Floats) -> Regressor:
        complete = ~np.isnan(outputs).any(axis=1)
        if not complete.any():
            raise Unsupported("no window of the training data has all output values")
        model = self.regressor(outputs.shape[1])
        model.fit(table[complete], outputs[complete])
        return model

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, in batches that fit into memory."""
        if contexts.max_context is not None and contexts.max_context < self.lags_:
            raise Unsupported(f"{self.lags_} lags need contexts as long; they are clipped to {contexts.max_context}")
        width = len(contexts.targets) * (self.lags_ + contexts.gap + contexts.horizon)
        size = max(1, BATCH // width)
        if len(contexts) <= size:
            return self._predict(contexts)
        return Forecast.concatenate([self._predict(some) for some in contexts.batches(size)])

    def _predict(self, contexts: Contexts) -> Forecast:
        rows = forecast_rows(contexts, self.encoding_, self.lags_)
        steps = np.arange(contexts.horizon) + contexts.gap
        if self.strategy == "recursive":
            ahead = self._forecast_recursively(rows, int(steps[-1]) + 1)[:, contexts.gap :]
        else:
            scale = Scale.of(_flat(rows.lags), self.scale)
            scaled = scale.apply(_flat(rows.lags))
            if self.strategy == "direct":
                tables = (_table(scaled, rows, rows.known[:, [step]]) for step in steps)
                outputs = [_column(model.predict(table)) for model, table in zip(self.models_, tables, strict=True)]
                ahead = scale.undo(np.concatenate(outputs, axis=1))
            else:
                table = _table(scaled, rows, rows.known[:, steps])
                ahead = scale.undo(self.models_[0].predict(table).reshape(len(table), -1))
        shape = len(contexts), len(contexts.targets), contexts.horizon
        return Forecast.point(ahead.reshape(shape).transpose(0, 2, 1))

    def _forecast_recursively(self, rows: Rows, ahead: int) -> Floats:
        """Recursive forecasts of every row, (row, ahead)."""
        lags = _flat(rows.lags)
        observed = Scale.of(lags, self.scale)
        values = np.concatenate([lags, np.empty((len(lags), ahead))], axis=1)
        for step in range(ahead):
            lags = values[:, step : step + self.lags_]
            scale = Scale.of(lags, self.scale).at_most(observed.spread)
            table = _table(scale.apply(lags), rows, rows.known[:, [step]])
            values[:, step + self.lags_] = scale.undo(_column(self.models_[0].predict(table)))[:, 0]
        return values[:, self.lags_ :]


def _table(scaled: Floats, rows: Rows, known: Floats) -> Floats:
    """The table (window × target, column): scaled lags, other features, known covariates."""
    targets = rows.lags.shape[1]
    if not rows.other.shape[1] and not known.size:
        return scaled
    others = np.concatenate([rows.other, _flat_steps(known)], axis=1)
    return np.concatenate([scaled, np.repeat(others, targets, axis=0)], axis=1)


def _flat(values: Floats) -> Floats:
    """(window, target, …) as (window × target, …)."""
    return values.reshape(-1, values.shape[2])


def _flat_steps(known: Floats) -> Floats:
    return known.reshape(len(known), -1)


def _column(outputs: Floats) -> Floats:
    """The predictions of a model of one output, (row, 1)."""
    return outputs.reshape(-1, 1)


@dataclass
class RidgeRegression(LagRegression):
    """Ridge regression with the penalty `alpha` on coefficients of standardised columns.

    Its "direct" and "multi-output" forecasts are the same, except that the latter use the known covariates
    of all steps. Missing values are imputed by the column means of the training data.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha < 0:
            raise ValueError(f"alpha must be at least 0, not {self.alpha}")

    def regressor(self, outputs: int) -> Regressor:
        """A linear model."""
        return Linear(self.alpha)

    def _forecast_recursively(self, rows: Rows, ahead: int) -> Floats:
        """By a recursion without a table; rows with missing lags by the general method.

        Both are computed for all rows, so that missing values of other rows cannot change a forecast.
        """
        model = self.models_[0]
        if not isinstance(model, Linear):
            return super()._forecast_recursively(rows, ahead)
        exogenous = model.exogenous(rows.other, rows.known)
        if exogenous.shape[1] > 1:
            exogenous = np.repeat(exogenous, rows.lags.shape[1], axis=1)
        values = model.recursion(self.lags_, self.scale).forecast(_flat(rows.lags), exogenous)
        if all_finite(rows.lags):
            return values
        incomplete = np.isnan(_flat(rows.lags)).any(axis=1, keepdims=True)
        return np.where(incomplete, super()._forecast_recursively(rows, ahead), values)


@dataclass
class GradientBoosting(LagRegression):
    """Histogram gradient boosting of regression trees, which handle missing values.

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

    def regressor(self, outputs: int) -> Regressor:
        """An ensemble of trees, or one for each output."""
        return _Trees(self, outputs)

    @property
    def parameter_count(self) -> int:
        """The number of learned values: nodes of trees, and borders of bins."""
        return estimators.parameter_count(self._estimators())

    @property
    def parameter_bytes(self) -> int:
        """The bytes of these values."""
        return estimators.parameter_bytes(self._estimators())

    def _estimators(self) -> list[Any]:
        return [model.estimator for model in self.models_ if isinstance(model, _Trees)]


class _Trees:
    """scikit-learn's histogram gradient boosting, for one output or several."""

    def __init__(self, settings: GradientBoosting, outputs: int) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.multioutput import MultiOutputRegressor

        trees = HistGradientBoostingRegressor(
            max_iter=settings.max_iter,
            learning_rate=settings.learning_rate,
            max_leaf_nodes=settings.max_leaf_nodes,
            min_samples_leaf=settings.min_samples_leaf,
            early_stopping=False,
            random_state=settings.seed,
        )
        self.estimator: Any = trees if outputs == 1 else MultiOutputRegressor(trees)
        self._outputs = outputs

    def fit(self, table: Floats, outputs: Floats) -> None:
        self.estimator.fit(table, outputs[:, 0] if self._outputs == 1 else outputs)

    def predict(self, table: Floats) -> Floats:
        return np.asarray(self.estimator.predict(table))
