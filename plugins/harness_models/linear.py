"""A linear model of a table, and its recursion: what follows a row when it is fed on its own output."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from harness import Floats
from harness_models.lag_features import FLATTEST

FEW = 8  # rows; up to so many, one after another in floats is faster than all at once in arrays
STEPS = 64  # after which running means are taken anew, lest rounding piles up


class Linear:
    """scikit-learn's Ridge on standardised columns, folded into one product."""

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def fit(self, table: Floats, outputs: Floats) -> None:
        """Least squares; a missing column takes its mean."""
        from sklearn.linear_model import Ridge

        seen = ~np.isnan(table)
        count = np.maximum(seen.sum(axis=0), 1)
        self._mean = np.where(seen, table, 0.0).sum(axis=0) / count
        table = np.where(seen, table, self._mean) - self._mean
        sd = np.sqrt((table**2).mean(axis=0))
        sd[sd <= 1e-12 * np.abs(self._mean)] = 1.0  # constant, but for rounding
        solver = "svd" if table.shape[1] <= 64 else "cholesky"  # the first is exact for lags that say the same
        ridge = Ridge(alpha=self._alpha, solver=solver).fit(table / sd, outputs)
        self._coefficients = (np.atleast_2d(ridge.coef_) / sd).T  # (column, output)
        self._intercepts = np.atleast_1d(ridge.intercept_) - self._mean @ self._coefficients

    def predict(self, table: Floats) -> Floats:
        """The outputs of each row, (row, output)."""
        missing = np.isnan(table)
        if missing.any():
            table = np.where(missing, self._mean, table)
        return np.asarray(table @ self._coefficients + self._intercepts)

    def recursion(self, lags: int, scale: str) -> Recursion:
        """The first output as the value that follows the first columns, which are lags of such a scale."""
        return Recursion.of(self._coefficients[:lags, 0], scale)

    def pushes(self, beside: Floats, known: Floats) -> Floats:
        """What all that is no lag adds to the first output, (step, window, or 1 where there is nothing but lags).

        The last columns are those `beside` the lags, (window, column), and those `known` of the step,
        (window, step, column).
        """
        pushes, begin = self._intercepts[:1, None], len(self._mean) - beside.shape[1] - known.shape[2]
        for part in (beside[:, None], known):
            columns = slice(begin, begin + part.shape[2])
            if part.shape[2]:
                complete = np.where(np.isnan(part), self._mean[columns], part)
                pushes = pushes + complete @ self._coefficients[columns, 0]
            begin = columns.stop
        return np.broadcast_to(pushes, (len(pushes), known.shape[1])).T


@dataclass(frozen=True, eq=False)
class Recursion:
    """A linear model of scaled lags, fed on its own output.

    Of lags w with the centre c and the spread s it says c + s (β·(w − c)/s + b), where b is what the rest
    adds. That is ω·w + s b, and ω are the coefficients β, with what they lack to 1 given to the centre.
    So nothing needs to be scaled but b, and means that run along with the lags give s.
    """

    weights: Floats  # (lag,) ω
    scale: str

    @classmethod
    def of(cls, coefficients: Floats, scale: str) -> Recursion:
        """The recursion of a model of lags of such a scale."""
        share = np.zeros(len(coefficients))  # of each lag in their centre
        if scale == "last":
            share[-1] = 1.0
        elif scale == "standard":
            share[:] = 1 / len(share)
        return cls(coefficients + (1 - coefficients.sum()) * share, scale)

    def continued(self, lags: Floats, pushes: Floats) -> Floats:
        """What follows lags (row, lag), (row, ahead), NaN if one is missing; pushes are (ahead, row or 1)."""
        values = np.empty((lags.shape[1] + len(pushes), len(lags)))  # (time, row)
        values[: lags.shape[1]] = lags.T
        if len(lags) > FEW:
            self._together(values, pushes)
        else:
            for row, column in enumerate(values.T):
                self._alone(column, pushes[:, row % pushes.shape[1]].tolist())
        return values[lags.shape[1] :].T

    def _together(self, values: Floats, pushes: Floats) -> None:
        """Writes the values of all rows step by step, (time, row)."""
        count = len(self.weights)
        limit = np.ones(values.shape[1])
        for first in range(0, len(pushes), STEPS):
            some = pushes[first : first + STEPS]
            block = values[first : first + count + len(some)]
            lags = block[:count]
            centre = np.zeros(lags.shape[1]) if self.scale == "none" else lags.mean(axis=0)
            lags -= centre
            mean, square = np.zeros_like(centre), np.einsum("lr,lr->r", lags, lags) / count  # about the centre
            if not first:  # what was observed is the limit
                limit = _spread(square, centre)
            for step, push in enumerate(some):
                gone, value = block[step], block[step + count]
                np.dot(self.weights, block[step : step + count], out=value)
                if self.scale != "standard":
                    value += push
                    continue
                value += np.minimum(_spread(square - mean * mean, mean + centre), limit) * push
                change = (value - gone) / count
                mean += change
                square += change * (value + gone)
            block += centre

    def _alone(self, values: Floats, pushes: list[float]) -> None:
        """The same of one row, (time,), in floats, which take a third of the time of arrays of one."""
        count, product, standard = len(self.weights), self.weights.dot, self.scale == "standard"
        spread = limit = 1.0
        for first in range(0, len(pushes), STEPS):
            some = pushes[first : first + STEPS]
            block = values[first : first + count + len(some)]
            lags = block[:count]
            centre = 0.0 if self.scale == "none" else float(lags.mean())
            lags -= centre
            mean, square, past = 0.0, float(lags @ lags) / count, lags.tolist()
            if not first:  # what was observed is the limit
                limit = max(sqrt(square), abs(centre) * FLATTEST) or 1.0
            for step, (gone, push) in enumerate(zip(past, some, strict=False)):  # the past grows on the way
                if standard:
                    least = abs(mean + centre) * FLATTEST
                    variance = square - mean * mean
                    spread = sqrt(variance) if variance > least * least else least or 1.0
                    if spread > limit:
                        spread = limit
                block[step + count] = value = float(product(block[step : step + count])) + spread * push
                past.append(value)
                change = (value - gone) / count
                mean += change
                square += change * (value + gone)
            block += centre


def _spread(variance: Floats, centre: Floats) -> Floats:
    """What `Scale.of` says of lags of such a variance about such a centre, (row,)."""
    least = centre * FLATTEST
    spread = np.sqrt(np.maximum(variance, least * least))
    spread[spread == 0] = 1.0
    return np.asarray(spread)
