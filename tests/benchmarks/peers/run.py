"""Rolling-origin evaluation of a seasonal naive: harness and its peers, each in its own environment, in turn."""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from environments import REQUIREMENTS, CannotMeasure, python_of
from work import Scores, Work

from harness import Panel, RollingOrigin, Run, Task
from harness.data.files import load
from harness.efficiency.machine import this_machine
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS
from harness.plugins.catalog import load_catalog

PEERS = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
FOUR = [metric for metric in METRICS if metric.name in ("MAE", "RMSE", "MASE", "sMAPE")]
AGREE = 1e-6  # of the larger: what scores of the same definition may differ by
OURS_AT_LEAST = 0.1  # seconds of ours in each round, so that the clock's grain does not count


@dataclass(frozen=True)
class Measured:
    """What a peer took; `reason` says why not, where it could not be measured."""

    peer: str
    work: str
    windows: int = 0  # measured
    of: int = 0
    microseconds: float = math.nan  # CPU time a window
    ratio: float = math.nan  # to ours: the median of the rounds'
    rmse: str = ""  # over what its RMSE takes the root
    difference: float = math.nan  # the largest relative difference of a score from ours
    versions: dict[str, str] = field(default_factory=dict)
    reason: str = ""


class Worker:
    """A peer's process."""

    def __init__(self, peer: str, folder: Path) -> None:
        self.peer = peer
        self.log = (folder / f"{peer}.log").open("w", encoding="utf-8")
        command = [str(python_of(peer, folder)), str(Path(__file__).with_name("worker.py")), peer]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=one_thread()
        )

    def ask(self, *order: object) -> dict[str, Any]:
        """The answer to an order; raises CannotMeasure where the process died."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            raise CannotMeasure(f"its process ended; see {self.peer}.log") from None
        return answer

    def close(self) -> None:
        """End the process and wait for it."""
        self.process.communicate()
        self.log.close()


def one_thread() -> dict[str, str]:
    """The environment of a process that computes on one thread."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, "1"), "HF_HUB_OFFLINE": "1"}


def works(home: Path) -> list[Work]:
    """ETTh1's oil temperature at every hour, M4 Hourly at every day."""
    datasets = load_catalog().datasets
    ett, hourly = (load(datasets[name].spec, home) for name in ("etth1", "m4-hourly"))
    return [
        Work("ETTh1 OT, 1,000 windows", (ett.values[:, -1].copy(),), windows=1000, stride=1),
        Work("M4 Hourly, 8,280 windows", tuple(values[:, 0] for values in hourly), windows=20, stride=24),
    ]


def our_action(work: Work) -> Callable[[], Run]:
    """The same by harness."""
    panel = Panel.of(work.series, season_length=work.season)
    task = Task("work", RollingOrigin(work.horizon, windows=work.windows, stride=work.stride))
    forecaster = load_catalog().forecasters["seasonal-naive"].spec.make({})
    return lambda: evaluate(forecaster, task, panel, metrics=FOUR, audited_windows=0)


def our_scores(work: Work, rmse: str) -> Scores:
    """What a peer's scores should be, with the root where that peer takes it."""
    run = our_action(work)()
    assert run.results is not None
    squares = run.results.terms["RMSE"].numerators[:, 0] / work.horizon  # of windows, by series and then cutoff
    by_cutoff = squares.reshape(len(work.series), work.windows).mean(axis=0)
    roots = {"pooled": run.scores["RMSE"], "by window": np.sqrt(squares).mean(), "by cutoff": np.sqrt(by_cutoff).mean()}
    return {**run.scores, "RMSE": float(roots[rmse])}


def our_seconds(action: Callable[[], Run]) -> float:
    """CPU seconds of one evaluation, over as many as fill a tenth of a second."""
    start, times = time.process_time(), 0
    while (spent := time.process_time() - start) < OURS_AT_LEAST:
        action()
        times += 1
    return spent / times


