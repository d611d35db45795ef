"""Notes of a run: what a reader of its scores should know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import get_args

import numpy as np

from harness.evaluation.audit.rules import Rules
from harness.evaluation.class_outcomes import EPSILON, ClassOutcomes
from harness.evaluation.covariate_notes import covariate_notes
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run
from harness.forecasters.forecast import Forecast
from harness.forecasters.origins import PointFunctional
from harness.forecasters.remarks import remark_texts
from harness.forecasters.remote import Description
from harness.tasks.cutoffs import are_aligned
from harness.tasks.folds import Backtest

SUBSTITUTES = {
    "mean": "the mean stands for",
    "median": "the median stands for",
    "quantiles": "a number computed from the quantiles stands for",
}
DEGENERATE = "point forecast, scored as degenerate quantiles"
MOST_LEFT_OUT = 20  # series with windows left out that a run names
NO_SCALE = "the seasonal error of their history is undefined (too short, or exactly periodic)"
NO_ERROR = "all forecasts equal the actuals exactly: check for leakage"
_REPEATS = re.compile(r"forecasts repeat within (\S+) \(declared\)")
NOT_ALIGNED = "cutoffs are not aligned in time: a global model may learn from later dates of other series"


def notes(backtest: Backtest, description: Description, rules: Rules, forecasts: list[Forecast]) -> tuple[str, ...]:
    """Notes on the windows, the data and the forecasts; and the forecaster's own remarks."""
    left_out, missing, tolerance = backtest.left_out, rules.calls.missing, rules.tolerance
    lines = [f"{series.id}: {series.windows} windows left out, {series.reason}" for series in left_out[:MOST_LEFT_OUT]]
    if len(left_out) > MOST_LEFT_OUT:
        lines.append(f"windows left out of {len(left_out) - MOST_LEFT_OUT} more series")
    if not description.is_local and not _cutoffs_aligned(backtest):
        lines.append(NOT_ALIGNED)
    if missing != "native" and not backtest.panel.complete:
        lines.append(f"missing values of the history were filled: {missing}")
    lines.extend(covariate_notes(backtest, missing))
    if backtest.task.quantile_levels and any(map(_is_point_forecast, forecasts)):
        lines.append(DEGENERATE)
    if tolerance:
        lines.append(
            f"forecasts repeat within {np.format_float_scientific(tolerance, trim='-', exp_digits=1)} (declared)"
        )
    return (*lines, *remark_texts(description.remarks))


def noted_tolerance(notes: Iterable[str]) -> float:
    """The relative difference of repeated forecasts that a forecaster declared when it ran, as a note says; or 0."""
    return max((float(found[1]) for note in notes if (found := _REPEATS.fullmatch(note))), default=0.0)


def _is_point_forecast(forecast: Forecast) -> bool:
    return forecast.origins.point or (forecast.quantiles is None and bool(forecast.finite().any()))


def score_notes(run: Run, actuals: Actuals, metrics: tuple[Metric, ...]) -> list[str]:
    """Notes on the scores: what was scored, what could not be, windows left out, and errors of exactly zero."""
    lines = forecast_notes(run)
    left_out: dict[int, list[str]] = {}
    for name in [metric.name for metric in metrics if metric.scale is not None and metric.name in run.scores]:
        if run.results is not None and (count := run.results.terms[name].without_scale):
            left_out.setdefault(count, []).append(name)
    for count, names in left_out.items():
        seasonal = count == int(np.isnan(actuals.scale(1)).any(axis=1).sum())
        reason = NO_SCALE if seasonal else "their scale is undefined"
        lines.append(f"{count} of {len(actuals)} windows are left out of {_enumeration(names)}: {reason}")
    if run.scores.get("MAE") == 0 or run.scores.get("Brier score") == 0:
        lines.append(NO_ERROR)
    return [*lines, *_class_notes(run, actuals)]


def _class_notes(run: Run, actuals: Actuals) -> list[str]:
    """How many probabilities the log loss clips."""
    if run.results is None or run.results.forecast.probabilities is None or "log loss" not in run.scores:
        return []
    outcomes = ClassOutcomes(actuals, run.results.forecast.probabilities)
    if not outcomes.impossible:
        return []
    steps = int((~outcomes.unknown).sum())
    return [
        f"log loss: in {outcomes.impossible} of {steps} steps the class that occurred had a probability below "
        f"{EPSILON:.2g}, and is scored with this one"
    ]


def forecast_notes(run: Run) -> list[str]:
    """Why metrics have no score of the forecasts, and what was scored in place of what the forecaster does not give.

    They follow from the other fields of the run, so that they can be made again for other scores.
    """
    return [*unsupported_notes(run.unsupported), *_functional_notes(run)]


def unsupported_notes(reasons: Mapping[str, str]) -> list[str]:
    """One note for each reason, with all metrics that have no score for it."""
    metrics: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        metrics.setdefault(reason, []).append(name)
    return [f"no score by {', '.join(names)}: unsupported, {reason}" for reason, names in metrics.items()]


def _functional_notes(run: Run) -> list[str]:
    """What was scored in place of a mean, a median or quantiles that the forecaster does not give."""
    if run.results is None or len(run.window_failures) == run.windows:
        return []
    origins, lines = run.results.forecast.origins, []
    for functional in get_args(PointFunctional):
        names = [name for name in run.scores if run.functionals.get(name) == functional]
        found = origins.of(functional)
        some = "in some windows " if len(found) > 1 else ""
        for origin in found if names else ():
            if origin in SUBSTITUTES:
                which = f"the {functional}, which the forecaster does not give"
                lines.append(f"{', '.join(names)}: {some}{SUBSTITUTES[origin]} {which}")
    if origins.interpolated:
        levels = ", ".join(f"{level:g}" for level in origins.interpolated)
        lines.append(f"quantiles of level {levels} are interpolated between those that the forecaster gives")
    if origins.crossings:
        share = 100 * origins.crossings / origins.pairs
        lines.append(
            f"quantiles crossed and were sorted: {share:.2g} % of the pairs of neighbouring levels, "
            f"by at most {origins.largest_crossing:.3g}"
        )
    return lines


def _enumeration(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _cutoffs_aligned(backtest: Backtest) -> bool:
    """Whether every fit ends at the same time in all series; training series of a series split are used whole."""
    if len(backtest.panel) == 1:
        return True
    if backtest.task.split is not None and backtest.task.split.holds_out_series:
        return backtest.panel.freq is None or backtest.task.protocol.free_running
    for windows in backtest.fold_windows:
        order = np.lexsort((windows.cutoffs, windows.series))
        first = np.concatenate([[True], np.diff(windows.series[order]) != 0])
        if not are_aligned(backtest.panel, windows.series[order][first], windows.cutoffs[order][first]):
            return False
    return True
