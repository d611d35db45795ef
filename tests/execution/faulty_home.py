"""A folder with an installed plugin, boards and a home, in which commands run whose processes can be found."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOSTILE = Path(__file__).parent / "hostile"
BOARD = """title = "Waves"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "waves"
protocol = { kind = "rolling-origin", horizon = 3, windows = 4 }
quantile_levels = [0.1, 0.5, 0.9]
"""


@dataclass
class FaultyHome:
    """A folder with the hostile plugin, and a home."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)  # of all commands

    def __post_init__(self) -> None:
        self.home, self.site = self.folder / "home", self.folder / "site"
        self.home.mkdir(parents=True)
        self.temporary = Path(tempfile.mkdtemp(prefix="faulty-", dir="/tmp"))  # short, since sockets are in it
        shutil.copytree(HOSTILE, self.site, ignore=shutil.ignore_patterns("__pycache__"))
        information = self.site / "hostile_plugin-0.1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile-plugin\nVersion: 0.1\n")
        (information / "entry_points.txt").write_text("[harness]\nhostile = hostile_plugin\n")

    def without_mirror(self) -> None:
        """Run without MLflow, which takes seconds."""
        (self.site / "harness_mlflow.py").touch()

    def write_board(self, name: str, entries: str, board: str = BOARD) -> None:
        """Write a board with these tables of forecasters."""
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "leaderboard.toml").write_text(f"{board}\n{entries}")

    def start(self, *arguments: str, module: str = "harness", **variables: str) -> subprocess.Popen[str]:
        """A command that is running, in a session of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={
                **kept,
                "PYTHONPATH": os.pathsep.join([str(self.site), *filter(None, [os.environ.get("PYTHONPATH")])]),
                "PYTHONFAULTHANDLER": "1",
                "HARNESS_HOME": str(self.home),
                "TMPDIR": str(self.temporary),
                "COLUMNS": "400",
                "OMP_NUM_THREADS": "1",
                **self.variables,
                **variables,
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        )

    def run(self, *arguments: str, seconds: float = 300, **variables: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed."""
        process = self.start(*arguments, **variables)
        try:
            text, _ = process.communicate(timeout=seconds)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return process.returncode, text

    def processes(self) -> list[int]:
        """The living processes that commands of this folder started, and that keep its environment."""
        mark = f"HARNESS_HOME={self.home}".encode()
        return [pid for pid, variables in _environments().items() if mark in variables]

    def processes_after(self, seconds: float) -> list[int]:
        """The same, as soon as there are none, or after a time."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def kill_all(self) -> None:
        """Kill all processes of this folder, and remove its temporary files."""
        for pid in self.processes():
            kill(pid, signal.SIGKILL)
        shutil.rmtree(self.temporary, ignore_errors=True)

    def scratch(self) -> list[str]:
        """What is left in the folder of temporary files."""
        return sorted(path.name for path in self.temporary.iterdir())


def kill(pid: int, number: int) -> None:
    """Send a signal, unless the process is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def tables(entries: Mapping[str, Mapping[str, object]]) -> str:
    """Tables of forecasters of a board by label: each a name, and parameters."""
    texts = []
    for label, entry in entries.items():
        parameters = ", ".join(
            f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
            for name, value in entry.items()
            if name != "name"
        )
        texts.append(f'[[forecasters]]\nname = "{entry["name"]}"\nlabel = "{label}"\nparameters = {{ {parameters} }}\n')
    return "\n".join(texts)


def _environments() -> dict[int, list[bytes]]:
    """The environments of the processes of this user that have not ended, by pid."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                variables = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
                state = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state not in "ZX":
                found[int(name)] = variables
    return found
