"""The cells of two sources as pairs, with the windows of both in the same order."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from harness.analysis.comparison.matching import changed_titles
from harness.analysis.comparison.sources import Source
from harness.analysis.ranking.scores import ForecasterTask
from harness.arrays import Ints
from harness.errors import DataUnavailable
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run, Status
from harness.evaluation.scoring import Terms
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell

ONLY_IN = "it is only in {}"
ONE_SIDED = (ONLY_IN.format("A"), ONLY_IN.format("B"))


class PairedResults(BoardResults):
    """The cells of A and B for one forecaster and task, as two forecasters on one task, with aligned windows."""

    def __init__(self, first: Source, second: Source, keys: tuple[ForecasterTask, ForecasterTask]) -> None:
        (self.forecaster, self.task), (other, _) = keys
        if other != self.forecaster:
            self.forecaster = f"{self.forecaster} → {other}"
        self._cells: dict[str, tuple[Source, StoredCell]] = {}
        for letter, source, key in (("A", first, keys[0]), ("B", second, keys[1])):
            self._cells |= {f"{letter}:{cell.key}": (source, cell) for cell in source.cells[key]}
        self.runs = {key: source.results.runs[cell.key] for key, (source, cell) in self._cells.items()}
        cells = [replace(cell, key=key, forecaster=key[0], task=self.task) for key, (_, cell) in self._cells.items()]
        self.plan = replace(first.results.plan, cells=tuple(cells))
        self._window_order: Ints | None = None  # B's windows in the order of A's

    def runs_of(self, letter: str) -> list[Run]:
        """The runs of A or of B."""
        return [run for key, run in self.runs.items() if key[0] == letter and run is not None]

    def align(self) -> bool:
        """Bring the windows of both into one order; returns whether they are the same windows.

        Where windows are not known, only their number is compared.
        """
        try:
            first, second = self._actuals("A"), self._actuals("B")
        except DataUnavailable:
            return len({run.windows for run in self.runs.values() if run is not None}) == 1
        if len(first) != len(second):
            return False
        first_order, second_order = _window_order(first), _window_order(second)
        same_series = _series_names(first, first_order) == _series_names(second, second_order)
        self._window_order = np.empty(len(first), dtype=np.int64)
        self._window_order[first_order] = second_order
        return same_series and np.array_equal(first.cutoffs[first_order], second.cutoffs[second_order])

    def _actuals(self, letter: str) -> Actuals:
        source, cell = next(found for key, found in self._cells.items() if key[0] == letter)
        return source.results.actuals(cell)

    def actuals(self, cell: StoredCell) -> Actuals:
        """The actuals of A, whose windows both have."""
        self._actuals("B")  # raises where they are lost
        return self._actuals("A")

    def terms(self, cell: StoredCell, metric: Metric) -> Terms | None:
        """The metric's terms of a cell, in the order of A's windows."""
        source, own_cell = self._cells[cell.key]
        terms = source.results.terms(own_cell, metric)
        if terms is None or self._window_order is None or cell.key[0] == "A":
            return terms
        return Terms(terms.numerators[self._window_order], terms.denominators[self._window_order])

    def failures(self, cell: StoredCell) -> list[int]:
        """The failed windows of a cell, as positions in A's windows."""
        failed = super().failures(cell)
        if self._window_order is None or cell.key[0] == "A":
            return failed
        return np.flatnonzero(np.isin(self._window_order, failed)).tolist()

    @property
    def new_failures(self) -> int:
        """The number of windows that failed in B and not in A."""
        failed: dict[str, set[int]] = {"A": set(), "B": set()}
        for cell in self.plan.cells:
            failed[cell.forecaster] |= set(self.failures(cell))
        return len(failed["B"] - failed["A"])

    def identical(self, terms: Terms) -> bool:
        """Whether A and B have the same terms, bit for bit, of (cell, window, target), and the same failed windows."""
        cells = self.plan.cells
        is_first = np.array([cell.forecaster == "A" for cell in cells])
        failures = [[self.failures(cell) for cell in cells if cell.forecaster == letter] for letter in "AB"]
        return failures[0] == failures[1] and all(
            np.array_equal(values[is_first], values[~is_first], equal_nan=True)
            for values in (terms.numerators, terms.denominators)
        )

    @property
    def same_cells(self) -> bool:
        """Whether A and B are the same cells, whose runs may differ."""
        first, second = ([cell.key[2:] for cell in self.plan.cells if cell.forecaster == letter] for letter in "AB")
        return first == second

    @property
    def failure(self) -> str:
        """Why B has no result, empty where it has one."""
        return _failure(self, "B", "B {status}: {reason}")


def pair_sources(first: Source, second: Source) -> tuple[list[PairedResults], dict[str, tuple[str, ...]]]:
    """The pairs that can be compared, and by reason the forecasters and tasks that cannot."""
    if first.is_run:
        keys = [(next(iter(first.cells)), next(iter(second.cells)))]
    else:
        titles = changed_titles(first, second)
        keys = [(key, (titles.get(key[0], key[0]), key[1])) for key in first.cells]
    pairs: list[PairedResults] = []
    unmatched: dict[str, list[str]] = {}
    for key, other in keys:
        if other not in second.cells:
            unmatched.setdefault(ONLY_IN.format("A"), []).append(" on ".join(key))
            continue
        pair = PairedResults(first, second, (key, other))
        if reason := _incomparable(pair, first, second, key, other):
            unmatched.setdefault(reason, []).append(f"{pair.forecaster} on {pair.task}")
        else:
            pairs.append(pair)
    matched = {other for _, other in keys}
    for key in [] if first.is_run else second.cells:
        if key not in matched:
            unmatched.setdefault(ONLY_IN.format("B"), []).append(" on ".join(key))
    return pairs, {reason: tuple(names) for reason, names in unmatched.items()}


def _incomparable(
    pair: PairedResults, first: Source, second: Source, key: ForecasterTask, other: ForecasterTask
) -> str:
    """Why A and B cannot be compared; empty where they can."""
    for letter, source, own_key in (("A", first, key), ("B", second, other)):
        if None in source.runs(own_key):
            return f"{letter} is pending"
    if failure := _failure(pair, "A", "A has no result: {status}, {reason}"):
        return failure
    tasks = {json.dumps(run.cell.task.to_json(), sort_keys=True) for letter in "AB" for run in pair.runs_of(letter)}
    if len(tasks) > 1:
        return "the tasks differ"
    if len({cell.fingerprint for cell in pair.plan.cells}) > 1:
        return "the data differ"
    return "" if pair.failure or pair.align() else "the windows differ"


def _failure(pair: PairedResults, letter: str, text: str) -> str:
    """The first run that is not completed, in a text; empty where all are."""
    failed = next((run for run in pair.runs_of(letter) if run.status is not Status.COMPLETED), None)
    return "" if failed is None else text.format(status=failed.status, reason=failed.reason)


def _window_order(actuals: Actuals) -> Ints:
    """The windows by the name of their series, then by cutoff."""
    names = np.array(actuals.ids)
    return np.lexsort((actuals.cutoffs, names[actuals.series]))


def _series_names(actuals: Actuals, order: Ints) -> list[str]:
    return [actuals.ids[i] for i in actuals.series[order]]
