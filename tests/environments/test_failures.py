"""Environments that cannot be made leave nothing; those that cannot be used are infrastructure, not a result."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from environment_packages import plugin_module
from filelock import FileLock

import harness
from harness.errors import BadInput, InfrastructureFault, UnknownName
from harness.execution.workers.template_server import TemplateServer
from harness.plugins.catalog import load_catalog
from harness.plugins.environments.creation import EnvironmentRequest, create_environment, remove_environment
from harness.plugins.environments.environment import environments_of, find_environment
from harness.plugins.environments.installers import InstallerFailed, install, reason_of
from harness.plugins.environments.plugins import EnvironmentPlugin

CONFLICT = """\
Collecting first==1.0
ERROR: Cannot install first==1.0 and second==1.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested first==1.0
    second 1.0 depends on first>=2

To fix this you could try to:
1. loosen the range of package versions you've specified

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/
"""
NO_NETWORK = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError': Failed to establish a new connection
ERROR: Could not find a version that satisfies the requirement numpy (from versions: none)
ERROR: No matching distribution found for numpy
"""

UV = """\
error: No solution found when resolving dependencies
  cause: Because shiftting was not found and you require shiftting,
      your requirements are unsatisfiable.

hint: Packages were unavailable.
"""
EARLIER_UV = UV.replace("error: No", "  × No").replace("cause:", "╰─▶")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            CONFLICT,
            "Cannot install first==1.0 and second==1.0 because these package versions have conflicting dependencies: "
            "The user requested first==1.0; second 1.0 depends on first>=2",
        ),
        (
            NO_NETWORK,
            "the package index cannot be reached (No matching distribution found for numpy)",
        ),
        (UV, "Because shiftting was not found and you require shiftting, your requirements are unsatisfiable."),
        (EARLIER_UV, "Because shiftting was not found and you require shiftting, your requirements are unsatisfiable."),
        ("a\n\n  error: no space left\n", "error: no space left"),
        ("", "it wrote nothing"),
    ],
)
def test_the_reason_of_pip_is_one_sentence(output: str, reason: str) -> None:
    assert reason_of(output) == reason


def test_a_requirement_that_no_package_has_is_refused_and_leaves_nothing(new) -> None:
    said = new.harness("env", "create", "other", "shiftting", code=2)

    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert line == "error: cannot be installed: No matching distribution found for shiftting"
    assert not (new.environments / "other").exists()


def test_requirements_that_exclude_each_other_are_named(new, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = find_environment(new.path / "home", "new")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(new.wheels))

    with pytest.raises(InstallerFailed, match=r"outdated 1\.0 depends on numpy<1"):
        install(environment.interpreter, ["shifting==2.0", "outdated"], ["numpy>=1.26"])
    assert environment.problem == ""  # nothing was installed


