"""Runs measurements: one process for each forecaster, one after another; a crash affects only its own."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.attempt import Failure, attempt
from harness.boards.fingerprints import Fingerprints
from harness.boards.leaderboard import Entry, Leaderboard, board_name, load_board
from harness.data.storage import read_json, write_json
from harness.efficiency.environment import environment, usable_cores
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench, Conditions, Subject
from harness.efficiency.store import write_bench
from harness.efficiency.workload import JOB, RESULT, TIMINGS, Job
from harness.errors import BadInput, DataUnavailable, UnknownName
from harness.evaluation.run import Cell
from harness.fields.types import Json
from harness.plugins.catalog import Catalog
from harness.plugins.result_versions import forecaster_version
from harness.tasks.task import Task

POLL = 0.1  # seconds
OUTPUT = "output.txt"  # of a process, in the folder of its job
TIMEOUT = 600.0  # seconds for all but the scenarios
SCENARIOS = 10  # scenario times that a forecaster may take before it is stopped
OUTPUT_TAIL = 300  # characters of a crashed process's output that are shown


@dataclass(frozen=True)
class BenchRequest:
    """A request to measure forecasters of a board."""

    home: Path
    names: tuple[str, ...] = ()  # forecasters by their names on the board, or of the catalog; none: all of the board
    board: str = "classics"
    task: str | None = None  # None: the first whose data are available
    settings: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # hyperparameters by forecaster
    seconds: float = 3.0  # for each scenario
    threads: int | None = None  # None: as many as the forecaster's cells have
    device: str = "auto"
    bound: float | None = None  # seconds
    timeout: float | None = None  # seconds for a forecaster


@dataclass(frozen=True)
class BenchStarted:
    """A forecaster's scenario began; `number` is its position, from 1."""

    number: int
    title: str
    scenario: str


@dataclass(frozen=True)
class BenchFinished:
    """A forecaster was measured, or failed, and its record is stored."""

    number: int
    bench: Bench
    timings: Mapping[str, Any] | None  # as pytest-benchmark wrote them
    kept: str = ""  # when the record was measured that is kept, where this measurement failed


def jobs(request: BenchRequest, catalog: Catalog) -> list[Job]:
    """The measurements of a request, in the board's order; raises BadInput or DataUnavailable where there are none."""
    board = load_board(request.board, catalog)
    _check(request)
    task, fingerprint = _task(board, request, catalog)
    every = {entry.title: entry for entry in board.entries(catalog)}
    entries = [_entry(name, every, catalog) for name in request.names] or list(every.values())
    for name in request.settings:
        if name not in (known := [entry.title for entry in entries]):
            raise UnknownName("measured forecaster", name, known)
    entries = [_with_settings(entry, request.settings, catalog) for entry in entries]
    return [_job(entry, task, fingerprint, request, catalog) for entry in entries]


def _check(request: BenchRequest) -> None:
    for name in ("seconds", "bound", "timeout"):
        value = getattr(request, name)
        if value is not None and not (0 < value < math.inf):
            raise BadInput(f"--{name} must be a time of more than 0, not {value:g} s")
    if request.threads is not None and request.threads > usable_cores():
        raise BadInput(f"--threads {request.threads} exceeds the {usable_cores()} cores that this process may use")


def measure(work: list[Job], timeout: float | None = None) -> Iterator[BenchStarted | BenchFinished]:
    """Measure one forecaster after another; each record is stored before its event."""
    for number, job in enumerate(work, start=1):
        with tempfile.TemporaryDirectory(prefix="harness-bench-") as name:
            folder = Path(name)
            yield BenchStarted(number, job.bench.subject.title, "start")
            bench = yield from _run_process(job, folder, number, timeout)
            stored = write_bench(job.home, bench)
            kept = "" if stored is bench else stored.measured
            yield BenchFinished(number, bench, read_json(folder / TIMINGS), kept)


