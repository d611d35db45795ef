"""Forecasters that cheat in batch mode, evaluated as any other, with many seeds of the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.panel import Panel
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Cell, Run, Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, LocalForecaster
from harness.forecasters.spec import Batches
from harness.tasks.protocols import RollingOrigin
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Context, Contexts

from .remote import Elsewhere

SEEDS = range(25)
PANEL = Panel.of(list(np.random.default_rng(0).normal(10, 3, (20, 60))), season_length=4)
ONCE, OFTEN = Task("trial", RollingOrigin(3, windows=1)), Task("trial", RollingOrigin(3, windows=5))


class Honest:
    """Repeats the last value."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return Forecast.point(np.repeat(self.numbers(contexts)[:, None, None], contexts.horizon, axis=1))

    def numbers(self, contexts: Contexts) -> Floats:
        return contexts.last_targets(1)[:, 0, 0]


def ahead(contexts: Contexts, panel: Panel | None = None) -> Floats:
    """The first value after each cutoff, in the panel of the contexts or in another one."""
    known = contexts._panel if panel is None else panel
    series = [known.positions[name] for name in contexts.ids]
    return known.values[known.offsets[series] + contexts.cutoffs, 0]


class RecognisesTheAuditByItsSize(Honest):
    def numbers(self, contexts: Contexts) -> Floats:
        return ahead(contexts) if len(contexts) >= 20 else super().numbers(contexts)


class LeaksInFewSeries(Honest):
    def numbers(self, contexts: Contexts) -> Floats:
        leaks = np.isin(contexts.ids, ["3", "17"])
        return np.where(leaks, ahead(contexts), super().numbers(contexts))


class LeaksInTheBatchOnly(Honest):
    """Has what comes next from the contexts of later windows."""

    def numbers(self, contexts: Contexts) -> Floats:
        order = np.argsort(contexts.cutoffs)
        newest = dict(zip(np.array(contexts.ids)[order], super().numbers(contexts)[order], strict=True))
        return np.array([newest[name] for name in contexts.ids])


class LooksAtOtherSeriesLater(Honest):
    """Uses the mean over the batch, which contains later times of other series."""

    def numbers(self, contexts: Contexts) -> Floats:
        return super().numbers(contexts) + super().numbers(contexts).mean()


class Multiplies(Honest):
    """Multiplies its first window, so that others notice nothing."""

    def numbers(self, contexts: Contexts) -> Floats:
        numbers = super().numbers(contexts).copy()
        numbers[0] += ahead(contexts)[0]
        return numbers


class KeepsItsFirstPanel(Honest):
    """Remembers the panel of its first call, and looks things up there."""

    panel: Panel | None = None

    def numbers(self, contexts: Contexts) -> Floats:
        self.panel = contexts._panel if self.panel is None else self.panel
        if not set(contexts.ids) <= set(self.panel.ids):
            return super().numbers(contexts)
        return ahead(contexts, self.panel)


class KeepsItsForecasts(Honest):
    """Looks ahead once a window, and repeats what it said then."""

    def fit(self, train: TrainingData) -> None:
        self.said: dict[tuple[str, int], float] = {}

    def numbers(self, contexts: Contexts) -> Floats:
        keys = list(zip(contexts.ids, contexts.cutoffs.tolist(), strict=True))
        for key, value in zip(keys, ahead(contexts), strict=True):
            self.said.setdefault(key, value)
        return np.array([self.said[key] for key in keys])


class KeepsThePanelOfItsTrainingData(Honest):
    def fit(self, train: TrainingData) -> None:
        self.panel = getattr(train._training, "source", train.panel)

    def numbers(self, contexts: Contexts) -> Floats:
        if (contexts.cutoffs >= self.panel.lengths[[self.panel.positions[name] for name in contexts.ids]]).any():
            return super().numbers(contexts)
        return ahead(contexts, self.panel)


def statuses(make: Callable[[], Forecaster], task: Task = OFTEN, *, stochastic: bool = False) -> set[Status]:
    cell = Cell(task, "trial", seed=0 if stochastic else None)
    return {evaluate(make(), task, PANEL, cell=cell, audit_seed=seed).status for seed in SEEDS}


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize(
    "cheat", [RecognisesTheAuditByItsSize, LeaksInFewSeries, LeaksInTheBatchOnly, LooksAtOtherSeriesLater]
)
def test_who_looks_ahead_is_found_whatever_is_sampled(cheat: Callable[[], Forecaster], stochastic: bool):
    assert statuses(cheat, stochastic=stochastic) == {Status.LEAKED}


@pytest.mark.parametrize("cheat", [RecognisesTheAuditByItsSize, LeaksInFewSeries, Multiplies])
def test_who_looks_ahead_in_one_window_a_series_is_found(cheat: Callable[[], Forecaster]):
    assert statuses(cheat, ONCE) == {Status.LEAKED}


@pytest.mark.parametrize("cheat", [KeepsItsFirstPanel, KeepsItsForecasts])
def test_what_is_kept_from_an_earlier_call_is_not_in_a_copy(cheat: Callable[[], Forecaster]):
    runs = [evaluate(Elsewhere(cheat()), OFTEN, PANEL, audit_seed=seed) for seed in SEEDS]

    assert {run.status for run in runs} <= {Status.LEAKED, Status.INCONSISTENT}


