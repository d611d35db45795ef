"""Training: one loop over batches, and what is watched around it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from harness_models.neural.examples import Batch, Examples
from harness_models.neural.limits import at_least, one_of, positive

OPTIMISERS = ("adam", "rmsprop")
SCHEDULES = ("constant", "cosine", "plateau")
LEAST_ROUND = 20  # iterations between two looks at the validation part, where an epoch is shorter
POINTS = 500  # of a curve, at most
VALIDATION_WINDOWS = 5000  # at most
VALIDATION_BATCH = 256

Loss = Callable[[Batch, float, torch.Generator | None], Tensor]  # (windows, progress from 0 to 1, draws)


@dataclass
class TrainingSettings:
    """How a training goes, and how long it lasts: hyperparameters that all networks have.

    It ends after `iterations`, or if they are given after `epochs`, or where `patience` rounds gained
    nothing on the validation part. A round is an epoch, of at least 20 iterations and at most a twentieth
    of the budget if that is said in iterations. `seconds` only guard: with them the same seed need not
    give the same weights.
    """

    optimiser: str = "adam"  # or "rmsprop"
    learning_rate: float = 3e-3
    schedule: str = "cosine"  # of the rate: "constant", "cosine", or "plateau": halved after `reduce_after` rounds
    reduce_after: int = 5
    weight_decay: float = 0.0
    clip: float = 1.0  # of the gradient's norm; 0 does not clip
    batch_size: int = 32
    iterations: int = 300
    epochs: int | None = None
    patience: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        at_least(self, 1, "reduce_after", "batch_size", "iterations", "epochs", "patience")
        at_least(self, 0, "weight_decay", "clip")
        positive(self, "learning_rate", "seconds")
        one_of(self, "optimiser", OPTIMISERS)
        one_of(self, "schedule", SCHEDULES)

    def budget(self, examples: int) -> int:
        """The iterations that end the training."""
        return self.iterations if self.epochs is None else self.epochs * self.epoch(examples)

    def epoch(self, examples: int) -> int:
        """The iterations in which every example is seen once."""
        return math.ceil(examples / self.batch_size)

    def round(self, examples: int) -> int:
        """The iterations between two looks at the validation part."""
        if self.epochs is not None:
            return self.epoch(examples)
        longest = max(1, self.budget(examples) // 20)
        return min(max(self.epoch(examples), LEAST_ROUND, self.budget(examples) // POINTS), longest)


@dataclass
class Progress:
    """What came of a training."""

    curves: dict[str, list[float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def note(self, curve: str, value: float) -> None:
        """Puts a value at the end of a curve."""
        self.curves.setdefault(curve, []).append(value)


def steps(
    loss_of: Callable[[Batch, int], Tensor],
    batches: Iterable[Batch],
    optimiser: torch.optim.Optimizer,
    clip: float,
) -> Iterator[float]:
    """Trains on one batch after another, and yields each step's loss."""
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
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
    network: nn.Module, loss_of: Loss, parts: tuple[Examples, Examples], settings: TrainingSettings, seed: int
) -> Progress:
    """Trains a network until its budget is used up or nothing is gained, and leaves it in its best state.

    The best state is the one of the lowest loss on the validation part; without one, it is the last.
    """
    training, validation = parts[0], parts[1].spread(VALIDATION_WINDOWS)
    order = torch.Generator().manual_seed(seed)
    draws = torch.Generator(training.starts.device).manual_seed(seed + 1)
    budget, round_ = settings.budget(len(training)), settings.round(len(training))
    optimiser = optimiser_of(network, settings)
    rate, watch, clock = Rate(optimiser, settings, budget), Watch(network, settings.patience), Clock(settings.seconds)
    progress = Progress()

    def loss_at(batch: Batch, step: int) -> Tensor:
        rate.at(step)
        return loss_of(batch, (step - 1) / budget, draws)

    batches = islice(shuffled(training, settings.batch_size, order), budget)
    recent, end = [], f"the budget of {budget:,} iterations was used up"
    for step, loss in enumerate(steps(loss_at, batches, optimiser, settings.clip), start=1):
        recent.append(loss)
        if step % round_ and step < budget and not clock.late:
            continue
        progress.note("loss", sum(recent) / len(recent))
        recent.clear()
        if len(validation):
            found = mean_loss(network, loss_of, validation, step / budget)
            progress.note("validation loss", found)
            watch.look(step, found)
            rate.reduce_if(watch.waited)
        if clock.late:
            end = f"stopped by the guard of {settings.seconds:g} seconds after {step:,} of {budget:,} iterations"
            break
        if watch.enough:
            end = f"stopped early after {step:,} of {budget:,} iterations: nothing gained in {watch.waited} rounds"
            break
    watch.restore()
    progress.remarks = [end, *watch.remarks()]
    return progress


