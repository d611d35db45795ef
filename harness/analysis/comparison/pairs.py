"""Pairs: the cells of both sides at one place, each window beside the same one of the other."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from harness.analysis.comparison.sources import Place, Source
from harness.arrays import Ints
from harness.errors import DataUnavailable
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import Terms
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell


class Paired(BoardResults):
    """The cells of A and B at one place as one task, each window of B beside the same one of A."""

    def __init__(self, first: Source, second: Source, places: tuple[Place, Place]) -> None:
        (self.forecaster, self.task), other = places[0], places[1]
        if other[0] != self.forecaster:
            self.forecaster = f"{self.forecaster} → {other[0]}"
        self._of: dict[str, tuple[Source, StoredCell]] = {}
        for letter, side, place in (("A", first, places[0]), ("B", second, other)):
            self._of |= {f"{letter}:{one.key}": (side, one) for one in side.places[place]}
        self.runs = {key: side.results.runs[one.key] for key, (side, one) in self._of.items()}
        cells = [replace(one, key=key, forecaster=key[0], task=self.task) for key, (_, one) in self._of.items()]
        self.plan = replace(first.results.plan, cells=tuple(cells))
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
        return side.results.actuals(cell)

    def actuals(self, cell: StoredCell) -> Actuals:
        """A's windows."""
        self._actuals("B")
        return self._actuals("A")

    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The sums of a cell, in the order of A's windows."""
        side, mine = self._of[cell.key]
        found = side.results.terms(mine, metric)
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


def paired(first: Source, second: Source) -> tuple[list[Paired], dict[str, tuple[str, ...]]]:
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


def _unlike(pair: Paired, first: Source, second: Source, place: Place, other: Place) -> str:
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
