"""Plugins in environments: two versions of one are checked, run, compared, replayed and measured."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from environment_packages import hidden

from harness import ForecasterSpec, hookimpl
from harness.boards.leaderboard import load_board
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.errors import BadParameter, UnknownName
from harness.evaluation.run import Cell
from harness.forecasters.hyperparameters import hyperparameters_of
from harness.plugins.catalog import load_catalog
from harness.plugins.environments.environment import Environment, find_environment
from harness.plugins.environments.plugins import EnvironmentPlugin
from harness.plugins.provider import provider_of
from harness.plugins.registry import AmbiguousName
from harness.plugins.result_versions import forecaster_version, version_parts
from harness.results.journal import Journal
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task

NAMES = ("shifted@new", "shifted@old", "twin")


@pytest.fixture
def workspace(made) -> Workspace:
    return Workspace(made.path / "home")


def test_a_name_alone_is_used_where_one_environment_provides_it(workspace: Workspace) -> None:
    forecasters = workspace.catalog.forecasters

    assert [name for name in forecasters if name in NAMES] == list(NAMES)
    assert forecasters["twin@old"].plugin == forecasters["twin"].plugin
    assert forecasters["naive@new"].plugin.included  # what comes with harness is found there, and not listed
    with pytest.raises(AmbiguousName, match="write shifted@new or shifted@old"):
        forecasters["shifted"]
    with pytest.raises(UnknownName):
        forecasters["shifted@older"]


def test_a_spec_and_its_class_are_as_described(workspace: Workspace) -> None:
    spec = workspace.catalog.forecasters["shifted@old"].spec

    assert (spec.name, spec.missing, spec.depends, spec.takes_seed()) == ("shifted@old", "ffill", ("numpy",), False)
    (factor,) = hyperparameters_of(spec)
    assert (factor.name, factor.default) == ("factor", "1.0")
    assert factor.meaning == "The last value plus SHIFT times `factor`."
    spec.check_parameters({"factor": 2})
    with pytest.raises(BadParameter, match="'fctor'; did you mean 'factor'"):
        spec.check_parameters({"fctor": 2})
    with pytest.raises(BadParameter, match="it is in environment 'old'"):
        spec.make({})


def test_the_result_version_has_the_hash_of_the_environment(workspace: Workspace) -> None:
    forecasters = workspace.catalog.forecasters
    environment = find_environment(workspace.home, "old")

    version = forecaster_version("shifted@old", forecasters)

    assert version.startswith("shifting==1.0:")
    assert version.endswith(f"@{environment.digest}")
    assert version != forecaster_version("shifted@new", forecasters)
    parts = version_parts("shifted@old", forecasters)
    assert set(parts["files"]) == {"shifting.py"}
    assert parts["libraries"]["numpy"] == np.__version__


def test_the_key_of_a_cell_does_not_depend_on_how_a_board_names_the_forecaster() -> None:
    task, version = Task("nile", RollingOrigin(5)), "shifting==1.0:0123@4567"

    assert Cell(task, "shifted@old").key("f", version) == Cell(task, "shifted").key("f", version)
    assert Cell(task, "shifted@old").key("f", version) != Cell(task, "shifted@old").key("f", "shifting==1.0:0123@4568")
    assert Cell(task, "a@b").key("f", "p==1:0123") != Cell(task, "a").key("f", "p==1:0123")  # a plugin's own name


def test_both_versions_are_compared_on_one_board(run) -> None:
    rows = list(csv.DictReader(run.harness("show", "versions", "--csv").splitlines()))
    workspace = Workspace(run.path / "home")
    plan = plan_board("versions", load_board(str(run.path / "versions"), workspace.catalog), workspace)
    means = {}
    for cell in plan.cells:
        results = Journal(workspace.home).read_with_results(cell.key).results
        means[cell.title] = results.forecast.mean

    assert {row["forecaster"] for row in rows} == {"naive", "shifted@old", "shifted@new", "half"}
    for title, shift in {"shifted@old": 1, "shifted@new": 5, "half": 2.5}.items():
        np.testing.assert_array_equal(means[title], means["naive"] + shift)


def test_the_provenance_of_a_run_names_the_environment(run) -> None:
    environment = find_environment(run.path / "home", "old")
    row = next(csv.DictReader(run.harness("runs", "versions", "--only", "shifted@old", "--csv").splitlines()))

    provenance = Journal(run.path / "home").read(row["key"]).provenance

    assert provenance["environment"]["name"] == "old"
    assert provenance["environment"]["hash"] == environment.digest
    assert provenance["environment"]["requirements"] == ["shifting==1.0", "twin", "broken"]
    assert "shifting==1.0" in provenance["environment"]["lock"]
    assert provenance["libraries"]["numpy"] == np.__version__


def test_commands_show_the_environment_and_the_versions_behind_results(run) -> None:
    environment = find_environment(run.path / "home", "old")
    digest, python = environment.digest[:8], environment.python
    row = next(csv.DictReader(run.harness("runs", "versions", "--only", "shifted@old", "--csv").splitlines()))

    shown = " ".join(run.harness("show", "versions", "--forecaster", "shifted@old").split())
    cell = " ".join(run.harness("runs", row["key"][:12]).split())
    run.harness("show", "versions", "--html", "page.html")

    software = f"environment old ({digest}), Python {python}, harness {version('forecast-harness')}, shifting 1.0, "
    assert f"software all tasks: {software}" in shown
    assert f"numpy {np.__version__}" in shown.partition("software all tasks")[2]
    assert f"environment old ({digest}), of shifting==1.0 twin broken Python {python}" in cell
    assert " shifting 1.0, " in cell
    for distribution in environment.locked:
        assert f"{distribution.name} {distribution.version}" in cell
    page = (run.path / "page.html").read_text()
    assert f"environment old ({digest})" in page
    assert "environment new (" in page


def test_a_published_readme_has_the_versions_of_each_environment_and_makes_them_again(run) -> None:
    run.harness("publish", "versions", "published")

    readme = (run.path / "published" / "README.md").read_text()
    software, _, commands = readme.partition("## Reproduce")

    for name, shift in (("old", "1.0"), ("new", "2.0")):
        environment = find_environment(run.path / "home", name)
        (line,) = [line for line in software.splitlines() if f"environment {name} ({environment.digest[:8]})" in line]
        assert line.startswith(f"- shifted@{name}: environment ")
        assert f"Python {environment.python}" in line
        assert line.endswith(f"shifting {shift}" if name == "new" else f"shifting {shift}, twin 1.0")
    assert "\n- naive: Python " in software
    joined = " ".join(commands.replace("\\\n", " ").split())
    lock = " ".join(f"{each.name}=={each.version}" for each in find_environment(run.path / "home", "new").locked)
    python = ".".join(map(str, sys.version_info[:2]))
    assert f"harness env create new --python {python} {lock} harness " in joined
    assert commands.index("harness env create old") < commands.index("harness run ")


def test_the_lock_is_a_file_of_requirements(made) -> None:
    lines = (made.environments / "new" / "lock.txt").read_text().splitlines()

    assert lines == sorted(lines, key=str.lower)
    assert "shifting==2.0" in lines
    assert f"numpy=={np.__version__}" in lines
    assert not any(line.startswith(("forecast-harness", "pip=")) for line in lines)


def test_an_environment_is_made_again_from_its_lock(new) -> None:
    lock = new.environments / "new" / "lock.txt"

    new.harness("env", "create", "again", "--lock", str(lock), "--home", "elsewhere")

    again = find_environment(new.path / "elsewhere", "again")
    assert again.digest == find_environment(new.path / "home", "new").digest
    (new.path / "empty.txt").write_text("# nothing\n")
    assert "lists no requirements" in new.harness("env", "create", "none", "--lock", "empty.txt", code=2)
    assert "Missing argument 'REQUIREMENT...'" in new.harness("env", "create", "none", code=2)


def test_a_run_is_replayed_in_its_environment(run) -> None:
    said = run.harness("replay", "versions", "shifted@new", "river")

    assert "equal to the record, bit by bit" in said


def test_a_forecaster_of_an_environment_keeps_its_contract(made) -> None:
    said = made.harness("check", "shifted@old")

    assert "FAILED" not in said
    assert f"numpy {np.__version__}" in said


def test_a_forecast_ahead_is_made_in_the_environment(run) -> None:
    run.harness("forecast", "versions", "--with", "shifted@new", "--out", "ahead.csv")

    rows = list(csv.DictReader((run.path / "ahead.csv").read_text().splitlines()))
    assert [float(row["mean"]) for row in rows] == 5 * [740.0 + 5]  # the Nile's last value is 740


def test_measuring_says_which_libraries_the_environment_lacks(made) -> None:
    said = made.harness("bench", "shifted@old", "--board", "versions", code=2)

    assert "environment 'old' lacks pytest" in said
    again = "harness env create old shifting==1.0 twin broken 'forecast-harness[bench]'"
    assert f"{again}`, which gives it another hash, so that its cells are run again" in said


def test_measuring_in_an_environment_needs_no_library_here(made) -> None:
    without = hidden("pytest", "_pytest", "pytest_benchmark")

    here = made.harness("bench", "naive", "shifted@old", "--board", "versions", code=2, **without)
    there = made.harness("bench", "shifted@old", "--board", "versions", code=2, **without)

    assert "needs pytest-benchmark, which is not installed; run `pip install 'forecast-harness[bench]'`" in here
    assert "environment 'old' lacks pytest" in there


def test_it_does_not_run_in_this_process(run) -> None:
    said = run.harness("run", "versions", "--only", "shifted@old", "--jobs", "0", "--rerun", code=2)

    assert "is in environment 'old', which this process cannot import; run it without --jobs 0" in said


def test_a_hyperparameter_that_it_does_not_have_is_refused(made) -> None:
    said = made.harness("run", "versions", "--set", "shifted@new.fctor=2", code=2)

    assert "no hyperparameter called 'fctor'; did you mean 'factor'?" in said


def test_environments_are_listed_and_pass_their_checks_but_for_the_broken_plugin(made) -> None:
    listed, checked = made.harness("env", "list"), made.harness("env", "check", code=1)

    assert "shifting==1.0 twin broken" in listed
    assert checked.count("passed") == 9
    assert checked.count("FAILED") == 1
    assert "absent_library" in checked


def test_an_environment_whose_making_was_killed_is_listed_and_can_be_removed(other_home) -> None:
    (other_home.environments / "killed" / "venv").mkdir(parents=True)

    listed = " ".join(other_home.harness("env", "list").split())

    assert "killed not finished; `harness env remove killed`" in listed
    other_home.harness("env", "remove", "killed")
    assert "killed" not in other_home.harness("env", "list")


def test_several_environments_are_checked_by_name(made) -> None:
    checked = made.harness("env", "check", "new", "old", code=1)

    assert checked.count("those of harness included") == 2
    assert "did you mean 'old'" in made.harness("env", "check", "new", "odl", code=2)


def test_results_stay_when_an_environment_is_removed(other_home, run) -> None:
    for name in ("journal", "boards"):
        shutil.copytree(run.path / "home" / name, other_home.path / "home" / name)
    other_home.harness("env", "remove", "new")

    shown = other_home.harness("show", str(run.path / "versions"))

    assert "shifted@new" in shown
    assert not (other_home.environments / "new").exists()


def test_the_description_is_one_json_object_whatever_plugins_print(made) -> None:
    environment = find_environment(made.path / "home", "new")
    command = [str(environment.interpreter), "-P", "-m", "harness.worker", "--describe"]

    told = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=made.path).stdout)

    assert [plugin["name"] for plugin in told["plugins"] if not plugin["included"]] == ["shifting"]
    (forecaster,) = next(plugin for plugin in told["plugins"] if plugin["name"] == "shifting")["forecasters"]
    assert forecaster["spec"]["name"] == "shifted"
    assert forecaster["factory"]["pool"] == "local"


def test_a_provider_names_the_forecaster_as_its_plugin_does(workspace: Workspace) -> None:
    provider = provider_of(workspace.catalog.forecasters["shifted@old"].plugin)

    assert provider is not None
    assert isinstance(provider.environment, Environment)
    assert provider.name_there("shifted@old") == "shifted"
    assert provider.is_unchanged()
    assert Path(provider.files[0]).is_relative_to(workspace.home.absolute())
    assert load_catalog(home=workspace.home).forecasters["shifted@old"].plugin == (
        workspace.catalog.forecasters["shifted@old"].plugin
    )


@pytest.mark.parametrize(
    "command",
    [
        "run versions --only shifted",
        "check shifted",
        "bench shifted --board versions",
        "forecast versions --with shifted",
    ],
)
def test_a_command_says_how_to_name_the_environment(made, command: str) -> None:
    said = made.harness(*command.split(), code=2)

    assert "several environments provide a forecaster called 'shifted'; write shifted@new or shifted@old" in said


@pytest.mark.parametrize(("library", "provider"), [("absent_library", "old"), ("numpy", "here")])
def test_a_forecaster_whose_library_is_not_installed_here_gives_way(made, library: str, provider: str) -> None:
    class Here:
        @staticmethod
        @hookimpl
        def harness_forecasters() -> list[ForecasterSpec]:
            return [ForecasterSpec("twin", "absent:Twin", imports=(library,))]

    forecasters = load_catalog({"here": Here()}, made.path / "home").forecasters

    plugin = forecasters["twin"].plugin
    assert (plugin.environment.name if isinstance(plugin, EnvironmentPlugin) else plugin.name) == provider
    assert ("twin@old" in list(forecasters)) is (provider == "here")
