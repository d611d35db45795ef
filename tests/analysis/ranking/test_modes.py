"""How forecasts were made: in strict mode, and whether they depend on the batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import RollingOrigin, Row, Run, Status, Task
from harness.analysis.ranking.compute import compute_standings
from harness.evaluation.metrics import METRICS
from harness.evaluation.run import Cell
from harness.results.board_results import JournalResults
from harness.results.journal import Journal
from harness.results.stored_plan import StoredCell, StoredPlan


def row(home: Path, *changes: dict[str, Any]) -> Row:
    """The row of a forecaster with a cell on each of several tasks."""
    journal, cells = Journal(home), []
    for i, of_cell in enumerate(changes):
        run = Run(Cell(Task(f"t{i}", RollingOrigin(1)), "base"), Status.COMPLETED, f"{i:032x}", scores={"MAE": 1.0})
        journal.write(replace(run, **of_cell))
        cells.append(StoredCell(run.key, "base", f"t{i}", "aa"))
    plan = StoredPlan("toys", "Toys", "", "MAE", "base", tuple(cells), ("base",))
    return compute_standings(JournalResults(plan, journal), METRICS[0]).rows[0]


@pytest.mark.parametrize(("modes", "expected"), [((True, True), True), ((True, False), False), ((False, False), False)])
def test_a_forecaster_is_strict_if_all_its_cells_are(tmp_path: Path, modes: tuple[bool, bool], expected: bool) -> None:
    assert row(tmp_path, *({"strict": strict} for strict in modes)).strict is expected


def test_one_that_completed_nothing_is_not(tmp_path: Path) -> None:
    assert not row(tmp_path, {"strict": True, "status": Status.FAILED, "scores": {}}).strict


def test_the_differences_between_batches_are_by_task(tmp_path: Path) -> None:
    found = row(tmp_path, {"batch_difference": 0.25}, {}, {"batch_difference": 0.5})

    assert found.batch_differences == {"t0": 0.25, "t2": 0.5}
    assert found.batch_difference == 0.5


def test_there_are_none_by_default(tmp_path: Path) -> None:
    assert row(tmp_path, {}).batch_difference is None
