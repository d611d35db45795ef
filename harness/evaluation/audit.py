"""Leakage audit: forecasts must not change when the future, or other windows of the batch, do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from harness.arrays import Floats, Ints
from harness.attempt import Failure, attempt
from harness.data.missing import Missing
from harness.data.panel import Panel
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, PartialFailure, predict_and_check
from harness.tasks.windows import Contexts, Windows

TOLERANCE = 1e-5  # relative; what float32 and another order of summation may change

Finding = tuple[Status, str]
# whether the forecast of window i of the batch is the same at a position of one forecast and at a position of another
Equal = Callable[[int, Forecast, int, Forecast, int], bool]


def audit(
    forecaster: Forecaster, windows: Windows, forecast: Forecast, missing: Missing, sample: int, neighbours: int = 4
) -> Finding | None:
    """The violation found on a sample of windows, as a status and a reason; None if there is none.

    Sampled are windows that were forecast: one that failed costs no more than itself. Each sampled window
    is forecast again, alone and in a batch, with everything that is not known at its cutoff replaced by noise
    and by NaN: the forecast must be exactly the same. And it must be the same up to
    rounding in every call: repeated, alone, in the batch, in the shuffled batch, and in `forecast`, which
    is that of all windows.
    """
    forecast_positions = np.flatnonzero(forecast.finite())
    if not len(forecast_positions):
        return None
    batch_positions = forecast_positions[evenly_spaced(len(forecast_positions), max(sample, neighbours))]
    batch = windows.take(batch_positions)
    close = _Close(batch)
    first, repeated = (_forecast(forecaster, batch.contexts.filled(missing)) for _ in range(2))
    if first is None or repeated is None:
        return _inconsistent(batch, 0, "it can only be forecast together with all other windows")
    for i in range(len(batch)):
        if not close(i, first, i, repeated, i):
            return _inconsistent(batch, i, "its forecast changes when the same call is repeated")
    deterministic = all(_same(i, first, i, repeated, i) for i in range(len(batch)))
    rng = np.random.default_rng(0)
    future = _FutureAudit(forecaster, batch, missing, first, rng, _same if deterministic else close)
    for i in evenly_spaced(len(batch), sample).tolist():
        alone = _forecast(forecaster, batch.take(np.array([i])).contexts.filled(missing))
        if alone is None:
            return _inconsistent(batch, i, "it cannot be forecast alone")
        finding = future.audit(i, alone)
        if finding is not None:
            return finding
        if not close(i, first, i, alone, 0):
            return _inconsistent(batch, i, "its forecast alone differs from that in a batch")
    for i, window in enumerate(batch_positions.tolist()):
        if not close(i, forecast, window, first, i):
            return _inconsistent(batch, i, "its forecast changes with the size of the batch")
    order = rng.permutation(len(batch))
    shuffled = _forecast(forecaster, batch.take(order).contexts.filled(missing))
    for position, i in enumerate(order.tolist()):
        if shuffled is None or not close(i, first, i, shuffled, position):
            return _inconsistent(batch, i, "its forecast changes with the order of the batch")
    return None


def _inconsistent(batch: Windows, i: int, reason: str) -> Finding:
    return Status.INCONSISTENT, f"{_name(batch, i)}: {reason}"


@dataclass
class _FutureAudit:
    """Forecasts windows again with another future."""

    forecaster: Forecaster
    batch: Windows
    missing: Missing
    forecast: Forecast  # of the batch
    rng: np.random.Generator
    equal: Equal

    def audit(self, i: int, reference: Forecast) -> Finding | None:
        """The finding if the forecast of window i changes with its future; `reference` is its forecast alone."""
        for replacement in ("noise", "missing values"):
            other = _with_other_future(self.batch, i, self.rng if replacement == "noise" else None)
            together = _forecast(self.forecaster, other.contexts.filled(self.missing))
            alone = _forecast(self.forecaster, other.take(np.array([i])).contexts.filled(self.missing))
            changed = alone is None or not self.equal(i, reference, 0, alone, 0)
            # a window that fails only together is no finding: the histories of other windows were replaced too
            if together is not None and together.finite()[i]:
                changed |= not self.equal(i, self.forecast, i, together, i)
            if changed:
                reason = f"its forecast changes when the values not known at its cutoff are replaced by {replacement}"
                return Status.LEAKED, f"{_name(self.batch, i)}: {reason}"
        return None


def _with_other_future(batch: Windows, i: int, rng: np.random.Generator | None) -> Windows:
    """The same windows over a panel in which window i's future is noise, or missing if there is no rng.

    The future is all that is not known at the cutoff: later values, the last ones of a channel with a delay, and
    later vintages. Known covariates stay, unless they have vintages. Replaced too are the values after the first
    cutoff of every other series, and all series outside the batch.
    """
    panel = batch.panel
    ends = np.full(len(panel), np.iinfo(np.int64).max)
    np.minimum.at(ends, batch.series, batch.cutoffs)
    ends[batch.series[i]] = batch.cutoffs[i]
    values = np.full_like(panel.values, np.nan if rng is None else rng.normal())
    for series in np.unique(batch.series):
        begin, end = panel.offsets[series], panel.offsets[series] + ends[series]
        values[begin:end] = panel.values[begin:end]
        if rng is not None:
            for column, future in enumerate(panel.values[end : panel.offsets[series + 1]].T):
                values[end : panel.offsets[series + 1], column] = _noise(future, rng)
        for column, delay in panel.delays.items():
            late = slice(max(begin, end - delay), end)
            values[late, column] = np.nan if rng is None else _noise(panel.values[late, column], rng)
    known = [i for i in panel.channels_of("known covariate") if panel.channels[i].name not in panel.vintages]
    values[:, known] = panel.values[:, known]
    ends[np.setdiff1d(np.arange(len(panel)), batch.series)] = -1
    return replace(batch, panel=_with_other_vintages(panel.with_values(values), ends, rng))


def _with_other_vintages(panel: Panel, ends: Ints, rng: np.random.Generator | None) -> Panel:
    """The panel with noise, or missing values, in the vintages issued after `ends`, (series,)."""
    others = {}
    for name, vintages in panel.vintages.items():
        later, values = vintages.issued > ends[vintages.series], vintages.values.copy()
        values[later] = np.nan if rng is None else _noise(values[later], rng)
        others[name] = replace(vintages, values=values)
    return panel.with_vintages(others) if others else panel


def _noise(values: Floats, rng: np.random.Generator) -> Floats:
    """Noise of ten times the size of the values."""
    size = float(np.nanmax(np.abs(values), initial=0.0)) + 1.0
    return rng.normal(0.0, 10 * size, size=values.shape)


def _forecast(forecaster: Forecaster, contexts: Contexts) -> Forecast | None:
    """The forecast, with NaN where windows failed; None if all did."""
    with warnings.catch_warnings():  # about values that were replaced
        warnings.simplefilter("ignore")
        outcome = attempt(partial(predict_and_check, forecaster, contexts))
    if isinstance(outcome, Failure):
        return outcome.error.forecast if isinstance(outcome.error, PartialFailure) else None
    return outcome


def _same(_: int, first: Forecast, position: int, second: Forecast, other: int) -> bool:
    """Whether both forecasts are exactly the same."""
    pairs = _array_pairs(first, position, second, other)
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


@dataclass(frozen=True)
class _Close:
    """Whether both forecasts are the same up to rounding, which is relative to the forecasts and to the history."""

    batch: Windows

    def __call__(self, i: int, first: Forecast, position: int, second: Forecast, other: int) -> bool:
        for x, y in _array_pairs(first, position, second, other):
            size = float(np.max(np.abs(x), initial=0.0, where=np.isfinite(x)))
            if not _all_close(x, y, size) and not _all_close(x, y, self._history_size(i)):
                return False
        return True

    def _history_size(self, i: int) -> float:
        """The mean absolute value of a window's history; 0 where nothing is known."""
        panel, begin = self.batch.panel, self.batch.panel.offsets[self.batch.series[i]]
        history = np.abs(panel.target_values[begin : begin + self.batch.cutoffs[i]])
        return 0.0 if np.isnan(history).all() else float(np.nanmean(history))


def _all_close(x: Floats, y: Floats, size: float) -> bool:
    return np.allclose(x, y, rtol=TOLERANCE, atol=TOLERANCE * size, equal_nan=True)


def _array_pairs(first: Forecast, position: int, second: Forecast, other: int) -> list[tuple[Floats, Floats]]:
    """Means and quantiles of both; where one of them has no quantiles, all of its quantiles are its mean."""
    pairs = [(first.mean[position], second.mean[other])]
    if first.quantiles is not None or second.quantiles is not None:
        x, y = (
            forecast.mean[at][..., None] if forecast.quantiles is None else forecast.quantiles[at]
            for forecast, at in ((first, position), (second, other))
        )
        shape = np.broadcast_shapes(x.shape, y.shape)
        pairs.append((np.broadcast_to(x, shape), np.broadcast_to(y, shape)))
    return pairs


def _name(batch: Windows, i: int) -> str:
    return f"series {batch.panel.ids[batch.series[i]]!r} at cutoff {batch.cutoffs[i]}"


def evenly_spaced(total: int, count: int) -> Ints:
    """At most `count` positions, evenly spaced from the first to the last of `total`."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))
