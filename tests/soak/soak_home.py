"""A home whose runs are disturbed, and what is compared with a run that nothing disturbed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faulty_home import FaultyHome, tables

from harness import Journal

Role = Literal["supervisor", "worker", "guardian", "template", "sub-template", "mirror"]
GONE = 20.0  # seconds in which all processes of a killed command end
CELLS: dict[str, dict[str, object]] = {
    "naive": {"name": "naive"},
    **{f"mean {length}": {"name": "mean", "length": length} for length in range(2, 10)},
    **{f"ridge {lags}": {"name": "ridge", "lags": lags} for lags in range(3, 6)},
}
WITH_TORCH = {**CELLS, "a small dense": {"name": "dense", "hidden": 4, "iterations": 5}}


class SoakHome(FaultyHome):
    """A home with a board of quick cells."""

    def __init__(self, folder: Path, *, mirror: bool = False, cells: dict[str, dict[str, object]] = CELLS) -> None:
        super().__init__(folder)
        self.mirror = mirror
        if not mirror:
            self.without_mirror()
        self.write_board("board", tables(cells))

    def start_board(self, *options: str, **variables: str) -> subprocess.Popen[str]:
        """A run of the board, which has begun."""
        return self.start("run", "./board", "--jobs", "2", *options, **variables)

    def run_board(self, *options: str, **variables: str) -> tuple[int, str]:
        """A run of the board, until it ends."""
        return self.run("run", "./board", "--jobs", "2", *options, seconds=600, **variables)

    def results(self) -> dict[str, tuple[object, ...]]:
        """What is compared of the cells of the journal, by key."""
        journal, found = Journal(self.home), {}
        for key in list(journal.keys()):
            run = journal.read_with_results(key)
            if run is None or run.results is None:
                found[key] = ("torn", "" if run is None else run.reason)
            else:
                found[key] = (run.status, dict(run.scores), run.results.forecast.mean.tobytes())
        return found

    def find(self, role: Role, parent: int) -> list[int]:
        """The processes of that role that a command started."""
        processes = {pid: Found(pid) for pid in self.processes()}
        found = []
        for pid, process in processes.items():
            above = processes.get(process.parent)
            if role == process.role(parent, above):
                found.append(pid)
        return found

    def mirror_problems(self) -> list[str]:
        """What is wrong with MLflow's store: each cell of the journal must be in it once, finished."""
        with closing(sqlite3.connect(self.home / "mlflow" / "mlflow.db")) as database:
            rows = database.execute(
                "SELECT tags.value, runs.status FROM runs JOIN tags ON runs.run_uuid = tags.run_uuid "
                "WHERE tags.key = 'harness.key' AND runs.lifecycle_stage = 'active'"
            ).fetchall()
        sent = Counter(key for key, _ in rows)
        problems = [f"{status} runs in MLflow" for _, status in rows if status != "FINISHED"]
        problems += ["cells twice in MLflow"] * any(count > 1 for count in sent.values())
        problems += ["cells missing in MLflow"] * (set(sent) != set(Journal(self.home).keys()))
        return problems


@dataclass(frozen=True)
class Undisturbed:
    """The results of a run that nothing disturbed, by key, and how long it took."""

    results: dict[str, tuple[object, ...]]
    seconds: float

    @classmethod
    def run(cls, home: SoakHome) -> Undisturbed:
        begin = time.monotonic()
        code, text = home.run_board()
        assert code == 0, text
        return cls(home.results(), time.monotonic() - begin)

    def problems(self, home: SoakHome, code: int, text: str) -> list[str]:
        """What is wrong after a run that was to complete everything."""
        results = home.results()
        problems = [f"exit code {code} of the run after it"] * (code != 0)
        problems += ["a traceback"] * ("Traceback" in text)
        problems += ["torn cells"] * any(result[0] == "torn" for result in results.values())
        problems += ["lost cells"] * bool(set(self.results) - set(results))
        problems += ["doubled cells"] * bool(set(results) - set(self.results))
        changed = [key for key in self.results if key in results and results[key] != self.results[key]]
        problems += ["changed results"] * bool(changed)
        return problems + left_problems(home)


def left_problems(home: SoakHome, *, after_kill: bool = False) -> list[str]:
    """What a command left behind: processes; and unless it was killed, locks and temporary files."""
    left = home.processes_after(GONE)
    problems = [f"processes left: {', '.join(sorted({Found(pid).text for pid in left}))}"] if left else []
    if not after_kill:
        locks = home.home / "journal" / "locks"
        problems += ["locks left"] * bool(locks.is_dir() and list(locks.iterdir()))
        problems += ["scratch folders left"] * bool(home.scratch())
        problems += ["drafts left"] * any(".draft" in path.name for path in (home.home / "journal").rglob("*"))
    return problems


class Found:
    """A process that was found."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self.text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            self.parent = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            status = Path(f"/proc/{pid}/status").read_text(errors="replace")
        except OSError:
            self.text, self.parent, status = "", 0, ""
        ignored = int(status.partition("SigIgn:")[2].split()[0], 16) if "SigIgn:" in status else 0
        self.ignores_termination = bool(ignored >> (signal.SIGTERM - 1) & 1)

    @property
    def is_of_template(self) -> bool:
        return "harness.worker --template" in self.text

    def role(self, command: int, above: Found | None) -> Role | None:
        if "harness.execution.executors.supervisor" in self.text:
            return "supervisor"
        if "harness_mlflow.mirror" in self.text:
            return "mirror"
        if not self.is_of_template:
            return None
        if self.parent == command:
            return "template"
        if self.ignores_termination:
            return "guardian"
        if above is not None and above.is_of_template and above.ignores_termination:
            return "worker"
        return "sub-template"


def sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def kill_and_wait(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> str:
    """Send a signal to a command, and wait for its end; returns what it printed."""
    process.send_signal(number)
    try:
        return process.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return f"{process.communicate()[0]}\nit did not end within 60 s"
