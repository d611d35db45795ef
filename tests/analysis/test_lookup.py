"""A board's standings, wherever its results are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness import Leaderboard, Metric, Run, Status, Task, hookimpl
from harness.analysis.lookup import board_standings, find_standings
from harness.boards.leaderboard import Entry
from harness.boards.planning import BoardPlan, PlannedCell
from harness.boards.workspace import Workspace
from harness.errors import UnknownName
from harness.evaluation.run import Cell
from harness.plugins.catalog import load_catalog
from harness.plugins.result_versions import forecaster_version
from harness.results.board_results import JournalResults
from harness.tasks.protocols import RollingOrigin

from ..whole_values import whole

SCORES = {"MAE": 1.0, "MASE": 0.5, "swing": 3.0, "swing/10": 0.3}


class Swings:
    """A plugin with a metric in units of the data, and one without."""

    @staticmethod
    @hookimpl
    def harness_metrics() -> list[Metric]:
        return [
            Metric("swing", lambda outcomes: outcomes.absolute_error, in_units=True),
            Metric("swing/10", lambda outcomes: outcomes.absolute_error),
        ]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, load_catalog({"swings": Swings}))


def ran_board(workspace: Workspace, *datasets: str) -> JournalResults:
    """A board with a completed run of its baseline on each dataset."""
    tasks = tuple(Task(dataset, RollingOrigin(1, windows=1)) for dataset in datasets)
    provenance = {"metrics": dict(workspace.catalog.metric_versions)}
    cells = []
    for task in tasks:
        cell = Cell(task, "base", {}, None)
        key = cell.key("aa", "toys==1")
        workspace.journal.write(Run(cell, Status.COMPLETED, key, scores=SCORES, provenance=provenance))
        cells.append(PlannedCell(key, "base", task.label, cell, "aa"))
    plan = BoardPlan(
        "toys", Leaderboard("Toys", "MASE", "base", tasks, forecasters=(Entry("base"),)), tuple(cells), ("base",)
    )
    plan.save(workspace.home)
    return JournalResults(plan.to_stored(), workspace.journal)


def test_a_plugins_metric_in_units_of_the_data_is_not_averaged_over_tasks(workspace: Workspace) -> None:
    (row,) = board_standings(ran_board(workspace, "a", "b"), workspace).rows

    assert row.metrics == {"MASE": 0.5, "swing/10": 0.3}


def test_on_one_task_it_is_shown(workspace: Workspace) -> None:
    (row,) = board_standings(ran_board(workspace, "a"), workspace).rows

    assert row.metrics == SCORES


def test_standings_that_are_not_stored_are_computed_and_not_stored(workspace: Workspace) -> None:
    results = ran_board(workspace, "a")

    found = find_standings("toys", workspace)

    assert whole(found) == whole(board_standings(results, workspace))
    assert not (workspace.home / "boards" / "toys" / "standings.json").exists()


def test_stored_standings_are_shown_as_they_are_unless_others_are_asked_for(workspace: Workspace) -> None:
    results = ran_board(workspace, "a")
    board_standings(results, workspace).save(workspace.home)
    workspace.journal.write(Run(results.runs[results.plan.cells[0].key].cell, Status.FAILED, results.plan.cells[0].key))  # type: ignore[union-attr]

    assert find_standings("toys", workspace).rows[0].completed == 1
    assert find_standings("toys", workspace, "MAE").rows[0].completed == 0
    assert find_standings("toys", workspace, completed_only=True).rows[0].completed == 0


def test_stored_standings_by_a_metric_whose_plugin_changed_are_computed_again(workspace: Workspace) -> None:
    results = ran_board(workspace, "a")
    standings = board_standings(results, workspace)
    standings.save(workspace.home)
    (run,) = results.runs.values()
    assert run is not None
    workspace.journal.write(
        replace(run, provenance={"metrics": {"swing": "swings==0:former", "swing/10": "swings==0"}})
    )

    (row,) = find_standings("toys", workspace).rows

    assert standings.rows[0].metrics == SCORES
    assert row.metrics == {name: score for name, score in SCORES.items() if name != "swing"}  # no forecasts are stored


@pytest.mark.parametrize("current", [True, False])
def test_results_of_a_plugin_that_changed_since_are_noted(workspace: Workspace, current: bool) -> None:
    task = Task("a", RollingOrigin(1, windows=1))
    cell, version = Cell(task, "naive", {}, None), forecaster_version("naive", workspace.catalog.forecasters)
    workspace.journal.write(Run(cell, Status.COMPLETED, "aa", scores=SCORES))
    planned = PlannedCell("aa", "my naive", "a", cell, "aa", version=version if current else "models==0:former")
    board = Leaderboard("Toys", "MASE", "my naive", (task,), forecasters=(Entry("naive", label="my naive"),))
    BoardPlan("toys", board, (planned,), ("my naive",)).save(workspace.home)

    notes = find_standings("toys", workspace).notes

    changed = "my naive: results are stale: its source, its spec or a library changed; run the board again"
    assert (changed in notes) != current


def test_an_unknown_metric_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UnknownName, match="no metric called 'swong'; did you mean 'swing'"):
        board_standings(ran_board(workspace, "a"), workspace, "swong")
