"""Recursive forecasts of one-step models, for all windows at once: of numbers by free_run, of classes by sampling."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from harness.arrays import Floats, Ints
from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Contexts

State = TypeVar("State")


class OneStepModel(Protocol[State]):
    """A model that forecasts the next value from a state, and updates the state."""

    def warm_up(self, contexts: Contexts) -> State:
        """The state at the cutoff of every window."""
        ...

    def step(self, state: State, known: Floats) -> tuple[Floats, State]:
        """The next value of every window, (window, target), and the state after it.

        `known` are the known covariates of that step, (window, known covariate).
        """
        ...


def free_run(model: OneStepModel[State], contexts: Contexts) -> Forecast:
    """The free run of every window: the model's own outputs are its inputs, no actuals after the warm-up."""
    known = contexts.known()
    state = model.warm_up(contexts)
    mean = np.empty((len(contexts), contexts.horizon, len(contexts.targets)))
    for step in range(contexts.gap + contexts.horizon):
        value, state = model.step(state, known[:, step])
        if step >= contexts.gap:
            mean[:, step - contexts.gap] = value
    return Forecast.point(mean)


class NextClassModel(Protocol[State]):
    """A model that gives the probabilities of the next classes from a state, and updates the state by the classes."""

    def warm_up(self, contexts: Contexts) -> tuple[Floats, State]:
        """The probabilities of the classes after the cutoff of every window, (window, target, class), and the state."""
        ...

    def step(self, state: State, classes: Ints) -> tuple[Floats, State]:
        """The probabilities of the next classes of every sequence, (sequence, target, class), and the state.

        `classes` are those that come before them, (sequence, target).
        """
        ...

    def repeated(self, state: State, times: int) -> State:
        """The state of so many sequences of each window: first those of the first window, then of the second one."""
        ...


def sample_continuations(
    model: NextClassModel[State], contexts: Contexts, samples: int = 100, seed: int = 0
) -> Forecast:
    """The marginal probabilities of the classes at each step ahead, of which those of the first are exact.

    Those of a later step are the mean of the probabilities that the model gives after sampled classes, over so many
    `samples`. Their standard error is at most 0.5 / √(samples − 1). All windows have the same random numbers, so that
    a forecast does not depend on the other windows. Those of a step are spread evenly over the samples (Latin hypercube
    sampling; M. D. McKay, R. J. Beckman and W. J. Conover 1979), which makes the error smaller.
    """
    probabilities, state = model.warm_up(contexts)
    windows, steps = len(contexts), contexts.gap + contexts.horizon
    marginals = np.empty((windows, steps, *probabilities.shape[1:]))
    marginals[:, 0] = probabilities
    if steps > 1:
        numbers = _latin_hypercube(samples, (steps - 1, probabilities.shape[1]), seed)
        state, probabilities = model.repeated(state, samples), probabilities.repeat(samples, axis=0)
        for step in range(1, steps):
            classes = drawn_classes(probabilities, np.tile(numbers[:, step - 1], (windows, 1)))
            probabilities, state = model.step(state, classes)
            marginals[:, step] = probabilities.reshape(windows, samples, *probabilities.shape[1:]).mean(axis=1)
    return Forecast.from_probabilities(marginals[:, contexts.gap :])


def drawn_classes(probabilities: Floats, numbers: Floats) -> Ints:
    """The classes that numbers from 0 to less than 1 stand for, (…) from probabilities (…, class) and numbers (…)."""
    cumulative = np.cumsum(probabilities, axis=-1)
    cumulative /= cumulative[..., -1:]  # so that no class follows the last one with a probability
    return np.asarray((cumulative[..., :-1] <= numbers[..., None]).sum(axis=-1), dtype=np.int64)


def _latin_hypercube(samples: int, shape: tuple[int, ...], seed: int) -> Floats:
    """Numbers (sample, …), uniform from 0 to 1, of which each of `samples` equal intervals has one at every place."""
    rng = np.random.default_rng(seed)
    strata = rng.permuted(
        np.broadcast_to(np.arange(samples).reshape(-1, *(1 for _ in shape)), (samples, *shape)), axis=0
    )
    return np.asarray((strata + rng.random((samples, *shape))) / samples)
