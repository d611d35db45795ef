"""The results of a comparison: differences between A and B, tests, and verdicts by condition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from harness.analysis.comparison.conditions import COSTS, NEGLIGIBLE, Condition
from harness.analysis.comparison.loss_differences import LossDifferences
from harness.analysis.comparison.matching import are_same_results, example_keys, with_counterparts
from harness.analysis.comparison.pairs import ONE_SIDED, PairedResults, pair_sources
from harness.analysis.comparison.quantities import check_testable, default_metrics, find_metric, time_machines
from harness.analysis.comparison.sources import Source
from harness.analysis.ranking.deviations import linearised_scores
from harness.analysis.ranking.pair_tests import difference_test
from harness.analysis.ranking.scores import mean
from harness.analysis.ranking.units import Units, known_windows
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.task_scores import TaskScores, task_scores
from harness.errors import BadInput, DataUnavailable, UnknownName
from harness.evaluation.metrics import Metric
from harness.evaluation.scoring import Terms
from harness.fields.names import split_names
from harness.plugins.catalog import Catalog

Verdict = Literal["passed", "failed", "identical", "not testable", "not compared", ""]
UNDECIDED = ("not testable", "not compared")


@dataclass(frozen=True)
class PairResult:
    """One quantity of one forecaster on one task, in A and in B."""

    forecaster: str
    task: str
    quantity: str
    first: float
    second: float
    difference: float  # of B from A in percent, of distances from the best; positive is worse
    p_value: float  # Holm-adjusted over the tested pairs of a condition; NaN where it was not tested
    verdict: Verdict
    reason: str = ""  # why it was not tested or not compared, or failed without a number
    identical: bool = False  # whether A and B have the same losses in all windows; such a pair is not tested
    detectable: float = math.nan  # minimum detectable effect of the condition, in percent; NaN where it was not tested
    losses: LossDifferences | None = field(default=None, repr=False, compare=False)  # of a tested pair


@dataclass(frozen=True)
class ConditionResult:
    """A condition, or none, and its verdict on every pair."""

    condition: Condition | None
    pairs: tuple[PairResult, ...]
    strict: bool = False
    renamed: bool = False  # whether A and B each have forecasters or tasks that the other lacks

    @property
    def failed(self) -> bool:
        """Whether the condition makes the comparison fail: it is true of a pair, or could be decided for none.

        Where `strict`, also if it could not be decided for one.
        """
        if self.condition is None:
            return False
        if any(pair.verdict == "failed" for pair in self.pairs) or self.only_identical:
            return True
        return self.undecided >= (1 if self.strict else len(self.pairs))

    @property
    def only_identical(self) -> bool:
        """Whether all pairs are identical or undecided although A and B differ: each has a row that the other lacks."""
        return self.renamed and all(pair.verdict in ("identical", *UNDECIDED) for pair in self.pairs)

    @property
    def undecided(self) -> int:
        """The number of pairs that could not be tested or compared."""
        return sum(pair.verdict in UNDECIDED for pair in self.pairs)

    @property
    def tested(self) -> tuple[PairResult, ...]:
        """The pairs that the p-values are corrected for."""
        return tuple(pair for pair in self.pairs if not math.isnan(pair.p_value))


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison."""

    first: str
    second: str
    results: tuple[ConditionResult, ...]
    unmatched: Mapping[str, tuple[str, ...]]  # by reason: what could not be compared
    strict: bool = False
    same: bool = False  # whether A and B are the same results
    example: tuple[str, ...] = ()  # two runs of one task that only A and only B have, as KEY@PLACE
    machines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of times of several kinds of machines

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
    only: Sequence[str] = (),
) -> Comparison:
    """Compare B with A, by each condition, or where there is none by these metrics, or by the board's own.

    `only` are the forecasters to compare, all if empty. Raises BadInput where no pair can be compared, or a run cannot,
    and for a condition with a level of a metric without losses; UnknownName for a forecaster that neither board has.
    """
    if only:
        names = split_names(only, {forecaster for forecaster, _ in (*first.cells, *second.cells)})
        only = sorted(with_counterparts(names, first, second))
        first, second = _only(first, only, second), _only(second, only, first)
    quantities = (
        [condition.quantity for condition in conditions] or list(metrics) or default_metrics(first, second, catalog)
    )
    specs = {name: find_metric(name, catalog, (first, second)) for name in quantities if name not in COSTS}
    for tested in conditions:
        check_testable(tested, specs.get(tested.quantity))
    pairs, unmatched = pair_sources(first, second)
    if unmatched and (first.is_run or not pairs):
        reason, names = next(iter(unmatched.items()))
        raise BadInput(f"{first.name!r} and {second.name!r} cannot be compared: {names[0]}: {reason}")
    wanted: Sequence[Condition | None] = conditions or [None] * len(quantities)
    results, renamed = [], unmatched.keys() >= set(ONE_SIDED)
    for name, condition in zip(quantities, wanted, strict=True):
        compared = _holm_adjusted([_pair_result(pair, name, specs.get(name), condition) for pair in pairs])
        if condition is not None:
            compared = [_with_verdict(result, condition) for result in _with_detectable(compared, condition)]
        results.append(ConditionResult(condition, tuple(compared), strict, renamed))
    same, example = are_same_results(first, second), example_keys(first, second) if renamed else ()
    machines = time_machines(quantities, pairs)
    return Comparison(first.name, second.name, tuple(results), unmatched, strict, same, example, machines)


