"""Comparison: what B did beside what A did on the same windows, and whether a condition says that this fails."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from harness.arrays import Floats, Ints
from harness.boards import evidence_of, journal_evidence
from harness.campaign import StoredCell, StoredPlan, stored_plan, stored_plans
from harness.conditions import COSTS, Condition
from harness.errors import BadInput, DataUnavailable
from harness.evidence import Evidence, JournalEvidence
from harness.imputation import Sheet, sheet_of
from harness.journal import Journal, read_json
from harness.leaderboard import board_file, board_name
from harness.metrics import Metric
from harness.outcomes import Actuals
from harness.plugins import Catalog
from harness.publication import PublishedEvidence, is_published
from harness.ranking.significance import testable
from harness.ranking.units import Units, unit_sums
from harness.run import Run, Status
from harness.scoring import Terms
from harness.statistics.diebold_mariano import diebold_mariano
from harness.statistics.multiplicity import holm

DIGITS = 6  # of a key, at least
PUBLISHED = "published"  # the place of what came with a board
Place = tuple[str, str]  # forecaster, task
Verdict = Literal["passed", "failed", "not testable", "not compared", ""]


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two: a run or a board, and the cells of each forecaster on each task."""

    name: str  # as it was given
    evidence: Evidence
    places: Mapping[Place, tuple[StoredCell, ...]]
    is_run: bool

    def runs(self, place: Place) -> list[Run | None]:
        """The records of a forecaster on a task."""
        return [self.evidence.runs[one.key] for one in self.places[place]]


@dataclass(frozen=True)
class Line:
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
class Judged:
    """A condition, or none, and what it says of every comparison."""

    condition: Condition | None
    lines: tuple[Line, ...]
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether the condition makes the comparison fail."""
        bad = ("failed", "not testable", "not compared") if self.strict else ("failed",)
        return self.condition is not None and any(one.verdict in bad for one in self.lines)


@dataclass(frozen=True)
class Compared:
    """All that came of a comparison."""

    first: str
    second: str
    judged: tuple[Judged, ...]
    unmatched: Mapping[str, tuple[str, ...]]  # by reason: what could not be compared
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether any condition fails; where `strict`, also what could not be compared."""
        conditions = any(one.condition is not None for one in self.judged)
        return any(one.failed for one in self.judged) or (self.strict and conditions and bool(self.unmatched))


def sides(first: str, second: str, home: Path, catalog: Callable[[], Catalog]) -> tuple[Side, Side]:
    """What two texts name: two runs or two boards; raises BadInput for anything else."""
    pair = _side(first, home, catalog), _side(second, home, catalog)
    if pair[0].is_run != pair[1].is_run:
        run, board = (first, second) if pair[0].is_run else (second, first)
        raise BadInput(f"{run!r} is a run and {board!r} a board; compare two of a kind")
    return pair


def compared(
    first: Side,
    second: Side,
    conditions: Sequence[Condition],
    metrics: Sequence[str],
    catalog: Catalog,
    *,
    strict: bool = False,
) -> Compared:
    """B beside A: by every condition, or where there is none by these metrics, or the board's own.

    Raises BadInput where nothing pairs, or a run does not.
    """
    quantities = [one.quantity for one in conditions] or list(metrics) or _shown(first, second)
    known = {name: _metric(name, catalog, (first, second)) for name in quantities if name not in COSTS}
    pairs, unmatched = _paired(first, second)
    if unmatched and (first.is_run or not pairs):
        reason, places = next(iter(unmatched.items()))
        raise BadInput(f"{first.name!r} and {second.name!r} cannot be compared: {places[0]}: {reason}")
    asked: list[tuple[str, Condition | None]] = [(one.quantity, one) for one in conditions]
    judged = []
    for name, condition in asked or [(name, None) for name in quantities]:
        lines = _corrected([_line(one, name, known.get(name), condition) for one in pairs])
        lines = lines if condition is None else [_with_verdict(one, condition) for one in lines]
        judged.append(Judged(condition, tuple(lines), strict))
    return Compared(first.name, second.name, tuple(judged), unmatched, strict)


