"""The results of a comparison: differences between A and B, tests, and verdicts by condition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.analysis.comparison.conditions import COSTS, NEGLIGIBLE, Condition
from harness.analysis.comparison.pairs import PairedResults, pair_sources
from harness.analysis.comparison.sources import Source
from harness.analysis.ranking.pair_tests import difference_test
from harness.analysis.ranking.scores import mean
from harness.analysis.ranking.units import Units, known_windows
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.task_scores import TaskScores, task_scores
from harness.errors import BadInput, DataUnavailable
from harness.evaluation.metrics import Metric
from harness.evaluation.scoring import Terms
from harness.plugins.catalog import Catalog
from harness.results.publication.published_results import PublishedResults

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
    p_value: float  # Holm-adjusted over the pairs of a condition; NaN where it was not tested
    verdict: Verdict
    reason: str = ""  # why it was not tested or not compared, or failed without a number


@dataclass(frozen=True)
class ConditionResult:
    """A condition, or none, and its verdict on every pair."""

    condition: Condition | None
    pairs: tuple[PairResult, ...]
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether the condition makes the comparison fail."""
        failures = ("failed", "not testable", "not compared") if self.strict else ("failed",)
        return self.condition is not None and any(pair.verdict in failures for pair in self.pairs)


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison."""

    first: str
    second: str
    results: tuple[ConditionResult, ...]
    unmatched: Mapping[str, tuple[str, ...]]  # by reason: what could not be compared
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether any condition fails; where `strict`, also if something could not be compared."""
        has_condition = any(result.condition is not None for result in self.results)
        failed = any(result.failed for result in self.results)
        return failed or (self.strict and has_condition and bool(self.unmatched))


def compare(
    first: Source,
    second: Source,
    conditions: Sequence[Condition],
    metrics: Sequence[str],
    catalog: Catalog,
    *,
    strict: bool = False,
) -> Comparison:
    """Compare B with A, by each condition, or where there is none by these metrics, or by the board's own.

    Raises BadInput where no pair can be compared, or a run cannot.
    """
    quantities = [condition.quantity for condition in conditions] or list(metrics) or _default_metrics(first, second)
    specs = {name: _metric(name, catalog, (first, second)) for name in quantities if name not in COSTS}
    pairs, unmatched = pair_sources(first, second)
    if unmatched and (first.is_run or not pairs):
        reason, names = next(iter(unmatched.items()))
        raise BadInput(f"{first.name!r} and {second.name!r} cannot be compared: {names[0]}: {reason}")
    wanted: Sequence[Condition | None] = conditions or [None] * len(quantities)
    results = []
    for name, condition in zip(quantities, wanted, strict=True):
        compared = _holm_adjusted([_pair_result(pair, name, specs.get(name), condition) for pair in pairs])
        if condition is not None:
            compared = [_with_verdict(result, condition) for result in compared]
        results.append(ConditionResult(condition, tuple(compared), strict))
    return Comparison(first.name, second.name, tuple(results), unmatched, strict)


def _default_metrics(first: Source, second: Source) -> list[str]:
    """The metrics to show where none is asked for: a board's own, or all that both runs have."""
    if not first.is_run:
        return [first.results.plan.metric]
    runs = [run for source in (first, second) for key in source.cells for run in source.runs(key)]
    scores = [run.scores for run in runs if run is not None]
    names = [name for name in scores[0] if all(math.isfinite(run.get(name, math.nan)) for run in scores)]
    return names or [first.results.plan.metric]


def _metric(name: str, catalog: Catalog, sources: Sequence[Source]) -> Metric:
    """The catalog's metric, or else the one that is published with the results."""
    published = [source.results.metrics for source in sources if isinstance(source.results, PublishedResults)]
    declared = [metrics[name] for metrics in published if name in metrics and name not in catalog.metrics]
    return declared[0] if declared else catalog.metrics[name].spec


def _pair_result(pair: PairedResults, name: str, metric: Metric | None, condition: Condition | None) -> PairResult:
    """The result of one pair, its p-value not adjusted yet and without a verdict."""
    result = PairResult(pair.forecaster, pair.task, name, math.nan, math.nan, math.nan, math.nan, "")
    if pair.failure:
        return replace(result, verdict="failed", reason=pair.failure)
    return _cost_result(result, pair) if metric is None else _score_result(result, pair, metric, condition)


