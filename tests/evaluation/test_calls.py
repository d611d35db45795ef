"""Which windows one call of predict holds, in this process and in another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.panel import Panel
from harness.errors import ForecasterError, InfrastructureFault, Unsupported
from harness.evaluation.calls import Calls
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Run, Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import FittedLocalForecaster, Forecaster, LocalForecaster
from harness.forecasters.remote import Elapsed
from harness.forecasters.spec import Batches
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

from .remote import SECONDS, Elsewhere

LEVELS = (0.1, 0.5, 0.9)
LENGTHS = (40, 40, 33, 40)
VALUES = [np.random.default_rng(i).normal(10, 3, length) for i, length in enumerate(LENGTHS)]
PANEL = Panel.of(VALUES, season_length=4, start=[0, 0, 5, 2])
TASK = Task("trial", RollingOrigin(3, windows=4), quantile_levels=LEVELS)


@dataclass
class Last:
    """Repeats the last value; remembers the windows of its calls."""

    seen: list[list[tuple[str, int]]] = field(default_factory=list, init=False)

    def fit(self, train: TrainingData) -> None:
        self.remarks_ = ["a remark"]
        self.curves_ = {"loss": [2.0, 1.0]}
        self.weights_ = np.zeros(3)

    def predict(self, contexts: Contexts) -> Forecast:
        self.seen.append(list(zip(contexts.ids, contexts.cutoffs.tolist(), strict=True)))
        mean = np.repeat(contexts.last_targets(1), contexts.horizon, axis=1)
        return Forecast.from_normal(mean, np.ones_like(mean), contexts.quantile_levels)


@dataclass
class LocalMean(LocalForecaster):
    def predict_series(self, context: Context) -> Floats:
        if context.id == "1" and context.cutoff > 36:
            raise ValueError("not this window")
        return np.full((context.horizon, 1), np.nanmean(context.target))


@dataclass
class FittedMean(FittedLocalForecaster):
    fits: list[tuple[str, int]] = field(default_factory=list, init=False)

    def fit_series(self, context: Context) -> float:
        self.fits.append((context.id, context.cutoff))
        return float(np.nanmean(context.target))

    def predict_windows(self, state: float, contexts: Contexts) -> Forecast:
        return Forecast.point(contexts.last_targets(1).repeat(contexts.horizon, axis=1) + state)


FORECASTERS: list[Callable[[], Forecaster]] = [Last, LocalMean, FittedMean]


def comparable(run: Run) -> Run:
    """The run without what differs from one to the other: times, the seed of the audit, arrays."""
    assert run.audit is not None
    notes = tuple(note for note in run.notes if not note.startswith("the audit took"))
    return replace(
        run, notes=notes, costs=replace(run.costs, **TIMES), audit=None, results=None, strict=False, traceback=""
    )


TIMES = {
    "fit_seconds": 0.0,
    "predict_seconds": 0.0,
    "fit_cpu_seconds": 0.0,
    "predict_cpu_seconds": 0.0,
    "peak_memory": None,
}


def arrays(run: Run) -> list[Floats]:
    assert run.results is not None
    forecast = run.results.forecast
    return [forecast.mean, forecast.median] + ([] if forecast.quantiles is None else [forecast.quantiles])


def same(first: Run, second: Run) -> bool:
    pairs = zip(arrays(first), arrays(second), strict=True)
    fields = (comparable(first).to_json(), comparable(second).to_json())
    return fields[0] == fields[1] and all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("batches", ["any", "cutoff", "window"])
@pytest.mark.parametrize("make", FORECASTERS)
@pytest.mark.parametrize("refit", ["once", "every"])
def test_results_are_the_same_however_windows_are_called_and_in_another_process(
    make: Callable[[], Forecaster], batches: Batches, strict: bool, refit: Literal["once", "every"]
):
    task = replace(TASK, protocol=RollingOrigin(3, windows=4, refit=refit))
    expected = evaluate(make(), task, PANEL)

    here = evaluate(make(), task, PANEL, batches=batches, strict=strict)
    there = evaluate(Elsewhere(make()), task, PANEL, cell=here.cell, batches=batches, strict=strict)

    assert expected.status is Status.COMPLETED
    assert same(here, expected)
    assert same(there, expected)
    assert here.strict is there.strict is strict


def test_one_call_holds_one_point_in_time():
    forecaster = Last()

    evaluate(forecaster, TASK, PANEL, batches="cutoff", audited_windows=0)

    starts = dict(zip(PANEL.ids, PANEL.start.tolist(), strict=True))
    times = [{starts[name] + cutoff for name, cutoff in call} for call in forecaster.seen]
    assert all(len(each) == 1 for each in times)
    assert sorted(map(min, times)) == list(map(min, times))
    assert sum(map(len, forecaster.seen)) == 16
    assert len(forecaster.seen) == len({min(each) for each in times})


def test_one_call_holds_one_window():
    forecaster = Last()

    evaluate(forecaster, TASK, PANEL, batches="window", audited_windows=0)

    assert [len(call) for call in forecaster.seen] == [1] * 16


@pytest.mark.parametrize("batches", ["any", "window"])
def test_strict_calls_are_later_and_later_those_of_the_audit_too(batches: Batches):
    forecaster = Elsewhere(Last())

    evaluate(forecaster, TASK, PANEL, batches=batches, strict=True)

    times = [set((calls._panel.start[calls.series] + calls.cutoffs).tolist()) for calls in forecaster.calls]
    assert all(len(each) == 1 for each in times)
    assert sorted(map(min, times)) == list(map(min, times))
    copied = [set((calls._panel.start[calls.series] + calls.cutoffs).tolist()) for calls in forecaster.copies[0].calls]
    assert copied
    assert all(len(each) == 1 for each in copied)


def test_in_strict_mode_series_are_fitted_when_they_are_first_forecast():
    class Records(Elsewhere):
        def fit_contexts(self, contexts: Contexts) -> None:
            order.append(("fit", sorted(contexts.ids)))

        def predict(self, contexts: Contexts) -> Forecast:
            order.append(("predict", sorted(contexts.ids)))
            return super().predict(contexts)

    order: list[tuple[str, list[str]]] = []
    evaluate(Records(Last()), TASK, PANEL, strict=True, audited_windows=0)

    fitted = [name for action, names in order for name in names if action == "fit"]
    assert sorted(fitted) == ["0", "1", "2", "3"]
    for name in fitted:
        assert next(action for action, names in order if name in names) == "fit"
    assert order[0][0] == "fit"
    assert order[1][0] == "predict"


class FailsOnTheLastPoint(Last):
    def predict(self, contexts: Contexts) -> Forecast:
        if (contexts.cutoffs == 37).any():
            raise ValueError("not so late")
        return super().predict(contexts)


def test_a_call_that_fails_costs_its_windows():
    run = evaluate(FailsOnTheLastPoint(), TASK, PANEL, batches="cutoff")

    assert run.status is Status.COMPLETED
    assert [failure.reason for failure in run.window_failures] == ["ValueError: not so late"] * len(run.window_failures)
    assert 0 < len(run.window_failures) < 16


@pytest.mark.parametrize("batches", ["any", "cutoff", "window"])
def test_a_forecaster_that_supports_no_window_is_unsupported_with_its_own_reason(batches: Batches):
    class Refuses(Last):
        def predict(self, contexts: Contexts) -> Forecast:
            raise Unsupported("needs known covariates")

    run = evaluate(Refuses(), TASK, PANEL, batches=batches)
    remote = evaluate(Elsewhere(Refuses()), TASK, PANEL, batches=batches)

    assert (run.status, run.reason, run.traceback) == (Status.UNSUPPORTED, "needs known covariates", "")
    assert (remote.status, remote.traceback) == (Status.UNSUPPORTED, "")


def test_the_same_array_returned_by_every_call_is_not_shared():
    class ReusesItsArray(Last):
        def fit(self, train: TrainingData) -> None:
            self.array = np.empty((1, 3, 1))

        def predict(self, contexts: Contexts) -> Forecast:
            self.array[:] = contexts.last_targets(1)
            return Forecast.point(self.array)

    run, expected = (evaluate(each(), TASK, PANEL, batches="window") for each in (ReusesItsArray, Last))

    assert np.array_equal(arrays(run)[0], arrays(expected)[0])


# In another process


def test_costs_are_those_of_the_other_process_without_the_audit():
    forecaster = Elsewhere(Last(), can_be_copied=False)

    run = evaluate(forecaster, TASK, PANEL)

    assert run.audit is not None
    assert not run.audit.on_copy
    assert (run.costs.fit_seconds, run.costs.predict_seconds) == (SECONDS, SECONDS)
    assert (run.costs.fit_cpu_seconds, run.costs.predict_cpu_seconds) == (SECONDS / 2, SECONDS / 2)
    assert len(forecaster.calls) > 1  # those of the audit, whose time was asked for by itself
    assert forecaster.elapsed() == Elapsed()


def test_the_copy_is_made_before_the_forecast_and_closed():
    forecaster = Elsewhere(Last())

    run = evaluate(forecaster, TASK, PANEL)

    assert run.audit is not None
    assert run.audit.on_copy
    assert len(forecaster.calls) == 1
    assert isinstance(forecaster.copies[0].forecaster, Last)
    assert forecaster.copies[0].closed


@pytest.mark.parametrize(("kind", "status"), [("timed_out", Status.TIMED_OUT), ("crashed", Status.CRASHED)])
def test_the_end_of_the_process_is_the_result(kind: str, status: Status):
    class Ends(Elsewhere):
        def predict(self, contexts: Contexts) -> Forecast:
            self.calls.append(contexts)
            raise ForecasterError("it ended", kind, "last lines")

    forecaster = Ends(Last())
    run = evaluate(forecaster, TASK, PANEL, batches="window")

    assert (run.status, run.reason, run.traceback) == (status, "it ended", "last lines")
    assert len(forecaster.calls) == 1
    assert run.hyperparameters == {}


def test_a_process_that_ends_during_the_audit_is_the_result():
    class CopyEnds(Elsewhere):
        def copy(self) -> Elsewhere:
            class Ends(Elsewhere):
                def predict(self, contexts: Contexts) -> Forecast:
                    raise ForecasterError("exit code 0 without an answer", "crashed")

            return Ends(self.forecaster)

    run = evaluate(CopyEnds(Last()), TASK, PANEL)

    assert (run.status, run.reason) == (Status.CRASHED, "in the audit: exit code 0 without an answer")


@pytest.mark.parametrize("method", ["fit", "predict", "copy", "describe"])
def test_a_fault_outside_of_the_forecaster_is_no_result(method: str):
    forecaster = Elsewhere(Last())

    def fault(*arguments: object) -> None:
        raise InfrastructureFault("the process was killed")

    setattr(forecaster, method, fault)

    with pytest.raises(InfrastructureFault, match="was killed"):
        evaluate(forecaster, TASK, PANEL)


def test_a_forecaster_here_cannot_pass_for_a_fault():
    class Pretends(Last):
        def predict(self, contexts: Contexts) -> Forecast:
            raise InfrastructureFault("not my fault")

    assert evaluate(Pretends(), TASK, PANEL).status is Status.FAILED


def test_parts_of_no_more_than_one_call_are_not_made():
    assert Calls().parts(None) is None  # type: ignore[arg-type]
