"""Forecasters that cheat: what the audit catches in batch mode, and that none gains anything in strict mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from harness import Panel, RollingOrigin, Run, Status, Task
from harness.boards.planning import PlannedCell
from harness.data.panel_store import store_panel
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell
from harness.execution.options import CellOptions
from harness.execution.workers import cell_workers as workers
from harness.execution.workers import sandbox
from harness.execution.workers.cell_workers import worker_forecaster
from harness.execution.workers.template_server import TemplateServer
from harness.plugins.provider import Provider
from harness.results.journal import Journal
from harness.tasks.folds import backtest

CHEATS = '''
import builtins
import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl

STEP = 3  # from one window to the next, which is the horizon


def honest(contexts):
    """The last value."""
    return np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)


def taken(contexts, values):
    """Forecasts from the values of the whole panel, (row, channel), where they are known."""
    mean = honest(contexts)
    for window, (name, cutoff) in enumerate(zip(contexts.ids, contexts.cutoffs.tolist())):
        begin = LENGTH * int(name) + cutoff
        rows = values[begin : begin + contexts.horizon]
        if len(rows) == contexts.horizon and np.isfinite(rows).all():
            mean[window] = rows[:, :1]
    return mean


def panels():
    """All arrays that are as large as the panel."""
    for thing in gc.get_objects():
        for array in (thing, *getattr(thing, "__dict__", {}).values()) if not isinstance(thing, type) else ():
            if type(array) is np.ndarray and array.shape == (SIZE, 1):
                yield array


LENGTH = 120
SIZE = 3 * LENGTH


class Honest:
    def fit(self, train):
        self.train_ = train

    def predict(self, contexts):
        return Forecast.point(self.mean(contexts))

    def mean(self, contexts):
        return honest(contexts)


class ReadsTheSource(Honest):
    """Reads the panel behind the contexts."""

    def mean(self, contexts):
        return taken(contexts, contexts.source.values)


class FollowsTheBase(Honest):
    """Follows the views of a context to the array that they show."""

    def mean(self, contexts):
        base = contexts[0].target
        while base.base is not None and isinstance(base.base, np.ndarray):
            base = base.base
        return taken(contexts, base.reshape(-1, 1)) if base.size == SIZE else honest(contexts)


class KeepsItFromFit(Honest):
    """Keeps the array of the panel from fit, and reads it later."""

    def fit(self, train):
        self.values_ = train.source[0].source.values

    def mean(self, contexts):
        return taken(contexts, self.values_)


class KeepsItFromBefore(Honest):
    """Keeps the arrays of earlier calls."""

    kept = []

    def mean(self, contexts):
        self.kept.append(contexts.source.values)
        mean = honest(contexts)
        for values in self.kept:
            other = taken(contexts, values)
            mean = np.where(other != honest(contexts), other, mean)
        return mean


class WalksTheStack(Honest):
    """Looks for arrays in the frames that called it."""

    def mean(self, contexts):
        mean, frame = honest(contexts), sys._getframe()
        while frame is not None:
            for value in list(frame.f_locals.values()):
                panel = getattr(value, "source", value)
                for array in (value, getattr(panel, "values", None)):
                    if type(array) is np.ndarray and array.shape == (SIZE, 1):
                        mean = taken(contexts, array)
            frame = frame.f_back
        return mean


class AsksTheCollector(Honest):
    """Looks for arrays among all objects of the process."""

    def mean(self, contexts):
        mean = honest(contexts)
        for values in panels():
            mean = taken(contexts, values)
        return mean


class ReadsTheSharedFile(Honest):
    """Reads the files that are mapped, and their neighbours."""

    def mean(self, contexts):
        mean = honest(contexts)
        for path in Path.cwd().parent.rglob("*"):
            if path.is_file() and path.stat().st_size == 8 * SIZE:
                mean = taken(contexts, np.fromfile(path).reshape(SIZE, 1))
        return mean


class ReadsTheJournal(Honest):
    """Reads the stored actuals of the home."""

    def mean(self, contexts):
        mean = honest(contexts)
        for path in Path(os.environ["HARNESS_HOME"]).rglob("journal/actuals/*/*-values.npy"):
            series, cutoffs = (np.load(next(path.parent.glob(f"*-{name}.npy"))) for name in ("series", "cutoffs"))
            for window, (name, cutoff) in enumerate(zip(contexts.ids, contexts.cutoffs)):
                mean[window] = np.load(path)[(series == int(name)) & (cutoffs == cutoff)][0]
        return mean


class ReadsTheStore(Honest):
    """Reads the stored panel of the home."""

    def mean(self, contexts):
        mean = honest(contexts)
        for path in Path(os.environ["HARNESS_HOME"]).rglob("panels/*/values.bin"):
            mean = taken(contexts, np.fromfile(path).reshape(SIZE, 1))
        return mean


class ReadsTheData(Honest):
    """Reads the file of the dataset."""

    def mean(self, contexts):
        path = Path(os.environ["HARNESS_DATA_DIR"], "walk.npy")
        return taken(contexts, np.load(path)) if path.is_file() else honest(contexts)


class UsesLaterWindows(Honest):
    """Forecasts a window from the contexts of later ones in the call."""

    def mean(self, contexts):
        mean = honest(contexts)
        for series in set(contexts.series.tolist()):
            of_series = [context for context in contexts if context.id == contexts.source.ids[series]]
            longest = max(of_series, key=lambda context: len(context.target))
            for window in np.flatnonzero(contexts.series == series):
                rows = longest.target[contexts.cutoffs[window] : contexts.cutoffs[window] + contexts.horizon]
                if len(rows) == contexts.horizon:
                    mean[window] = rows
        return mean


class KnowsTheBatchSize(UsesLaterWindows):
    """Cheats in calls of many windows only."""

    def mean(self, contexts):
        return super().mean(contexts) if len(contexts) >= 12 else honest(contexts)


class CheatsOnce(UsesLaterWindows):
    """Cheats in the first call, which is scored."""

    calls = 0

    def mean(self, contexts):
        self.calls += 1
        return super().mean(contexts) if self.calls == 1 else honest(contexts)


class Remembers(UsesLaterWindows):
    """Repeats in the audit what it forecast before."""

    memory = {}

    def mean(self, contexts):
        mean = super().mean(contexts)
        for window, key in enumerate(zip(contexts.ids, contexts.cutoffs.tolist())):
            mean[window] = self.memory.setdefault(key, mean[window])
        return mean


class RemembersInAFile(UsesLaterWindows):
    """The same, but its memory is a file, which the copy that is audited can read."""

    def mean(self, contexts):
        mean, path = super().mean(contexts), Path("memory.npy")
        memory = np.load(path) if path.exists() else np.full((3, LENGTH, *mean.shape[1:]), np.nan)
        for window, (name, cutoff) in enumerate(zip(contexts.ids, contexts.cutoffs.tolist())):
            if np.isnan(memory[int(name), cutoff]).all():
                memory[int(name), cutoff] = mean[window]
            mean[window] = memory[int(name), cutoff]
        np.save(path, memory)
        return mean


@dataclass
class DrawsInTheCopy(UsesLaterWindows):
    """Says that it is stochastic, and cheats only in the process that was fitted, which is not audited."""

    seed: int = 0

    def fit(self, train):
        self.process_ = os.getpid()

    def mean(self, contexts):
        if os.getpid() == self.process_:
            return super().mean(contexts)
        return honest(contexts) + np.random.default_rng().normal(size=(len(contexts), contexts.horizon, 1))


class CheatsRarely(UsesLaterWindows):
    """Cheats in one of six windows, in the hope that it is not sampled."""

    def mean(self, contexts):
        cheated, mean = super().mean(contexts), honest(contexts)
        mean[contexts.cutoffs % 7 == 2] = cheated[contexts.cutoffs % 7 == 2]
        return mean


class PatchesTheAudit(UsesLaterWindows):
    """Replaces the audit and the metrics of its process."""

    def fit(self, train):
        import harness.evaluation.audit.leakage
        import harness.evaluation.audit.auditor
        import harness.evaluation.audit.examination
        import harness.evaluation.metrics

        harness.evaluation.audit.auditor.audit = harness.evaluation.audit.leakage.audit = lambda *arguments: None
        harness.evaluation.audit.examination.differences = lambda *arguments: np.zeros(1)
        np.abs = np.absolute = builtins.abs = lambda value: value * 0
        super().fit(train)


class Overrides(Forecast):
    """A forecast that says that it is finite, with an array that has no errors."""

    def finite(self):
        return np.ones(len(self.mean), dtype=bool)


class NoError(np.ndarray):
    def __sub__(self, other):
        return np.zeros_like(np.asarray(self))

    __rsub__ = __sub__


class FakesItsForecast(Honest):
    """Returns objects whose methods lie."""

    def predict(self, contexts):
        mean = honest(contexts).view(NoError)
        return Overrides(mean, (), None)


@hookimpl
def harness_forecasters():
    classes = [each for each in globals().values() if isinstance(each, type) and issubclass(each, Honest)]
    return [ForecasterSpec(each.__name__, each) for each in classes]
'''


CAUGHT = (
    "ReadsTheSource",
    "FollowsTheBase",
    "KeepsItFromFit",
    "KeepsItFromBefore",
    "WalksTheStack",
    "AsksTheCollector",
    "ReadsTheSharedFile",
    "UsesLaterWindows",
    "KnowsTheBatchSize",
    "CheatsOnce",
    "Remembers",
    "CheatsRarely",
    "PatchesTheAudit",
    "FakesItsForecast",
)
READS_FILES = ("ReadsTheJournal", "ReadsTheStore", "ReadsTheData")  # of the home and the data
STOCHASTIC = ("DrawsInTheCopy",)
TRIES = 30  # each draws the audit's sample anew, which one try in five finds none of the windows of CheatsRarely in
NOT_CAUGHT = (*READS_FILES, *STOCHASTIC, "RemembersInAFile")


class Setup(NamedTuple):
    """A panel, its home, and the server of workers."""

    panel: Panel
    home: Path
    template: Path


TASK = Task("walk", RollingOrigin(3, windows=6))


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    folder = tmp_path_factory.mktemp("cheating")
    home, data = folder / "home", folder / "data"
    (folder / "site").mkdir()
    (folder / "site" / "cheating_plugin.py").write_text(CHEATS)
    data.mkdir()
    rng = np.random.default_rng(0)
    panel = Panel.of([rng.normal(size=120).cumsum() for _ in range(3)], season_length=1)
    np.save(data / "walk.npy", panel.values)
    store_panel(panel, home)
    Journal(home).write_actuals(panel.fingerprint(), TASK, Actuals.of(backtest(TASK, panel)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "site"))
        patch.setenv("HARNESS_HOME", str(home))
        patch.setenv("HARNESS_DATA_DIR", str(data))
        server = TemplateServer()
        yield Setup(panel, home, server.ensure())
        server.close()


def run_of(name: str, setup: Setup, *, strict: bool = False) -> Run:
    """The run of a forecaster of the plugin in a worker."""
    cell = Cell(TASK, name, {}, 0 if name in STOCHASTIC else None)
    planned = PlannedCell("", name, "walk", cell, "")
    provider = Provider("cheating", "", "cheating", "cheating_plugin")
    metrics = [metric for metric in METRICS if metric.name == "MAE"]
    with worker_forecaster(planned, provider, setup.home, setup.template, CellOptions(strict)) as forecaster:
        return evaluate(forecaster, TASK, setup.panel, cell=cell, strict=strict, metrics=metrics)


@pytest.fixture(scope="module")
def honest(setup: Setup) -> float:
    return run_of("Honest", setup).scores["MAE"]


def gain(run: Run, honest: float) -> float:
    """The share of the honest forecaster's error that a completed run does not have; 0 of any other run."""
    return 1 - run.scores["MAE"] / honest if run.status is Status.COMPLETED else 0.0


