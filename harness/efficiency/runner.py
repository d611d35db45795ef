"""Runs measurements: a process for each repetition of a forecaster, one after another; a crash affects only its own.

The repetitions are interleaved: each round measures all forecasters once, in an order that is shuffled anew. Changes in
the speed of the machine therefore affect all forecasters, and become part of the variation between repetitions.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.storage import read_json, write_json
from harness.efficiency.circumstances import Conditions, Repetition
from harness.efficiency.environment import environment
from harness.efficiency.record import Bench
from harness.efficiency.store import write_bench
from harness.efficiency.workload import JOB, RESULT, TIMINGS, Job
from harness.errors import Failure, attempt
from harness.plugins.environments.child import child_variables, prepare
from harness.plugins.forecaster_names import AT

POLL = 0.1  # seconds
OUTPUT = "output.txt"  # of a process, in the folder of its job
TIMEOUT = 600.0  # seconds of a repetition for all but the scenarios
SCENARIOS = 10  # scenario times that a repetition may take before it is stopped
OUTPUT_TAIL = 300  # characters of a crashed process's output that are shown


@dataclass(frozen=True)
class BenchStarted:
    """A scenario of a forecaster began; `number` is the position of the repetition among all, from 1."""

    number: int
    title: str
    scenario: str
    round: int = 1
    task: str = ""
    key: str = ""  # of the record


@dataclass(frozen=True)
class BenchFinished:
    """A repetition of a forecaster was measured, or failed, and its record is stored."""

    number: int
    bench: Bench
    timings: Mapping[str, Any] | None  # as pytest-benchmark wrote them
    kept: str = ""  # when the repetitions were measured that are kept, where this one failed


def measure(
    work: Sequence[Job],
    timeout: float | None = None,
    repetitions: int = 1,
    seed: int | None = None,
    *,
    fresh: bool = False,
) -> Iterator[BenchStarted | BenchFinished]:
    """Measure in rounds, each in a random order; each repetition is stored before its event.

    A forecaster whose latency could not be measured is not repeated. `seed` determines the orders; without one it is
    random, and recorded. With `fresh`, repetitions of earlier runs are forgotten.
    """
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
    run, failed, number = datetime.now(UTC).isoformat(), set[str](), 0
    for turn in range(1, repetitions + 1):
        order = np.random.default_rng([seed, turn]).permutation(len(work))
        for position, place in enumerate(order, start=1):
            job, number = work[place], number + 1
            if job.bench.key in failed:
                continue
            repeated = replace(job, bench=replace(job.bench, repetition=Repetition(run, turn, position, seed)))
            finished = yield from _measure_once(repeated, number, timeout, fresh=fresh)
            if finished.bench.latency is None:
                failed.add(job.bench.key)


def _measure_once(
    job: Job, number: int, timeout: float | None, *, fresh: bool
) -> Generator[BenchStarted | BenchFinished, None, BenchFinished]:
    """Measure one repetition, and store it."""
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as name:
        folder = Path(name)
        bench = yield from _run_process(job, folder, number, timeout)
        kept = write_bench(job.home, bench, fresh=fresh)
        finished = BenchFinished(number, bench, read_json(folder / TIMINGS), kept)
    yield finished
    return finished


def _run_process(job: Job, folder: Path, number: int, timeout: float | None) -> Generator[BenchStarted, None, Bench]:
    """Run the measuring process; returns its record, as far as it came."""
    started = _started(job.bench, number)
    yield started
    write_json(folder / JOB, job.to_json())
    conditions, variables = job.bench.conditions, environment(job.bench.conditions.threads)
    interpreter = sys.executable
    if job.environment is not None:
        problem = attempt(partial(prepare, job.environment))
        if isinstance(problem, Failure):
            return replace(job.bench, failures={**job.bench.failures, "start": str(problem)})
        interpreter, variables = str(job.environment.interpreter), child_variables(job.environment, variables)
    limit = time_limit(conditions) if timeout is None else timeout
    with (folder / OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            [interpreter, "-m", "harness.efficiency", str(folder)],
            env=variables,
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
                yield replace(started, scenario=scenario)
            if time.monotonic() - begin > limit:
                late = True
                break
            time.sleep(POLL)
    finally:
        _end(process)
    result = read_json(folder / RESULT)
    bench = job.bench if result is None else _in_environment(Bench.from_json(result["bench"]), job)
    if result is not None and result["scenario"] == "end":
        return bench
    why = f"did not end within {limit:g} s" if late else _cause(process.returncode, folder / OUTPUT)
    where = "start" if result is None else result["scenario"]
    return replace(bench, failures={**bench.failures, where: why})


def _in_environment(bench: Bench, job: Job) -> Bench:
    """The record, whose provenance names the environment of the forecaster; a process of it does not know that."""
    provenance = dict(bench.provenance or {})
    if job.environment is None or not provenance:
        return bench
    plugin = provenance["plugin"]
    plugin = {**plugin, "version": f"{plugin['version']}{AT}{job.environment.digest}"}
    return replace(bench, provenance={**provenance, "plugin": plugin, "environment": job.environment.to_provenance()})


def _started(bench: Bench, number: int) -> BenchStarted:
    turn = 1 if bench.repetition is None else bench.repetition.number
    return BenchStarted(number, bench.subject.title, "start", turn, bench.subject.task, bench.key)


def time_limit(conditions: Conditions) -> float:
    """The seconds after which a repetition is stopped by default; the single stream alone may take the longest time."""
    return TIMEOUT + SCENARIOS * conditions.seconds + (conditions.longest or 0.0)


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
