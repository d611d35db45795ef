"""Training: one loop over batches, with a learning-rate schedule, early stopping and a time limit."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from harness_models.neural.examples import B, WindowSet
from harness_models.neural.limits import check_at_least, check_choice, check_positive, check_rate

OPTIMISERS = ("adam", "rmsprop", "sgd")
SCHEDULES = ("constant", "cosine", "plateau")
LEAST_ROUND = 20  # iterations between two validations, where an epoch is shorter
POINTS = 500  # of a curve, at most
VALIDATION_WINDOWS = 5000  # at most
VALIDATION_BATCH = 256

Loss = Callable[[B, float, torch.Generator | None], Tensor]  # (windows, progress from 0 to 1, generator for dropout)
Measures = Callable[[B, float], Mapping[str, Tensor]]  # (windows, progress) → the loss and others, without dropout


@dataclass
class TrainingSettings:
    """Hyperparameters of the training that all networks have.

    Training ends after `iterations`, or after `epochs` if given, or early after `patience` rounds without a
    lower validation loss. A round is an epoch, or if the budget is in iterations at least 20 of them and at
    most a twentieth of the budget. `seconds` is a time limit: if it is reached, results are not reproducible.

    `optimiser` is "adam", "rmsprop" or "sgd" (stochastic gradient descent). `momentum` is that of "sgd", with the
    look-ahead of Nesterov if `nesterov` is true. `weight_decay` is decoupled from the gradient in "adam", and an L2
    penalty in the others. `l1_penalty` is the factor of the sum of absolute weights, without biases, in the training
    loss.
    """

    optimiser: str = "adam"  # or "rmsprop", "sgd"
    learning_rate: float = 3e-3
    schedule: str = "cosine"  # of the rate: "constant", "cosine", or "plateau": halved after `reduce_after` rounds
    reduce_after: int = 5
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    l1_penalty: float = 0.0
    clip: float = 1.0  # of the gradient's norm; 0 does not clip
    batch_size: int = 32
    iterations: int = 300
    epochs: int | None = None
    patience: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        check_at_least(self, 1, "reduce_after", "batch_size", "iterations", "epochs", "patience")
        check_at_least(self, 0, "weight_decay", "l1_penalty", "clip")
        check_positive(self, "learning_rate", "seconds")
        check_choice(self, "optimiser", OPTIMISERS)
        check_choice(self, "schedule", SCHEDULES)
        check_rate(self, "momentum")
        if self.momentum and self.optimiser != "sgd":
            raise ValueError(f"momentum is of optimiser 'sgd': leave it at 0 with {self.optimiser!r}")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum of more than 0")

    def budget(self, examples: int) -> int:
        """The iterations of the training."""
        return self.iterations if self.epochs is None else self.epochs * self.epoch(examples)

    def epoch(self, examples: int) -> int:
        """The iterations of one pass over the examples."""
        return math.ceil(examples / self.batch_size)

    def round(self, examples: int) -> int:
        """The iterations between two validations."""
        if self.epochs is not None:
            return self.epoch(examples)
        longest = max(1, self.budget(examples) // 20)
        return min(max(self.epoch(examples), LEAST_ROUND, self.budget(examples) // POINTS), longest)


@dataclass
class TrainingLog:
    """Learning curves, and remarks on how training ended."""

    curves: dict[str, list[float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def append(self, curve: str, value: float) -> None:
        """Append a value to a curve."""
        self.curves.setdefault(curve, []).append(value)


def steps(
    loss_of: Callable[[B, int], Tensor],
    batches: Iterable[B],
    optimiser: torch.optim.Optimizer,
    clip: float,
) -> Iterator[float]:
    """Trains on one batch after another, and yields the loss of each step."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for step, batch in enumerate(batches, start=1):
        loss = loss_of(batch, step)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the loss became {value} at step {step}; a smaller learning rate or clip may help"
            )
        optimiser.zero_grad()
        loss.backward()
        if clip:
            clip_grad_norm_(parameters, clip)
        optimiser.step()
        yield value


