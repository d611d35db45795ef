"""Sampled continuations: the marginals of a Markov chain, which are powers of its matrix, within Monte-Carlo error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from harness.arrays import Floats, Ints
from harness.data.panel import Channel, Panel
from harness.forecasters.forecast import Forecast
from harness.forecasters.generation import drawn_classes, sample_continuations
from harness.tasks.windows import Contexts, Windows

CHAIN = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.9, 0.05, 0.05]])
COLOURS = Channel("colour", categories=("red", "green", "blue"))
SWITCH = Channel("switch", categories=("off", "on", "broken"))


@dataclass
class Chain:
    """Two independent chains with the same matrix; the state are their last classes."""

    matrix: Floats

    def warm_up(self, contexts: Contexts) -> tuple[Floats, Ints]:
        last = contexts.last_targets(1)[:, 0].astype(np.int64)
        return self.matrix[last], last

    def step(self, state: Ints, classes: Ints) -> tuple[Floats, Ints]:
        return self.matrix[classes], classes

    def repeated(self, state: Ints, times: int) -> Ints:
        return np.repeat(state, times, axis=0)


def windows(gap: int = 0, horizon: int = 6) -> Contexts:
    """Windows after each pair of classes of the two targets."""
    values = np.random.default_rng(0).integers(3, size=(40, 2)).astype(np.float64)
    panel = Panel.of([values], channels=[COLOURS, SWITCH])
    return Windows(panel, np.zeros(9, dtype=np.int64), np.arange(3, 30, 3), horizon, gap).contexts


def exact(contexts: Contexts) -> Floats:
    last = contexts.last_targets(1)[:, 0].astype(np.int64)
    steps = range(contexts.gap + 1, contexts.gap + contexts.horizon + 1)
    return np.stack([np.linalg.matrix_power(CHAIN, step)[last] for step in steps], axis=1)


def probabilities(forecast: Forecast) -> Floats:
    assert forecast.probabilities is not None
    return forecast.probabilities


@pytest.mark.parametrize("gap", [0, 2])
def test_marginals_of_a_chain_are_powers_of_its_matrix_within_the_stated_error(gap: int) -> None:
    contexts, samples = windows(gap), 400

    errors = [
        probabilities(sample_continuations(Chain(CHAIN), contexts, samples, seed)) - exact(contexts)
        for seed in range(20)
    ]

    assert np.std(errors, axis=0).max() <= 0.5 / np.sqrt(samples - 1)
    mean_error = np.mean(errors, axis=0)
    assert np.abs(mean_error).max() < 5 * 0.5 / np.sqrt(20 * samples)  # no bias


def test_the_first_step_is_exact_and_the_second_nearly_so() -> None:
    contexts = windows()

    found = probabilities(sample_continuations(Chain(CHAIN), contexts, samples=100))

    np.testing.assert_allclose(found[:, 0], exact(contexts)[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], exact(contexts)[:, 1], atol=0.02)  # by even numbers: at most 2 / samples


def test_forecasts_depend_on_the_seed_and_on_no_other_window() -> None:
    contexts = windows()
    together = probabilities(sample_continuations(Chain(CHAIN), contexts, 50, seed=1))

    alone = probabilities(sample_continuations(Chain(CHAIN), contexts.take(np.array([5])), 50, seed=1))
    other = probabilities(sample_continuations(Chain(CHAIN), contexts, 50, seed=2))

    np.testing.assert_array_equal(alone[0], together[5])
    assert not np.array_equal(other, together)


def test_a_deterministic_chain_is_continued_exactly() -> None:
    cycle = np.roll(np.eye(3), 1, axis=1)  # red, green, blue, red, …
    contexts = windows()

    found = probabilities(sample_continuations(Chain(cycle), contexts, 7))

    last = contexts.last_targets(1)[:, 0].astype(np.int64)
    for step in range(6):
        np.testing.assert_array_equal(found[:, step].argmax(axis=-1), (last + step + 1) % 3)
        assert (found[:, step].max(axis=-1) == 1).all()


def test_one_step_after_a_gap_is_sampled() -> None:
    contexts = replace(windows(), horizon=1, gap=3)

    found = probabilities(sample_continuations(Chain(CHAIN), contexts, 2000))

    np.testing.assert_allclose(found, exact(contexts), atol=0.03)


def test_no_class_without_a_probability_is_drawn() -> None:
    rounded = np.array([0.1] * 10 + [0.0])  # whose sum is less than 1 by rounding

    drawn = drawn_classes(np.tile(rounded, (3, 1)), np.array([0.0, 0.55, np.nextafter(1, 0)]))

    np.testing.assert_array_equal(drawn, [0, 5, 9])
