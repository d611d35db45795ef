"""How far values lie from each other in every window's context, for the quantiles of naive forecasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness import Contexts, Floats
from harness_models.pasts import Pasts, over_windows


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, sum and sum of squares of something over each window's context, (window, target) each."""

    count: Floats
    total: Floats
    squares: Floats

    def squares_about(self, point: Floats) -> Floats:
        """The sum of squared distances from a point, (window, target)."""
        return np.asarray(np.maximum(self.squares - point * (2 * self.total - point * self.count), 0))

    def root_mean_square(self) -> Floats:
        """The root of the mean square; 0 where there is nothing to average."""
        return np.asarray(np.sqrt(self.squares / np.maximum(self.count, 1)))


def moments_of_differences(contexts: Contexts, lag: int) -> Moments:
    """Moments of x_t − x_{t−lag}, wherever both are observed."""

    def measure(past: Pasts) -> Floats:
        differences = np.full(past.values.shape, np.nan)
        differences[:, lag:] = past.values[:, lag:] - past.values[:, :-lag]
        return np.stack(_moments(past, differences), axis=-1)

    return Moments(*_parts(over_windows(contexts, measure)))


def mean_of_levels(contexts: Contexts) -> Floats:
    """The mean of the values observed, (window, target); NaN where there are none."""

    def measure(past: Pasts) -> Floats:
        first = first_observed(past.values)
        count, total = _moments(past, past.values - first[:, None], 1)
        return np.where(count > 0, first[past.rows], np.nan) + total / np.maximum(count, 1)

    return over_windows(contexts, measure)


def moments_of_levels(contexts: Contexts) -> tuple[Moments, Floats]:
    """Moments of the values observed less the first of them, and that first one, (window, target)."""

    def measure(past: Pasts) -> Floats:
        first = first_observed(past.values)
        moments = _moments(past, past.values - first[:, None])
        known = np.where(moments[0] > 0, first[past.rows], np.nan)  # the first may come after a window's end
        return np.stack([*moments, known], axis=-1)

    *moments, first = _parts(over_windows(contexts, measure))
    return Moments(*moments), first


def first_observed(values: Floats) -> Floats:
    """The first value that is not missing, (past, target); NaN if all are."""
    first = values[:, 0]
    if not np.isnan(first).any():
        return first
    at = np.argmax(~np.isnan(values), axis=1)
    return np.asarray(np.take_along_axis(values, at[:, None], axis=1)[:, 0])


def _moments(past: Pasts, terms: Floats, highest: int = 2) -> list[Floats]:
    """Count, sum and, up to the highest, sums of powers until each window's end, (window, target) each."""
    observed = ~np.isnan(terms)
    terms = np.where(observed, terms, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows after a window's end is not its business
        powers = (terms**power for power in range(1, highest + 1))
        return [past.known(np.cumsum(one, axis=1, dtype=np.float64)) for one in (observed, *powers)]


def _parts(measured: Floats) -> list[Floats]:
    """The measures along the last axis, one by one."""
    return [measured[..., i] for i in range(measured.shape[-1])]