def _shown(first: Side, second: Side) -> list[str]:
    """The metrics to show where none is asked for: a board's own, or all that both runs have."""
    if not first.is_run:
        return [first.evidence.plan.metric]
    found = [run for side in (first, second) for place in side.places for run in side.runs(place)]
    scores = [run.scores for run in found if run is not None]
    names = [name for name in scores[0] if all(math.isfinite(one.get(name, math.nan)) for one in scores)]
    return names or [first.evidence.plan.metric]


def _metric(name: str, catalog: Catalog, pair: Sequence[Side]) -> Metric:
    published = [side.evidence.metrics for side in pair if isinstance(side.evidence, PublishedEvidence)]
    told = [metrics[name] for metrics in published if name in metrics and name not in catalog.metrics]
    return told[0] if told else catalog.metrics[name].spec


def _side(text: str, home: Path, catalog: Callable[[], Catalog]) -> Side:
    name, at, place = text.rpartition("@") if "@" in text else (text, "", "")
    if at and not (name and place):
        raise BadInput(f"{text!r} is neither KEY@HOME nor BOARD@PLACE")
    where = Path(place) if at and place != PUBLISHED else home
    if at and place != PUBLISHED and not (is_published(where) or (where / "journal").is_dir()):
        raise BadInput(f"{place!r} is neither a home folder nor one of published results")
    digits = re.fullmatch(r"[0-9a-f]{1,32}", name) is not None
    if digits and not _is_board(name, where, catalog):
        return _run_side(text, name, place, where)
    evidence: Evidence
    if place == PUBLISHED:
        evidence = evidence_of(name, home, catalog, published=True)
    elif at and is_published(where):
        evidence = PublishedEvidence(where)
        if evidence.plan.name != board_name(name):
            raise BadInput(f"{where} holds results of board {evidence.plan.name!r}, not of {board_name(name)!r}")
    else:
        evidence = journal_evidence(name, where, catalog)
    places: dict[Place, list[StoredCell]] = {}
    for one in evidence.plan.cells:
        places.setdefault((one.forecaster, one.task), []).append(one)
    return Side(text, evidence, {where: tuple(mine) for where, mine in places.items()}, is_run=False)


def _is_board(name: str, home: Path, catalog: Callable[[], Catalog]) -> bool:
    return name in catalog().boards or board_file(name) is not None or stored_plan(home, name) is not None


def _run_side(text: str, digits: str, place: str, where: Path) -> Side:
    """The run whose key begins with these digits."""
    if place == PUBLISHED:
        raise BadInput(f"{text!r}: a run lies in a home or in a folder of published results; name that folder")
    published = PublishedEvidence(where) if place and is_published(where) else None
    journal = Journal(where)
    if len(digits) < DIGITS:
        raise BadInput(f"{text!r}: at least {DIGITS} digits of a run's key are needed, or its board's name")
    keys = sorted(key for key in (journal.keys() if published is None else published.runs) if key.startswith(digits))
    if not keys:
        raise BadInput(f"no run in {where} has a key that begins with {digits}")
    if len(keys) > 1:
        raise BadInput(f"{len(keys)} runs in {where} have a key that begins with {digits}: {', '.join(keys[:3])}")
    if published is not None:
        evidence: Evidence = published
        cell = _cell(published.plan, keys[0])
    else:
        plan = _plan_of(keys[0], where, journal)
        evidence, cell = JournalEvidence(plan, journal), plan.cells[0]
    return Side(text, evidence, {(cell.forecaster, cell.task): (cell,)}, is_run=True)


def _cell(plan: StoredPlan, key: str) -> StoredCell:
    return next(one for one in plan.cells if one.key == key)