@pytest.mark.parametrize("name", CAUGHT)
def test_these_gain_nothing_in_batches(name: str, setup: Setup, honest: float) -> None:
    gains = (gain(run_of(name, setup), honest) for _ in range(TRIES))

    assert any(found <= 0 for found in gains)


@pytest.mark.parametrize("name", NOT_CAUGHT)
def test_batch_mode_does_not_catch_these(name: str, setup: Setup, honest: float) -> None:
    run = run_of(name, setup)

    assert run.status is Status.COMPLETED, run.reason
    assert gain(run, honest) > 0.5


@pytest.mark.parametrize("name", [name for name in (*CAUGHT, *NOT_CAUGHT) if name not in READS_FILES])
def test_none_gains_anything_in_strict_mode(
    name: str, setup: Setup, honest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "is_available", lambda: False)

    assert gain(run_of(name, setup, strict=True), honest) <= 0


@pytest.mark.parametrize("name", READS_FILES)
def test_a_sandbox_hides_the_files_of_the_home_and_of_the_data(name: str, setup: Setup, honest: float) -> None:
    if not sandbox.is_available():
        pytest.skip("bubblewrap is not installed, or may not be used")

    assert gain(run_of(name, setup, strict=True), honest) <= 0


def test_an_honest_forecaster_has_the_same_score_in_strict_mode(setup: Setup, honest: float) -> None:
    run = run_of("Honest", setup, strict=True)

    assert run.status is Status.COMPLETED
    assert run.scores["MAE"] == honest