def shuffled(examples: Examples, size: int, order: torch.Generator) -> Iterator[Batch]:
    """Batches of all examples in one order after another, for ever."""
    while True:
        for chosen in torch.randperm(len(examples), generator=order).split(size):
            yield examples.batch(chosen.to(examples.starts.device))


def mean_loss(network: nn.Module, loss_of: Loss, examples: Examples, progress: float) -> float:
    """The loss over all examples, with nothing dropped."""
    total = 0.0
    network.eval()
    with torch.no_grad():
        for chosen in torch.arange(len(examples), device=examples.starts.device).split(VALIDATION_BATCH):
            total += float(loss_of(examples.batch(chosen), progress, None)) * len(chosen)
    network.train()
    return total / len(examples)


def optimiser_of(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Adam, its weight decay apart from the gradient, or RMSprop with the constants of Keras."""
    rates: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimiser == "adam":
        return torch.optim.AdamW(network.parameters(), **rates)
    return torch.optim.RMSprop(network.parameters(), alpha=0.9, eps=1e-7, **rates)


@dataclass
class Rate:
    """The learning rate: constant, down to nothing along a cosine, or halved where validation gains nothing."""

    optimiser: torch.optim.Optimizer
    settings: TrainingSettings
    budget: int

    def at(self, step: int) -> None:
        """Sets the rate of a step."""
        if self.settings.schedule == "cosine":
            self._set(self.settings.learning_rate * (1 + math.cos(math.pi * (step - 1) / self.budget)) / 2)

    def reduce_if(self, waited: int) -> None:
        """Halves the rate after so many rounds without a gain."""
        if self.settings.schedule == "plateau" and waited and waited % self.settings.reduce_after == 0:
            self._set(self.optimiser.param_groups[0]["lr"] / 2)

    def _set(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate


@dataclass
class Watch:
    """Remembers the state of the lowest validation loss, and counts the rounds since."""

    network: nn.Module
    patience: int | None
    best: float = math.inf
    at: int = 0
    waited: int = 0
    state: dict[str, Tensor] | None = None

    def look(self, step: int, loss: float) -> None:
        """Takes note of a validation loss."""
        if loss < self.best:
            self.best, self.at, self.waited = loss, step, 0
            self.state = copy.deepcopy(self.network.state_dict())
        else:
            self.waited += 1

    @property
    def enough(self) -> bool:
        """Whether patience is at an end."""
        return self.patience is not None and self.waited >= self.patience

    def restore(self) -> None:
        """Puts the network back into its best state."""
        if self.state is not None:
            self.network.load_state_dict(self.state)

    def remarks(self) -> list[str]:
        """Which state was kept."""
        return [f"the state of iteration {self.at:,} validated best"] if self.state is not None else []


class Clock:
    """Tells whether the seconds that guard a training are over."""

    def __init__(self, seconds: float | None) -> None:
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def late(self) -> bool:
        """Whether they are over."""
        return time.monotonic() > self._end
