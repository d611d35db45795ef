"""free_run: recursive forecasts of a one-step model, for all windows at once."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from harness.arrays import Floats
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
