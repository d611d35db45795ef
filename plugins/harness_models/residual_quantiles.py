"""Quantiles of a forecaster that has none of its own, from its residuals on windows that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness import Floats, Forecast, Ints

PRIOR_WINDOWS = 10  # the weight of the deviation over all series beside that of the series itself


@dataclass(frozen=True, eq=False)
class ResidualQuantiles:
    """Split conformal quantiles, symmetric about the forecast (Lei et al. 2018, section 5.2, locally weighted).

    An error is u σ z: the unit u of the window's scale, the deviation σ of the series, target and step, and z. σ² is
    the mean squared residual in this unit, where the mean over all series counts as 10 windows more of each
    series. The quantiles of |z| are those of all residuals, which windows of the same series share.
    """

    levels: tuple[float, ...]
    offsets: Floats  # (level,) quantiles of z
    pooled: Floats  # (step, target) σ over all series
    own: Mapping[str, Floats]  # σ by series
    gap: int  # the steps before the first one

    @classmethod
    def of(
        cls, residuals: Floats, levels: Sequence[float], ids: Sequence[str] = (), gap: int = 0
    ) -> ResidualQuantiles | None:
        """From residuals (window, step, target), each divided by its unit; None if a step has none.

        `ids` are the series of the windows, if series are to have deviations of their own.
        """
        squares, names = residuals**2, np.asarray(ids)
        observed = ~np.isnan(squares)
        if not observed.any(axis=0).all():
            return None
        squares = np.where(observed, squares, 0.0)
        pooled = squares.sum(axis=0) / observed.sum(axis=0)
        own, z = {}, np.abs(residuals)
        deviations = np.broadcast_to(np.sqrt(pooled), residuals.shape).copy()
        for name in np.unique(names):
            windows = names == name
            weights = observed[windows].sum(axis=0) + PRIOR_WINDOWS
            own[str(name)] = np.sqrt((squares[windows].sum(axis=0) + PRIOR_WINDOWS * pooled) / weights)
            deviations[windows] = own[str(name)]
        z = np.divide(z, deviations, out=np.zeros_like(z), where=deviations > 0)[observed]
        shares = np.abs(2 * np.asarray(levels) - 1)
        corrected = np.minimum(np.ceil(shares * (len(z) + 1)) / len(z), 1.0)
        offsets = np.sign(2 * np.asarray(levels) - 1) * np.quantile(z, corrected, method="inverted_cdf")
        return cls(tuple(levels), offsets, np.sqrt(pooled), own, gap)

    def forecast(self, mean: Floats, units: Floats, steps: Ints, ids: Sequence[str] = ()) -> Forecast:
        """A forecast with this mean (window, step, target).

        `units` are (window, target), `steps` those from the last observation to each forecast; for later steps
        than any residual, the deviation is that of the last one.
        """
        rows = np.clip(steps - 1 - self.gap, 0, len(self.pooled) - 1)
        deviations = np.broadcast_to(self.pooled[rows], mean.shape)
        if self.own:
            deviations = np.stack([self.own.get(name, self.pooled)[rows] for name in ids])
        quantiles = mean[..., None] + (units[:, None] * deviations)[..., None] * self.offsets
        return Forecast(mean, self.levels, quantiles)
