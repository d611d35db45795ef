"""A folder with a plugin of its own and boards, in which commands run as a user's do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


class PluginFolder:
    """Runs `harness` in a folder whose `site` holds a plugin, without a mirror in MLflow, which takes seconds."""

    def __init__(self, folder: Path, module: str) -> None:
        self.folder, self.home, self.module = folder, folder / "home", folder / "site" / f"{module}.py"

    def install(self, source: str, boards: Mapping[str, str]) -> None:
        """Write the plugin, and a board file for each name."""
        name = self.module.stem.replace("_", "-")
        information = self.module.parent / f"{name}-0.1.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
        (information / "entry_points.txt").write_text(f"[harness]\n{name} = {self.module.stem}\n")
        (self.module.parent / "harness_mlflow.py").touch()
        self.module.write_text(source)
        for board, text in boards.items():
            (self.folder / board).mkdir()
            (self.folder / board / "leaderboard.toml").write_text(text)

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """A command that runs."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            env={**kept, "PYTHONPATH": str(self.module.parent), "HARNESS_HOME": str(self.home), "COLUMNS": "200"}
            | dict(environment or {}),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def end(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """The command when it has ended, without a traceback."""
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in out + err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that has ended, without a traceback."""
        return self.end(self.start(*arguments))


@pytest.fixture(scope="session")
def plugin_folder() -> Callable[[Path, str], PluginFolder]:
    return PluginFolder


SLOW = '''
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl


@dataclass
class Slow:
    """Says that it begins, and takes its time."""

    level: float = 0.0
    seconds: float = 0.0

    def fit(self, train):
        Path(__file__).with_name(f"begun-{self.level:g}").touch()
        if self.seconds < 0:
            raise ValueError("no time")
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(0.05)

    def predict(self, contexts):
        return Forecast.point(np.full((len(contexts), contexts.horizon, len(contexts.targets)), self.level))


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("slow", Slow, "takes its time")]
'''


class SlowBoard(PluginFolder):
    """A board `slow` of cells that take some seconds each."""

    def set_seconds(self, *seconds: float) -> None:
        """Write the board, with a forecaster for each number of seconds beside the baseline."""
        entries = "".join(
            f'[[forecasters]]\nname = "slow"\nlabel = "slow {i}"\nparameters = {{ level = {i}.0, seconds = {each} }}\n'
            for i, each in enumerate(seconds, start=1)
        )
        text = (
            'title = "Slow"\nmetric = "MAE"\nbaseline = "naive"\n[[tasks]]\ndataset = "nile"\n'
            'protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }\n[[forecasters]]\nname = "naive"\n'
        )
        (self.folder / "slow").mkdir(exist_ok=True)
        (self.folder / "slow" / "leaderboard.toml").write_text(text + entries)

    def begun(self) -> list[str]:
        """The slow forecasters that began."""
        return sorted(path.name for path in self.module.parent.glob("begun-*"))

    def done(self) -> int:
        """The number of cells in the journal."""
        return len([*self.home.glob("journal/cells/*/record.json")])

    def locks(self) -> list[str]:
        """The cells that are locked."""
        return [path.name for path in self.home.glob("journal/locks/*")]

    def wait_for(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (self.begun(), self.done(), self.locks())
            time.sleep(0.02)


@pytest.fixture
def slow_board(tmp_path: Path) -> SlowBoard:
    board = SlowBoard(tmp_path, "slow_plugin")
    board.install(SLOW, {})
    return board