def _plan_of(key: str, home: Path, journal: Journal) -> StoredPlan:
    """A plan of one cell: from a board that has it, or where none has, by the fingerprint that gives its key."""
    plans = stored_plans(home)
    for plan in plans:
        if any(one.key == key for one in plan.cells):
            return replace(plan, cells=(_cell(plan, key),))
    run = journal.read(key)
    if run is None:
        raise BadInput(f"the record of run {key} in {home} cannot be read; run it with --rerun")
    known = [one.fingerprint for plan in plans for one in plan.cells]
    remembered = read_json(home / "fingerprints.json") or {}
    known += [str(one["fingerprint"]) for one in remembered.values() if isinstance(one, dict) and "fingerprint" in one]
    version = str(run.provenance.get("plugin", {}).get("version", ""))
    found = [one for one in dict.fromkeys(known) if run.cell.key(one, version) == key]
    if not found:
        raise BadInput(f"which data run {key} in {home} is of is not known; run its board with --rerun")
    name = run.cell.forecaster
    cell = StoredCell(key, name, run.cell.task.label, found[0])
    return StoredPlan("", "", "", next(iter(run.scores), "MASE"), name, (cell,), (name,))


class Paired(Evidence):
    """The cells of A and B at one place as one task, each window of B beside the same one of A."""

    def __init__(self, first: Side, second: Side, places: tuple[Place, Place]) -> None:
        (self.forecaster, self.task), other = places[0], places[1]
        if other[0] != self.forecaster:
            self.forecaster = f"{self.forecaster} → {other[0]}"
        self._of: dict[str, tuple[Side, StoredCell]] = {}
        for letter, side, place in (("A", first, places[0]), ("B", second, other)):
            self._of |= {f"{letter}:{one.key}": (side, one) for one in side.places[place]}
        self.runs = {key: side.evidence.runs[one.key] for key, (side, one) in self._of.items()}
        cells = [replace(one, key=key, forecaster=key[0], task=self.task) for key, (_, one) in self._of.items()]
        self.plan = replace(first.evidence.plan, cells=tuple(cells))
        self._order: Ints | None = None  # of B's windows: that of A's

    def of(self, letter: str) -> list[Run]:
        """The runs of A or of B."""
        return [run for key, run in self.runs.items() if key[0] == letter and run is not None]

    def align(self) -> bool:
        """Whether both have the same windows, which are then in one order; so long as both are known."""
        try:
            first, second = self._actuals("A"), self._actuals("B")
        except DataUnavailable:
            return len({run.windows for run in self.runs.values() if run is not None}) == 1
        if len(first) != len(second):
            return False
        orders = [_order(one) for one in (first, second)]
        names = [[one.ids[i] for i in one.series[order]] for one, order in zip((first, second), orders, strict=True)]
        same = names[0] == names[1] and np.array_equal(first.cutoffs[orders[0]], second.cutoffs[orders[1]])
        self._order = np.empty(len(first), dtype=np.int64)
        self._order[orders[0]] = orders[1]
        return same

    def _actuals(self, letter: str) -> Actuals:
        side, cell = next(found for key, found in self._of.items() if key[0] == letter)
        return side.evidence.actuals(cell)

    def actuals(self, cell: StoredCell) -> Actuals:
        """A's windows."""
        self._actuals("B")
        return self._actuals("A")

    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The sums of a cell, in the order of A's windows."""
        side, mine = self._of[cell.key]
        found = side.evidence.terms(mine, metric)
        if found is None or self._order is None or cell.key[0] == "A":
            return found
        return Terms(found.numerators[self._order], found.denominators[self._order])

    def failures(self, cell: StoredCell) -> list[int]:
        """The windows without a usable forecast, as A counts them."""
        lost = super().failures(cell)
        if self._order is None or cell.key[0] == "A":
            return lost
        return np.flatnonzero(np.isin(self._order, lost)).tolist()

    @property
    def lost(self) -> int:
        """How many windows failed in B that did not in A."""
        failed: dict[str, set[int]] = {"A": set(), "B": set()}
        for cell in self.plan.cells:
            failed[cell.forecaster] |= set(self.failures(cell))
        return len(failed["B"] - failed["A"])

    @property
    def broken(self) -> str:
        """Why B has no result, empty where it has."""
        bad = next((run for run in self.of("B") if run.status is not Status.COMPLETED), None)
        return "" if bad is None else f"B {bad.status}: {bad.reason}"


