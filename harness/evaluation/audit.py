"""Leakage audit: forecasts must not change when the future, or other windows of the batch, do."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from harness.arrays import Floats, Ints
from harness.attempt import Failure, attempt
from harness.data.missing import Missing
from harness.data.panel import Panel
from harness.evaluation.forecast_comparison import ForecastComparison, by_more_than
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, PartialFailure, predict_and_check
from harness.forecasters.spec import MOST_TOLERANCE
from harness.tasks.windows import Contexts, Windows

TOLERANCE = 1e-5  # relative; what float32 and another order of summation may change
REPEATS = 3  # calls repeated before a forecast that changes with its future is called leaked
REPEATED = "its forecast changes when the same call is repeated"

Finding = tuple[Status, str]


def audit(
    forecaster: Forecaster,
    windows: Windows,
    forecast: Forecast,
    missing: Missing,
    sample: int,
    neighbours: int = 4,
    tolerance: float = 0.0,
) -> Finding | None:
    """The violation found on a sample of windows, as a status and a reason; None if there is none.

    Sampled are windows that were forecast: one that failed costs no more than itself. Each sampled window
    is forecast again, alone and in a batch, with everything that is not known at its cutoff replaced by noise
    and by NaN: the forecast must be exactly the same. And it must be the same up to
    rounding in every call: repeated, alone, in the batch, in the shuffled batch, and in `forecast`, which
    is that of all windows. With a `tolerance`, the relative difference that the forecaster declares for
    repeated forecasts, both hold up to it, or up to rounding if that is larger. If repeated calls differ, a forecast
    is leaked only if it changes by more than twice that difference.
    """
    forecast_positions = np.flatnonzero(forecast.finite())
    if not len(forecast_positions):
        return None
    batch_positions = forecast_positions[evenly_spaced(len(forecast_positions), max(sample, neighbours))]
    batch = windows.take(batch_positions)
    comparison = ForecastComparison(batch, max(TOLERANCE, tolerance))
    each = np.arange(len(batch))
    first, repeated = (_forecast(forecaster, batch.contexts.filled(missing)) for _ in range(2))
    if first is None or repeated is None:
        return _inconsistent(batch, 0, "it can only be forecast together with all other windows")
    if finding := _changed(comparison, REPEATED, first, each, repeated, each):
        return finding
    noise = max(comparison.difference(i, first, i, repeated, i) for i in each.tolist())
    rng = np.random.default_rng(0)
    future = _FutureAudit(forecaster, comparison, missing, first, rng, noise, is_exact=not tolerance and not noise)
    for i in evenly_spaced(len(batch), sample).tolist():
        alone = _forecast(forecaster, batch.take(np.array([i])).contexts.filled(missing))
        if alone is None:
            return _inconsistent(batch, i, "it cannot be forecast alone")
        if finding := future.audit(i, alone):
            return finding
        if not comparison.is_close(i, first, i, alone, 0):
            difference = comparison.difference(i, first, i, alone, 0)
            reason = "its forecast alone differs from that in a batch"
            return _inconsistent(batch, i, reason + by_more_than(comparison.tolerance, difference))
    reason = "its forecast changes with the size of the batch"
    if finding := _changed(comparison, reason, forecast, batch_positions, first, each):
        return finding
    order = rng.permutation(len(batch))
    shuffled = _forecast(forecaster, batch.take(order).contexts.filled(missing))
    reason = "its forecast changes with the order of the batch"
    if shuffled is None:
        return _inconsistent(batch, 0, reason)
    return _changed(comparison, reason, first, each, shuffled, np.argsort(order))


def _changed(
    comparison: ForecastComparison,
    reason: str,
    first: Forecast,
    positions: Ints,
    second: Forecast,
    others: Ints,
    windows: Ints | None = None,
) -> Finding | None:
    """The finding for the window whose forecasts differ most; None if all are close. By default of all windows."""
    numbers = np.arange(len(comparison.batch)) if windows is None else windows
    differences = {
        i: comparison.difference(i, first, position, second, other)
        for i, position, other in zip(numbers.tolist(), positions.tolist(), others.tolist(), strict=True)
        if not comparison.is_close(i, first, position, second, other)
    }
    if not differences:
        return None
    i = max(differences, key=lambda window: differences[window])
    return _inconsistent(comparison.batch, i, reason + by_more_than(comparison.tolerance, differences[i]))


def _inconsistent(batch: Windows, i: int, reason: str) -> Finding:
    return Status.INCONSISTENT, f"{_name(batch, i)}: {reason}"


@dataclass(frozen=True)
class _Call:
    """A call of predict, and the same one with another future of one of its windows."""

    windows: Windows
    other: Windows
    position: int  # of the window
    forecast: Forecast  # of `windows`


@dataclass(frozen=True)
class _FutureAudit:
    """Forecasts windows again with another future."""

    forecaster: Forecaster
    comparison: ForecastComparison
    missing: Missing
    forecast: Forecast  # of the batch
    rng: np.random.Generator
    noise: float  # the largest difference of repeated calls
    is_exact: bool  # whether forecasts must be exactly the same

    def audit(self, i: int, reference: Forecast) -> Finding | None:
        """The finding if the forecast of window i changes with its future; `reference` is its forecast alone."""
        batch, window = self.comparison.batch, np.array([i])
        in_batch = self.comparison.difference(i, self.forecast, i, reference, 0)
        noise = max(self.noise, in_batch) if in_batch <= MOST_TOLERANCE else self.noise  # rounding may depend on both
        for replacement in ("noise", "missing values"):
            other = _with_other_future(batch, i, self.rng if replacement == "noise" else None)
            alone = _Call(batch.take(window), other.take(window), 0, reference)
            for call in (alone, _Call(batch, other, i, self.forecast)):
                changed = _forecast(self.forecaster, call.other.contexts.filled(self.missing))
                # a window that fails only together is no finding: the histories of other windows were replaced too
                if call is not alone and (changed is None or not changed.finite()[i]):
                    continue
                if finding := self._finding(i, call, changed, noise, replacement):
                    return finding
        return None

    def _finding(self, i: int, call: _Call, changed: Forecast | None, noise: float, replacement: str) -> Finding | None:
        """The finding if the forecast with another future differs, and by more than repeated calls do."""
        tolerance = 0.0 if self.is_exact else max(self.comparison.tolerance, 2 * noise)
        if self._is_close(i, call, changed, tolerance):
            return None
        repeated = self._repeated(i, call, changed)
        if not isinstance(repeated, float):
            return repeated
        if repeated:  # although earlier ones may have been exactly the same
            tolerance = max(self.comparison.tolerance, 2 * noise, 2 * repeated)
            if self._is_close(i, call, changed, tolerance):
                return None
        reason = f"its forecast changes when the values not known at its cutoff are replaced by {replacement}"
        if changed is not None:
            difference = self.comparison.difference(i, call.forecast, call.position, changed, call.position)
            reason += by_more_than(0.0 if self.is_exact and not repeated else self.comparison.tolerance, difference)
        return Status.LEAKED, f"{_name(self.comparison.batch, i)}: {reason}"

    def _is_close(self, i: int, call: _Call, changed: Forecast | None, tolerance: float) -> bool:
        position = call.position
        return changed is not None and self.comparison.is_close(
            i, call.forecast, position, changed, position, tolerance
        )

    def _repeated(self, i: int, call: _Call, changed: Forecast | None) -> float | Finding:
        """The largest difference when both calls are repeated; a finding if it exceeds the tolerance."""
        largest = 0.0
        for windows, before in ((call.windows, call.forecast), (call.other, changed)):
            for _ in range(REPEATS):
                again = _forecast(self.forecaster, windows.contexts.filled(self.missing))
                if before is None or again is None:
                    if before is not again:
                        return _inconsistent(self.comparison.batch, i, REPEATED)
                    continue
                position = np.array([call.position])
                if finding := _changed(self.comparison, REPEATED, before, position, again, position, np.array([i])):
                    return finding
                largest = max(largest, self.comparison.difference(i, before, call.position, again, call.position))
        return largest


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


def _name(batch: Windows, i: int) -> str:
    return f"series {batch.panel.ids[batch.series[i]]!r} at cutoff {batch.cutoffs[i]}"


def evenly_spaced(total: int, count: int) -> Ints:
    """At most `count` positions, evenly spaced from the first to the last of `total`."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))
