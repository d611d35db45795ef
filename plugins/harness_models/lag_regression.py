"""LagRegression: the base class of global regressions on lags; all windows are forecast at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from harness import Contexts, Floats, Forecast, Ints, TrainingData, Unsupported
from harness_models.holdout import held_out_residuals
from harness_models.lag_features import Encoding, Lags, Rows, Scale, forecast_rows, training_rows
from harness_models.moments import rms_of_differences
from harness_models.pasts import BATCH
from harness_models.residual_quantiles import ResidualQuantiles

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

    Each target of each series gives rows of its own. The features are its lags, the last `past_lags` available values
    of each past covariate, the last `known_lags` values of each known covariate (for "recursive": before the step), the
    static attributes of the series (texts one-hot), and the known covariates of the step (for "multi-output": of all
    steps). A known covariate with vintages has the values that were known at the cutoff, in training as well.

    `scale` is the scaling of the lags and outputs of each row: "none", "last" (minus the last value), or "standard"
    (minus the mean, divided by the standard deviation of the lags; recursive forecasts never use a greater one than
    that of the observed lags, for stability). `lags` None means two seasons, at least 24, but at most half of what the
    horizon leaves of the longest series. Training uses at most `max_rows` windows, evenly spaced; rows with missing
    outputs are left out.

    Quantiles are those of residuals (see `ResidualQuantiles`): a second model, fitted without the last eighth of
    each series, or its last two horizons, forecasts the windows there. It is fitted only if quantiles are asked for.
    """

    lags: int | None = None
    strategy: str = "recursive"
    scale: str = "standard"
    max_rows: int = 100_000
    past_lags: int = 1
    known_lags: int = 0

    def __post_init__(self) -> None:
        if self.lags is not None and self.lags < 1:
            raise ValueError(f"lags must be at least 1, not {self.lags}")
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy is one of {', '.join(STRATEGIES)}, not {self.strategy!r}")
        if self.scale not in SCALES:
            raise ValueError(f"scale is one of {', '.join(SCALES)}, not {self.scale!r}")
        for name, least in (("max_rows", 1), ("past_lags", 0), ("known_lags", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")

    @abstractmethod
    def regressor(self, outputs: int) -> Regressor:
        """An unfitted model."""

    def fit(self, train: TrainingData) -> None:
        """Fits the models to the windows of all series."""
        self.remarks_: list[str] = []
        self.fit_models(train)
        self.quantiles_: ResidualQuantiles | None = None
        if train.quantile_levels:
            residuals = held_out_residuals(replace(self, lags=self.lags_), self, train)
            if residuals is not None:
                self.quantiles_ = ResidualQuantiles.of(
                    residuals.values, train.quantile_levels, residuals.ids, train.gap
                )

    def fit_models(self, train: TrainingData) -> None:
        """Fits one model, or with "direct" one for each step."""
        steps = self._training_steps(train)
        self.lags_ = self._lags(train, int(steps[-1]))
        self.encoding_ = Encoding.of(train.panel.static)
        rows = self.training_rows(train)
        scale = Scale.of(flat(rows.lags), self.scale)
        scaled, outputs = scale.apply(flat(rows.lags)), scale.apply(flat(rows.ahead.transpose(0, 2, 1)))
        if self.strategy == "direct":
            self.models_ = [
                self._fit_model(table_of(scaled, rows, rows.known[:, [i]]), outputs[:, [i]]) for i in range(len(steps))
            ]
        else:
            self.models_ = [self._fit_model(table_of(scaled, rows, rows.known), outputs)]

    def training_rows(self, train: TrainingData) -> Rows:
        """The windows to fit; raises Unsupported if there is none."""
        steps = self._training_steps(train)
        rows = training_rows(train.panel, self.encoding_, self.feature_lags, steps, self.max_rows)
        if rows is None:
            raise Unsupported(
                f"{self.lags_} lags and {steps[-1]} steps ahead need series of {self.lags_ + steps[-1]} "
                f"observations to train on; the longest has {train.panel.lengths.max()}"
            )
        return rows

    @property
    def feature_lags(self) -> Lags:
        """How many last values are features."""
        if self.strategy == "recursive":
            return Lags(self.lags_, self.past_lags, moving_known=self.known_lags)
        return Lags(self.lags_, self.past_lags, self.known_lags)

    def _training_steps(self, train: TrainingData) -> Ints:
        """The steps ahead to fit."""
        return np.array([1]) if self.strategy == "recursive" else np.arange(1, train.horizon + 1) + train.gap

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
        known = sum(channel.role == "known covariate" for channel in contexts.channels)
        steps = contexts.gap + contexts.horizon
        width = len(contexts.targets) * (self.lags_ + steps) + steps * known * self.known_lags
        size = max(1, BATCH // width)
        if len(contexts) <= size:
            mean = self._mean(contexts)
        else:
            mean = np.concatenate([self._mean(some) for some in contexts.batches(size)])
        if self.quantiles_ is None or self.quantiles_.levels != contexts.quantile_levels:
            return Forecast(mean)
        return self.quantiles_.forecast(mean, rms_of_differences(contexts, 1), contexts)

    def _mean(self, contexts: Contexts) -> Floats:
        """The mean, (window, horizon, target)."""
        rows = forecast_rows(contexts, self.encoding_, self.feature_lags)
        steps = np.arange(contexts.horizon) + contexts.gap
        if self.strategy == "recursive":
            ahead = self._forecast_recursively(rows, int(steps[-1]) + 1)[:, contexts.gap :]
        else:
            scale = Scale.of(flat(rows.lags), self.scale)
            scaled = scale.apply(flat(rows.lags))
            if self.strategy == "direct":
                tables = (table_of(scaled, rows, rows.known[:, [step]]) for step in steps)
                outputs = [_column(model.predict(table)) for model, table in zip(self.models_, tables, strict=True)]
                ahead = scale.undo(np.concatenate(outputs, axis=1))
            else:
                table = table_of(scaled, rows, rows.known[:, steps])
                ahead = scale.undo(self.models_[0].predict(table).reshape(len(table), -1))
        shape = len(contexts), len(contexts.targets), contexts.horizon
        return ahead.reshape(shape).transpose(0, 2, 1)

    def _forecast_recursively(self, rows: Rows, ahead: int) -> Floats:
        """Recursive forecasts of every row, (row, ahead)."""
        lags = flat(rows.lags)
        observed = Scale.of(lags, self.scale)
        values = np.concatenate([lags, np.empty((len(lags), ahead))], axis=1)
        for step in range(ahead):
            lags = values[:, step : step + self.lags_]
            scale = Scale.of(lags, self.scale).at_most(observed.spread)
            table = table_of(scale.apply(lags), rows, rows.known[:, [step]])
            values[:, step + self.lags_] = scale.undo(_column(self.models_[0].predict(table)))[:, 0]
        return values[:, self.lags_ :]


def table_of(scaled: Floats, rows: Rows, known: Floats) -> Floats:
    """The table (window × target, column): scaled lags, other features, known covariates."""
    targets = rows.lags.shape[1]
    if not rows.other.shape[1] and not known.size:
        return scaled
    others = np.concatenate([rows.other, _flat_steps(known)], axis=1)
    return np.concatenate([scaled, np.repeat(others, targets, axis=0)], axis=1)


def flat(values: Floats) -> Floats:
    """(window, target, …) as (window × target, …)."""
    return values.reshape(-1, values.shape[2])


def _flat_steps(known: Floats) -> Floats:
    return known.reshape(len(known), -1)


def _column(outputs: Floats) -> Floats:
    """The predictions of a model of one output, (row, 1)."""
    return outputs.reshape(-1, 1)
