"""Forecasters and datasets whose libraries are not installed are told apart, and disturb no others."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import harness
from harness import (
    BadInput,
    Context,
    DatasetSpec,
    DataUnavailable,
    Floats,
    ForecasterSpec,
    Leaderboard,
    LocalForecaster,
    Panel,
    RollingOrigin,
    StoredPlan,
    Task,
    hookimpl,
)
from harness.boards.leaderboard import Entry
from harness.boards.planning import BoardPlan, plan_board
from harness.boards.pools import forecaster_pools
from harness.boards.requirements import requirement
from harness.boards.workspace import Workspace
from harness.data.files import load
from harness.efficiency.request import BenchRequest, jobs
from harness.forecasters.spec import spec_problem
from harness.plugins.catalog import Catalog, load_catalog
from harness.plugins.checks.contracts import check
from harness.plugins.discovery import Plugin
from harness.plugins.environments.environment import Environment
from harness.plugins.environments.plugins import EnvironmentPlugin
from harness.plugins.installation import install_command, not_installed_text
from harness.plugins.registry import Registered
from harness.report.catalog.cards import card_text
from harness.report.catalog.listings import inventory

TASK = Task("toy", RollingOrigin(2, windows=3))
LOST = Task("lost-data", RollingOrigin(2, windows=3))
COMMAND = "pip install 'toys[heavy]'"
BOARD = """
title = "Toys"
metric = "MAE"
baseline = "still"
forecasters = [{ name = "still" }, { name = "heavy" }, { name = "other" }]
tasks = [
  { dataset = "lost-data", protocol = { kind = "rolling-origin", horizon = 2, windows = 3 } },
  { dataset = "toy", protocol = { kind = "rolling-origin", horizon = 2, windows = 3 } },
]
"""


@dataclass
class Still(LocalForecaster):
    """Forecasts a constant."""

    def predict_series(self, context: Context) -> Floats:
        return np.zeros((context.horizon, 1))


class Toys:
    """A plugin of which two forecasters and a dataset need libraries that are not installed."""

    @hookimpl
    def harness_datasets(self) -> list[DatasetSpec]:
        panel = Panel.of([range(20)])
        return [
            DatasetSpec("toy", lambda: panel),
            DatasetSpec("lost-data", lambda: panel, imports=("no_such_library.data",), requires="toys[heavy]"),
        ]

    @hookimpl
    def harness_forecasters(self) -> list[ForecasterSpec]:
        return [
            ForecasterSpec("still", Still),
            ForecasterSpec("heavy", "toys.heavy:Heavy", imports=("no_such_library.nets",), requires="toys[heavy]"),
            ForecasterSpec("other", "toys.other:Other", imports=("numpy.linalg", "no_other_library", "no_third")),
        ]


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog({"toys": Toys()})


@pytest.fixture
def workspace(tmp_path: Path, catalog: Catalog) -> Workspace:
    return Workspace(tmp_path / "home", catalog)


def toy_board(*names: str, baseline: str = "still", tasks: tuple[Task, ...] = (TASK,)) -> Leaderboard:
    return Leaderboard("Toys", "MAE", baseline, tasks, forecasters=tuple(map(Entry, names)))


class TestCommand:
    def test_it_names_the_requirement(self) -> None:
        assert harness.install_command(("no_such_library.nets",), "toys[heavy]") == COMMAND

    def test_without_one_it_names_the_missing_packages(self) -> None:
        command = harness.install_command(("numpy.linalg", "no_such_library.a", "no_such_library.b", "no_third"))

        assert command == "pip install no_such_library no_third"

    def test_it_is_empty_where_all_are_installed(self) -> None:
        assert harness.install_command(("numpy.linalg", "sys", "json.decoder"), "toys") == ""

    def test_nothing_is_imported(self) -> None:
        before = set(sys.modules)

        assert harness.install_command(("this", "idlelib.run"), "toys") == ""

        assert {"this", "idlelib"}.isdisjoint(set(sys.modules) - before)

    def test_a_requirement_that_is_no_text_is_a_problem(self) -> None:
        spec = ForecasterSpec("heavy", Still, requires=["toys"])  # type: ignore[arg-type]

        assert spec_problem(spec) == "requires of forecaster 'heavy' must be a text, not ['toys']"


class TestBoards:
    def test_they_leave_out_what_is_not_installed(self, workspace: Workspace) -> None:
        plan = plan_board("toys", toy_board("still", "heavy", "other"), workspace)

        assert plan.titles == ("still",)
        assert [cell.title for cell in plan.cells] == ["still"]
        assert plan.not_installed == {"heavy": COMMAND, "other": "pip install no_other_library no_third"}
        assert workspace.catalog.problems == []

    def test_the_stored_plan_says_so(self, workspace: Workspace) -> None:
        stored = plan_board("toys", toy_board("still", "heavy", "other"), workspace).to_stored()

        assert StoredPlan.from_json(stored.to_json()) == stored
        assert stored.part({"still", "heavy"}, {"toy"}).not_installed == {"heavy": COMMAND}

    def test_a_plan_of_an_earlier_version_has_none(self, workspace: Workspace) -> None:
        fields = plan_board("toys", toy_board("still"), workspace).to_stored().to_json()
        del fields["not_installed"]

        assert StoredPlan.from_json(fields).not_installed == {}

    def test_a_baseline_must_be_installed(self, workspace: Workspace) -> None:
        wrong = f"^'heavy', the baseline of board 'toys', is not installed; run `{COMMAND}`$"
        with pytest.raises(BadInput, match=wrong.replace("[", r"\[").replace("]", r"\]")):
            plan_board("toys", toy_board("still", "heavy", baseline="heavy"), workspace)

    def test_tasks_whose_data_is_not_installed_are_left_out(self, workspace: Workspace) -> None:
        plan = plan_board("toys", toy_board("still", tasks=(LOST, TASK)), workspace)

        assert plan.unavailable == {"lost-data": f"data not installed; run `{COMMAND}`"}
        assert [cell.task for cell in plan.cells] == ["toy"]

    def test_no_process_is_asked_for_the_pool_of_what_is_not_installed(self, catalog: Catalog) -> None:
        assert forecaster_pools(["still", "heavy", "other"], catalog) == {"still": "local"}

    def test_they_say_what_they_need(self, workspace: Workspace, tmp_path: Path) -> None:
        path = tmp_path / "toys" / "leaderboard.toml"
        path.parent.mkdir()
        path.write_text(BOARD)

        assert requirement(str(path), workspace) == f"data not installed; run `{COMMAND}`"

    def test_forecasters_are_grouped_by_their_command(self) -> None:
        text = not_installed_text({"a": "pip install x", "b": "pip install y", "c": "pip install x"})

        assert text == "not installed: a, c (`pip install x`); not installed: b (`pip install y`)"


def test_what_an_environment_provides_is_installed_there() -> None:
    spec = ForecasterSpec("heavy", "toys.heavy:Heavy", imports=("no_such_library.nets",))
    there = EnvironmentPlugin("toys", "toys", environment=cast("Environment", object()))

    assert install_command(Registered(spec, there)) == ""
    assert install_command(Registered(spec, Plugin("toys", "toys"))) == "pip install no_such_library"


def test_no_lock_of_weights_is_read_where_there_is_none(tmp_path: Path) -> None:
    script = (
        "import sys; from harness import ForecasterSpec, Weights;"
        "from harness.plugins.discovery import Plugin; from harness.plugins.installation import install_command;"
        "from harness.plugins.registry import Registered;"
        "spec = ForecasterSpec('toy', 'toys:Toy', weights=Weights('org/toy'));"
        "print(install_command(Registered(spec, Plugin('toys', 'toys'))), 'hashlib' in sys.modules)"
    )
    variables = {**os.environ, "HARNESS_WEIGHTS_DIR": str(tmp_path)}

    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)

    assert done.stdout == "harness weights fetch toy False\n"


class TestBench:
    def request(self, tmp_path: Path, *names: str) -> BenchRequest:
        path = tmp_path / "toys" / "leaderboard.toml"
        path.parent.mkdir()
        path.write_text(BOARD)
        return BenchRequest(tmp_path / "home", names, str(path))

    def test_it_measures_what_is_installed(self, catalog: Catalog, tmp_path: Path) -> None:
        (job,) = jobs(self.request(tmp_path), catalog)

        assert (job.bench.subject.title, job.bench.subject.task) == ("still", "toy")

    def test_naming_another_one_is_an_error(self, catalog: Catalog, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"^forecaster 'heavy' is not installed; run `pip install "):
            jobs(self.request(tmp_path, "heavy"), catalog)

    def test_so_is_a_task_without_its_data(self, catalog: Catalog, tmp_path: Path) -> None:
        with pytest.raises(DataUnavailable, match=r"^data not installed; run `pip install "):
            jobs(replace(self.request(tmp_path), tasks=("lost-data",)), catalog)


class TestByName:
    @pytest.mark.parametrize("name", ["heavy", "lost-data"])
    def test_a_contract_cannot_be_checked(self, workspace: Workspace, name: str) -> None:
        with pytest.raises(BadInput, match=f"'{name}' is not installed; run `pip install "):
            check(name, workspace.catalog, workspace.home)

    def test_data_cannot_be_loaded(self, workspace: Workspace) -> None:
        spec = workspace.catalog.datasets["lost-data"].spec

        with pytest.raises(DataUnavailable, match=r"^dataset 'lost-data': data not installed; run `pip install "):
            load(spec, workspace.home)


class TestListings:
    @pytest.mark.parametrize(
        ("kind", "known", "lost"), [("forecasters", "still", "heavy"), ("datasets", "toy", "lost-data")]
    )
    def test_they_have_a_part_of_their_own(self, catalog: Catalog, kind: str, known: str, lost: str) -> None:
        installed, _, missing = inventory(catalog, kind).partition(f"{kind} that are not installed".upper())

        assert known in installed.split()
        assert lost not in installed.split()
        assert f"{COMMAND}  " in missing
        assert lost in missing.split()

    def test_a_card_has_the_command(self, catalog: Catalog) -> None:
        assert f"not installed        run {COMMAND}\n" in card_text("heavy", catalog)


def test_the_plan_is_the_same_once_it_is_installed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    board = toy_board("still", "heavy")
    monkeypatch.setitem(sys.modules, "no_such_library", sys)

    plan: BoardPlan = plan_board("toys", board, workspace)

    assert plan.titles == ("still", "heavy")
    assert plan.not_installed == {}
