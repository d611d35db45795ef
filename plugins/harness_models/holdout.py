"""Residuals of a forecaster on the end of its training data, which a second fit does not see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness import Floats, Forecaster, Ints, TrainingData, Unsupported
from harness_models.moments import rms_of_differences
from harness_models.pasts import evenly_spaced

HELD_OUT = 8  # one in so many values of each series, so that the second fit is nearly the first
MOST_RESIDUALS = 2000  # windows times targets


@dataclass(frozen=True, eq=False)
class Residuals:
    """Errors in units of the root mean square of the differences within each window's context."""

    values: Floats  # (window, step, target); NaN where the actual is missing, or where the context is constant
    ids: tuple[str, ...]  # the series of the windows


def held_out_residuals(earlier: Forecaster, fitted: Forecaster, train: TrainingData) -> Residuals | None:
    """The residuals of `earlier` on windows at the end of each series, after it was fitted to what is before.

    The end is the last eighth, or if that is longer two horizons, but at most one half. Where the series are too
    short for it, the residuals are those of the `fitted` forecaster on all windows; None if there is no window.
    """
    panel, ahead = train.panel, train.gap + train.horizon
    begins = np.maximum(panel.lengths - np.maximum(panel.lengths // HELD_OUT, 2 * ahead), panel.lengths // 2)
    begins = np.maximum(begins, 1)  # no window has an empty history
    part = train.until(begins)
    if part is not None and (panel.lengths - begins >= ahead).any():
        try:
            earlier.fit(replace(part, quantile_levels=()))
            return _residuals(earlier, begins, train)
        except Unsupported:
            pass  # too short for these lags
    return _residuals(fitted, np.ones_like(begins), train)


def _residuals(forecaster: Forecaster, begins: Ints, train: TrainingData) -> Residuals | None:
    """The residuals on windows with these first cutoffs or later ones, evenly spaced."""
    panel = train.panel
    most = max(1, MOST_RESIDUALS // len(panel.targets))
    counts = np.maximum(panel.lengths - train.gap - train.horizon - begins + 1, 0)
    total = int(counts.sum())
    if not total:
        return None
    chosen = evenly_spaced(np.arange(total), most)
    series = np.searchsorted(np.cumsum(counts), chosen, side="right")
    cutoffs = begins[series] + chosen - (np.cumsum(counts) - counts)[series]
    contexts = replace(train.contexts(series, cutoffs), quantile_levels=())
    steps = train.gap + np.arange(train.horizon)
    actuals = panel.target_values[(panel.offsets[series] + cutoffs)[:, None] + steps]
    units = rms_of_differences(contexts, 1)[:, None]
    errors = actuals - forecaster.predict(contexts).mean
    return Residuals(np.divide(errors, units, out=np.full_like(errors, np.nan), where=units > 0), contexts.ids)
