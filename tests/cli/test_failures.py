"""What a user learns of a forecaster that fails: where it raised, its traceback, its output, and a debugger."""

from __future__ import annotations

import csv
import io
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Journal, Run, Status
from harness.errors import attempt, attempt_of_forecaster, watched

SOURCE = '''
from dataclasses import dataclass

import numpy as np

from harness import Forecast, ForecasterSpec, LocalForecaster, hookimpl


def mean_of(values):
    return np.reshape(values, (3, -1, 7, 11, 13))


@dataclass
class Raises(LocalForecaster):
    """Raises in a function that it calls, which calls NumPy."""

    def predict_series(self, context):
        print("before the error")
        return mean_of(context.target)


@dataclass
class Unfit:
    """Raises in fit."""

    def fit(self, train):
        raise RuntimeError("no fit\\nat all")

    def predict(self, contexts):
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, len(contexts.targets))))


@dataclass
class Flat(LocalForecaster):
    """Returns an array without the axis of targets."""

    def predict_series(self, context):
        return np.zeros(context.horizon)


@dataclass
class Seasonal(Flat):
    """Does not look whether the task has a season, which its spec asks for."""


@dataclass
class Partly(LocalForecaster):
    """Raises where it knows more than 96 values."""

    def predict_series(self, context):
        if len(context.target) > 96:
            raise RuntimeError("too long")
        return np.zeros((context.horizon, 1))


@hookimpl
def harness_forecasters():
    specs = [ForecasterSpec(each.__name__.lower(), each) for each in (Raises, Unfit, Flat, Partly)]
    return [*specs, ForecasterSpec("seasonal", Seasonal, needs_season=True)]
'''
BOARD = """title = "Faulty"
metric = "MAE"
baseline = "naive"
[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }
""" + "".join(
    f'[[forecasters]]\nname = "{name}"\n' for name in ("naive", "raises", "unfit", "flat", "seasonal", "partly")
)
LINE = SOURCE.splitlines().index("    return np.reshape(values, (3, -1, 7, 11, 13))") + 1
PLACE = f"faulty_plugin.py, line {LINE}, in mean_of"
FIRST = "series 'nile' at cutoff 98"  # the window on which `partly` fails


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable):
    folder = plugin_folder(tmp_path_factory.mktemp("faulty"), "faulty_plugin")
    folder.install(SOURCE, {"faulty": BOARD})
    folder.ran = folder("run", "./faulty", "--jobs", "1")
    return folder


def output_of(harness, *arguments: str) -> str:
    """What a command prints, tracebacks included."""
    out, err = harness.start(*arguments).communicate(timeout=120)
    return out + err


def recorded_runs(home: Path) -> dict[str, Run]:
    """The runs in a journal by forecaster."""
    journal = Journal(home)
    runs = map(journal.read, journal.keys())
    return {run.cell.forecaster: run for run in runs if run is not None}


class TestPlaces:
    def test_a_run_names_the_line_of_the_plugin(self, harness) -> None:
        text = " ".join(harness.ran.stdout.split())

        assert "raises on nile: failed: every window: ValueError: cannot reshape array of size" in text
        assert text.count(f"({PLACE})") == 2  # when it failed, and under the table
        assert "(faulty_plugin.py, line" in text.partition("unfit on nile: failed: RuntimeError: no fit")[2]

    def test_workers_and_this_process_tell_the_same_and_debug_prints_the_traceback(self, harness) -> None:
        said = output_of(harness, "run", "./faulty", "--jobs", "0", "--debug", "--home", str(harness.folder / "other"))
        recorded, here = recorded_runs(harness.home), recorded_runs(harness.folder / "other")

        assert {name: run.explanation for name, run in recorded.items()} == {
            name: run.explanation for name, run in here.items()
        }
        assert [run.place for run in (recorded["raises"], recorded["naive"], recorded["flat"])] == [PLACE, "", ""]
        assert recorded["raises"].window_failures[1].place == PLACE
        for traceback in (said, recorded["raises"].traceback):
            assert "Traceback (most recent call last)" in traceback
            assert f'faulty_plugin.py", line {LINE}, in mean_of' in traceback

    def test_a_forecaster_that_needs_a_season_is_not_called_on_a_task_without(self, harness) -> None:
        run = recorded_runs(harness.home)["seasonal"]

        assert run.explanation == "the forecaster needs a season, and the season length of this task is 1"
        assert run.status is Status.UNSUPPORTED
        assert run.costs.fits == 0
        assert "seasonal on nile: unsupported: the forecaster needs a season" in " ".join(harness.ran.stdout.split())

    def test_check_names_it_and_debug_prints_the_traceback(self, harness) -> None:
        said = output_of(harness, "check", "raises", "--debug")

        assert "faulty_plugin.py, line" in " ".join(said.split())
        assert f'faulty_plugin.py", line {LINE}, in mean_of' in said


