"""What a forecaster changes in place is found, and actuals are those of before."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.panel import Channel, Panel, Vintages
from harness.evaluation.changes import CHANGED, WIDTH, Checksum
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import LocalForecaster
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

TASK = Task("trial", RollingOrigin(3, windows=1))


def writable(array: Floats) -> Floats:
    """The same memory as an array that can be written to, as torch.from_numpy gives it."""
    assert array.flags.c_contiguous
    address = ctypes.cast(array.ctypes.data, ctypes.POINTER(ctypes.c_double))
    return np.ctypeslib.as_array(address, shape=array.shape)


def panel(series: int = 3) -> Panel:
    return Panel.of(list(np.random.default_rng(0).normal(10, 3, (series, 60))), season_length=4)


class SubtractsTheMeanInPlace(LocalForecaster):
    def predict_series(self, context: Context) -> Floats:
        target = writable(context.target)
        mean = target.mean()
        target -= mean
        return np.full((context.horizon, 1), mean)


class SortsInPlace:
    """Changes no sum."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        for context in contexts:
            writable(context.target).sort(axis=0)
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


class WritesActuals:
    """Makes what comes next equal to its forecasts."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        whole = writable(contexts._panel.values)
        for start in (contexts._panel.offsets[contexts.series] + contexts.cutoffs).tolist():
            whole[start : start + contexts.horizon] = 0.0
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, 1)))


class MovesItsCutoffs(WritesActuals):
    def predict(self, contexts: Contexts) -> Forecast:
        contexts.cutoffs[:] -= 1
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


@pytest.mark.parametrize("cheat", [SubtractsTheMeanInPlace, SortsInPlace, WritesActuals, MovesItsCutoffs])
@pytest.mark.parametrize("windows", [1, 4])
def test_changes_in_place_make_a_run_invalid(cheat: Callable[[], LocalForecaster], windows: int):
    run = evaluate(cheat(), Task("trial", RollingOrigin(3, windows=windows)), panel())

    assert (run.status, run.reason) == (Status.INVALID, CHANGED)
    assert "torch.tensor(x)" in run.reason
    assert run.scores == {}


def test_actuals_are_those_of_before_the_forecaster_was_fitted():
    class WritesWhenFitted(WritesActuals):
        def fit(self, train: TrainingData) -> None:
            whole = writable(given.values)
            whole[:] = 0.0

    given, before = panel(), panel()
    run = evaluate(WritesWhenFitted(), Task("trial", RollingOrigin(3, windows=1)), given)

    assert run.status is Status.INVALID
    assert not np.array_equal(given.values, before.values)


@pytest.mark.parametrize("length", [9, WIDTH, 3 * WIDTH + 5])
def test_a_checksum_holds_until_a_number_is_changed_or_moved(length: int):
    values = np.random.default_rng(0).normal(size=length)
    values[2] = np.nan
    given = Panel.of([values])
    checksum = Checksum.of(backtest(TASK, given))

    assert checksum.holds()
    for change in (lambda x: x.sort(axis=0), lambda x: x.__setitem__(-1, np.nextafter(x[-1], 99.0))):
        changed = Panel.of([values])
        checksum = Checksum.of(backtest(TASK, changed))
        change(writable(changed.values))
        assert not checksum.holds()


def test_changed_vintages_are_found():
    channels = (Channel("y"), Channel("weather", "known covariate", certain=False))
    vintages = {"weather": Vintages.of([(np.arange(0, 30, 2), np.ones((15, 4)))])}
    given = Panel.of([np.ones((30, 2))], channels=channels, vintages=vintages)
    checksum = Checksum.of(backtest(TASK, given))

    writable(given.vintages["weather"].values)[3, 2] = 0.0

    assert not checksum.holds()
