"""Verdicts: what B did beside what A did on the same windows, and whether a condition says that this fails."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.analysis.comparison.conditions import COSTS, Condition
from harness.analysis.comparison.pairs import Paired, paired
from harness.analysis.comparison.sources import Source
from harness.analysis.ranking.significance import testable
from harness.analysis.ranking.units import Units, unit_sums
from harness.analysis.statistics.diebold_mariano import diebold_mariano
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.task_scores import TaskScores, task_scores
from harness.arrays import Floats
from harness.errors import BadInput, DataUnavailable
from harness.evaluation.metrics import Metric
from harness.plugins.catalog import Catalog
from harness.results.publication.published_results import PublishedResults

NEGLIGIBLE = {"fit_seconds": 0.01, "predict_seconds": 0.01, "peak_memory": 2**20}  # costs differ by so much anyway
Verdict = Literal["passed", "failed", "not testable", "not compared", ""]


@dataclass(frozen=True)
class PairResult:
    """One quantity of one forecaster on one task, in A and in B."""

    forecaster: str
    task: str
    quantity: str
    first: float
    second: float
    difference: float  # of B from A in percent, of distances from the best; positive is worse
    p_value: float  # after Holm's correction over the lines of a condition; NaN where it was not tested
    verdict: Verdict
    reason: str = ""  # why it was not tested or not compared, or failed without a number


@dataclass(frozen=True)
class ConditionResult:
    """A condition, or none, and what it says of every comparison."""

    condition: Condition | None
    pairs: tuple[PairResult, ...]
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether the condition makes the comparison fail."""
        bad = ("failed", "not testable", "not compared") if self.strict else ("failed",)
        return self.condition is not None and any(one.verdict in bad for one in self.pairs)


@dataclass(frozen=True)
class Comparison:
    """All that came of a comparison."""

    first: str
    second: str
    results: tuple[ConditionResult, ...]
    unmatched: Mapping[str, tuple[str, ...]]  # by reason: what could not be compared
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether any condition fails; where `strict`, also what could not be compared."""
        conditions = any(one.condition is not None for one in self.results)
        return any(one.failed for one in self.results) or (self.strict and conditions and bool(self.unmatched))


def compare(
    first: Source,
    second: Source,
    conditions: Sequence[Condition],
    metrics: Sequence[str],
    catalog: Catalog,
    *,
    strict: bool = False,
) -> Comparison:
    """B beside A: by every condition, or where there is none by these metrics, or the board's own.

    Raises BadInput where nothing pairs, or a run does not.
    """
    quantities = [one.quantity for one in conditions] or list(metrics) or _shown(first, second)
    known = {name: _metric(name, catalog, (first, second)) for name in quantities if name not in COSTS}
    pairs, unmatched = paired(first, second)
    if unmatched and (first.is_run or not pairs):
        reason, places = next(iter(unmatched.items()))
        raise BadInput(f"{first.name!r} and {second.name!r} cannot be compared: {places[0]}: {reason}")
    asked: list[tuple[str, Condition | None]] = [(one.quantity, one) for one in conditions]
    judged = []
    for name, condition in asked or [(name, None) for name in quantities]:
        lines = _corrected([_line(one, name, known.get(name), condition) for one in pairs])
        lines = lines if condition is None else [_with_verdict(one, condition) for one in lines]
        judged.append(ConditionResult(condition, tuple(lines), strict))
    return Comparison(first.name, second.name, tuple(judged), unmatched, strict)


def _shown(first: Source, second: Source) -> list[str]:
    """The metrics to show where none is asked for: a board's own, or all that both runs have."""
    if not first.is_run:
        return [first.results.plan.metric]
    found = [run for side in (first, second) for place in side.places for run in side.runs(place)]
    scores = [run.scores for run in found if run is not None]
    names = [name for name in scores[0] if all(math.isfinite(one.get(name, math.nan)) for one in scores)]
    return names or [first.results.plan.metric]


def _metric(name: str, catalog: Catalog, pair: Sequence[Source]) -> Metric:
    published = [side.results.metrics for side in pair if isinstance(side.results, PublishedResults)]
    told = [metrics[name] for metrics in published if name in metrics and name not in catalog.metrics]
    return told[0] if told else catalog.metrics[name].spec