class TestFailures:
    def test_failed_results_are_listed_with_their_last_output(self, harness) -> None:
        text = harness("show", "faulty", "--failures").stdout

        first = text[: text.index("unfit on nile")]
        assert first.startswith("raises on nile: failed\n  every window: ValueError: cannot reshape array of size")
        assert f"\n  at {PLACE}\n  key " in first
        assert first.endswith("\n  last output:\n" + 2 * "    before the error\n")
        assert "flat on nile: invalid" in text
        assert "naive" not in text

    def test_of_failed_windows_the_series_and_cutoff_of_the_first_are_told(self, harness) -> None:
        listed = harness("show", "faulty", "--failures", "--only", "partly").stdout
        (row,) = csv.DictReader(
            io.StringIO(harness("show", "faulty", "--failures", "--csv", "--only", "partly").stdout)
        )

        run = " ".join(harness.ran.stdout.split())
        assert f"partly on nile: 1 of 2 windows failed; the first: {FIRST}: RuntimeError: too long (faulty" in run
        assert listed.startswith(f"partly on nile: failed, 1 of 2 windows, the first: {FIRST}\n")
        assert row["first_window"] == FIRST

    def test_one_forecaster_has_its_failed_windows_beside_the_status(self, harness) -> None:
        text = harness("show", "faulty", "--forecaster", "partly").stdout

        assert "completed, 1 of 2 windows failed" in text

    def test_of_one_forecaster_as_csv(self, harness) -> None:
        said = harness("show", "faulty", "--failures", "--only", "unfit", "--csv")

        (row,) = csv.DictReader(io.StringIO(said.stdout))
        assert (row["forecaster"], row["status"], row["windows"]) == ("unfit", "failed", "2")
        assert row["exception"] == "RuntimeError: no fit\nat all"
        assert row["place"].startswith("faulty_plugin.py, line ")
        assert Journal(harness.home).has(row["key"])

    def test_there_may_be_none(self, harness) -> None:
        assert (
            harness("show", "faulty", "--failures", "--only", "naive").stdout == "No failed results on board faulty.\n"
        )
        assert "leave out --top" in harness("show", "faulty", "--failures", "--top", "2").stderr

    @pytest.mark.parametrize(
        ("options", "wrong"),
        [
            (("--failures", "--completed-only"), "leave out --completed-only"),
            (("--failures", "--format", "csv"), "leave out --format csv"),
            (("--forecaster", "flat", "--completed-only"), "leave other options out"),
            (("--forecaster", "flat", "--pool", "local"), "leave other options out"),
            (("--format", "markdown", "--top", "3"), "leave --format markdown out"),
            (("--markdown", "--top", "3"), "leave --markdown out"),
        ],
    )
    def test_options_without_effect_are_refused(self, harness, options: tuple[str, ...], wrong: str) -> None:
        said = harness("show", "faulty", *options)

        assert said.returncode == 2
        assert wrong in said.stderr


class TestDebugger:
    def test_it_opens_where_a_forecaster_raises_and_quitting_stops_the_run(self, harness) -> None:
        process = subprocess.run(
            [sys.executable, "-m", "harness", "run", "./faulty", "--only", "raises", "--jobs", "0", "--pdb"],
            env={**os.environ, "PYTHONPATH": str(harness.module.parent), "HARNESS_HOME": str(harness.folder / "pdb")},
            cwd=harness.folder,
            input="p values.shape\nup\np context.horizon\nq\n",
            capture_output=True,
            text=True,
            timeout=120,
        )

        assert process.returncode == 130
        assert f"({PLACE})" in process.stdout
        assert "(Pdb) (96, 1)\n" in process.stdout
        assert "(Pdb) 2\n" in process.stdout
        assert process.stdout.count("-> return np.reshape(values, (3, -1, 7, 11, 13))") == 1
        assert "Stopped: " in process.stdout

    def test_it_works_in_a_terminal_and_goes_on(self, harness) -> None:
        parent, child = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", "run", "./faulty", "--only", "raises", "--jobs", "0", "--pdb"],
            env={**os.environ, "PYTHONPATH": str(harness.module.parent), "HARNESS_HOME": str(harness.folder / "tty")},
            cwd=harness.folder,
            stdin=child,
            stdout=child,
            stderr=child,
            close_fds=True,
        )
        os.close(child)
        text = read_until(parent, "(Pdb) ")
        os.write(parent, b"c\n")
        text += read_until(parent, "MAE by task")

        assert process.wait(60) == 0
        assert text.count("(Pdb)") == 1  # the second window raises at the same line

    def test_it_does_not_open_at_what_is_caught_elsewhere(self) -> None:
        def fails() -> None:
            raise ValueError("no")

        told: list[BaseException] = []
        with watched(told.append):
            attempt(fails)
            assert told == []
            attempt_of_forecaster(fails)

        assert [str(error) for error in told] == ["no"]

    def test_it_needs_this_process(self, harness) -> None:
        assert "add --jobs 0" in harness("run", "./faulty", "--pdb").stderr


def read_until(descriptor: int, text: str) -> str:
    """What a terminal shows until this text."""
    shown, end = "", time.monotonic() + 60
    while text not in shown:
        assert time.monotonic() < end, shown
        try:
            shown += os.read(descriptor, 1 << 16).decode()
        except OSError:
            break
    return shown
