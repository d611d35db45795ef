"""Scores of simple forecasters under published protocols."""

from __future__ import annotations

from dataclasses import replace

from harness.evaluation.metrics import METRICS
from harness.tasks.protocols import RollingOrigin
from harness.tasks.splits import TimeSplit
from harness.tasks.task import Task
from harness.verification.context import RunScores, VerificationContext

TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
M4 = RollingOrigin(48, windows=1)
FEV_ETT_1H = RollingOrigin(168, windows=20, stride=168, max_context=1000)
FEV_METRICS = tuple(replace(metric, aggregation="cutoff") for metric in METRICS)
SQUARED_AND_ABSOLUTE = tuple(metric for metric in METRICS if metric.name in ("MSE", "MAE"))


def m4_hourly(context: VerificationContext, forecaster: str, quantity: str) -> float:
    """The M4 competition: the last 48 values of each series, intervals of 95 %."""
    levels = (0.025, 0.975) if quantity in ("MSIS", "coverage") else ()
    return _number(context.run(forecaster, Task("m4-hourly", M4, quantile_levels=levels), METRICS), quantity)


def fev_bench_ett_1h(context: VerificationContext, forecaster: str, quantity: str) -> float:
    """The task ETT_1H of fev-bench: errors of a cutoff and target are summed, then averaged."""
    task = Task("ett-1h", FEV_ETT_1H, quantile_levels=TENTHS)
    return _number(context.run(forecaster, task, FEV_METRICS), quantity)


def gift_eval_m4_hourly(context: VerificationContext, forecaster: str, quantity: str) -> float:
    """GIFT-Eval on M4 Hourly: GluonTS's metrics, where our WAPE is called ND and sMAPE goes from 0 to 2."""
    scores = context.run(forecaster, Task("m4-hourly", M4, quantile_levels=TENTHS), METRICS)
    if quantity == "sMAPE":
        return _number(scores, "sMAPE") / 100
    return _number(scores, "WAPE" if quantity == "ND" else quantity)


def etth1(context: VerificationContext, forecaster: str, quantity: str, *, horizon: int) -> float:
    """The long-horizon protocol: z-scores of the training part, every cutoff of the test part."""
    protocol, split = RollingOrigin(horizon, stride=1), TimeSplit(8640, 2880, 2880)
    task = Task("etth1", protocol, split, standardise=True)
    return _number(context.run(forecaster, task, SQUARED_AND_ABSOLUTE), quantity)


def _number(scores: RunScores, quantity: str) -> float:
    return float(scores.windows) if quantity == "windows" else scores.scores[quantity]
