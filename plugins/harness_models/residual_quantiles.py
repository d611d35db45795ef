"""Quantiles of a forecaster that has none of its own, from its residuals on windows that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness import Contexts, Floats, Forecast, Ints

PRIOR_WINDOWS = 10  # the weight of the deviation over all series beside that of the series itself


@dataclass(frozen=True, eq=False)
class ResidualQuantiles:
    """Split conformal quantiles, symmetric about the forecast (Lei et al. 2018, section 5.2, locally weighted).

    An error is u σ z: the unit u of the window's scale, the deviation σ of the series, target and step, and z. σ² is
    the mean squared residual in this unit, where the mean over all series counts as 10 windows more of each
    series. The quantiles of |z| are those of all residuals.
    """

    levels: tuple[float, ...]
    offsets: Floats  # (level,) quantiles of z
    deviations: Floats  # (1 + series, step, target) σ: over all series, then of each
    rows: Mapping[str, int]  # in `deviations`, of each series
    gap: int  # the steps before the first one

    @classmethod
    def of(
        cls, residuals: Floats, levels: Sequence[float], ids: Sequence[str] = (), gap: int = 0
    ) -> ResidualQuantiles | None:
        """From residuals (window, step, target), each divided by its unit; None if a step has none.

        `ids` are the series of the windows, if series are to have deviations of their own.
        """
        observed = ~np.isnan(residuals)
        if not observed.any(axis=0).all():
            return None
        squares = np.where(observed, residuals**2, 0.0)
        variances = [squares.sum(axis=0) / observed.sum(axis=0)]
        names, window_rows = np.unique(np.asarray(ids, dtype=str), return_inverse=True)
        for row in range(len(names)):
            own = window_rows == row
            total = squares[own].sum(axis=0) + PRIOR_WINDOWS * variances[0]
            variances.append(total / (observed[own].sum(axis=0) + PRIOR_WINDOWS))
        deviations = np.sqrt(variances)
        of_windows = deviations[window_rows + 1] if len(names) else np.broadcast_to(deviations[0], residuals.shape)
        z = np.divide(np.abs(residuals), of_windows, out=np.zeros_like(residuals), where=of_windows > 0)[observed]
        centred = 2 * np.asarray(levels) - 1
        shares = np.minimum(np.ceil(np.abs(centred) * (len(z) + 1)) / len(z), 1.0)
        offsets = np.sign(centred) * np.quantile(z, shares, method="inverted_cdf")
        return cls(tuple(levels), offsets, deviations, {str(name): row + 1 for row, name in enumerate(names)}, gap)

    def forecast(self, mean: Floats, units: Floats, contexts: Contexts) -> Forecast:
        """The forecast of these windows with this mean, (window, step, target), and these units, (window, target).

        For later steps than any residual, the deviation is that of the last one.
        """
        first = contexts.gap - self.gap
        steps = np.arange(first, first + contexts.horizon).clip(0, self.deviations.shape[1] - 1)
        spread = units[:, None] * self.deviations[self._rows(contexts)[:, None], steps]
        quantiles = np.multiply.outer(self.offsets, spread)  # (level, window, step, target)
        quantiles += mean
        return Forecast(mean, self.levels, quantiles.transpose(1, 2, 3, 0), mean)  # they are symmetric about the mean

    def _rows(self, contexts: Contexts) -> Ints:
        """The rows of `deviations` of these windows, or one row for all."""
        if not self.rows:
            return np.zeros(1, np.int64)
        if (contexts.series == contexts.series[0]).all():
            return np.array([self.rows.get(contexts.take(slice(0, 1)).ids[0], 0)])
        _, firsts, index = np.unique(contexts.series, return_index=True, return_inverse=True)
        return np.array([self.rows.get(name, 0) for name in contexts.take(firsts).ids])[index]