def _order(actuals: Actuals) -> Ints:
    names = np.array(actuals.ids)
    return np.lexsort((actuals.cutoffs, names[actuals.series]))


def _paired(first: Side, second: Side) -> tuple[list[Paired], dict[str, tuple[str, ...]]]:
    """What can be compared, and by reason what cannot."""
    if first.is_run:
        wanted = [(next(iter(first.places)), next(iter(second.places)))]
    else:
        wanted = [(place, place) for place in first.places]
    pairs: list[Paired] = []
    unmatched: dict[str, list[str]] = {}
    for place, other in wanted:
        if other not in second.places:
            unmatched.setdefault("it is only in A", []).append(" on ".join(place))
            continue
        pair = Paired(first, second, (place, other))
        if reason := _unlike(pair, first, second, place, other):
            unmatched.setdefault(reason, []).append(f"{pair.forecaster} on {pair.task}")
        else:
            pairs.append(pair)
    for place in [] if first.is_run else second.places:
        if place not in first.places:
            unmatched.setdefault("it is only in B", []).append(" on ".join(place))
    return pairs, {reason: tuple(places) for reason, places in unmatched.items()}


def _unlike(pair: Paired, first: Side, second: Side, place: Place, other: Place) -> str:
    """Why two cannot be compared; empty where they can."""
    for letter, side, mine in (("A", first, place), ("B", second, other)):
        if None in side.runs(mine):
            return f"{letter} is not run yet"
    bad = next((run for run in pair.of("A") if run.status is not Status.COMPLETED), None)
    if bad is not None:
        return f"A has no result: {bad.status}, {bad.reason}"
    tasks = {json.dumps(run.cell.task.to_json(), sort_keys=True) for letter in "AB" for run in pair.of(letter)}
    if len(tasks) > 1:
        return "the tasks differ"
    if len({one.fingerprint for one in pair.plan.cells}) > 1:
        return "the data differ"
    return "" if pair.broken or pair.align() else "the windows differ"


def _line(pair: Paired, name: str, metric: Metric | None, condition: Condition | None) -> Line:
    """One comparison, its p-value not corrected yet and its verdict not said."""
    line = Line(pair.forecaster, pair.task, name, math.nan, math.nan, math.nan, math.nan, "")
    if pair.broken:
        return replace(line, verdict="failed", reason=pair.broken)
    if metric is None:
        first, second = (_mean([getattr(run.costs, name) for run in pair.of(letter)]) for letter in "AB")
        reason = "" if math.isfinite(first) and math.isfinite(second) else f"{name} is not known"
        return replace(line, first=first, second=second, difference=_percent(first, second), reason=reason)
    try:
        sheet = sheet_of(pair.task, pair, metric, impute=True)
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


def _of(sheet: Sheet, letter: str) -> list[float]:
    return [score for cell, score in zip(sheet.cells, sheet.scores, strict=True) if cell.forecaster == letter]


def _tested(pair: Paired, sheet: Sheet, metric: Metric, condition: Condition | None) -> tuple[float, str]:
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


def _corrected(lines: Sequence[Line]) -> list[Line]:
    """The lines with p-values after Holm's correction over all of them."""
    p_values = holm(np.array([one.p_value for one in lines])).tolist()
    return [replace(one, p_value=p) for one, p in zip(lines, p_values, strict=True)]


def _with_verdict(line: Line, condition: Condition) -> Line:
    if line.verdict == "failed":  # B lacks what A has
        return replace(line, verdict="not compared" if condition.direction == "better" else "failed")
    if math.isnan(line.difference):
        return replace(line, verdict="not compared")
    if not condition.met(line.difference):
        return replace(line, verdict="passed", reason="")
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
