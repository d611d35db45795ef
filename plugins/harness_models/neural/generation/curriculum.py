"""Curriculum for free runs: one-step training with teacher forcing, then free runs of increasing length.

    teach    Adam on the next step (of block models: the next block), given the actual values before it
    stretch  full-batch L-BFGS on free runs of 25, then 100, then 300 steps, on one fixed batch
    finish   the same on the whole horizon, until the budget is used up

The loss is the mean squared error of all predictions except those of the first 20 values (burn-in).
Gradients are back-propagated through all steps. Each function yields losses in chunks; in between, the
caller may log, validate, or stop. With scheduled sampling some inputs of the first stage are predictions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from harness_models.neural.generation.changes import accumulate
from harness_models.neural.generation.sampling import SamplingSchedule

STAGES = (25, 100, 300)  # steps of free run, before the whole horizon
FIRST_RATE = 1e-3  # of Adam
BURN_IN = 20  # values at the start whose predictions are ignored
TARGET_LOSS = 1e-5  # the loss at which a stage ends
HISTORY = 200  # of L-BFGS, in steps; 30 are no faster, and give three times the error
LOSS_SCALE = 1e4  # torch's L-BFGS ignores curvature pairs below 1e-10
TEACH_CHUNK = 100  # iterations of Adam per chunk of losses
POINTS = 500  # of a curve, at most
STRETCH_CHUNK = 25  # evaluations of L-BFGS per chunk of losses


@dataclass(frozen=True)
class Teaching:
    """How the first stage trains: the learning rate of Adam falls to `last_rate`, gradients are clipped at `clip`."""

    last_rate: float = 1e-5
    clip: float = 1.0
    sampling: SamplingSchedule | None = None  # None: teacher forcing


def loss_of(model: Any, values: Any, warm_up: int) -> Any:
    """Mean squared error of a free run after `warm_up` values (step, wave), and of the predictions in the warm-up."""
    return _loss(model, model(values[:warm_up], len(values) - warm_up), values, warm_up)


def sampled_loss(model: Any, values: Any, warm_up: int, own: Any) -> Any:
    """The same, where the network's own predictions are the inputs in the steps and waves of `own`."""
    return _loss(model, model.sampled(values, own, warm_up), values, warm_up)


def _loss(model: Any, predicted: Any, values: Any, warm_up: int) -> Any:
    first_predicted = model.first_predicted(warm_up)
    ignored = max(min(BURN_IN, warm_up // 2) - first_predicted, 0)
    error = predicted[ignored:] - values[first_predicted + ignored :]
    return (error * error).mean()


def free_loss(model: Any, values: Any, warm_up: int, lag: int = 0) -> float:
    """Mean squared error of the free run only, without gradients; of levels if the values are changes with a lag."""
    steps = len(values) - warm_up
    with torch.no_grad():
        error = accumulate((model(values[:warm_up], steps)[-steps:] - values[warm_up:]).numpy(), lag)
    return float((error * error).mean())


def teach(
    model: Any,
    batches: Iterator[Any],
    warm_up: int,
    iterations: int,
    teaching: Teaching | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[list[float]]:
    """Adam on these batches, with cosine annealing; `generator` draws which inputs are predictions."""
    teaching = teaching or Teaching()
    adam = torch.optim.Adam(model.parameters(), lr=FIRST_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(iterations, 1), eta_min=teaching.last_rate)
    losses: list[float] = []
    for iteration, waves in zip(range(1, iterations + 1), batches, strict=False):
        adam.zero_grad()
        if teaching.sampling is None or generator is None:
            loss = loss_of(model, waves, warm_up)
        else:
            own = teaching.sampling.predicted_inputs(iteration - 1, tuple(waves.shape), generator)
            loss = sampled_loss(model, waves, warm_up, own)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), teaching.clip)
        adam.step()
        schedule.step()
        losses.append(_finite_loss(loss, f"iteration {iteration} of teaching"))
        if iteration % TEACH_CHUNK == 0 or iteration == iterations:
            yield losses
            losses = []


def stretch(model: Any, waves: Any, warm_up: int, evaluations: int, target: float = 0.0) -> Iterator[list[float]]:
    """Full-batch L-BFGS on the free run of these waves.

    It ends when the loss reaches `target`, when the evaluations are used up, or when no step reduces it.
    """
    lbfgs = torch.optim.LBFGS(
        model.parameters(),
        max_iter=STRETCH_CHUNK,
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
        losses.append(_finite_loss(loss, f"evaluation {len(losses) + 1} of {free} free steps"))
        return loss * LOSS_SCALE

    while evaluations - len(losses) > 2:  # a step needs more
        evaluated = len(losses)
        lbfgs.param_groups[0]["max_eval"] = min(STRETCH_CHUNK, evaluations - evaluated)
        lbfgs.step(evaluation)
        new = losses[evaluated:]
        yield new
        if min(new) <= target or min(new) == new[0]:
            return


def stages(horizon: int) -> list[int]:
    """The lengths of free runs before the whole horizon."""
    return [steps for steps in STAGES if steps < horizon]


class BestWeights:
    """Keeps the weights with the lowest free-run loss on the validation waves."""

    def __init__(self, model: Any, waves: Any, warm_up: int, lag: int = 0) -> None:
        self.model, self.waves, self.warm_up, self.lag = model, waves, warm_up, lag
        self.losses: list[float] = []
        self.evaluate()

    def evaluate(self) -> None:
        """Compute the loss of the current weights, and keep them if it is the lowest."""
        loss = free_loss(self.model, self.waves, self.warm_up, self.lag)
        if not self.losses or loss < min(self.losses):
            self.weights = [parameter.detach().clone() for parameter in self.model.parameters()]
        self.losses.append(loss)

    def restore(self) -> None:
        """Restore the best weights of the model."""
        with torch.no_grad():
            for parameter, weight in zip(self.model.parameters(), self.weights, strict=True):
                parameter.copy_(weight)


def thin(curve: list[float]) -> list[float]:
    """Evenly spaced points of a curve, including the last one."""
    step = -(-len(curve) // POINTS)
    return curve[::-1][::step][::-1]


def _finite_loss(loss: Any, when: str) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise ArithmeticError(f"the loss became NaN or infinite in {when}")
    return value
