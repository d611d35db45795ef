"""Forecasters whose cost is known, for processes that measure them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PLUGIN = '''
"""Forecasters that sleep, learn, fail, die and hang."""

from pathlib import Path

from harness import DatasetSpec, ForecasterSpec, hookimpl

NAMES = ("flat", "sleeps", "learns", "raises", "dies", "hangs", "tires", "chooses")


@hookimpl
def harness_forecasters():
    return [ForecasterSpec(name, f"toy_models:{name.title()}", draws=False) for name in NAMES]


@hookimpl
def harness_datasets():
    return [DatasetSpec("ramp", "toy_models:ramp")]
'''

MODELS = """
import os
import signal
import time
from dataclasses import dataclass

import numpy as np

from harness import Forecast, Panel


@dataclass
class Flat:
    def fit(self, train):
        pass

    def predict(self, contexts):
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


@dataclass
class Sleeps(Flat):
    seconds: float = 0.002

    def predict(self, contexts):
        time.sleep(self.seconds)
        return super().predict(contexts)


@dataclass
class Learns(Flat):
    def fit(self, train):
        time.sleep(0.01)
        self.weights_ = np.zeros((3, 4))


@dataclass
class Raises(Flat):
    def fit(self, train):
        raise RuntimeError("no luck")


@dataclass
class Dies(Flat):
    def fit(self, train):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Hangs(Flat):
    def fit(self, train):
        time.sleep(3600)


@dataclass
class Tires(Flat):
    def predict(self, contexts):
        if len(contexts) > 64:
            raise RuntimeError("too many")
        return super().predict(contexts)


@dataclass
class Chooses(Flat):
    device: str = "auto"


def ramp():
    return Panel.of([range(20), range(30, 50)], season_length=2)
"""

BOARD = """
title = "Toys"
metric = "MAE"
baseline = "flat"

[[tasks]]
dataset = "ramp"
protocol = { kind = "rolling-origin", horizon = 3, windows = 2 }

[[forecasters]]
name = "flat"

[[forecasters]]
name = "sleeps"
label = "sleeps, 2 ms"
parameters = { seconds = 0.002 }

[[forecasters]]
name = "learns"
"""


@dataclass
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def flat(self) -> str:
        """All of it on one line, as it was before it was wrapped."""
        return " ".join((self.out + self.err).split())


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin above, as if it were installed, and the board of its forecasters."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "toys.py").write_text(PLUGIN, encoding="utf-8")
    (folder / "toy_models.py").write_text(MODELS, encoding="utf-8")
    information = folder / "toys-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[harness]\ntoys = toys\n", encoding="utf-8")
    (folder / "toy-board").mkdir()
    (folder / "toy-board" / "leaderboard.toml").write_text(BOARD, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def shell(toys: Path) -> Callable[..., Said]:
    """Runs `harness` in the folder of the toys."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
    environment = kept | {"PYTHONPATH": str(toys), "COLUMNS": "100", "HARNESS_MLFLOW": "off"}

    def call(*arguments: str, code: int = 0) -> Said:
        command = [sys.executable, "-m", "harness", *arguments]
        done = subprocess.run(command, cwd=toys, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    return call
