"""UnivariateForecaster: a local model of one target, fitted to each target of each series by itself."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from harness import Context, Contexts, FittedLocalForecaster, Floats, Forecast, Ints, Unsupported
from harness_models.pasts import BATCH, pasts


@dataclass(frozen=True, eq=False)
class TargetPasts:
    """What is known of one target of one series: pasts, and the windows whose contexts end in them."""

    contexts: Contexts  # of the windows
    values: Floats  # (past, length), ending together; NaN before a context's start
    lengths: Ints  # (past,) how many of these values are shown
    begins: Ints  # (past,) the position in the series of the first value shown
    rows: Ints  # (window,) the past that holds each window's context
    ends: Ints  # (window,) where in that past its context ends

    @property
    def steps(self) -> Ints:
        """How many steps after the last observation known each forecast lies, (horizon,)."""
        return np.arange(1, self.contexts.horizon + 1) + self.contexts.gap

    @property
    def paddings(self) -> Ints:
        """How many columns of each past come before its first value, (past,)."""
        return np.asarray(self.values.shape[1] - self.lengths)

    @cached_property
    def cutoffs_shown(self) -> Ints:
        """How many observations of each window are shown, (window,)."""
        return self.ends - self.paddings[self.rows]

    def position(self, start: np.datetime64 | int) -> int:
        """Where in the series the observation of that time stands, counted from its first."""
        first = self.contexts.take(slice(0, 1))
        grid = replace(first, cutoffs=np.zeros(1, np.int64), gap=0, horizon=int(self.contexts.cutoffs.max()))
        return int(np.searchsorted(grid.times()[0], start))


class UnivariateForecaster(FittedLocalForecaster):
    """Write `fit_target` and `forecast_target`; several targets are several models."""

    @abstractmethod
    def fit_target(self, values: Floats, context: Context) -> Any:
        """The parameters of one target, from all of its training data, (length,)."""

    @abstractmethod
    def forecast_target(self, state: Any, past: TargetPasts) -> tuple[Floats, Floats | None]:
        """The mean and, if it is known and quantiles are asked, the deviation, (window, horizon) each."""

    def fit_series(self, context: Context) -> list[Any]:
        """One state a target."""
        target = np.ascontiguousarray(context.target.T)
        if np.isnan(target).all(axis=1).any():
            raise Unsupported(f"series {context.id!r} has a target without a value to be fitted to")
        return [self.fit_target(values, context) for values in target]

    def predict_windows(self, state: list[Any], contexts: Contexts) -> Forecast:
        """Every target by its own model."""
        mean = np.empty((len(contexts), contexts.horizon, len(state)))
        deviation: Floats | None = np.empty_like(mean)
        for some in pasts(contexts, BATCH):
            for target, model in enumerate(state):
                past = TargetPasts(
                    contexts.take(some.windows),
                    some.values[:, :, target],
                    some.lengths,
                    some.begins,
                    some.rows,
                    some.ends,
                )
                mean[some.windows, :, target], spread = self.forecast_target(model, past)
                if spread is None:
                    deviation = None
                elif deviation is not None:
                    deviation[some.windows, :, target] = spread
        if deviation is None:
            return Forecast.point(mean)
        return Forecast.from_normal(mean, deviation, contexts.quantile_levels)
