"""Free running: the array work equals a loop over windows that feeds each value back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from harness.arrays import Floats
from harness.data.panel import Channel, Panel
from harness.evaluation.evaluate import evaluate
from harness.evaluation.run import Status
from harness.forecasters.forecast import Forecast
from harness.forecasters.generation import free_run
from harness.tasks.protocols import Generation, RollingOrigin
from harness.tasks.splits import SeriesSplit
from harness.tasks.task import Task
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts, Windows

CHANNELS = (Channel("a"), Channel("b"), Channel("known", "known covariate"))


def windows_of(gap: int = 0, horizon: int = 5) -> Windows:
    """Two series with two targets and a known covariate, cut at different places."""
    series = np.random.default_rng(0).normal(size=(2, 40, 3))
    panel = Panel.of(list(series), channels=CHANNELS)
    return Windows(panel, np.array([1, 0, 1]), np.array([10, 20, 15]), horizon, gap)


@dataclass
class Autoregression:
    """Each target from its last two values, the other target and the known covariate of the step."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return free_run(self, contexts)

    def warm_up(self, contexts: Contexts) -> Floats:
        return contexts.last_targets(2)

    def step(self, state: Floats, known: Floats) -> tuple[Floats, Floats]:
        value = 0.6 * state[:, -1] - 0.3 * state[:, -2] + 0.1 * state[:, -1, ::-1] + known.sum(axis=1)[:, None]
        return value, np.stack([state[:, -1], value], axis=1)


def by_loop(windows: Windows) -> list[list[list[float]]]:
    """The same autoregression, one window, one step and one target at a time."""
    result = []
    for series, cutoff in zip(windows.series, windows.cutoffs, strict=True):
        values = list(windows.panel)[series]
        past = [list(row[:2]) for row in values[:cutoff]]
        for step in range(windows.gap + windows.horizon):
            (a1, b1), (a0, b0), known = past[-1], past[-2], values[cutoff + step, 2]
            past.append([0.6 * a1 - 0.3 * a0 + 0.1 * b1 + known, 0.6 * b1 - 0.3 * b0 + 0.1 * a1 + known])
        result.append(past[cutoff + windows.gap :])
    return result


@pytest.mark.parametrize("gap", [0, 3])
@pytest.mark.parametrize("horizon", [1, 12])
def test_free_running_is_a_loop_that_feeds_on_its_own_output(gap: int, horizon: int):
    windows = windows_of(gap, horizon)

    forecast = free_run(Autoregression(), windows.contexts)

    np.testing.assert_allclose(forecast.mean, by_loop(windows), rtol=1e-12)


def test_free_running_is_a_point_forecast():
    forecast = free_run(Autoregression(), windows_of().contexts)

    assert forecast.mean.shape == (3, 5, 2)
    assert forecast.quantiles is None


def test_windows_run_freely_alone_as_together():
    contexts = windows_of().contexts

    alone = [free_run(Autoregression(), batch).mean for batch in contexts.batches(1)]

    np.testing.assert_allclose(np.concatenate(alone), free_run(Autoregression(), contexts).mean, rtol=1e-12)


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
    short, long = (free_run(Autoregression(), windows_of(horizon=horizon).contexts).mean for horizon in (3, 9))

    np.testing.assert_array_equal(short, long[:, :3])


def test_a_cosine_goes_on_for_ever():
    """cos(ω(t + 1)) = 2 cos ω cos ωt − cos ω(t − 1): nothing but two values and the frequency are needed."""
    omega = 0.1

    class Cosine(Autoregression):
        def step(self, state: Floats, known: Floats) -> tuple[Floats, Floats]:
            value = 2 * np.cos(omega) * state[:, -1] - state[:, -2]
            return value, np.stack([state[:, -1], value], axis=1)

    waves = [np.cos(omega * np.arange(1000) + phase) for phase in (0.0, 1.0, 2.0)]
    task = Task("cosine", Generation(100, 900), SeriesSplit(1))

    run = evaluate(Cosine(), task, Panel.of(waves))

    assert (run.status, run.windows) == (Status.COMPLETED, 2)
    assert run.scores["MSE"] < 1e-18


def test_a_one_step_model_passes_the_audit_with_known_covariates():
    series = np.random.default_rng(0).normal(size=(3, 40, 3))
    task = Task("trial", RollingOrigin(4, windows=3, gap=1))

    run = evaluate(Autoregression(), task, Panel.of(list(series), channels=CHANNELS), audited_windows=9)

    assert run.status is Status.COMPLETED