def _task(board: Leaderboard, request: BenchRequest, catalog: Catalog) -> tuple[Task, str]:
    tasks = {task.label: task for task in board.tasks}
    if request.task is not None and request.task not in tasks:
        raise UnknownName(f"task of board {request.board!r}", request.task, tasks)
    fingerprints, reasons = Fingerprints(request.home), []
    for task in [tasks[request.task]] if request.task is not None else board.tasks:
        dataset = catalog.datasets[task.dataset]
        try:
            fingerprint = fingerprints.of(dataset)
            fingerprints.check(dataset, task)
        except DataUnavailable as error:
            reasons.append(str(error))
        else:
            return task, fingerprint
    raise DataUnavailable("; ".join(reasons))


def _entry(name: str, every: Mapping[str, Entry], catalog: Catalog) -> Entry:
    if name in every:
        return every[name]
    if name in catalog.forecasters:  # not on the board: with its defaults
        return Entry(name)
    raise UnknownName("forecaster", name, {*every, *catalog.forecasters})


def _with_settings(entry: Entry, settings: Mapping[str, Mapping[str, Json]], catalog: Catalog) -> Entry:
    """With the given hyperparameters; raises BadInput for one that the forecaster does not have."""
    if entry.title not in settings:
        return entry
    changed = entry.with_parameters(settings[entry.title])
    made = attempt(partial(catalog.forecasters[entry.name].spec.make, changed.parameters))
    if isinstance(made, Failure) and isinstance(made.error, BadInput):
        raise made.error
    return changed


def _job(entry: Entry, task: Task, fingerprint: str, request: BenchRequest, catalog: Catalog) -> Job:
    spec = catalog.forecasters[entry.name].spec
    seed = 0 if attempt(spec.takes_seed) is True else None
    cell = Cell(task, entry.name, dict(entry.parameters), seed)
    key = cell.key(fingerprint, forecaster_version(entry.name, catalog.forecasters))
    own = spec.resources.threads
    threads = request.threads or own
    identity = hashlib.sha256(json.dumps([key, threads, request.device]).encode()).hexdigest()[:32]
    board = board_name(request.board)
    subject = Subject(entry.title, entry.name, board, task.label, key, dict(entry.parameters), seed)
    conditions = Conditions(request.seconds, threads, request.device, own_threads=own)
    cores = usable_cores()
    notes = (f"uses {threads} threads on {cores} cores",) if threads > cores else ()
    bench = Bench(identity, subject, this_machine(), conditions, notes=notes)
    return Job(bench, task.to_json(), fingerprint, request.home.resolve(), request.bound)


def _run_process(job: Job, folder: Path, number: int, timeout: float | None) -> Generator[BenchStarted, None, Bench]:
    """Run the measuring process; returns its record, as far as it came."""
    write_json(folder / JOB, job.to_json())
    conditions = job.bench.conditions
    limit = TIMEOUT + SCENARIOS * conditions.seconds if timeout is None else timeout
    with (folder / OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.efficiency", str(folder)],
            env=environment(conditions.threads),
            stdin=subprocess.PIPE,  # held open while this process lives
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this process to handle
        )
    begin, scenario, late = time.monotonic(), "start", False
    try:
        while process.poll() is None:
            result = read_json(folder / RESULT)
            if result is not None and result["scenario"] not in (scenario, "end"):
                scenario = result["scenario"]
                yield BenchStarted(number, job.bench.subject.title, scenario)
            if time.monotonic() - begin > limit:
                late = True
                break
            time.sleep(POLL)
    finally:
        _end(process)
    result = read_json(folder / RESULT)
    bench = job.bench if result is None else Bench.from_json(result["bench"])
    if result is not None and result["scenario"] == "end":
        return bench
    why = f"did not end within {limit:g} s" if late else _cause(process.returncode, folder / OUTPUT)
    where = "start" if result is None else result["scenario"]
    return replace(bench, failures={**bench.failures, where: why})


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children, where they still run."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _cause(code: int, output: Path) -> str:
    """Why a process crashed, as far as it is known."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", which the system sends when memory runs out" if name == "SIGKILL" else ""
        return f"the process was killed by {name}{hint}"
    lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = f": {lines[-1][:OUTPUT_TAIL]}" if lines else ""
    return f"the process ended with exit code {code}{last}"
