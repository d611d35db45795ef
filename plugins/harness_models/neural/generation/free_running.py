"""FreeRunning: the base class of forecasters by recursive one-step networks, trained on free runs."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from harness import Contexts, Floats, Forecast, Panel, TrainingData, Unsupported
from harness_models.neural.generation.curriculum import TARGET_LOSS, BestWeights, stages, stretch, teach
from harness_models.neural.generation.models import initialise
from harness_models.neural.generation.training_windows import SCALES, Scale, TrainingWindows
from harness_models.neural.parameters import NetworkParameters
from harness_models.pasts import evenly_spaced
from harness_models.residual_quantiles import ResidualQuantiles

LONGEST_WARM_UP = 100
VALIDATION_WINDOWS = 64  # at most
BATCH = 256  # windows that run together, small enough for the cache
POINTS = 500  # of a curve, at most
HELD_OUT = 5  # one in so many values of a training series validates, without a validation part


@dataclass
class FreeRunning(NetworkParameters, ABC):
    """One global univariate model for all series and targets, each target separately.

    It is trained on the next value, then on free runs of increasing length up to the horizon (see
    `curriculum`). The weights with the lowest free-run loss on the validation part are kept; without one,
    the last windows of the training series are held out for validation. Budgets are iterations and
    evaluations, for reproducibility; `seconds` is a time limit.

    `warm_up` None means as many values as the horizon leaves of the training series, or half of them if
    there are few series, at most 100. `scale` is that of the training "panel" or of each "window"'s own
    past; the more standard deviations (`deviations`) are scaled to one, the more linear is the network.
    A context shorter than the warm-up is padded in front by its first value.
    Covariates are ignored.

    Quantiles are those of the residuals in the validation windows, by step, in units of each window's scale (see
    `ResidualQuantiles`). Validation windows are only used to select weights, unless the series are so short that
    they are training windows too.
    """

    warm_up: int | None = None
    scale: str = "window"
    deviations: float = 1.0  # standard deviations of the data that are scaled to one
    teach_iterations: int = 120
    stretch_evaluations: int = 20  # of each stage before the whole horizon
    finish_evaluations: int = 30
    batch: int = 16
    seconds: float = 1800.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("teach_iterations", "stretch_evaluations", "finish_evaluations"):
            check_at_least(name, getattr(self, name), 0)
        for name in ("batch", *self.sizes()):
            check_at_least(name, getattr(self, name), 1)
        if self.warm_up is not None:
            check_at_least("warm_up", self.warm_up, 2)
        if self.scale not in SCALES:
            raise ValueError(f"scale is one of {', '.join(SCALES)}, not {self.scale!r}")
        for name in ("deviations", "seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")

    @abstractmethod
    def sizes(self) -> tuple[str, ...]:
        """The names of the hyperparameters for the size of the network."""

    @abstractmethod
    def network(self, warm_up: int) -> Any:
        """The network, not initialised; it will be given `warm_up` values."""

    def least_warm_up(self) -> int:
        """The fewest values that the network needs."""
        return 2

    def teach_steps(self) -> int:
        """The steps ahead of the first training stage."""
        return 1

    def fit(self, train: TrainingData) -> None:
        """Trains the network in all stages, and restores the weights with the lowest validation loss."""
        panel, ahead = train.panel, train.gap + train.horizon
        if np.isnan(panel.target_values).all():
            raise Unsupported("the training data has no observed value")
        self.scale_ = Scale.of(panel, self.deviations, self.scale)
        self.warm_up_ = self._warm_up(panel, ahead)
        training = TrainingWindows.of(panel, self.warm_up_, self.scale_)
        held_out, validation = self._validation_windows(train.validation, training, ahead)
        generator = torch.Generator().manual_seed(self.seed)
        self.model_ = self.network(self.warm_up_)
        initialise(self.model_, generator)
        self.curves_: dict[str, list[float]] = {}
        self.remarks_: list[str] = []
        best = BestWeights(self.model_, validation, self.warm_up_)
        deadline = time.monotonic() + self.seconds
        for name, losses in self._train(training, ahead, held_out, generator):
            self.curves_.setdefault(name, []).extend(losses)
            best.evaluate()
            if time.monotonic() > deadline:
                self.remarks_.append(f"training was stopped by its time limit of {self.seconds:g} s, before its budget")
                break
        best.restore()
        self.model_.zero_grad(set_to_none=True)
        self.quantiles_ = self._residual_quantiles(validation, train) if train.quantile_levels else None
        self.curves_["validation loss"] = best.losses
        self.curves_ = {name: _thin(losses) for name, losses in self.curves_.items()}
        self.remarks_.append(f"the best validation loss was {min(best.losses):.2e}, the last {best.losses[-1]:.2e}")

    def fitted_network(self) -> nn.Module:
        """The network."""
        return self.model_

    def _train(
        self, training: TrainingWindows, ahead: int, held_out: int, generator: Any
    ) -> Iterator[tuple[str, list[float]]]:
        """Trains stage by stage, and yields names and losses in chunks."""
        taught = min(self.teach_steps(), ahead)
        batches = self._batches(training, taught, held_out, generator)
        for losses in teach(self.model_, batches, self.warm_up_, self.teach_iterations):
            yield "teach loss", losses
        waves = training.diverse(training.starts(ahead, held_out), ahead, self.batch)
        for steps in stages(ahead):
            part = waves[: self.warm_up_ + steps]
            for losses in stretch(self.model_, part, self.warm_up_, self.stretch_evaluations, TARGET_LOSS):
                yield "stretch loss", losses
        spent = 0
        for losses in stretch(self.model_, waves, self.warm_up_, self.finish_evaluations):
            spent += len(losses)
            yield "finish loss", losses
        used = (
            "was used up"
            if spent >= self.finish_evaluations - 2
            else f"was not used up: no step reduced the loss after {spent}"
        )
        self.remarks_.append(f"the budget of {self.finish_evaluations} evaluations to finish {used}")

    def _batches(self, training: TrainingWindows, ahead: int, held_out: int, generator: Any) -> Iterator[Any]:
        starts = training.starts(ahead, held_out)
        while True:
            yield training.take(starts[torch.randint(len(starts), (self.batch,), generator=generator).numpy()], ahead)

    def _warm_up(self, panel: Panel, ahead: int) -> int:
        room = int(panel.lengths.max()) - ahead
        least = self.least_warm_up() if self.warm_up is None else max(self.warm_up, self.least_warm_up())
        if room < least:
            raise Unsupported(
                f"{least} values to start from and {ahead} steps ahead need series of {least + ahead} "
                f"observations to train on; the longest has {panel.lengths.max()}"
            )
        if self.warm_up is not None:
            return least
        longest = min(room, LONGEST_WARM_UP)
        many = (panel.lengths >= longest + ahead).sum() >= self.batch
        return longest if many else max(least, min(room // 2, LONGEST_WARM_UP))

    def _validation_windows(self, validation: Panel | None, training: TrainingWindows, ahead: int) -> tuple[int, Any]:
        """The number of values held out at the end of each series, and the validation windows."""
        if validation is not None:
            windows = TrainingWindows.of(validation, self.warm_up_, self.scale_)
            starts = windows.starts(ahead)
            if len(starts):
                return 0, windows.take(evenly_spaced(starts, VALIDATION_WINDOWS), ahead)
        for held_out in (max(ahead, int(training.lengths.max()) // HELD_OUT), ahead, 0):
            if len(training.starts(ahead, held_out)):
                break
        else:
            raise Unsupported(
                f"no training series has {self.warm_up_ + ahead} values without a missing one: "
                f"{self.warm_up_} to start from and {ahead} steps ahead"
            )
        late = training.late_starts(ahead, held_out or ahead)
        return held_out, training.take(
            evenly_spaced(late if len(late) else training.starts(ahead), VALIDATION_WINDOWS), ahead
        )

    def _residual_quantiles(self, validation: Any, train: TrainingData) -> ResidualQuantiles | None:
        """The quantiles of the errors in validation windows, (step, window)."""
        ahead = train.gap + train.horizon
        with torch.no_grad():
            residuals = validation[self.warm_up_ :] - self.model_(validation[: self.warm_up_], ahead)[-ahead:]
        return ResidualQuantiles.of(residuals.numpy().T[..., None], train.quantile_levels)

    def predict(self, contexts: Contexts) -> Forecast:
        """The free run of each window."""
        past = contexts.last_targets(self.warm_up_)  # (window, step, target)
        columns = _backfill(np.ascontiguousarray(past.transpose(1, 0, 2)).reshape(self.warm_up_, -1))
        steps = contexts.gap + contexts.horizon
        parts = [self._run(columns[:, i : i + BATCH], steps) for i in range(0, columns.shape[1], BATCH)]
        ahead = np.concatenate(parts, axis=1)[contexts.gap :]
        mean = ahead.reshape(len(ahead), len(contexts), -1).transpose(1, 0, 2)
        if self.quantiles_ is None or self.quantiles_.levels != contexts.quantile_levels:
            return Forecast.point(mean)
        units = self.scale_.of_past(columns)[1].reshape(len(contexts), -1)
        return self.quantiles_.forecast(mean, units, contexts)

    def _run(self, past: Floats, steps: int) -> Floats:
        location, spread = self.scale_.of_past(past)
        with torch.no_grad():
            ahead = self.model_(torch.from_numpy((past - location) / spread), steps)[-steps:]
        return np.asarray(ahead.numpy() * spread + location)


def check_at_least(name: str, value: int, least: int) -> None:
    """Raise ValueError if a hyperparameter is too small."""
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def _backfill(past: Floats) -> Floats:
    """The past (step, column), with values before a column's first observation filled by it."""
    missing = np.isnan(past)
    if not missing[0].any():
        return past
    first = np.argmin(missing, axis=0)
    before = np.arange(len(past))[:, None] < first
    return np.where(before, past[first, np.arange(past.shape[1])], past)


def _thin(curve: list[float]) -> list[float]:
    """Evenly spaced points of a curve, including the last one."""
    step = -(-len(curve) // POINTS)
    return curve[::-1][::step][::-1]
