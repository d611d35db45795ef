"""How a network learns to run freely: it is taught the next step, then its free run is stretched.

    teach    Adam on the next step (of block models: the next block), the true values before it given
    stretch  full-batch L-BFGS on the free run of 25, then 100, then 300 steps, on one fixed batch
    finish   the same on the whole horizon, until the budget is spent

A loss is the mean squared error of all predictions but those of the first 20 values, through which the
network may find its feet. Back-propagation goes through all steps; nothing is detached. Each of these
yields its losses, some at a time: between them the caller may log, look at validation waves, or stop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

STAGES = (25, 100, 300)  # steps of free run, before the whole horizon
BURN_IN = 20  # values at the start whose predictions do not count
ENOUGH = 1e-5  # the loss at which a stage gives way to the next
HISTORY = 200  # steps that L-BFGS remembers; thirty are cheaper by nothing and end three times worse
LOUDER = 1e4  # torch's L-BFGS drops curvature pairs under 1e-10, so losses are made greater for it
TAUGHT = 100  # iterations of Adam whose losses are yielded together
STRETCHED = 25  # evaluations of L-BFGS whose losses are yielded together


def loss_of(model: Any, values: Any, warm_up: int) -> Any:
    """Mean squared error of a free run after `warm_up` of the values (step, wave), and of what leads to it."""
    predicted = model(values[:warm_up], len(values) - warm_up)
    first = model.first(warm_up)
    unsure = max(min(BURN_IN, warm_up // 2) - first, 0)
    error = predicted[unsure:] - values[first + unsure :]
    return (error * error).mean()


def free_loss(model: Any, values: Any, warm_up: int) -> float:
    """Mean squared error of the free run alone; nothing is kept for a way back."""
    steps = len(values) - warm_up
    with torch.no_grad():
        error = model(values[:warm_up], steps)[-steps:] - values[warm_up:]
    return float((error * error).mean())


def teach(model: Any, batches: Iterator[Any], warm_up: int, iterations: int) -> Iterator[list[float]]:
    """Adam on these batches, its rate falling from 1e-3 to 1e-5 by a cosine, the gradient clipped at 1."""
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(iterations, 1), eta_min=1e-5)
    losses: list[float] = []
    for iteration, waves in zip(range(1, iterations + 1), batches, strict=False):
        adam.zero_grad()
        loss = loss_of(model, waves, warm_up)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        falling.step()
        losses.append(_number(loss, f"iteration {iteration} of teaching"))
        if iteration % TAUGHT == 0 or iteration == iterations:
            yield losses
            losses = []


def stretch(model: Any, waves: Any, warm_up: int, evaluations: int, enough: float = 0.0) -> Iterator[list[float]]:
    """Full-batch L-BFGS on the free run over these waves.

    It ends when the loss is `enough`, when the evaluations are spent, or when no step makes it smaller.
    """
    lbfgs = torch.optim.LBFGS(
        model.parameters(),
        max_iter=STRETCHED,
        history_size=HISTORY,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )
    losses: list[float] = []
    free = len(waves) - warm_up

    def evaluation() -> Any:
        lbfgs.zero_grad()
        loss = loss_of(model, waves, warm_up)
        loss.backward()
        losses.append(_number(loss, f"evaluation {len(losses) + 1} of {free} free steps"))
        return loss * LOUDER

    while evaluations - len(losses) > 2:  # fewer make no step
        seen = len(losses)
        lbfgs.param_groups[0]["max_eval"] = min(STRETCHED, evaluations - seen)
        lbfgs.step(evaluation)
        new = losses[seen:]
        yield new
        if min(new) <= enough or min(new) == new[0]:
            return


def stages(horizon: int) -> list[int]:
    """The lengths of free run before the whole horizon."""
    return [steps for steps in STAGES if steps < horizon]


class Best:
    """The weights that ran most truly over the validation waves, of all that were looked at."""

    def __init__(self, model: Any, waves: Any, warm_up: int) -> None:
        self.model, self.waves, self.warm_up = model, waves, warm_up
        self.losses: list[float] = []
        self.look()

    def look(self) -> None:
        """Measures the model as it is now, and remembers it if it is the best so far."""
        loss = free_loss(self.model, self.waves, self.warm_up)
        if not self.losses or loss < min(self.losses):
            self.weights = [parameter.detach().clone() for parameter in self.model.parameters()]
        self.losses.append(loss)

    def restore(self) -> None:
        """Gives the model the best weights."""
        with torch.no_grad():
            for parameter, weight in zip(self.model.parameters(), self.weights, strict=True):
                parameter.copy_(weight)


def _number(loss: Any, when: str) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise ArithmeticError(f"the loss became NaN or infinite in {when}")
    return value
