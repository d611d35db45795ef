"""A linear model of a table, and its recursive forecasts."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from math import sqrt

import numpy as np

from harness import Floats
from harness_models.lag_features import LEAST_RELATIVE_SPREAD
from harness_models.stability import stable_weights

FEW_ROWS = 8  # up to so many rows, Python floats row by row are faster than arrays of all rows
STEPS = 64  # after which running means are computed anew: rounding errors accumulate


class Linear:
    """scikit-learn's Ridge on standardised columns, as coefficients of the original columns."""

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def fit(self, table: Floats, outputs: Floats, weights: Floats | None = None) -> None:
        """Ridge regression, of rows with these weights (row,); missing values are imputed by the column mean.

        A column without a value has no weight.
        """
        from sklearn.linear_model import Ridge

        observed = ~np.isnan(table)
        count = np.maximum(observed.sum(axis=0), 1)
        self._mean = np.where(observed, table, 0.0).sum(axis=0) / count
        table = np.where(observed, table, self._mean) - self._mean
        sd = np.sqrt((table**2).mean(axis=0))
        sd[sd <= 1e-12 * np.abs(self._mean)] = 1.0  # constant up to rounding
        solver = "svd" if table.shape[1] <= 64 else "cholesky"  # the first is exact for collinear lags
        used = observed.any(axis=0) | ~observed.any()  # all, if none has a value
        table = table / sd
        ridge = Ridge(alpha=self._alpha, solver=solver).fit(table if used.all() else table[:, used], outputs, weights)
        coefficients = np.zeros((outputs.shape[1], table.shape[1]))
        coefficients[:, used] = np.atleast_2d(ridge.coef_) / sd[used]
        self._coefficients = coefficients.T  # (column, output)
        self._intercepts = np.atleast_1d(ridge.intercept_) - self._mean @ self._coefficients

    def predict(self, table: Floats) -> Floats:
        """The outputs of each row, (row, output)."""
        missing = np.isnan(table)
        if missing.any():
            table = np.where(missing, self._mean, table)
        return np.asarray(table @ self._coefficients + self._intercepts)

    @property
    def parameter_count(self) -> int:
        """The coefficients and intercepts."""
        return int(self._coefficients.size + self._intercepts.size)

    def recursion(self, lags: int, scale: str) -> Recursion:
        """The recursion of the first output; the first columns are lags, scaled by `scale`."""
        return Recursion.of(self._coefficients[:lags, 0], scale)

    def stabilised(self, lags: int, scale: str, is_unstable: Callable[[Linear], bool]) -> Linear:
        """The same model, or where its recursion is unstable, one with other coefficients of the lags.

        Roots are moved as in `stable_weights`; the mean output of the training data stays the same.
        """
        weights = self.recursion(lags, scale).weights[::-1]  # of lag 1 first
        stable = stable_weights(weights, lambda some: is_unstable(self._with_change((some - weights)[::-1])))
        return self if stable is weights else self._with_change((stable - weights)[::-1])

    def _with_change(self, change: Floats) -> Linear:
        """With this change of the lags' coefficients, which is that of the recursion's weights for every scale."""
        other = copy(self)
        other._coefficients = self._coefficients.copy()
        other._coefficients[: len(change), 0] += change
        other._intercepts = self._intercepts - self._mean[: len(change)] @ change
        return other

    def exogenous(self, other: Floats, known: Floats) -> Floats:
        """The part of the first output that does not depend on lags, (step, window, or 1 where all columns are lags).

        The last columns are the `other` features, (window, column), and the `known` covariates of the step,
        (window, step, column).
        """
        exogenous, begin = self._intercepts[:1, None], len(self._mean) - other.shape[1] - known.shape[2]
        for part in (other[:, None], known):
            columns = slice(begin, begin + part.shape[2])
            if part.shape[2]:
                complete = np.where(np.isnan(part), self._mean[columns], part)
                exogenous = exogenous + complete @ self._coefficients[columns, 0]
            begin = columns.stop
        return np.broadcast_to(exogenous, (len(exogenous), known.shape[1])).T


