"""`harness check` gives every forecaster a verdict, whatever it does to its process."""

from __future__ import annotations

import os
from collections.abc import Callable

import psutil
import pytest

from harness.execution.workers import sandbox

PLUGIN = '''
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl


@dataclass
class Good:
    """The last value."""

    def fit(self, train):
        pass

    def predict(self, contexts):
        last = np.nan_to_num(contexts.last_targets(1))
        mean = np.repeat(last, contexts.horizon, axis=1)
        return Forecast.from_normal(mean, np.ones(1), contexts.quantile_levels)


class Exits(Good):
    def predict(self, contexts):
        os._exit(0)


class ExitsWhenMade(Good):
    def __post_init__(self):
        os._exit(0)

    def __init__(self):
        os._exit(0)


class Hangs(Good):
    def predict(self, contexts):
        subprocess.Popen(["sleep", "1234"], start_new_session=True)
        while True:
            time.sleep(1)


class Grows(Good):
    def fit(self, train):
        self.kept = np.ones(2 * 10**9 // 8)
        time.sleep(60)


class RemovesAll(Good):
    def fit(self, train):
        shutil.rmtree(os.path.dirname(os.getcwd()))


class Careless(Good):
    """Changes what the checks themselves use, prints, and deletes its folder."""

    def fit(self, train):
        np.abs = np.isnan = lambda *arguments, **options: np.zeros(1)
        np.seterr(all="raise")
        import harness.evaluation.audit.leakage

        harness.evaluation.audit.leakage.audit = None
        print("printed by the forecaster")
        sys.stderr.write("written by the forecaster")
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)

    def predict(self, contexts):
        mean = np.zeros((len(contexts), contexts.horizon, len(contexts.targets)))
        levels = contexts.quantile_levels
        return Forecast(mean, levels, np.zeros((*mean.shape, len(levels)))) if levels else Forecast.point(mean)


@hookimpl
def harness_forecasters():
    classes = (Good, Exits, ExitsWhenMade, Hangs, Grows, RemovesAll, Careless)
    named = [ForecasterSpec(each.__name__.lower(), f"hostile_checks:{each.__name__}") for each in classes]
    missing = ForecasterSpec("missing", "hostile_checks:Missing")
    return [*named, missing]
'''


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable):
    folder = plugin_folder(tmp_path_factory.mktemp("checks"), "hostile_checks")
    folder.install(PLUGIN, {})
    return folder


def plain(output: str) -> str:
    """The details of a table, without their line breaks."""
    return " ".join(output.split())


def sleepers() -> list[psutil.Process]:
    """Processes that the forecaster `hangs` started."""
    return [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", "1234"]]


def test_what_a_forecaster_does_to_its_process_changes_no_verdict(harness) -> None:
    ran = harness("check", "careless")

    assert ran.returncode == 0, ran.stdout
    assert "FAILED" not in ran.stdout
    assert ran.stdout.count("passed") == 21
    assert "by the forecaster" not in ran.stdout + ran.stderr


class TestImportPaths:
    def test_a_class_needs_no_spec(self, harness) -> None:
        (harness.folder / "own.py").write_text("from hostile_checks import Exits, Good\n")

        good, exits = harness("check", "own:Good"), harness("check", "own:Exits")

        assert good.returncode == 0, good.stdout + good.stderr
        assert good.stdout.count("passed") == 21
        assert exits.returncode == 1
        assert "FAILED" in exits.stdout

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("nowhere:Good",), "cannot check nowhere:Good: ModuleNotFoundError: No module named 'nowhere'; write"),
            (("hostile_checks:Bad",), "has no attribute 'Bad'; write package.module:Class"),
            (("hostile_checks:Good", "--strict"), "--strict needs an installed forecaster"),
            (("hostile_checks:Good", "--memory", "1GB"), "--memory needs an installed forecaster"),
        ],
    )
    def test_what_cannot_be_checked_is_an_error(self, harness, arguments: tuple[str, ...], said: str) -> None:
        refused = harness("check", *arguments)

        assert refused.returncode == 2
        assert said in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("exits", "crashed: its process ended with exit code 0 without an answer, while in predict"),
        ("exitswhenmade", "its process ended with exit code 0 without an answer, while importing and making"),
        ("grows", "out_of_memory: "),
        ("removesall", "it changed or deleted the files that"),
        ("missing", "has no attribute 'Missing'"),
    ],
)
def test_one_that_ends_its_process_fails(harness, name: str, said: str) -> None:
    ran = harness("check", name, "--memory", "1GB")

    assert ran.returncode == 1
    assert "FAILED" in ran.stdout
    assert said in plain(ran.stdout), ran.stdout


def test_one_that_hangs_is_ended_and_nothing_is_left(harness) -> None:
    ran = harness("check", "hangs", "--timeout", "3")
    said = plain(ran.stdout)

    assert ran.returncode == 1
    assert "timed_out: it took more than 3 s, while in predict" in said
    assert "nothing more is checked after a check that took more than 3 s" in said
    assert sleepers() == []


def test_results_are_shown_as_each_check_ends(harness) -> None:
    process = harness.start("check", "hangs", "--timeout", "30")
    lines = iter(process.stdout.readline, "")

    assert any("its hyperparameters are JSON values" in line for line in lines)
    assert process.poll() is None

    os.kill(process.pid, 9)
    process.communicate()


def test_strict_mode_is_compared_with_batches(harness) -> None:
    ran = harness("check", "good", "--strict")

    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count("equal to the batch run to the last bit") == 10
    assert ("by bubblewrap" if sandbox.is_available() else "bubblewrap is not installed") in ran.stdout