def measured(work: Work, workers: list[Worker], rounds: int, seconds: float) -> list[Measured]:
    """What the work costs each; where all windows would take longer than `seconds`, as many as do not."""
    ours = our_action(work)
    asked: dict[Worker, tuple[Work, dict[str, Any]]] = {}
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "work.npz"
        work.save(file)
        for worker in workers:
            try:
                asked[worker] = share(work, file, worker, seconds)
            except CannotMeasure as problem:
                failed.append(Measured(worker.peer, work.name, reason=str(problem)))
        mine: list[float] = []
        theirs: dict[Worker, list[dict[str, Any]]] = {worker: [] for worker in asked}
        for _ in range(rounds):
            mine.append(our_seconds(ours) / work.count)
            for worker in list(theirs):
                try:
                    theirs[worker].append(worker.ask())
                except CannotMeasure as problem:
                    failed.append(Measured(worker.peer, work.name, reason=str(problem)))
                    del theirs[worker]
    found = [Measured("harness", work.name, work.count, work.count, statistics.median(mine) * 1e6, 1.0, "pooled", 0.0)]
    for worker, answers in theirs.items():
        part, told = asked[worker]
        each = [answer["seconds"] / part.count for answer in answers]
        expected = our_scores(part, told["rmse"])
        found.append(
            Measured(
                worker.peer,
                work.name,
                part.count,
                work.count,
                statistics.median(each) * 1e6,
                statistics.median(one / other for one, other in zip(each, mine, strict=True)),
                told["rmse"],
                max(abs(answers[-1]["scores"][name] / expected[name] - 1) for name in expected),
                told["versions"],
            )
        )
    return found + failed


def share(work: Work, file: Path, worker: Worker, seconds: float) -> tuple[Work, dict[str, Any]]:
    """The part of the work for which a peer has time, which it is left ready for, and what it says of itself.

    It grows until it fills the time: who forecasts many series at once must not be judged by a few.
    """
    part = work.at_most(40)
    told = worker.ask(str(file), part.count)
    worker.ask()  # the first one warms up
    while True:
        spent = worker.ask()["seconds"]
        larger = work.at_most(int(part.count * min(4.0, seconds / spent)))
        if larger.count < 1.5 * part.count:
            return part, told
        part, told = larger, worker.ask(str(file), larger.count)


def table(found: list[Measured]) -> str:
    """Markdown."""
    lines = []
    for work in dict.fromkeys(each.work for each in found):
        lines += [f"**{work}**", "", "| | version | µs a window | to ours | windows | scores differ by |"]
        lines.append("|---|---|---:|---:|---:|---:|")
        for item in sorted((each for each in found if each.work == work), key=lambda each: each.ratio):
            if item.reason:
                lines.append(f"| {item.peer} | – | – | – | – | not measured: {item.reason} |")
                continue
            versions = ", ".join(f"{name} {number}" for name, number in item.versions.items()) or version(
                "forecast-harness"
            )
            agrees = "–" if item.peer == "harness" else f"{item.difference:.0e}" if item.difference else "0"
            agrees += "" if item.difference <= AGREE else " **(they do not agree)**"
            lines.append(
                f"| {item.peer} | {versions} | {item.microseconds:,.1f} | {item.ratio:,.0f} × | "
                f"{item.windows:,} of {item.of:,} | {agrees} |"
            )
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the environments are made, and the tables written")
    parser.add_argument("--peer", action="append", choices=PEERS, help="only this one; may be repeated")
    parser.add_argument("--seconds", type=float, default=60, help="the most that a peer may take for a work")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    workers, found = [], []
    for peer in given.peer or PEERS:
        try:
            workers.append(Worker(peer, given.folder))
        except CannotMeasure as problem:
            found.append(Measured(peer, "installation", reason=str(problem)))
    for work in works(given.folder):
        found += measured(work, workers, given.rounds, given.seconds)
    for worker in workers:
        worker.close()
    here = this_machine()
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{here.processor}, {here.cores} cores",
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "rounds": given.rounds,
        "seconds": given.seconds,
        "measured": [asdict(measured) for measured in found],
    }
    (given.folder / "peers.json").write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    (given.folder / "peers.md").write_text(table(found), encoding="utf-8")
    sys.stdout.write(table(found))


if __name__ == "__main__":
    main()
