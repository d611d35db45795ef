"""FreeRunning: the base class of forecasters by recursive one-step networks, trained on free runs."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from harness import Contexts, Floats, Forecast, Panel, TrainingData, Unsupported
from harness_models.neural.generation.changes import TARGETS, accumulate, best_lag, changes_of, levels_of
from harness_models.neural.generation.curriculum import (
    FIRST_RATE,
    TARGET_LOSS,
    BestWeights,
    Teaching,
    stages,
    stretch,
    teach,
    thin,
)
from harness_models.neural.generation.gradients import gradient_norms
from harness_models.neural.generation.layers import DEFAULT, INITIAL_WEIGHTS, initialise
from harness_models.neural.generation.sampling import SamplingSchedule
from harness_models.neural.generation.training_windows import SCALES, Scale, TrainingWindows, backfill
from harness_models.neural.generation.window_lengths import Needs, WindowLengths
from harness_models.neural.gradient_norms import before_and_after
from harness_models.neural.limits import check_at_least, check_choice, check_flag, check_positive
from harness_models.neural.parameters import NetworkParameters
from harness_models.pasts import evenly_spaced
from harness_models.residual_quantiles import ResidualQuantiles

RECIPES = ("curriculum", "scheduled-sampling")
VALIDATION_WINDOWS = 64  # at most
BATCH = 240  # windows that run together, small enough for the cache
WIDTH = 16  # their number is a multiple of this, for which AVX-512 products do not depend on it in any bit
HELD_OUT = 5  # one in so many values of a training series validates, without a validation part


@dataclass
class FreeRunning(NetworkParameters, ABC):
    """One global univariate model for all series and targets, each target separately.

    It is trained on the next value, then on free runs of increasing length up to the horizon (see
    `curriculum`). The weights with the lowest free-run loss on the validation part are kept; without one,
    the last windows of the training series are held out for validation. Budgets are iterations and
    evaluations, for reproducibility; `seconds` is a time limit. Training series may be shorter than the horizon: free
    runs in training are then as long as the series allow.

    `sampling` is the schedule of scheduled sampling in the first stage (see `sampling`), None teacher forcing. With
    the `recipe` "scheduled-sampling" this is the only stage: Adam at a constant rate without clipping on windows of
    at most 100 values, with the schedule "steps" if there is no other, and the last weights are kept.

    Without `bias` the hidden layers, and without `output_bias` the output layer, have no bias vectors.

    `warm_up` None means as many values as the horizon leaves of the training series, or half of them if
    there are few series, at most 100. `scale` is that of the training "panel" or of each "window"'s own
    past, or "none"; the more standard deviations (`deviations`) are scaled to one, the more linear is the network.
    With the `target` "level" the network predicts values, with "change" their changes from the row before, with
    "seasonal-change" from a season before; these are summed up. None means what suits the training data (`best_lag`).
    A context shorter than the warm-up is padded in front by its first value.
    Covariates are ignored.

    Quantiles are those of the residuals in the validation windows, by step, in units of each window's scale (see
    `ResidualQuantiles`). Validation windows are only used to select weights, unless the series are so short that
    they are training windows too.
    """

    warm_up: int | None = None
    scale: str = "window"
    target: str | None = None
    deviations: float = 1.0  # standard deviations of the data that are scaled to one
    teach_iterations: int = 120
    stretch_evaluations: int = 20  # of each stage before the whole horizon
    finish_evaluations: int = 30
    batch: int = 16
    seconds: float = 1800.0
    recipe: str = "curriculum"
    sampling: str | None = None
    sampling_k: float | None = None
    sampling_slope: float | None = None
    sampling_least: float | None = None
    initialisation: str = DEFAULT
    bias: bool = True
    output_bias: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 0, "teach_iterations", "stretch_evaluations", "finish_evaluations")
        check_at_least(self, 1, "batch", *self.sizes())
        check_at_least(self, 2, "warm_up")
        check_choice(self, "scale", SCALES)
        check_positive(self, "deviations", "seconds")
        check_choice(self, "recipe", RECIPES)
        if self.target is not None:
            check_choice(self, "target", TARGETS)
        check_choice(self, "initialisation", INITIAL_WEIGHTS)
        check_flag(self, "bias", "output_bias")
        self._teaching()

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
        self.curves_: dict[str, list[float]] = {}
        lengths, training = self._training_windows(panel, ahead)
        self.lag_ = self._lag(training, lengths, train.season_length)
        validation_panel = train.validation
        if self.lag_:
            lengths, training = self._training_windows(changes_of(panel, self.lag_), ahead)
            validation_panel = None if validation_panel is None else changes_of(validation_panel, self.lag_)
        self.warm_up_ = lengths.context
        held_out, validation = self._validation_windows(validation_panel, training, lengths.ahead)
        generator = torch.Generator().manual_seed(self.seed)
        self.model_ = self.network(lengths.warm_up)
        initialise(self.model_, generator, self.initialisation)
        best = BestWeights(self.model_, validation, lengths.warm_up, self.lag_)
        waves = training.take(evenly_spaced(training.starts(1, held_out), self.batch), 1)
        norms = gradient_norms(self.model_, waves)
        deadline = time.monotonic() + self.seconds
        for stage, losses in self._train(training, lengths, held_out, generator):
            self.curves_.setdefault(f"loss/{stage}", []).extend(losses)
            best.evaluate()
            self.curves_.setdefault(f"validation loss/{stage}", []).append(best.losses[-1])
            if time.monotonic() > deadline:
                self.remarks_.append(f"training was stopped by its time limit of {self.seconds:g} s, before its budget")
                break
        if self.recipe == "curriculum":
            best.restore()
        self.model_.zero_grad(set_to_none=True)
        self.gradient_norms_ = before_and_after(norms, gradient_norms(self.model_, waves))
        self.quantiles_ = self._residual_quantiles(validation, lengths, train) if train.quantile_levels else None
        self.curves_ = {name: thin(losses) for name, losses in self.curves_.items()}
        self.remarks_.append(f"the best validation loss was {min(best.losses):.2e}, the last {best.losses[-1]:.2e}")

    def fitted_network(self) -> nn.Module:
        """The network."""
        return self.model_

    def _training_windows(self, panel: Panel, ahead: int) -> tuple[WindowLengths, TrainingWindows]:
        """The lengths of windows, and the windows of the training series; sets their scale."""
        self.scale_ = Scale.of(panel, self.deviations, self.scale)
        self.remarks_: list[str] = []
        lengths_of = WindowLengths.of if self.recipe == "curriculum" else WindowLengths.within_context
        needs = Needs(self.least_warm_up(), self.warm_up, ahead, self.batch)
        windows = TrainingWindows.of(panel, 0, self.scale_)
        lengths = lengths_of(panel.lengths, needs)
        training = replace(windows, warm_up=lengths.warm_up)
        if not len(training.starts(lengths.ahead)):  # missing values
            lengths = lengths_of(windows.runs, needs)
            training = replace(windows, warm_up=lengths.warm_up)
        if lengths.ahead < ahead and self.recipe == "curriculum":
            skipped = [str(steps) for steps in stages(ahead) if steps >= lengths.ahead]
            stretches = f"; the stages of {' and '.join(skipped)} steps were skipped" if skipped else ""
            self.remarks_.append(
                f"the training series are too short for free runs of {ahead:,} steps: "
                f"the longest in training had {lengths.ahead:,}{stretches}"
            )
        return lengths, training

    def _lag(self, training: TrainingWindows, lengths: WindowLengths, season: int) -> int:
        """The lag of the changes that are learned; 0 for levels."""
        if self.target is not None:
            return {"level": 0, "change": 1, "seasonal-change": season}[self.target]
        room = int(training.runs.max()) - self.least_warm_up() - lengths.ahead
        return best_lag(training, lengths.ahead, season, room)

    def _teaching(self) -> Teaching:
        """How the first stage trains."""
        kind = self.sampling
        parameters = (self.sampling_k, self.sampling_slope, self.sampling_least)
        if self.recipe == "scheduled-sampling":
            schedule = SamplingSchedule.of(kind or "steps", self.teach_iterations, *parameters)
            return Teaching(last_rate=FIRST_RATE, clip=math.inf, sampling=schedule)
        if kind is not None:
            return Teaching(sampling=SamplingSchedule.of(kind, self.teach_iterations, *parameters))
        if any(parameter is not None for parameter in parameters):
            raise ValueError("sampling_k, sampling_slope and sampling_least need a schedule: set sampling")
        return Teaching()

    def _train(
        self, training: TrainingWindows, lengths: WindowLengths, held_out: int, generator: torch.Generator
    ) -> Iterator[tuple[str, list[float]]]:
        """Trains stage by stage, and yields the stage and its losses in chunks."""
        taught = min(self.teach_steps(), lengths.ahead)
        taught_windows = training
        if self.recipe == "scheduled-sampling":
            taught_windows = replace(training, warm_up=lengths.context - taught)
        warm_up = taught_windows.warm_up
        batches = self._batches(taught_windows, taught, held_out, generator)
        for losses in teach(self.model_, batches, warm_up, self.teach_iterations, self._teaching(), generator):
            yield "teaching on next values", losses
        if self.recipe == "curriculum":
            yield from self._free_run_stages(training, lengths, held_out)

    def _free_run_stages(
        self, training: TrainingWindows, lengths: WindowLengths, held_out: int
    ) -> Iterator[tuple[str, list[float]]]:
        """The second and the third stage."""
        warm_up, ahead = lengths.warm_up, lengths.ahead
        waves = training.diverse(training.starts(ahead, held_out), ahead, self.batch)
        for steps in stages(ahead):
            part = waves[: warm_up + steps]
            for losses in stretch(self.model_, part, warm_up, self.stretch_evaluations, TARGET_LOSS):
                yield "free runs of growing length", losses
        spent = 0
        for losses in stretch(self.model_, waves, warm_up, self.finish_evaluations):
            spent += len(losses)
            yield "free runs of the whole horizon", losses
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

    def _validation_windows(self, validation: Panel | None, training: TrainingWindows, ahead: int) -> tuple[int, Any]:
        """The number of values held out at the end of each series, and the validation windows."""
        if validation is not None:
            windows = TrainingWindows.of(validation, training.warm_up, self.scale_)
            starts = windows.starts(ahead)
            if len(starts):
                return 0, windows.take(evenly_spaced(starts, VALIDATION_WINDOWS), ahead)
        shares = (max(ahead, int(training.lengths.max()) // HELD_OUT), ahead, 0)
        held_out = next(share for share in shares if not share or len(training.starts(ahead, share)))
        late = training.late_starts(ahead, held_out or ahead)
        return held_out, training.take(
            evenly_spaced(late if len(late) else training.starts(ahead), VALIDATION_WINDOWS), ahead
        )

    def _residual_quantiles(
        self, validation: Any, lengths: WindowLengths, train: TrainingData
    ) -> ResidualQuantiles | None:
        """The quantiles of the errors in validation windows, (step, window)."""
        warm_up, ahead = lengths.warm_up, lengths.ahead
        with torch.no_grad():
            residuals = validation[warm_up:] - self.model_(validation[:warm_up], ahead)[-ahead:]
        residuals = accumulate(residuals.numpy(), self.lag_)
        return ResidualQuantiles.of(residuals.T[..., None], train.quantile_levels)

    def predict(self, contexts: Contexts) -> Forecast:
        """The free run of each window."""
        rows = self.warm_up_ + self.lag_
        past = contexts.last_targets(rows)  # (window, step, target)
        levels = backfill(np.ascontiguousarray(past.transpose(1, 0, 2)).reshape(rows, -1))
        columns = levels[self.lag_ :] - levels[: self.warm_up_] if self.lag_ else levels
        steps = contexts.gap + contexts.horizon
        parts = [self._run(columns[:, i : i + BATCH], steps) for i in range(0, columns.shape[1], BATCH)]
        ahead = np.concatenate(parts, axis=1)
        ahead = levels_of(ahead, levels[rows - self.lag_ :])[contexts.gap :]
        mean = ahead.reshape(len(ahead), len(contexts), -1).transpose(1, 0, 2)
        if self.quantiles_ is None or self.quantiles_.levels != contexts.quantile_levels:
            return Forecast.point(mean)
        units = self.scale_.of_past(columns)[1].reshape(len(contexts), -1)
        return self.quantiles_.forecast(mean, units, contexts)

    def _run(self, past: Floats, steps: int) -> Floats:
        windows = past.shape[1]
        past = np.pad(past, ((0, 0), (0, -windows % WIDTH)), mode="edge")
        location, spread = self.scale_.of_past(past)
        with torch.no_grad():
            ahead = self.model_(torch.from_numpy((past - location) / spread), steps)[-steps:]
        return np.asarray(ahead.numpy() * spread + location)[:, :windows]
