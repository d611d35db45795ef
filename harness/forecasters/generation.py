"""free_run: a one-step model that feeds on its own output, for all windows at once."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from harness.arrays import Floats
from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Contexts

State = TypeVar("State")


class OneStepModel(Protocol[State]):
    """A model that knows the next value, and how to go on from it."""

    def warm_up(self, contexts: Contexts) -> State:
        """The state after every window's past was read."""
        ...

    def step(self, state: State, known: Floats) -> tuple[Floats, State]:
        """The next value of every window, (window, target), and the state after it.

        `known` are the known covariates of that step, (window, known covariate).
        """
        ...


def free_run(model: OneStepModel[State], contexts: Contexts) -> Forecast:
    """The model's own continuation of every window; nothing true enters after the warm-up."""
    known = contexts.known()
    state = model.warm_up(contexts)
    mean = np.empty((len(contexts), contexts.horizon, len(contexts.targets)))
    for step in range(contexts.gap + contexts.horizon):
        value, state = model.step(state, known[:, step])
        if step >= contexts.gap:
            mean[:, step - contexts.gap] = value
    return Forecast.point(mean)
