"""The audit of forecasts of classes: of the future, of other windows, of repeated calls; and how they are stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import Channel, Contexts, Forecast, LocalForecaster, Panel, RollingOrigin, Run, Status, Task, TrainingData
from harness.arrays import Floats
from harness.evaluation.audit.futures import with_other_future
from harness.evaluation.evaluate import evaluate
from harness.evaluation.outcomes import Actuals
from harness.evaluation.strict_comparison import strict_difference
from harness.results.journal import Journal
from harness.tasks.folds import backtest
from harness.tasks.windows import Context

CLASSES = 300  # of which the indices are much larger than probabilities
TASK = Task("trial", RollingOrigin(2, windows=6))


@pytest.fixture(scope="module")
def panel() -> Panel:
    channel = Channel("token", categories=tuple(map(str, range(CLASSES))))
    series = [np.random.default_rng(i).integers(CLASSES, size=60).astype(np.float64) for i in range(5)]
    return Panel.of(series, channels=[channel])


class OfNumbers:
    """Probabilities that change a little with one number of each window."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        probabilities = np.full((len(contexts), contexts.horizon, 1, contexts.classes), 1 / contexts.classes)
        shift = 1e-3 / contexts.classes * np.sin(self.numbers(contexts))
        probabilities[..., 0] += shift[:, None, None]
        probabilities[..., 1] -= shift[:, None, None]
        return Forecast.from_probabilities(probabilities)

    def numbers(self, contexts: Contexts) -> Floats:
        return contexts.last_targets(1)[:, 0, 0]


class LooksAhead(OfNumbers):
    def numbers(self, contexts: Contexts) -> Floats:
        panel = contexts.source
        return np.asarray(panel.values[panel.offsets[contexts.series] + contexts.cutoffs, 0])


class LooksAside(OfNumbers):
    def numbers(self, contexts: Contexts) -> Floats:
        return np.full(len(contexts), contexts.last_targets(1).sum())


class Restless(OfNumbers):
    calls = 0

    def numbers(self, contexts: Contexts) -> Floats:
        self.calls += 1
        return np.full(len(contexts), float(self.calls))


@pytest.mark.parametrize(
    ("forecaster", "status"),
    [
        (OfNumbers(), Status.COMPLETED),
        (LooksAhead(), Status.LEAKED),
        (Restless(), Status.INCONSISTENT),
    ],
)
def test_the_audit_finds_what_it_finds_of_numbers(forecaster: OfNumbers, status: Status, panel: Panel) -> None:
    run = evaluate(forecaster, TASK, panel, audit_seed=1)

    assert run.status is status, run.reason


def test_a_small_dependence_on_other_windows_is_noted(panel: Panel) -> None:
    run = evaluate(LooksAside(), Task("trial", RollingOrigin(2, windows=1)), panel, audit_seed=1)

    assert run.status is Status.COMPLETED
    assert run.batch_difference is not None
    assert 1e-5 < run.batch_difference < 1e-2  # relative to the probabilities, and not to the indices of classes


def test_the_noise_of_another_future_consists_of_classes(panel: Panel) -> None:
    windows = backtest(TASK, panel).windows
    ends = np.full(len(panel), 30)

    other = with_other_future(windows, ends, np.random.default_rng(0)).panel

    later = np.concatenate([values[30:] for values in other])
    assert set(later.ravel().tolist()) <= set(range(CLASSES))
    assert not np.array_equal(later, np.concatenate([values[30:] for values in panel]))
    assert all(np.array_equal(first[:30], second[:30]) for first, second in zip(other, panel, strict=True))


class Sometimes(LocalForecaster):
    """Fails in windows whose last class is an even number."""

    def predict_series(self, context: Context) -> Floats:
        if context.target[-1, 0] % 2 == 0:
            raise ValueError("even")
        return np.full((context.horizon, 1, context.classes), 1 / context.classes)


def test_a_local_forecaster_returns_probabilities_and_may_fail_on_windows(panel: Panel) -> None:
    run = evaluate(Sometimes(), TASK, panel)

    failed = [failure.window for failure in run.window_failures]
    last = backtest(TASK, panel).windows.contexts.last_targets(1)[:, 0, 0]
    assert failed == np.flatnonzero(last % 2 == 0).tolist()
    assert run.scores["log loss"] == pytest.approx(np.log(CLASSES))
    assert 0 < run.scores["ECE"] < 1


class TestStorage:
    @pytest.fixture
    def run(self, panel: Panel) -> Run:
        return replace(evaluate(OfNumbers(), TASK, panel), key="ab" * 16)

    def test_probabilities_come_back_as_they_were(self, run: Run, tmp_path: Path) -> None:
        Journal(tmp_path).write(run)

        read = Journal(tmp_path).read_with_results("ab" * 16)

        assert read is not None
        assert read.results is not None
        assert run.results is not None
        assert run.results.forecast.probabilities is not None
        assert np.array_equal(read.results.forecast.probabilities, run.results.forecast.probabilities)
        assert read.scores == run.scores
        assert strict_difference(read, run) == 0

    def test_damage_of_probabilities_is_noticed(self, run: Run, tmp_path: Path) -> None:
        Journal(tmp_path).write(run)
        file = next((tmp_path / "journal" / "cells").glob("*/*probabilities*.npy"))
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)

        assert Journal(tmp_path).read_with_results("ab" * 16) is None

    def test_actuals_have_their_categories(self, panel: Panel, tmp_path: Path) -> None:
        actuals = Actuals.of(backtest(TASK, panel))
        Journal(tmp_path).write_actuals(panel.fingerprint(), TASK, actuals)

        read = Journal(tmp_path).read_actuals(panel.fingerprint(), TASK)

        assert read is not None
        assert (read.categories, read.ordered) == (actuals.categories, False)
        assert np.array_equal(read.values, actuals.values)


def test_order_is_a_part_of_the_fingerprint_and_its_absence_is_not() -> None:
    plain = Panel.of([[0.0, 1.0]], channels=[Channel("x", categories=("a", "b"))])
    ordered = Panel.of([[0.0, 1.0]], channels=[Channel("x", categories=("a", "b"), ordered=True)])

    assert plain.fingerprint() == "0dbcbffc1fe51de4dcb138953fd52670818087d1e4ae83925d00dfabf87f9824"  # as in 0.2.0
    assert plain.fingerprint() != ordered.fingerprint()
