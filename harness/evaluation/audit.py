"""Did the future matter? Do the neighbours in a batch? A proof by trial, for any forecaster."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from harness.arrays import Floats, Ints
from harness.attempt import Failure, attempt
from harness.data.missing import Missing
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, PartlyFailed, checked_forecast
from harness.tasks.windows import Contexts, Windows

ROUNDING = 1e-5  # relative; what float32 and other orders of summation may change


def audit(
    forecaster: Forecaster, windows: Windows, forecast: Forecast, missing: Missing, sample: int, neighbours: int = 4
) -> tuple[Status, str] | None:
    """What a fitted forecaster did wrong on a sample of windows, None if nothing was seen.

    Each sampled window is forecast again, alone and in a batch, with everything after its cutoff but
    known covariates replaced by noise and by NaN: the forecast must be the same to the last bit. And
    it must be the same but for rounding in every call: twice, alone, in the batch, in the batch
    shuffled, and in `forecast`, which is of all windows.
    """
    chosen = spread(len(windows), max(sample, neighbours))
    batch = windows.take(chosen)
    whole, again = (_forecast(forecaster, batch.contexts.filled(missing)) for _ in range(2))
    usable = forecast.finite()[chosen]
    if whole is None or again is None:
        if not usable.any():
            return None
        return Status.INCONSISTENT, f"{_name(batch, 0)}: it can only be forecast together with all other windows"
    for i in range(len(batch)):
        if not _close(whole, i, again, i):
            return Status.INCONSISTENT, f"{_name(batch, i)}: the same call again forecasts it otherwise"
    exact = all(_same(whole, i, again, i) for i in range(len(batch)))
    rng = np.random.default_rng(0)
    for i in spread(len(batch), sample):
        alone = batch.take(np.array([i]))
        reference = _forecast(forecaster, alone.contexts.filled(missing))
        if reference is None and np.isnan(whole.mean[i]).all():
            continue
        if reference is None:
            return Status.INCONSISTENT, f"{_name(batch, int(i))}: alone it cannot be forecast"
        verdict = _future(forecaster, batch, int(i), missing, whole, reference, rng, _same if exact else _close)
        if verdict is not None:
            return verdict
        if not _close(whole, int(i), reference, 0):
            return Status.INCONSISTENT, f"{_name(batch, int(i))}: alone it is forecast otherwise than in a batch"
    for i, window in enumerate(chosen.tolist()):
        if usable[i] and not _close(forecast, window, whole, i):
            return Status.INCONSISTENT, f"{_name(batch, i)}: its forecast changes with the size of the batch"
    order = rng.permutation(len(batch))
    shuffled = _forecast(forecaster, batch.take(order).contexts.filled(missing))
    for place, i in enumerate(order.tolist()):
        if shuffled is None or not _close(whole, i, shuffled, place):
            return Status.INCONSISTENT, f"{_name(batch, i)}: its forecast changes with the order of the batch"
    return None


def _future(
    forecaster: Forecaster,
    batch: Windows,
    i: int,
    missing: Missing,
    whole: Forecast,
    reference: Forecast,
    rng: np.random.Generator,
    equal: Callable[[Forecast, int, Forecast, int], bool],
) -> tuple[Status, str] | None:
    for kind in ("noise", "missing values"):
        other = _other_future(batch, i, rng if kind == "noise" else None)
        together = _forecast(forecaster, other.contexts.filled(missing))
        alone = _forecast(forecaster, other.take(np.array([i])).contexts.filled(missing))
        changed = alone is None or not equal(reference, 0, alone, 0)
        changed |= together is not None and not equal(whole, i, together, i)  # None: what became of its neighbours
        if changed:
            return Status.LEAKED, f"{_name(batch, i)}: its forecast changes when what comes later becomes {kind}"
    return None


def _other_future(batch: Windows, i: int, rng: np.random.Generator | None) -> Windows:
    """The same windows over a panel in which window i's future is noise, or missing if there is no rng.

    So is what comes after the first cutoff of every other series, and all of those not in the batch.
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
            for column, later in enumerate(panel.values[end : panel.offsets[series + 1]].T):
                values[end : panel.offsets[series + 1], column] = _noise(later, rng)
    known = list(panel.channels_of("known covariate"))
    values[:, known] = panel.values[:, known]
    return replace(batch, panel=panel.with_values(values))


def _noise(values: Floats, rng: np.random.Generator) -> Floats:
    size = float(np.nanmax(np.abs(values), initial=0.0)) + 1.0
    return rng.normal(0.0, 10 * size, size=values.shape)


def _forecast(forecaster: Forecaster, contexts: Contexts) -> Forecast | None:
    with warnings.catch_warnings():  # of a future that never came
        warnings.simplefilter("ignore")
        outcome = attempt(partial(checked_forecast, forecaster, contexts))
    if isinstance(outcome, Failure):
        return outcome.error.forecast if isinstance(outcome.error, PartlyFailed) else None
    return outcome


def _same(one: Forecast, i: int, other: Forecast, j: int) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in _pairs(one, i, other, j))


def _close(one: Forecast, i: int, other: Forecast, j: int) -> bool:
    for a, b in _pairs(one, i, other, j):
        size = float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a)))
        if not np.allclose(a, b, rtol=ROUNDING, atol=ROUNDING * size, equal_nan=True):
            return False
    return True


def _pairs(one: Forecast, i: int, other: Forecast, j: int) -> list[tuple[Floats, Floats]]:
    pairs = [(one.mean[i], other.mean[j])]
    if one.quantiles is not None and other.quantiles is not None:
        pairs.append((one.quantiles[i], other.quantiles[j]))
    elif one.quantiles is not None or other.quantiles is not None:
        pairs.append((np.zeros(1), np.ones(1)))  # that only one of them has quantiles is a difference
    return pairs


def _name(batch: Windows, i: int) -> str:
    return f"series {batch.panel.ids[batch.series[i]]!r} at cutoff {batch.cutoffs[i]}"


def spread(total: int, count: int) -> Ints:
    """At most `count` positions, evenly spaced from the first to the last of `total`."""
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))