def _line(pair: Paired, name: str, metric: Metric | None, condition: Condition | None) -> PairResult:
    """One comparison, its p-value not corrected yet and its verdict not said."""
    line = PairResult(pair.forecaster, pair.task, name, math.nan, math.nan, math.nan, math.nan, "")
    if pair.broken:
        return replace(line, verdict="failed", reason=pair.broken)
    if metric is None:
        first, second = (_mean([getattr(run.costs, name) for run in pair.of(letter)]) for letter in "AB")
        reason = "" if math.isfinite(first) and math.isfinite(second) else f"{name} is not known"
        return replace(line, first=first, second=second, difference=_percent(first, second), reason=reason)
    try:
        sheet = task_scores(pair.task, pair, metric, impute=True)
    except DataUnavailable as error:
        return replace(line, reason=str(error))
    levels = pair.of("A")[0].cell.task.quantile_levels
    first, second = (_mean(_of(sheet, letter)) for letter in "AB")
    apart = [_mean([metric.distance(one, levels) for one in _of(sheet, letter)]) for letter in "AB"]
    p_value, reason = _tested(pair, sheet, metric, condition)
    if pair.lost:
        reason, line = f"{pair.lost} windows failed in B only", replace(line, verdict="failed")
    elif math.isnan(apart[0]) or math.isnan(apart[1]):
        reason = f"{metric.name} is not known of both"
    return replace(line, first=first, second=second, difference=_percent(*apart), p_value=p_value, reason=reason)


def _of(sheet: TaskScores, letter: str) -> list[float]:
    return [score for cell, score in zip(sheet.cells, sheet.scores, strict=True) if cell.forecaster == letter]


def _tested(pair: Paired, sheet: TaskScores, metric: Metric, condition: Condition | None) -> tuple[float, str]:
    """The p-value that belongs to a condition, two-sided where there is none; or NaN, and why."""
    if metric.best != "lowest":
        return math.nan, f"{metric.name} has no losses to test"
    if sheet.terms is None or sheet.actuals is None:
        return math.nan, sheet.problem
    units = Units.of(sheet.actuals, pair.of("A")[0].cell.task)
    losses = unit_sums(metric, sheet.terms, sheet.actuals, units).counted.losses()
    if not testable(len(losses), units.overlap):
        overlap = f" of which {units.overlap} overlap" if units.overlap > 1 else ""
        return math.nan, f"{len(losses)} {units.kind}{overlap} are too few for a test"
    owners = np.array([cell.forecaster for cell in sheet.cells])
    differences: Floats = losses[:, owners == "B"].mean(axis=1) - losses[:, owners == "A"].mean(axis=1)
    if not np.isfinite(differences).all():
        return math.nan, "there are windows without a loss"
    direction = "differs" if condition is None else condition.direction
    found = diebold_mariano(np.stack([differences, -differences], axis=1), units.overlap)
    tails = {"differs": found.p_value[0], "worse": found.p_greater[0], "better": found.p_greater[1]}
    return float(tails[direction]), ""


def _corrected(lines: Sequence[PairResult]) -> list[PairResult]:
    """The lines with p-values after Holm's correction over all of them."""
    p_values = holm(np.array([one.p_value for one in lines])).tolist()
    return [replace(one, p_value=p) for one, p in zip(lines, p_values, strict=True)]


def _with_verdict(line: PairResult, condition: Condition) -> PairResult:
    if line.verdict == "failed":  # B lacks what A has
        return replace(line, verdict="not compared" if condition.direction == "better" else "failed")
    if math.isnan(line.difference):
        return replace(line, verdict="not compared")
    if not condition.met(line.difference):
        return replace(line, verdict="passed", reason="")
    if abs(line.second - line.first) < NEGLIGIBLE.get(line.quantity, 0.0):
        return replace(line, verdict="passed", reason="too little to matter")
    if condition.level is None:
        return replace(line, verdict="failed", reason="")
    if math.isnan(line.p_value):
        return replace(line, verdict="not testable")
    return replace(line, verdict="failed" if line.p_value < condition.level else "passed", reason="")


def _percent(first: float, second: float) -> float:
    if not (math.isfinite(first) and math.isfinite(second)):
        return math.nan
    if first == second:
        return 0.0
    return math.inf if first == 0 else 100 * (second - first) / first


def _mean(values: Iterable[float | None]) -> float:
    known = [math.nan if one is None else float(one) for one in values]
    return math.fsum(known) / len(known) if known else math.nan
