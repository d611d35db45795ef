"""The baselines of categorical targets, on a source whose entropy rate is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness import (
    Channel,
    Context,
    Forecast,
    Generation,
    LocalForecaster,
    Panel,
    RollingOrigin,
    SeriesSplit,
    Task,
    Unsupported,
    evaluate,
)
from harness.arrays import Floats
from harness.data.panel import Panel as PanelType
from harness.tasks.folds import backtest
from harness_datasets import states
from harness_models.classes import LastClass, MajorityClass, MarkovChain

COLOURS = Channel("colour", categories=("red", "green", "blue"))
BASELINES = [MajorityClass(), LastClass(), MarkovChain(1), MarkovChain(3)]


def panel_of(*series: list[float], channels: tuple[Channel, ...] = (COLOURS,)) -> PanelType:
    return Panel.of([np.array(values, dtype=np.float64) for values in series], channels=channels)


def forecast(forecaster: MajorityClass | LastClass | MarkovChain, panel: PanelType, task: Task) -> Floats:
    """The probabilities, (window, horizon, target, class)."""
    fold = next(backtest(task, panel).folds())
    forecaster.fit(fold.train)
    result: Forecast = forecaster.predict(fold.windows.contexts)
    assert result.probabilities is not None
    return result.probabilities


@pytest.fixture(scope="module")
def source() -> PanelType:
    return states.states()


class TestMarkovSource:
    def test_its_entropy_rate_is_that_of_its_transitions(self) -> None:
        chain, size = states.transitions(), len(states.STATES)
        joint = np.full(size**2, 1 / size**2)
        for _ in range(500):  # the power method, from another start
            flow = joint[:, None] * chain
            joint = flow.reshape(size, size, size).sum(axis=0).ravel()

        entropy = -(joint[:, None] * chain * np.log(chain)).sum()

        assert states.entropy_rate() == pytest.approx(entropy, rel=1e-9)
        assert f"{entropy:.4f}" == "0.9447"  # as its description says
        assert f"{math.exp(entropy):.3f}" == "2.572"

    def test_a_chain_of_its_order_has_its_perplexity_within_one_percent(self, source: PanelType) -> None:
        task = Task("states", RollingOrigin(1, windows=500))

        log_loss = evaluate(MarkovChain(2), task, source).scores["log loss"]

        assert math.exp(log_loss) == pytest.approx(math.exp(states.entropy_rate()), rel=0.01)
        assert evaluate(MarkovChain(1), task, source).scores["log loss"] > 1.2 * log_loss

    def test_marginals_are_powers_of_the_transition_matrix(self, source: PanelType) -> None:
        task = Task("states", RollingOrigin(6, windows=2, gap=1))
        chain = MarkovChain(2)

        probabilities = forecast(chain, source, task)

        contexts = backtest(task, source).windows.contexts
        table, size = chain.tables_[0][2], len(states.STATES)
        matrix = np.zeros((size**2, size**2))
        for code in range(size**2):
            for state in range(size):
                matrix[code, code % size * size + state] = table[code, state]
        codes = contexts.last_targets(2)[:, :, 0] @ [size, 1]
        for step in range(6):
            powers = np.linalg.matrix_power(matrix, step + 2)[codes.astype(np.int64)]
            expected = powers.reshape(len(contexts), size, size).sum(axis=1)
            np.testing.assert_allclose(probabilities[:, step, 0], expected, rtol=1e-10)


class TestKindsOfTasks:
    def test_a_whole_sequence_is_classified(self) -> None:
        rng, rising = np.random.default_rng(0), []
        channels = (Channel("label", categories=("falling", "rising")), Channel("sequence", "past covariate"))
        for label in [0, 1] * 30:
            rows = np.full((21, 2), math.nan)
            rows[20, 0], rows[:20, 1] = label, (2 * label - 1) * np.arange(20) + rng.normal(size=20)
            rising.append(rows)
        task = Task("sequences", RollingOrigin(1, windows=1), SeriesSplit(training=40, validation=0, test=20))

        run = evaluate(Slope(), task, Panel.of(rising, channels=channels))

        assert run.windows == 20
        assert (run.scores["accuracy"], run.scores["macro F1"]) == (1.0, 1.0)
        assert evaluate(MajorityClass(), task, Panel.of(rising, channels=channels)).scores["accuracy"] == 0.5

    def test_tokens_are_generated_after_a_warm_up(self, source: PanelType) -> None:
        task = Task("states", Generation(warm_up=10, horizon=50), SeriesSplit(training=30, validation=0, test=10))

        run = evaluate(MarkovChain(2), task, source)

        assert run.status.value == "completed", run.reason
        assert run.scores["log loss"] < evaluate(MajorityClass(), task, source).scores["log loss"]


class Slope(LocalForecaster):
    """The sign of the difference between the end and the start of the sequence."""

    def predict_series(self, context: Context) -> Floats:
        sequence = context.values[:, 1]
        rises = sequence[-1] > sequence[0]
        return np.array([[[0.1, 0.9] if rises else [0.9, 0.1]]])


class TestBaselines:
    @pytest.mark.parametrize("forecaster", BASELINES)
    def test_a_class_that_training_does_not_contain_is_possible(self, forecaster: MarkovChain) -> None:
        panel = panel_of([0, 1] * 20 + [2, 2, 2])

        run = evaluate(forecaster, Task("trial", RollingOrigin(3, windows=1)), panel)

        assert run.status.value == "completed", run.reason
        assert not [note for note in run.notes if note.startswith("log loss")]  # that a probability was clipped

    @pytest.mark.parametrize("forecaster", BASELINES)
    def test_the_start_of_a_series_and_missing_values_are_no_obstacle(self, forecaster: MarkovChain) -> None:
        nan = math.nan
        panel = panel_of([0, 1, 2, nan, 1, nan, 0, 1, 2, 0], [nan, 1, 2, 0, 1, 2, 0, 1, 2, 0])

        probabilities = forecast(forecaster, panel, Task("trial", RollingOrigin(2, first_cutoff=2, stride=1)))

        np.testing.assert_allclose(probabilities.sum(axis=-1), 1)

    @pytest.mark.parametrize("forecaster", BASELINES)
    def test_targets_have_their_own_classes(self, forecaster: MarkovChain) -> None:
        rng = np.random.default_rng(0)
        values = np.stack([rng.integers(3, size=60), rng.integers(2, size=60)], axis=1).astype(np.float64)
        panel = Panel.of([values], channels=[COLOURS, Channel("switch", categories=("off", "on"))])

        probabilities = forecast(forecaster, panel, Task("trial", RollingOrigin(2, windows=3)))

        np.testing.assert_allclose(probabilities.sum(axis=-1), 1)
        assert not probabilities[:, :, 1, 2].any()

    @pytest.mark.parametrize("forecaster", BASELINES)
    def test_numeric_targets_are_unsupported(self, forecaster: MarkovChain) -> None:
        run = evaluate(forecaster, Task("trial", RollingOrigin(2, windows=1)), Panel.of([np.arange(30.0)]))

        assert run.status.value == "unsupported"
        assert run.reason == "it forecasts classes, and the targets of the task are numeric"

    def test_the_majority_class_is_most_probable(self) -> None:
        probabilities = forecast(MajorityClass(), panel_of([2, 2, 1, 0, 2, 2]), Task("t", RollingOrigin(2, windows=1)))

        np.testing.assert_allclose(probabilities[0, 0, 0], np.array([1.5, 1.5, 2.5]) / 5.5)

    def test_the_last_class_is_as_likely_as_classes_persist(self) -> None:
        panel = panel_of([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 2])

        probabilities = forecast(LastClass(), panel, Task("t", RollingOrigin(1, windows=1)))

        assert probabilities[0, 0, 0, 0] == pytest.approx((8 + 0.5) / (10 + 1))  # ten steps, eight of them the same

    def test_the_last_class_is_most_probable_even_where_classes_never_persist(self) -> None:
        probabilities = forecast(LastClass(), panel_of([0, 1, 0, 1, 0, 1, 0]), Task("t", RollingOrigin(1, windows=1)))

        assert probabilities[0, 0, 0].argmax() == 1

    def test_a_chain_that_is_too_large_is_unsupported(self) -> None:
        many = Channel("token", categories=tuple(map(str, range(300))))
        panel = Panel.of([np.arange(400.0) % 300], channels=[many])
        fold = next(backtest(Task("t", RollingOrigin(1, windows=1)), panel).folds())

        MarkovChain(1).fit(fold.train)
        with pytest.raises(Unsupported, match="has 27,000,000 probabilities"):
            MarkovChain(2).fit(fold.train)
