"""Tests of contracts with pytest: one test for each check, in a real run of pytest on forecasters of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.errors import BadInput, UnknownName

MODELS = '''
import os
import time
from dataclasses import dataclass

import numpy as np

from harness import Forecast, ForecasterSpec, LocalForecaster


@dataclass
class Good(LocalForecaster):
    """The last value."""

    def predict_series(self, context):
        return np.repeat(np.nan_to_num(context.target[-1:]), context.horizon, axis=0)


@dataclass
class NoMissing(LocalForecaster):
    """Does not handle missing values."""

    def predict_series(self, context):
        return np.repeat(context.target[-1:], context.horizon, axis=0)


class Ends(Good):
    """Ends its process where it should forecast quantiles."""

    def predict_series(self, context):
        if context.quantile_levels:
            os._exit(3)
        if context.gap:
            os.kill(os.getpid(), 11)
        return super().predict_series(context)


FILLED = ForecasterSpec("filled", NoMissing, missing="ffill")
'''
TESTS = """
import harness
from models import FILLED, Ends, Good, NoMissing


class Local(Good):
    pass


@harness.parametrize_with_checks([Local, FILLED])
def test_good(check):
    check()


@harness.parametrize_with_checks(
    [NoMissing], expected_failures={"forecasts series with missing values": "the model needs complete series"}
)
def test_known_failure(check):
    check()


@harness.parametrize_with_checks([Good], expected_failures={"forecasts two targets": "no longer so"})
def test_unexpected_pass(check):
    check()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    (folder / "models.py").write_text(MODELS)
    (folder / "test_models.py").write_text(TESTS)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest in a folder whose modules can be imported."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:benchmark", "-rA", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def tests(folder: Path) -> subprocess.CompletedProcess[str]:
    """The run of a file of tests."""
    return run(folder, "test_models.py")


@pytest.fixture(scope="module")
def command(folder: Path) -> subprocess.CompletedProcess[str]:
    """The run of a command without a file of tests, of which the folder has one."""
    names = ("models:Good", "models:NoMissing", "models:Ends", "naive", "MAE")
    return run(folder, *(f"--harness-forecaster={name}" for name in names))


def outcomes(ran: subprocess.CompletedProcess[str], prefix: str) -> dict[str, str]:
    """The outcome of each test whose name begins so, by the rest of its name."""
    found = re.findall(r"^([A-Z]+) (\S+::.+?)(?: - .*)?$", ran.stdout, re.M)
    return {name.removeprefix(prefix): outcome for outcome, name in found if name.startswith(prefix)}


def test_each_check_is_a_test(tests) -> None:
    found = outcomes(tests, "test_models.py::test_good")

    assert len(found) == 2 * 21
    assert set(found.values()) == {"PASSED"}
    assert "[Local-the-leakage-audit-passes]" in found


def test_a_known_failure_is_shown_with_its_reason(tests) -> None:
    found = outcomes(tests, "test_models.py::test_known_failure[NoMissing-")

    assert found.pop("forecasts-series-with-missing-values]") == "XFAIL"
    assert set(found.values()) == {"PASSED"}
    assert "the model needs complete series" in tests.stdout


def test_a_known_failure_that_passes_fails(tests) -> None:
    found = outcomes(tests, "test_models.py::test_unexpected_pass[Good-")

    assert tests.returncode == 1
    assert [name for name, outcome in found.items() if outcome != "PASSED"] == ["forecasts-two-targets]"]
    assert "[XPASS(strict)] no longer so" in tests.stdout


def test_a_failure_shows_the_smallest_example_and_how_to_fix_it(folder: Path, command) -> None:
    text = command.stdout.partition("NoMissing fails the check")[2].partition("How to fix it:")
    code = "\n".join(line[4:] for line in re.findall(r"^    .*|^$", text[0], re.M))
    example = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)

    assert outcomes(command, "models:NoMissing::")["forecasts series with missing values"] == "FAILED"
    assert "missing='interpolate'" in text[2]
    assert "windows=1" in code
    assert example.stdout.startswith("invalid "), (code, example.stderr)


def test_the_command_collects_no_other_tests(command) -> None:
    assert outcomes(command, "test_models.py") == {}
    assert f"collected {4 * 21 + 16} items" in command.stdout


@pytest.mark.parametrize(("name", "count"), [("models:Good", 21), ("naive", 21), ("MAE", 16)])
def test_classes_and_what_is_installed_can_be_named(command, name: str, count: int) -> None:
    found = outcomes(command, f"{name}::")

    assert len(found) == count
    assert set(found.values()) == {"PASSED"}


def test_a_check_that_ends_the_process_fails_alone(command) -> None:
    failed = [name for name, outcome in outcomes(command, "models:Ends::").items() if outcome == "FAILED"]

    assert failed == ["forecasts after a gap, with refits", "forecasts with quantile levels"]
    assert "its process was ended by the signal SIGSEGV during this check" in command.stdout
    assert "its process ended with exit code 3 during this check" in command.stdout


def test_the_script_finds_the_modules_of_the_current_folder(folder: Path) -> None:
    script = folder / "bin" / "pytest"  # as pip writes it: Python searches the folder of the script only
    script.parent.mkdir()
    script.write_text("import sys\nfrom pytest import console_main\nsys.exit(console_main())\n")
    command = [
        sys.executable,
        script,
        "-p",
        "no:cacheprovider",
        "-p",
        "no:benchmark",
        "-k",
        "JSON",
        "--harness-forecaster=models:Good",
    ]

    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout


def test_an_unknown_forecaster_is_an_error(folder: Path) -> None:
    ran = run(folder, "--harness-forecaster", "nave")

    assert ran.returncode == 4
    assert "did you mean 'naive'?" in ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


def test_an_expected_failure_must_be_a_check() -> None:
    with pytest.raises(UnknownName, match="did you mean 'forecasts two targets'"):
        harness.parametrize_with_checks(["naive"], expected_failures={"forecasts to targets": "typo"})


def test_what_is_no_forecaster_is_refused() -> None:
    with pytest.raises(BadInput, match="by its name, class or spec, not 3"):
        harness.check_forecaster(3)


def test_the_results_of_a_class_in_python() -> None:
    @harness.hookimpl  # any local class will do
    class Nothing:
        pass

    results = harness.check_forecaster(Nothing)

    assert [result.name for result in results if not result.passed] == [
        "is a dataclass of hyperparameters",
        "has the methods fit and predict",
    ]
    assert all(result.skipped for result in results[2:])


def test_pytest_imports_nothing_heavy_when_it_starts(folder: Path) -> None:
    script = """
import sys, pytest
class Last:
    def pytest_sessionfinish(self):
        sys.__stderr__.write(repr(sorted({"numpy", "torch", "pandas", "harness.errors"} & sys.modules.keys())))
        sys.__stderr__.write(str("harness.execution.pytest_plugin" in sys.modules))
pytest.main(["-p", "no:benchmark", "-p", "no:hypothesispytest", "-p", "no:cacheprovider", "empty"], [Last()])
"""
    (folder / "empty").mkdir()

    ran = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)

    assert ran.stderr == "[]True"