def _only(source: Source, forecasters: Sequence[str], other: Source) -> Source:
    """The source with these forecasters."""
    if source.is_run:
        raise BadInput("--only selects forecasters of boards; a run has one forecaster")
    known = {forecaster for forecaster, _ in (*source.cells, *other.cells)}
    for name in forecasters:
        if name not in known:
            raise UnknownName("forecaster on these boards", name, known)
    return source.only(forecasters)


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
    difference, identical = _percent(first, second), pair.same_cells and values[0] == values[1] and not reason
    return replace(result, first=first, second=second, difference=difference, reason=reason, identical=identical)


def _score_result(result: PairResult, pair: PairedResults, metric: Metric, condition: Condition | None) -> PairResult:
    try:
        scores = task_scores(pair.task, pair, metric, impute=True)
    except DataUnavailable as error:
        return replace(result, reason=str(error))
    if scores.invalid:
        return replace(result, reason=next(iter(scores.invalid.values())))
    levels = pair.runs_of("A")[0].cell.task.quantile_levels
    first, second = (_scores_of(scores, letter) for letter in "AB")
    distances = [mean([metric.distance(score, levels) for score in seeds]) for seeds in (first, second)]
    result = replace(result, first=mean(first), second=mean(second), difference=_percent(*distances))
    if pair.new_failures:
        result = replace(result, verdict="failed", reason=f"{pair.new_failures} windows failed in B only")
    elif math.isnan(distances[1]) and not math.isnan(distances[0]):
        result = replace(result, verdict="failed", reason=f"{metric.name} of B is not finite")
    elif math.isnan(distances[0]):
        result = replace(result, reason=f"{metric.name} is not known of both")
    elif _is_identical(pair, scores):
        return replace(result, difference=0.0, identical=True)
    losses = _loss_differences(pair, scores, metric)
    if isinstance(losses, str):
        return replace(result, reason=result.reason or losses)
    direction = "differs" if condition is None else condition.direction
    return replace(result, p_value=losses.p_value(direction), losses=losses)


def _is_identical(pair: PairedResults, scores: TaskScores) -> bool:
    if scores.terms is not None:
        return pair.identical(scores.terms)
    return pair.same_cells and _scores_of(scores, "A") == _scores_of(scores, "B")


def _scores_of(scores: TaskScores, letter: str) -> list[float]:
    return [score for cell, score in zip(scores.cells, scores.scores, strict=True) if cell.forecaster == letter]


def _loss_differences(pair: PairedResults, scores: TaskScores, metric: Metric) -> LossDifferences | str:
    """The differences of losses in each unit, as means over seeds, or why they cannot be tested."""
    if metric.best != "lowest":
        return f"{metric.name} has no losses to test"
    if scores.terms is None or scores.actuals is None:
        return scores.problem
    known = known_windows(scores.terms)
    terms = Terms(scores.terms.numerators[:, known], scores.terms.denominators[:, known])
    if not known.any() or not np.isfinite(terms.numerators).all():
        return "there are windows without a loss"
    units = Units.of(scores.actuals, pair.runs_of("A")[0].cell.task, known)
    second = np.array([cell.forecaster == "B" for cell in scores.cells])
    test = difference_test(metric, terms, units, second)
    if test is None:
        overlap = f" of which {units.unit_overlap} overlap" if units.unit_overlap > 1 else ""
        return f"{units.count} {units.kind}{overlap} are too few for a test"
    means, _ = linearised_scores(replace(metric, root=False), terms, units)
    reference, mean_of_second = float(means[~second].mean()), float(means[second].mean())
    difference = mean_of_second - reference
    return LossDifferences(difference, float(test.standard_error[0]), test.freedom, reference, metric.root)


def _holm_adjusted(results: Sequence[PairResult]) -> list[PairResult]:
    """The results with p-values Holm-adjusted over all of them."""
    p_values = holm(np.array([result.p_value for result in results])).tolist()
    return [replace(result, p_value=p_value) for result, p_value in zip(results, p_values, strict=True)]


def _with_detectable(results: Sequence[PairResult], condition: Condition) -> list[PairResult]:
    """The results with the minimum detectable effect of those that were tested."""
    tests = sum(not math.isnan(result.p_value) for result in results)
    return [
        result
        if result.losses is None or math.isnan(result.p_value) or condition.level is None
        else replace(result, detectable=result.losses.detectable(condition, tests))
        for result in results
    ]


def _with_verdict(result: PairResult, condition: Condition) -> PairResult:
    if result.identical:
        return replace(result, verdict="identical", reason="")
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
    return math.copysign(math.inf, second - first) if first == 0 else 100 * (second - first) / abs(first)
