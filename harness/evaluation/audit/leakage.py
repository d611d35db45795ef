"""Leakage audit: forecasts must not change when the future does, nor by much with the other windows of a call."""

from __future__ import annotations

import warnings

import numpy as np

from harness.evaluation.audit.examination import NEIGHBOURS, Examination
from harness.evaluation.audit.rules import AuditResult, ProcessEnded, Rules, Scored
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.remote import RemoteForecaster


def audit(
    forecaster: Forecaster | RemoteForecaster,
    scored: Scored,
    rules: Rules,
    rng: np.random.Generator,
    sample: int,
    most_windows: int = 2 * NEIGHBOURS,
    is_whole: bool = True,
) -> AuditResult:
    """The result of forecasting sampled windows again, of those that were forecast: one that failed costs itself only.

    A batch of some windows, a few or up to `most_windows`, is forecast over a panel of their series only; `sample` of
    them are also forecast alone. All that is not known at a cutoff is replaced by noise and by NaN: forecasts must be
    exactly the same. If `is_whole`, it is also replaced once in the call that was scored, with all of its windows.
    Forecasts must be the same when calls are repeated, and it is measured how much they change with the other windows
    of a call.

    With a tolerance, all of this holds up to it. If repeated calls differ, a forecast is leaked only if it changes by
    more than twice that difference.
    """
    finite = np.flatnonzero(scored.forecast.finite())
    if not len(finite):
        return AuditResult()
    least = min(max(sample, NEIGHBOURS), len(finite))
    most = max(least, min(least + NEIGHBOURS if is_whole else most_windows, most_windows, len(finite) - 1))
    count = int(rng.integers(least, most, endpoint=True))
    positions = np.sort(rng.choice(finite, count, replace=False))
    examination = Examination(forecaster, scored, rules, rng, positions, min(sample, count), is_whole)
    try:
        with warnings.catch_warnings():  # about values that were replaced
            warnings.simplefilter("ignore")
            finding = examination.finding()
    except ProcessEnded as ended:
        finding = ended.finding
    windows = len(scored.windows) if is_whole else count
    return AuditResult(windows, finding, examination.in_batches, examination.repeated)
