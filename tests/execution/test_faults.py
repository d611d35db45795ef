"""Hostile and careless forecasters on one board: each has its own status, and nothing of it reaches its neighbours."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest
from faulty_home import FaultyHome, tables

from harness import Journal, Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="faults are injected by means of Linux")
NEIGHBOURS: dict[str, dict[str, object]] = {
    "naive": {"name": "naive"},
    "ets": {"name": "ets"},
    **{f"ridge {lags}": {"name": "ridge", "lags": lags} for lags in range(3, 9)},
    "a small dense": {"name": "dense", "hidden": 4, "iterations": 10},
}
COMPLETED, FAILED, INVALID, CRASHED, TIMED_OUT, MEMORY, INCONSISTENT = (
    *("completed", "failed", "invalid", "crashed", "timed_out", "out_of_memory", "inconsistent"),
)
NO_ANSWER = "its process ended with exit code {} without an answer, while in predict"
GONE = "its process and the one that watches it are gone"
SLOW = "it took more than 4 s, while in predict"
# the status and the beginning of the reason, by the name of the fault in hostile_faults.py; "at: fault" elsewhere
OUTCOMES = {
    "patches numpy": (COMPLETED, ""),
    "patches harness": (COMPLETED, ""),
    "patches json": (CRASHED, "its process broke the protocol: "),
    "patches time": (COMPLETED, ""),
    "patches random": (COMPLETED, ""),
    "patches builtins": (CRASHED, "its process broke the protocol: "),
    "writes to arrays": (COMPLETED, ""),
    "writes through a pointer": (COMPLETED, ""),
    "writes by torch": (INCONSISTENT, "series '"),
    "sets defaults of torch": (COMPLETED, ""),
    "seterr": (COMPLETED, ""),
    "alarms": (COMPLETED, ""),
    "handlers": (COMPLETED, ""),
    "closes its output": (COMPLETED, ""),
    "closes all descriptors": (CRASHED, NO_ANSWER.format(71)),
    "deletes its folder": (COMPLETED, ""),
    "deletes its scratch folder": (FAILED, "it changed or deleted the files that show it its data"),
    "folders without rights": (COMPLETED, ""),
    "truncates its data": (COMPLETED, ""),
    "overwrites its data": (COMPLETED, ""),
    "pipes as its data": (FAILED, "it changed or deleted the files that show it its data"),
    "changes the environment": (COMPLETED, ""),
    "changes limits": (INCONSISTENT, ""),
    "5,000 files": (FAILED, "OSError: [Errno 24] Too many open files"),
    "1,100 threads": (FAILED, "it started more than 1024 threads and processes"),
    "a thread that spins": (COMPLETED, ""),
    "64 processes": (COMPLETED, ""),
    "goes on in a child": (CRASHED, ""),
    "closes its connection": (CRASHED, "its process closed its connection and ran on, while in predict"),
    "kills its group": (CRASHED, "its process was killed by SIGKILL, while in predict, in each of 4 tries"),
    "kills its parent": (CRASHED, f"{GONE}, while in predict, in each of 4 tries"),
    "terminates itself": (CRASHED, "its process was killed by SIGTERM, while in predict, in each of 4 tries"),
    "processes that outlive it": (COMPLETED, ""),
    "a pool of loky": (COMPLETED, ""),
    "no collector": (COMPLETED, ""),
    "sys.exit(0)": (FAILED, "SystemExit: 0"),
    "os._exit(0)": (CRASHED, NO_ANSWER.format(0)),
    "os._exit(1)": (CRASHED, NO_ANSWER.format(1)),
    "os._exit(70)": (CRASHED, NO_ANSWER.format(70)),
    "SystemExit": (FAILED, "SystemExit: bye"),
    "KeyboardInterrupt": (FAILED, "KeyboardInterrupt: stop"),
    "GeneratorExit": (FAILED, "GeneratorExit: gone"),
    "two arguments": (FAILED, "TwoArguments: one and two"),
    "not to be pickled": (FAILED, "Holding: cannot be pickled"),
    "text that raises": (FAILED, "Unspeakable"),
    "text that never ends": (FAILED, "Endless"),
    "text of 100 MB": (FAILED, "ValueError: xxxx"),
    "escape sequences": (FAILED, "ValueError: \x1b[31mred"),
    "segfault": (CRASHED, "its process crashed by SIGSEGV, while in predict; its last output:\n"),
    "abort": (CRASHED, "its process crashed by SIGABRT, while in predict; its last output:\n"),
    "bus error": (CRASHED, "its process crashed by SIGBUS, while in predict; its last output:\n"),
    "stack overflow": (CRASHED, "its process crashed by SIGSEGV, while in predict"),
    "MemoryError": (MEMORY, "MemoryError: no more"),
    "numpy allocation": (MEMORY, "MemoryError: Unable to allocate"),
    "torch allocation": (MEMORY, "RuntimeError: "),
    "C++ allocation": (MEMORY, "memory could not be allocated (SIGABRT), while in predict; its last output:\n"),
    "exits without memory": (MEMORY, "memory could not be allocated (exit code 1), while in predict"),
    "leaks": (MEMORY, ""),
    "leaks in a child": (MEMORY, "it used "),
    "prints 1 GB": (FAILED, "it printed more than 104.9 MB, while in predict; its last output:\n"),
    "loops": (TIMED_OUT, SLOW),
    "ignores SIGTERM": (TIMED_OUT, SLOW),
    "stops itself": (TIMED_OUT, SLOW),
    "catches everything": (TIMED_OUT, SLOW),
    "drips": (TIMED_OUT, SLOW),
    "sleeps in copies": (TIMED_OUT, "in the audit: it took more than 4 s, while "),
    "another type": (INVALID, "predict must return a Forecast, not list"),
    "NaN": (INVALID, "every window: NaN or infinite values"),
    "infinite": (INVALID, "every window: NaN or infinite values"),
    "1e308": (COMPLETED, ""),
    "lying array": (INVALID, "every window: NaN or infinite values"),
    "lying forecast": (INVALID, "every window: NaN or infinite values"),
    "wrong shape": (INVALID, "predict: the mean must have the shape"),
    "text as mean": (INVALID, "the mean must be an array of floats, not str"),
    "writes to descriptors": (CRASHED, "its process broke the protocol: "),
    "sends no JSON": (CRASHED, "its process broke the protocol: the header of a message is no JSON"),
    "sends a huge header": (CRASHED, "its process broke the protocol: the header of a message must have"),
    "sends a huge array": (CRASHED, "its process broke the protocol: array 'mean' of a message has"),
    "sends an impossible array": (CRASHED, "its process broke the protocol: array 'mean' of a message has the shape"),
    "sends a huge number": (CRASHED, "its process broke the protocol: the answer to predict is no forecast"),
    "sends deep JSON": (CRASHED, "its process broke the protocol: the header of a message is no JSON"),
    "answers too often": (CRASHED, "its process broke the protocol: the answer to predict is no forecast"),
    "endless remarks": (TIMED_OUT, "it took more than 4 s, while describing itself"),
    "fit: loops": (TIMED_OUT, "it took more than 4 s, while in fit"),
    "fit: segfault": (CRASHED, "its process crashed by SIGSEGV, while in fit"),
    "init: loops": (TIMED_OUT, "it took more than 4 s, while importing and making the forecaster"),
    "init: os._exit(0)": (CRASHED, "its process ended with exit code 0 without an answer, while importing and making"),
    "hanging-import": (TIMED_OUT, "it took more than 4 s, while importing and making the forecaster"),
    "hanging-imports": (TIMED_OUT, "it took more than 4 s, while importing hanging_import"),
    "hanging-fork": (TIMED_OUT, "it took more than 4 s, while importing hanging_fork"),
    "exiting-import": (CRASHED, "its process ended with exit code 0 without an answer, while importing and making"),
    "exiting-imports": (CRASHED, "its process ended with exit code 0 without an answer, while importing and making"),
    "crashing-import": (CRASHED, "its process crashed by SIGSEGV, while importing and making the forecaster"),
    "crashing-imports": (CRASHED, "its process crashed by SIGSEGV, while importing and making the forecaster"),
    "raising-import": (FAILED, "KeyboardInterrupt: imported"),
}
# the reason why this is no result
POSTPONED = {
    "kills its supervisor": "its supervisor process ended with exit code -9 (tried 4 times)",
}
SPECS = {
    **dict.fromkeys(
        (
            "loops",
            "ignores SIGTERM",
            "stops itself",
            "catches everything",
            "drips",
            "sleeps in copies",
            "endless remarks",
        ),
        "hostile-slow",
    ),
    **dict.fromkeys(("leaks", "leaks in a child"), "hostile-large"),
    **dict.fromkeys(("writes by torch", "sets defaults of torch", "torch allocation"), "hostile-torch"),
}


@dataclass
class Outcome:
    """What a run of a board left behind."""

    home: FaultyHome
    code: int
    text: str
    left: list[int] = field(default_factory=list)  # processes
    scratch: list[str] = field(default_factory=list)  # temporary files

    @cached_property
    def runs(self) -> dict[str, Run]:
        """The runs with their results, by label."""
        journal = Journal(self.home.home)
        found = [run for key in list(journal.keys()) if (run := journal.read_with_results(key)) is not None]
        return {label_of(run): run for run in found}


def label_of(run: Run) -> str:
    parameters = dict(run.cell.parameters)
    for label, entry in NEIGHBOURS.items():
        if entry == {"name": run.cell.forecaster, **parameters}:
            return label
    if not run.cell.forecaster.startswith("hostile"):
        return run.cell.forecaster
    at = parameters.get("at")
    return f"{at}: {parameters['fault']}" if at else str(parameters["fault"])


def hostile_entries() -> dict[str, dict[str, object]]:
    """The entries of a board with all faults."""
    entries: dict[str, dict[str, object]] = {}
    for label in (*OUTCOMES, *POSTPONED):
        at, colon, fault = label.rpartition(": ")
        if label.endswith(("-import", "-imports", "-fork")):
            entries[label] = {"name": label, "fault": "nothing"}
        else:
            place = {"at": at} if colon else {}
            entries[label] = {"name": SPECS.get(fault, "hostile"), "fault": fault, **place}
    return entries


def mixed(
    neighbours: dict[str, dict[str, object]], others: dict[str, dict[str, object]]
) -> dict[str, dict[str, object]]:
    """Entries of a board, with the neighbours spread among the others."""
    spread = {label: (i + 0.5) / len(neighbours) for i, label in enumerate(neighbours)}
    spread |= {label: i / len(others) for i, label in enumerate(others)}
    return {label: (neighbours | others)[label] for label in sorted(spread, key=spread.__getitem__)}


def outcome_of(folder: Path, entries: dict[str, dict[str, object]], jobs: int = 2) -> Outcome:
    home = FaultyHome(folder)
    home.without_mirror()
    home.write_board("board", tables(entries))
    try:
        code, text = home.run("run", "./board", "--jobs", str(jobs))
        left = home.processes_after(20)
        return Outcome(home, code, text, left, home.scratch())
    finally:
        home.kill_all()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The neighbours among themselves."""
    return outcome_of(tmp_path_factory.mktemp("alone"), NEIGHBOURS)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All faults, beside the neighbours."""
    return outcome_of(tmp_path_factory.mktemp("hostile"), mixed(NEIGHBOURS, hostile_entries()))


@pytest.mark.parametrize("label", OUTCOMES)
def test_each_has_its_own_status(hostile: Outcome, label: str) -> None:
    status, reason = OUTCOMES[label]

    run = hostile.runs[label]

    assert (run.status.value, run.reason[: len(reason)]) == (status, reason)
    assert len(run.reason) < 5000


def test_the_last_output_of_a_crash_says_where_it_was(hostile: Outcome) -> None:
    for label, function in (("segfault", "string_at"), ("abort", "<lambda>"), ("bus error", "bus_error")):
        assert function in hostile.runs[label].reason


@pytest.mark.parametrize("label", POSTPONED)
def test_a_killed_process_is_no_result(hostile: Outcome, label: str) -> None:
    assert label not in hostile.runs
    assert f"{label} on waves: still pending: {POSTPONED[label]}" in re.sub(r"\s+", " ", hostile.text)


@pytest.mark.parametrize("label", ["64 processes", "processes that outlive it"])
def test_what_it_left_behind_is_ended_and_noted(hostile: Outcome, label: str) -> None:
    (note,) = (note for note in hostile.runs[label].notes if "running, which ended with the cell" in note)

    assert re.match(r"it left (\d+) processes", note)


@pytest.mark.parametrize("label", NEIGHBOURS)
def test_its_neighbours_have_the_same_results_as_without_it(alone: Outcome, hostile: Outcome, label: str) -> None:
    expected, run = alone.runs[label], hostile.runs[label]

    assert (run.status, run.scores, notes_of(run)) == (expected.status, expected.scores, notes_of(expected))
    assert run.results is not None
    assert expected.results is not None
    assert run.results.forecast.mean.tobytes() == expected.results.forecast.mean.tobytes()
    assert run.results.forecast.quantiles is not None
    assert expected.results.forecast.quantiles is not None
    assert run.results.forecast.quantiles.tobytes() == expected.results.forecast.quantiles.tobytes()
    for metric, terms in expected.results.terms.items():
        assert run.results.terms[metric].numerators.tobytes() == terms.numerators.tobytes()
    actuals = [
        Journal(outcome.home.home).read_actuals(fingerprint(outcome), run.cell.task) for outcome in (alone, hostile)
    ]
    assert actuals[0] is not None
    assert actuals[1] is not None
    assert actuals[0].values.tobytes() == actuals[1].values.tobytes()


def notes_of(run: Run) -> list[str]:
    return [note for note in run.notes if not note.startswith("the audit took")]


def fingerprint(outcome: Outcome) -> str:
    (folder,) = (path for path in (outcome.home.home / "panels").iterdir() if path.is_dir())
    return folder.name


def test_nothing_is_left(hostile: Outcome, alone: Outcome) -> None:
    for outcome in (alone, hostile):
        assert outcome.left == []
        assert outcome.scratch == []
        assert list((outcome.home.home / "journal" / "locks").iterdir()) == []


def test_the_command_says_what_happened_without_a_traceback(hostile: Outcome) -> None:
    assert hostile.code == 2
    assert "Traceback" not in hostile.text
    assert "RuntimeWarning" not in hostile.text
    assert "\x1b[31mred" not in hostile.text
    assert "1 of " in hostile.text
    assert len(hostile.text) < 1 << 17


def test_where_the_template_is_killed_the_neighbours_are_run_again(tmp_path: Path, alone: Outcome) -> None:
    ridges = {label: NEIGHBOURS[label] for label in NEIGHBOURS if label.startswith("ridge")}
    entries = {"naive": NEIGHBOURS["naive"], "kills the template": {"name": "hostile", "fault": "kills the template"}}

    outcome = outcome_of(tmp_path, {**entries, **ridges})

    assert set(outcome.runs) == {"naive", *ridges}
    assert (tmp_path / "kills").read_text() == "xxxx"
    for label in ridges:
        assert outcome.runs[label].scores == alone.runs[label].scores
    assert outcome.left == []
    assert outcome.scratch == []