@dataclass(frozen=True, eq=False)
class Recursion:
    """Recursive forecasts of a linear model of scaled lags.

    The forecast from lags w of location c and spread s is c + s (β·(w − c)/s + b), where b is the exogenous
    part. That is ω·w + s b, where ω are the coefficients β plus 1 − Σβ times the weights of the lags in c.
    So only b needs to be scaled, and running means of the lags give s.
    """

    weights: Floats  # (lag,) ω
    scale: str

    @classmethod
    def of(cls, coefficients: Floats, scale: str) -> Recursion:
        """The recursion of a model of lags with this scaling."""
        share = np.zeros(len(coefficients))  # the weight of each lag in the location
        if scale == "last":
            share[-1] = 1.0
        elif scale == "standard":
            share[:] = 1 / len(share)
        return cls(coefficients + (1 - coefficients.sum()) * share, scale)

    def forecast(self, lags: Floats, exogenous: Floats) -> Floats:
        """Forecasts (row, ahead) of lags (row, lag), NaN if one is missing; `exogenous` is (ahead, row or 1)."""
        values = np.empty((lags.shape[1] + len(exogenous), len(lags)))  # (time, row)
        values[: lags.shape[1]] = lags.T
        if len(lags) > FEW_ROWS:
            self._forecast_rows(values, exogenous)
        else:
            for row, column in enumerate(values.T):
                self._forecast_row(column, exogenous[:, row % exogenous.shape[1]].tolist())
        return values[lags.shape[1] :].T

    def _forecast_rows(self, values: Floats, exogenous: Floats) -> None:
        """Computes the values of all rows step by step, (time, row)."""
        count = len(self.weights)
        limit = np.ones(values.shape[1])
        for first in range(0, len(exogenous), STEPS):
            terms = exogenous[first : first + STEPS]
            block = values[first : first + count + len(terms)]
            lags = block[:count]
            location = np.zeros(lags.shape[1]) if self.scale == "none" else lags.mean(axis=0)
            lags -= location
            mean, square = np.zeros_like(location), np.einsum("lr,lr->r", lags, lags) / count  # about the location
            if not first:  # the observed spread is the limit
                limit = _spread(square, location)
            for step, term in enumerate(terms):
                oldest, value = block[step], block[step + count]
                np.dot(self.weights, block[step : step + count], out=value)
                if self.scale != "standard":
                    value += term
                    continue
                value += np.minimum(_spread(square - mean * mean, mean + location), limit) * term
                change = (value - oldest) / count
                mean += change
                square += change * (value + oldest)
            block += location

    def _forecast_row(self, values: Floats, exogenous: list[float]) -> None:
        """The same of one row, (time,), in Python floats: a third of the time of arrays of one element."""
        count, product, standard = len(self.weights), self.weights.dot, self.scale == "standard"
        spread = limit = 1.0
        for first in range(0, len(exogenous), STEPS):
            terms = exogenous[first : first + STEPS]
            block = values[first : first + count + len(terms)]
            lags = block[:count]
            location = 0.0 if self.scale == "none" else float(lags.mean())
            lags -= location
            mean, square, past = 0.0, float(lags @ lags) / count, lags.tolist()
            if not first:  # the observed spread is the limit
                limit = max(sqrt(square), abs(location) * LEAST_RELATIVE_SPREAD) or 1.0
            for step, (oldest, term) in enumerate(zip(past, terms, strict=False)):  # `past` grows during the iteration
                if standard:
                    least = abs(mean + location) * LEAST_RELATIVE_SPREAD
                    variance = square - mean * mean
                    spread = sqrt(variance) if variance > least * least else least or 1.0
                    if spread > limit:
                        spread = limit
                block[step + count] = value = float(product(block[step : step + count])) + spread * term
                past.append(value)
                change = (value - oldest) / count
                mean += change
                square += change * (value + oldest)
            block += location


def _spread(variance: Floats, location: Floats) -> Floats:
    """The spread of `Scale.of` for lags of this variance and location, (row,)."""
    least = location * LEAST_RELATIVE_SPREAD
    spread = np.sqrt(np.maximum(variance, least * least))
    spread[spread == 0] = 1.0
    return np.asarray(spread)