def _cost_result(result: PairResult, pair: PairedResults) -> PairResult:
    values = [[getattr(run.costs, result.quantity) for run in pair.runs_of(letter)] for letter in "AB"]
    first, second = (mean([math.nan if value is None else float(value) for value in costs]) for costs in values)
    reason = "" if math.isfinite(first) and math.isfinite(second) else f"{result.quantity} is not known"
    return replace(result, first=first, second=second, difference=_percent(first, second), reason=reason)


def _score_result(result: PairResult, pair: PairedResults, metric: Metric, condition: Condition | None) -> PairResult:
    try:
        scores = task_scores(pair.task, pair, metric, impute=True)
    except DataUnavailable as error:
        return replace(result, reason=str(error))
    levels = pair.runs_of("A")[0].cell.task.quantile_levels
    first, second = (_scores_of(scores, letter) for letter in "AB")
    distances = [mean([metric.distance(score, levels) for score in seeds]) for seeds in (first, second)]
    p_value, reason = _test(pair, scores, metric, condition)
    if pair.new_failures:
        reason, result = f"{pair.new_failures} windows failed in B only", replace(result, verdict="failed")
    elif math.isnan(distances[0]) or math.isnan(distances[1]):
        reason = f"{metric.name} is not known of both"
    difference = _percent(*distances)
    return replace(
        result, first=mean(first), second=mean(second), difference=difference, p_value=p_value, reason=reason
    )


def _scores_of(scores: TaskScores, letter: str) -> list[float]:
    return [score for cell, score in zip(scores.cells, scores.scores, strict=True) if cell.forecaster == letter]


def _test(pair: PairedResults, scores: TaskScores, metric: Metric, condition: Condition | None) -> tuple[float, str]:
    """The p-value of the condition's direction, two-sided where there is no condition; or NaN, and why."""
    if metric.best != "lowest":
        return math.nan, f"{metric.name} has no losses to test"
    if scores.terms is None or scores.actuals is None:
        return math.nan, scores.problem
    known = known_windows(scores.terms)
    terms = Terms(scores.terms.numerators[:, known], scores.terms.denominators[:, known])
    if not np.isfinite(terms.numerators).all():
        return math.nan, "there are windows without a loss"
    units = Units.of(scores.actuals, pair.runs_of("A")[0].cell.task, known)
    second = np.array([cell.forecaster == "B" for cell in scores.cells])
    test = difference_test(metric, terms, units, second)
    if test is None:
        overlap = f" of which {units.overlap} overlap" if units.overlap > 1 else ""
        return math.nan, f"{units.count} {units.kind}{overlap} are too few for a test"
    direction = "differs" if condition is None else condition.direction
    tails = {"differs": test.p_value, "worse": test.p_greater, "better": 1 - test.p_greater}
    return float(tails[direction][0]), ""


def _holm_adjusted(results: Sequence[PairResult]) -> list[PairResult]:
    """The results with p-values Holm-adjusted over all of them."""
    p_values = holm(np.array([result.p_value for result in results])).tolist()
    return [replace(result, p_value=p_value) for result, p_value in zip(results, p_values, strict=True)]


def _with_verdict(result: PairResult, condition: Condition) -> PairResult:
    if result.verdict == "failed":  # B failed where A did not
        return replace(result, verdict="not compared" if condition.direction == "better" else "failed")
    if math.isnan(result.difference):
        return replace(result, verdict="not compared")
    if not condition.is_met(result.difference):
        return replace(result, verdict="passed", reason="")
    if abs(result.second - result.first) < NEGLIGIBLE.get(result.quantity, 0.0):
        return replace(result, verdict="passed", reason="the difference is negligible")
    if condition.level is None:
        return replace(result, verdict="failed", reason="")
    if math.isnan(result.p_value):
        return replace(result, verdict="not testable")
    return replace(result, verdict="failed" if result.p_value < condition.level else "passed", reason="")


def _percent(first: float, second: float) -> float:
    if not (math.isfinite(first) and math.isfinite(second)):
        return math.nan
    if first == second:
        return 0.0
    return math.inf if first == 0 else 100 * (second - first) / first
