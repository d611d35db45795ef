"""Machines with local copies of a home in a store, and runs that they store."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness import Forecast, Journal, Results, RollingOrigin, Run, Status, Task
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Costs
from harness.evaluation.scoring import Terms
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.store import Store

TASK = Task("toy", RollingOrigin(2, windows=3))
KEY = "0123456789abcdef0123456789abcdef"


def run_of(key: str = KEY, shift: float = 0.0, seconds: float = 1.0) -> Run:
    """A run whose scores and forecasts depend on `shift`, and its costs on `seconds`."""
    mean = np.arange(6.0).reshape(3, 2, 1) + shift
    terms = {"MAE": Terms(np.full((3, 1), 1.0 + shift), np.ones((3, 1)))}
    results = Results(Forecast.point(mean), terms, np.array([0, 0, 1]), np.array([5, 7, 5]))
    costs = Costs(seconds, seconds, 0.5, 0.25, 1, 1000)
    return Run(
        Cell(TASK, "naive"), Status.COMPLETED, key, scores={"MAE": 1.0 + shift}, windows=3, costs=costs, results=results
    )


def actuals() -> Actuals:
    values = np.arange(6.0).reshape(3, 2, 1)
    return Actuals(
        ("a", "b"),
        np.array([0, 0, 1]),
        np.array([5, 7, 5]),
        np.array([0, 1, 0]),
        values,
        (),
        ("target",),
        None,
        "D",
        _scales={1: np.ones((3, 1)), 2: np.ones((3, 1))},
        season_length=1,
    )


class Machine:
    """A machine with a local copy of a home in a store."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.home, self.store = folder, store
        self.remote, self.journal = RemoteHome(folder, store), Journal(folder)

    def store_run(self, run: Run) -> None:
        self.journal.write(run)
        self.remote.push(f"cells/{run.key}")

    def pulled(self, key: str = KEY) -> Run | None:
        """The run of a cell, after what others stored was read."""
        self.remote.pull()
        return self.journal.read_with_results(key)


class Clock:
    """A clock that goes on as it is told."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def wait_for(condition: Callable[[], object], seconds: float = 100.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


MakeMachine = Callable[[str], Machine]  # of its name