def test_an_index_that_cannot_be_reached_is_named(new, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = find_environment(new.path / "home", "new")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(InstallerFailed, match="the package index cannot be reached"):
        install(environment.interpreter, ["absent-package"], index="http://127.0.0.1:9/simple")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("../up", "numpy"), "cannot be the name of an environment"),
        (("new", "numpy"), "environment 'new' exists already; remove it by `harness env remove new`"),
        (("other", "numpy", "--python", "3.99"), "no Python 3.99 is installed"),
        (("other", "absent.py"), "there is no plugin file"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_sentence(new, arguments: tuple[str, ...], reason: str) -> None:
    said = new.harness("env", "create", *arguments, code=2)

    assert reason in said
    assert not (new.environments / "other").exists()


def test_an_interrupted_creation_leaves_nothing(new) -> None:
    process = new.start("env", "create", "other", "shifting==1.0")
    deadline = time.monotonic() + 60
    while not (new.environments / "other" / "venv" / "lib").exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGINT, said
    assert not (new.environments / "other").exists()


def test_what_a_killed_creation_left_is_no_environment_and_is_replaced(other_home) -> None:
    (other_home.environments / "new" / "environment.json").unlink()
    home = other_home.path / "home"

    assert list(environments_of(home)) == []
    assert "shifted" not in load_catalog(home=home).forecasters
    with pytest.raises(UnknownName):
        find_environment(home, "new")
    with pytest.raises(BadInput):  # it is tried, and fails for another reason than that it exists
        create_environment(home, EnvironmentRequest("new", ("--editable",)))


def test_cells_stay_pending_when_the_python_of_an_environment_is_gone(other_home) -> None:
    python = other_home.environments / "new" / "venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(other_home.path / "absent")

    said = other_home.harness("run", "versions", "--only", "shifted@new", code=2)

    reason = f"environment 'new' cannot be used: its Python {other_home.path / 'absent'} is gone"
    said = " ".join(said.split())
    assert f"shifted@new on river: still pending: {reason}" in said
    assert "create it again by `harness env remove new && harness env create new shifting==2.0`" in said
    assert "failed" not in said


def test_an_environment_that_was_changed_is_not_used(other_home) -> None:
    (site,) = other_home.environments.glob("new/venv/lib/*/site-packages")
    pluggy = next(site.glob("pluggy-*.dist-info"))
    shutil.copytree(pluggy, site / "pluggy-0.1.dist-info")
    pluggy.unlink()
    environment = find_environment(other_home.path / "home", "new")

    assert environment.problem.startswith("it was changed since it was made (pluggy 0.1 was added, pluggy ")
    server = TemplateServer()
    try:
        with pytest.raises(InfrastructureFault, match="was changed since it was made"):
            server.ensure(environment)
    finally:
        server.close()


def test_an_environment_whose_libraries_do_not_load_is_infrastructure(other_home) -> None:
    (site,) = other_home.environments.glob("new/venv/lib/*/site-packages")
    (site / "pluggy").unlink()
    environment = find_environment(other_home.path / "home", "new")
    server = TemplateServer()

    try:
        with pytest.raises(InfrastructureFault, match=r"it does not start .*No module named 'pluggy'"):
            server.ensure(environment)
    finally:
        server.close()


def test_a_plugin_file_is_a_requirement_and_is_described_again_when_it_changes(other_home) -> None:
    home, file = other_home.path / "home", other_home.path / "own_models.py"
    file.write_text(plugin_module(2, "own", "own_models"))
    environment = find_environment(home, "new")
    object.__setattr__(environment, "plugin_file", str(file))
    environment.write()

    first = load_catalog(home=home).forecasters
    file.write_text(plugin_module(2, "mine", "own_models"))
    second = load_catalog(home=home).forecasters

    assert first["own"].plugin.file == str(file)
    assert isinstance(second["mine"].plugin, EnvironmentPlugin)
    assert "own" not in second
    assert "own_models" not in sys.modules


def test_the_harness_of_an_environment_is_the_running_one_without_files_to_uninstall(new) -> None:
    environment = find_environment(new.path / "home", "new")
    code = "import harness, importlib.metadata as m; print(harness.__path__[0], m.files('forecast-harness'))"
    command = [str(environment.interpreter), "-P", "-c", code]  # not the checkout of the current directory
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert os.path.realpath(done.stdout.split()[0]) == os.path.realpath(harness.__path__[0])
    assert done.stdout.split()[1] == "None"


def test_removing_an_environment_that_is_not_there_is_refused(new) -> None:
    with pytest.raises(UnknownName, match="no environment called 'nwe'; did you mean 'new'"):
        remove_environment(new.path / "home", "nwe")


def test_one_process_at_a_time_makes_or_removes_an_environment(other_home) -> None:
    home = other_home.path / "home"

    with (
        FileLock(other_home.environments / ".new.lock"),
        pytest.raises(BadInput, match="another process is making or removing environment 'new'"),
    ):
        remove_environment(home, "new")
    assert find_environment(home, "new").requirements == ("shifting==2.0",)


def test_a_damaged_environment_is_named_disturbs_nothing_and_can_be_removed(other_home) -> None:
    home, record = other_home.path / "home", other_home.environments / "new" / "environment.json"
    record.write_bytes(record.read_bytes().replace(b"numpy", b"nampy"))
    catalog = load_catalog(home=home)

    assert "naive" in catalog.forecasters
    assert any("environment.json is damaged" in problem for problem in catalog.problems)
    remove_environment(home, "new")
    assert list(environments_of(home)) == []
