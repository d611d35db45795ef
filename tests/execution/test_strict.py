"""What a worker holds: its memory, its files and its messages are searched for values that it must not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from harness import Channel, Panel, RollingOrigin, Run, Task, Vintages
from harness.arrays import Floats, Ints
from harness.boards.planning import PlannedCell
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Cell
from harness.execution.options import CellOptions
from harness.execution.workers import cell_workers as workers
from harness.execution.workers import sandbox
from harness.execution.workers.cell_workers import worker_forecaster
from harness.execution.workers.copies import WorkerCopy
from harness.execution.workers.forecaster import WorkerForecaster
from harness.execution.workers.template_server import TemplateServer
from harness.plugins.provider import Provider
from harness.tasks.folds import Fold, backtest
from harness.tasks.points import rows_known
from harness.tasks.splits import TimeSplit

# Every value of the panel is a float64 of the same upper half, whose lower half tells its series, row and channel.
UPPER, FACTOR = 0x405C1A7B, 2654435761
SERIES, ROWS, CHANNELS = 2, 140, 5  # the last channel is that of the vintages
LATE = 3  # rows of delay

SEARCHER = f'''
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl

UPPER = ({UPPER}).to_bytes(4, "little")
INVERSE = pow({FACTOR}, -1, 1 << 32)
SHAPE = {SERIES}, {ROWS}, {CHANNELS}
CHUNK = 1 << 22


class Search:
    """The last row of each series and channel of which a value was found, plus 1."""

    def __init__(self):
        self.found = np.zeros((SHAPE[0], SHAPE[2]), dtype=int)

    def look(self, data):
        at = data.find(UPPER, 4)
        while at >= 0:
            index = int.from_bytes(data[at - 4 : at], "little") * INVERSE % (1 << 32)
            if index < SHAPE[0] * SHAPE[1] * SHAPE[2]:
                series, row, channel = np.unravel_index(index, SHAPE)
                self.found[series, channel] = max(self.found[series, channel], row + 1)
            at = data.find(UPPER, at + 1)

    def look_in_memory(self):
        paths = set()
        memory = os.open("/proc/self/mem", os.O_RDONLY)
        for line in Path("/proc/self/maps").read_text().splitlines():
            addresses, rights, _, _, _, *path = line.split(None, 5)
            paths.update(path)
            if ".so" in "".join(path) and rights[1] != "w":
                continue  # the code of a library
            first, last = (int(address, 16) for address in addresses.split("-"))
            while rights[0] == "r" and first < last:
                try:
                    self.look(os.pread(memory, min(CHUNK, last - first) + 8, first))
                except (OSError, OverflowError):
                    pass
                first += CHUNK
        os.close(memory)
        return paths

    def look_in_files(self, paths):
        folders = {{Path.cwd().parent}}
        for path in map(Path, paths):
            if path.is_absolute() and not any(part in str(path) for part in (".so", "/lib", "/bin/", "python")):
                folders.add(path.parent)
        for folder in folders:
            for path in folder.rglob("*"):
                if path.is_file():
                    self.look(path.read_bytes())
        for number in os.listdir("/proc/self/fd"):
            path = Path("/proc/self/fd", number)
            if path.is_file():
                self.look(path.read_bytes())


def found():
    search = Search()
    search.look_in_files(search.look_in_memory())
    return search.found


@dataclass
class Searcher:
    """Its forecasts are what it found, as 1000 × that of the last fit + that of the call."""

    def fit(self, train):
        self.fit_ = found()

    def predict(self, contexts):
        numbers = (1000 * self.fit_ + found()).ravel()
        mean = np.zeros((len(contexts), contexts.horizon, 1))
        mean[:, : len(numbers), 0] = numbers
        return Forecast.point(mean)


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("searcher", Searcher)]
'''


def value(series: int, row: Ints, channel: int) -> Floats:
    index = ((series * ROWS + row) * CHANNELS + channel).astype(np.uint64)
    return (np.uint64(UPPER << 32) + index * np.uint64(FACTOR) % np.uint64(1 << 32)).view(np.float64)


def searched_panel() -> Panel:
    """Two series of different lengths, with covariates of every kind."""
    lengths = (ROWS, 110)
    channels = (
        Channel("y"),
        Channel("late", "past covariate", delay=LATE),
        Channel("known", "known covariate"),
        Channel("forecast", "known covariate", certain=False),
    )
    values = [
        np.stack([value(i, np.arange(length), channel) for channel in range(4)], axis=1)
        for i, length in enumerate(lengths)
    ]
    issued = [np.arange(0, length, 2) for length in lengths]
    vintages = Vintages.of([(rows, np.repeat(value(i, rows, 4)[:, None], 3, axis=1)) for i, rows in enumerate(issued)])
    return Panel.of(values, channels=channels, vintages={"forecast": vintages}, season_length=1)


PANEL = searched_panel()
TASKS = {
    "one fit": Task("searched", RollingOrigin(20, windows=3, stride=4, gap=2)),
    "refits": Task("searched", RollingOrigin(20, windows=3, stride=4, gap=2, refit="every")),
    "validation": Task("searched", RollingOrigin(20, windows=3, stride=4), TimeSplit(training=60, validation=10)),
}


class Worker(NamedTuple):
    """How a worker of a module is started."""

    folder: Path
    template: Path


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("searcher")
    (folder / "searcher_plugin.py").write_text(SEARCHER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        server = TemplateServer()
        yield Worker(folder, server.ensure())
        server.close()


def started(worker: Worker, task: Task, *, strict: bool):
    planned = PlannedCell("", "searcher", "searched", Cell(task, "searcher"), "")
    provider = Provider("searcher", "", "searcher", "searcher_plugin")
    return worker_forecaster(planned, provider, worker.folder / "home", worker.template, CellOptions(strict))


def searched(worker: Worker, task: Task, *, strict: bool, audited_windows: int = 0) -> Run:
    """The run of the searcher."""
    with started(worker, task, strict=strict) as forecaster:
        return evaluate(forecaster, task, PANEL, strict=strict, audited_windows=audited_windows)


class Found(NamedTuple):
    """The last row plus 1 that was found of each series and channel, (series, channel)."""

    in_fit: Ints
    in_predict: Ints


def found_in(forecast: Floats) -> Found:
    """What the forecast of a window tells."""
    numbers = forecast[: SERIES * CHANNELS, 0].astype(int).reshape(SERIES, CHANNELS)
    return Found(numbers // 1000, numbers % 1000)


def assert_within(found: Ints, ends: Ints, ahead: int) -> None:
    """Assert that nothing was found beyond what is known at these rows, (series,)."""
    lengths = PANEL.lengths
    assert (found[:, 0] <= ends).all(), "target"
    assert (found[:, 1] <= np.maximum(ends - LATE, 0)).all(), "delayed past covariate"
    assert (found[:, 2] <= np.minimum(ends + ahead, lengths)).all(), "known covariate"
    assert (found[:, 3] <= ends).all(), "values of a covariate that is forecast"
    assert (found[:, 4] <= ends + 1).all(), "vintages, which are numbered by the rows known"


def training_ends(fold: Fold) -> Ints:
    training, validation = fold.train.source
    return training.ends if validation is None else np.maximum(training.ends, validation.ends)


@pytest.mark.parametrize("description", TASKS)
def test_in_batches_a_worker_holds_what_contexts_contain(worker: Worker, description: str) -> None:
    task = TASKS[description]
    run = searched(worker, task, strict=False)
    forecasts = iter(run.results.forecast.mean)
    seen = np.zeros(SERIES, dtype=int)

    for fold in backtest(task, PANEL).folds():
        trained = np.maximum(training_ends(fold), seen)
        seen = trained.copy()
        np.maximum.at(seen, fold.windows.series, fold.windows.cutoffs)
        for _ in range(len(fold.windows)):
            found = found_in(next(forecasts))
            assert_within(found.in_fit, trained, 22 if trained.any() else 0)
            assert_within(found.in_predict, seen, 22)
            assert (found.in_predict[:, 0] == seen).all()  # the search finds what is there


@pytest.mark.parametrize(
    ("description", "with_sandbox"), [*((description, False) for description in TASKS), ("refits", True)]
)
def test_in_strict_mode_it_holds_nothing_later_than_the_call(
    worker: Worker, description: str, with_sandbox: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if with_sandbox and not sandbox.is_available():
        pytest.skip("bubblewrap is not installed, or may not be used")
    monkeypatch.setattr(workers, "is_available", lambda: with_sandbox)
    task = TASKS[description]
    run = searched(worker, task, strict=True)
    forecasts = iter(run.results.forecast.mean)

    for fold in backtest(task, PANEL).folds():
        trained = training_ends(fold)
        windows = fold.windows
        for series, cutoff in zip(windows.series.tolist(), windows.cutoffs.tolist(), strict=True):
            found = found_in(next(forecasts))
            assert_within(found.in_fit, trained, 22)
            assert_within(found.in_predict, np.maximum(trained, rows_known(PANEL, series, cutoff)), 22)
            assert found.in_predict[series, 0] == cutoff


@pytest.mark.parametrize("strict", [False, True])
def test_the_copy_for_the_audit_holds_what_the_fitted_forecaster_held(worker: Worker, strict: bool) -> None:
    task = TASKS["one fit"]
    (fold,) = backtest(task, PANEL).folds()
    contexts = fold.windows.contexts
    first = contexts.take(np.flatnonzero(contexts.cutoffs == contexts.cutoffs.min()))
    last = contexts.take(np.flatnonzero(contexts.cutoffs == contexts.cutoffs.max()))

    with started(worker, task, strict=strict) as forecaster:
        forecaster.fit(fold.train)
        copy = forecaster.copy()
        assert isinstance(copy, WorkerCopy)
        forecaster.predict(last)
        found = found_in(copy.predict(first).mean[0])
        copy.close()

    ends = np.maximum(training_ends(fold), rows_known(PANEL, int(first.series[0]), int(first.cutoffs[0])))
    assert_within(found.in_predict, ends, 22)
    assert (found.in_predict[:, 0] <= training_ends(fold)).all()


@pytest.mark.slow
def test_an_audit_of_the_original_shows_nothing_later_to_the_next_fit(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorkerForecaster, "copy", lambda self: None)
    monkeypatch.setattr("harness.execution.workers.copies.CopyableForecaster.copy", lambda self: None)
    monkeypatch.setattr(workers, "is_available", lambda: False)
    task = Task("searched", RollingOrigin(20, windows=2, refit="every"))
    run = searched(worker, task, strict=True, audited_windows=1)
    forecasts = iter(run.results.forecast.mean)

    for fold in backtest(task, PANEL).folds():
        for series, cutoff in zip(fold.windows.series.tolist(), fold.windows.cutoffs.tolist(), strict=True):
            found = found_in(next(forecasts))
            known = np.maximum(training_ends(fold), rows_known(PANEL, series, cutoff))
            assert_within(found.in_predict, known, 22)
