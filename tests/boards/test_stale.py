"""Which stored results a changed forecaster makes stale, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from harness import DatasetSpec, Forecast, ForecasterSpec, Panel, RollingOrigin, Task, hookimpl
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.pending import pending_cells
from harness.boards.planning import BoardPlan, plan_board
from harness.boards.stale import StaleResults, stale_results
from harness.boards.workspace import Workspace
from harness.evaluation.run import Run, Status
from harness.plugins.catalog import load_catalog
from harness.results.journal import prepare_home
from harness.results.version_history import FILE


@dataclass
class Zero:
    """Forecasts zero."""

    level: float = 0.0

    def fit(self, train) -> None:
        pass

    def predict(self, contexts) -> Forecast:
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, 1)))


BOARD = Leaderboard(
    "Small",
    "MAE",
    "first",
    (Task("line", RollingOrigin(1, windows=2)),),
    forecasters=(Entry("first"), Entry("second"), Entry("second", "again", {"level": 1.0})),
)
FIRST, SECOND = ForecasterSpec("first", Zero), ForecasterSpec("second", Zero, missing="ffill")


def plan(home: Path, *specs: ForecasterSpec) -> tuple[BoardPlan, Workspace]:
    """The board with these forecasters, and the workspace of a home."""
    plugin = ModuleType("plugin")
    plugin.harness_forecasters = hookimpl(specname="harness_forecasters")(lambda: list(specs))
    plugin.harness_datasets = hookimpl(specname="harness_datasets")(
        lambda: [DatasetSpec("line", lambda: Panel.of([range(40)]))]
    )
    workspace = Workspace(home, load_catalog({"plugin": plugin}))
    return plan_board("small", BOARD, workspace), workspace


def run(home: Path, *specs: ForecasterSpec) -> list[StaleResults]:
    """The stale results that a run finds; each of its cells then has a result."""
    planned, workspace = plan(home, *specs)
    pending = pending_cells([planned], workspace.journal)
    stale = stale_results([planned], pending, workspace)
    planned.save(home)
    for cell in pending:
        workspace.journal.write(Run(cell.cell, Status.FAILED, key=cell.key))
    return stale


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return prepare_home(tmp_path / "home")


def test_a_first_run_and_an_unchanged_one_find_nothing_stale(home: Path) -> None:
    assert run(home, FIRST, SECOND) == []
    assert run(home, FIRST, SECOND) == []


def test_only_the_results_of_the_changed_forecaster_are_stale(home: Path) -> None:
    run(home, FIRST, SECOND)

    stale = run(home, FIRST, replace(SECOND, missing="interpolate", revision="2"))

    assert list(map(str, stale)) == ["2 results of second are stale: its spec changed (revision, missing)"]


def test_results_are_stale_until_they_were_run_again(home: Path) -> None:
    run(home, FIRST, SECOND)
    planned, workspace = plan(home, FIRST, replace(SECOND, revision="2"))
    stale_results([planned], [], workspace)  # of a run that was stopped
    planned.save(home)

    assert [each.count for each in run(home, FIRST, replace(SECOND, revision="3"))] == [2]
    assert run(home, FIRST, replace(SECOND, revision="3")) == []


def test_another_version_of_a_library_is_the_reason(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(FIRST, depends=("numpy",))
    run(home, spec, SECOND)
    monkeypatch.setattr("harness.plugins.result_versions.installed_version", lambda name: "9.9")

    stale = run(home, replace(spec, description="equal"), SECOND)

    assert list(map(str, stale)) == ["1 result of first is stale: other versions are installed of numpy"]


@pytest.mark.parametrize("damage", ["removed", "damaged"])
def test_a_home_without_a_history_has_the_versions_of_its_plans(home: Path, damage: str) -> None:
    run(home, FIRST, SECOND)
    (home / FILE).unlink()
    if damage == "damaged":
        (home / FILE).write_text("{")

    stale = run(home, replace(FIRST, revision="2"), SECOND)

    assert list(map(str, stale)) == ["1 result of first is stale: its source, its spec or a library changed"]