def train_network(
    network: nn.Module,
    loss_of: Loss[B],
    parts: tuple[WindowSet[B], WindowSet[B]],
    settings: TrainingSettings,
    seed: int,
    *,
    keeps_start: bool = False,
    measures_of: Measures[B] | None = None,
) -> TrainingLog:
    """Train a network until its budget is used up or early stopping, and restore its best weights.

    The best weights are those of the lowest validation loss, and those before the training are among them if
    `keeps_start`; without a validation part, the last ones. `measures_of` computes the loss of a validation batch,
    and what else has a curve.
    """
    training, validation = parts[0], parts[1].evenly_spaced(VALIDATION_WINDOWS)
    order = torch.Generator().manual_seed(seed)
    generator = torch.Generator(training.starts.device).manual_seed(seed + 1)
    budget, round_ = settings.budget(len(training)), settings.round(len(training))
    optimiser = make_optimiser(network, settings)
    learning_rate = LearningRate(optimiser, settings, budget)
    stopping, limit = EarlyStopping(network, settings.patience), TimeLimit(settings.seconds)
    log = TrainingLog()

    def validate(progress: float) -> dict[str, float]:
        measure = measures_of or (lambda batch, progress: {"loss": loss_of(batch, progress, None)})
        return mean_measures(network, measure, validation, progress)

    if keeps_start and len(validation):
        stopping.update(0, validate(0.0)["loss"])

    def loss_at(batch: B, step: int) -> Tensor:
        learning_rate.set(step)
        loss = loss_of(batch, (step - 1) / budget, generator)
        return loss + settings.l1_penalty * l1_norm(network) if settings.l1_penalty else loss

    batches = islice(shuffle_batches(training, settings.batch_size, order), budget)
    recent, end = [], f"the budget of {budget:,} iterations was used up"
    for step, loss in enumerate(steps(loss_at, batches, optimiser, settings.clip), start=1):
        recent.append(loss)
        if step % round_ and step < budget and not limit.reached:
            continue
        log.append("loss/validation rounds", sum(recent) / len(recent))
        recent.clear()
        if len(validation):
            measured = validate(step / budget)
            for name, value in measured.items():
                log.append(f"validation {name}/validation rounds", value)
            stopping.update(step, measured["loss"])
            learning_rate.reduce_on_plateau(stopping.rounds)
        if limit.reached:
            end = f"stopped by the time limit of {settings.seconds:g} seconds after {step:,} of {budget:,} iterations"
            break
        if stopping.exhausted:
            rounds = f"{stopping.rounds} rounds without a lower validation loss"
            end = f"stopped early after {step:,} of {budget:,} iterations: {rounds}"
            break
    stopping.restore()
    log.remarks = [end, *stopping.remarks()]
    return log


def shuffle_batches(examples: WindowSet[B], size: int, order: torch.Generator) -> Iterator[B]:
    """Batches of all examples in random order, epoch after epoch without end."""
    while True:
        for positions in torch.randperm(len(examples), generator=order).split(size):
            yield examples.batch(positions.to(examples.starts.device))


def mean_measures(
    network: nn.Module, measures_of: Measures[B], examples: WindowSet[B], progress: float
) -> dict[str, float]:
    """The means of measures over all examples, without dropout."""
    totals: dict[str, float] = {}
    network.eval()
    with torch.no_grad():
        for positions in torch.arange(len(examples), device=examples.starts.device).split(VALIDATION_BATCH):
            for name, value in measures_of(examples.batch(positions), progress).items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(positions)
    network.train()
    return {name: total / len(examples) for name, total in totals.items()}


def l1_norm(network: nn.Module) -> Tensor:
    """The sum of the absolute values of all weights: parameters of at least two dimensions, so no biases."""
    weights = [parameter.abs().sum() for parameter in network.parameters() if parameter.ndim > 1]
    return torch.stack(weights).sum()


def make_optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """AdamW, stochastic gradient descent, or RMSprop with the constants of Keras."""
    rates: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimiser == "adam":
        return torch.optim.AdamW(network.parameters(), **rates)
    if settings.optimiser == "sgd":
        momentum = {"momentum": settings.momentum, "nesterov": settings.nesterov}
        return torch.optim.SGD(network.parameters(), **momentum, **rates)
    return torch.optim.RMSprop(network.parameters(), alpha=0.9, eps=1e-7, **rates)


@dataclass
class LearningRate:
    """The learning-rate schedule: constant, cosine annealing to zero, or halved on a plateau."""

    optimiser: torch.optim.Optimizer
    settings: TrainingSettings
    budget: int

    def set(self, step: int) -> None:
        """Set the rate of a step."""
        if self.settings.schedule == "cosine":
            self._set(self.settings.learning_rate * (1 + math.cos(math.pi * (step - 1) / self.budget)) / 2)

    def reduce_on_plateau(self, rounds: int) -> None:
        """Halve the rate after every `reduce_after` rounds without a lower validation loss."""
        if self.settings.schedule == "plateau" and rounds and rounds % self.settings.reduce_after == 0:
            self._set(self.optimiser.param_groups[0]["lr"] / 2)

    def _set(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate


@dataclass
class EarlyStopping:
    """Keeps the weights of the lowest validation loss, and counts the rounds since."""

    network: nn.Module
    patience: int | None
    best: float = math.inf
    best_step: int = 0
    rounds: int = 0  # since the best step
    state: dict[str, Tensor] | None = None

    def update(self, step: int, loss: float) -> None:
        """Compare a validation loss with the lowest one."""
        if loss < self.best:
            self.best, self.best_step, self.rounds = loss, step, 0
            self.state = copy.deepcopy(self.network.state_dict())
        else:
            self.rounds += 1

    @property
    def exhausted(self) -> bool:
        """Whether the patience is exhausted."""
        return self.patience is not None and self.rounds >= self.patience

    def restore(self) -> None:
        """Restore the best weights of the network."""
        if self.state is not None:
            self.network.load_state_dict(self.state)

    def remarks(self) -> list[str]:
        """Which weights were kept."""
        return (
            [f"the weights of iteration {self.best_step:,} have the lowest validation loss"]
            if self.state is not None
            else []
        )


class TimeLimit:
    """The time limit of a training."""

    def __init__(self, seconds: float | None) -> None:
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def reached(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._end