def test_what_is_kept_from_the_training_data_is_no_later_value():
    run, honest = (evaluate(Elsewhere(each()), OFTEN, PANEL) for each in (KeepsThePanelOfItsTrainingData, Honest))

    assert run.status is Status.COMPLETED
    assert run.scores == honest.scores


# Those whose forecasts depend on the batch


class NormalisesOverItsBatch(Honest):
    size = 1.0

    def numbers(self, contexts: Contexts) -> Floats:
        return super().numbers(contexts) * (1 + self.size * (super().numbers(contexts).mean() / 10 - 1))


class NormalisesABit(NormalisesOverItsBatch):
    size = 1e-2


class HardlyNormalises(NormalisesOverItsBatch):
    size = 1e-6


def run_of(forecaster: Forecaster, batches: Batches = "any", task: Task = ONCE, seed: int | None = None) -> Run:
    return evaluate(forecaster, task, PANEL, cell=Cell(task, "trial", seed=seed), batches=batches, audit_seed=3)


def batch_notes(run: Run) -> list[str]:
    return [note for note in run.notes if "batch" in note]


def test_a_forecast_that_depends_on_its_batch_is_inconsistent_where_it_is_declared_not_to():
    run = run_of(NormalisesOverItsBatch())

    assert run.status is Status.INCONSISTENT
    assert batch_notes(run) == []  # it is the reason


@pytest.mark.parametrize("windows", [ONCE, OFTEN])
def test_a_forecast_that_depends_on_its_point_in_time_is_noted_where_that_is_declared(windows: Task):
    run = run_of(NormalisesOverItsBatch(), "cutoff", windows)

    assert run.status is Status.COMPLETED
    assert len(batch_notes(run)) == 1
    assert run.batch_difference is not None
    assert run.batch_difference > 1e-2
    assert f"{run.batch_difference:.2g} times its size" in batch_notes(run)[0]


def test_by_window_there_are_no_other_windows():
    run = run_of(NormalisesOverItsBatch(), "window", OFTEN)

    assert (run.status, run.batch_difference, batch_notes(run)) == (Status.COMPLETED, None, [])


def test_a_small_difference_is_noted_and_a_smaller_one_is_not():
    noted, silent = run_of(NormalisesABit()), run_of(HardlyNormalises())

    assert noted.status is silent.status is Status.COMPLETED
    assert noted.batch_difference is not None
    assert 1e-5 < noted.batch_difference < 1e-2
    assert len(batch_notes(noted)) == 1
    assert (silent.batch_difference, batch_notes(silent)) == (None, [])


def test_calls_of_a_stochastic_forecaster_are_compared_with_the_same_windows_only():
    run = run_of(NormalisesOverItsBatch(), seed=0)

    assert (run.status, run.batch_difference, batch_notes(run)) == (Status.COMPLETED, None, [])


def test_a_stochastic_forecaster_that_goes_on_drawing_is_noted():
    class GoesOnDrawing(Honest):
        def fit(self, train: TrainingData) -> None:
            self.rng = np.random.default_rng(0)

        def numbers(self, contexts: Contexts) -> Floats:
            return super().numbers(contexts) + self.rng.normal(size=len(contexts))

    run = run_of(GoesOnDrawing(), seed=0)

    assert run.status is Status.COMPLETED
    assert len([note for note in run.notes if "changes when the same call is repeated" in note]) == 1
    assert run.batch_difference is None


# The sample


def test_the_seed_is_recorded_and_gives_the_same_audit_again():
    first = evaluate(NormalisesABit(), OFTEN, PANEL)
    assert first.audit is not None

    again = evaluate(NormalisesABit(), OFTEN, PANEL, audit_seed=first.audit.seed)

    assert again.audit is not None
    assert (again.audit.seed, again.audit.windows) == (first.audit.seed, first.audit.windows)
    assert (again.batch_difference, batch_notes(again)) == (first.batch_difference, batch_notes(first))
    assert Run.from_json(first.to_json()).audit == first.audit


def test_seeds_differ_from_run_to_run():
    seeds = {run.audit.seed for run in (evaluate(Honest(), ONCE, PANEL) for _ in range(4)) if run.audit}

    assert len(seeds) == 4


def test_without_an_audit_there_is_no_record():
    assert evaluate(Honest(), ONCE, PANEL, audited_windows=0).audit is None


def test_calls_of_the_audit_hold_the_sampled_series_only():
    forecaster = Elsewhere(Honest())

    evaluate(forecaster, OFTEN, PANEL)

    sizes = sorted(len(calls._panel) for calls in forecaster.copies[0].calls)
    whole = [calls for calls in forecaster.copies[0].calls if len(calls._panel) == len(PANEL)]
    assert sizes[-1] == len(PANEL)
    assert sizes[-2] <= 8
    assert len(whole) == 1
    assert whole[0].series.tolist() == forecaster.calls[0].series.tolist()


@dataclass
class TakesLong(LocalForecaster):
    def predict_series(self, context: Context) -> Floats:
        total = sum(i * i for i in range(600_000))
        return np.full((context.horizon, 1), context.target[-1, 0] + 0.0 * total)


def test_the_cost_of_an_audit_is_recorded():
    run = evaluate(TakesLong(), ONCE, PANEL)

    assert run.audit is not None
    assert run.audit.windows < 20
    assert run.audit.seconds > 0
