"""FreeRunning: how a network of the next value becomes a forecaster that feeds on its own output."""

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
from harness_models.neural.generation.curriculum import ENOUGH, Best, stages, stretch, teach
from harness_models.neural.generation.cuts import SCALES, Cuts, Scale, spread_over
from harness_models.neural.generation.models import initialise
from harness_models.neural.parameters import NetworkParameters

LONGEST_WARM_UP = 100
VALIDATED = 64  # windows looked at to choose the best weights
TOGETHER = 256  # windows that run together, few enough for the cache
POINTS = 500  # of a curve
HELD_OUT = 5  # the part of a training series, one in so many, that chooses where nothing else does


@dataclass
class FreeRunning(NetworkParameters, ABC):
    """What all of them share: one model for all series and targets, each target by itself.

    It is taught the next value, then its free run is stretched to the horizon (see `curriculum`), and the
    weights are kept that ran most truly over the validation part; where there is none, over the last
    windows of the training series, which are then held out. Budgets count iterations and evaluations,
    so that a seed means the same weights; `seconds` only guards.

    `warm_up` None is as many values as the training series leave beside the horizon, or if they are few
    half of that, at most 100. `scale` says where values lie: in the training "panel", or in each
    "window"'s own past; the more `deviations` are taken as one, the more nearly linear is the network.
    A past shorter than the warm-up is continued backwards by its first value.
    Covariates are not read; forecasts are points.
    """

    warm_up: int | None = None
    scale: str = "window"
    deviations: float = 1.0  # of the data, taken as one
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
        """The names of the fields that say how large the network is."""

    @abstractmethod
    def network(self, warm_up: int) -> Any:
        """The network, its weights not drawn yet; `warm_up` values will be known to it."""

    def least_warm_up(self) -> int:
        """The fewest values that the network can go on from."""
        return 2

    def taught_steps(self) -> int:
        """How many steps ahead it is taught at once."""
        return 1

    def fit(self, train: TrainingData) -> None:
        """Teach, stretch, finish; then the best weights of all that were looked at."""
        panel, ahead = train.panel, train.gap + train.horizon
        if np.isnan(panel.target_values).all():
            raise Unsupported("the training data holds no value to learn from")
        self.scale_ = Scale.of(panel, self.deviations, self.scale)
        self.warm_up_ = self._warm_up(panel, ahead)
        cuts = Cuts.of(panel, self.warm_up_, self.scale_)
        held_out, chosen_by = self._held_out(train.validation, cuts, ahead)
        generator = torch.Generator().manual_seed(self.seed)
        self.model_ = self.network(self.warm_up_)
        initialise(self.model_, generator)
        self.curves_: dict[str, list[float]] = {}
        self.remarks_: list[str] = []
        best = Best(self.model_, chosen_by, self.warm_up_)
        deadline = time.monotonic() + self.seconds
        for name, losses in self._lessons(cuts, ahead, held_out, generator):
            self.curves_.setdefault(name, []).extend(losses)
            best.look()
            if time.monotonic() > deadline:
                self.remarks_.append(f"training was stopped by its guard of {self.seconds:g} s, before its budget")
                break
        best.restore()
        self.model_.zero_grad(set_to_none=True)
        self.curves_["validation loss"] = best.losses
        self.curves_ = {name: _thinned(losses) for name, losses in self.curves_.items()}
        self.remarks_.append(f"the best validation loss was {min(best.losses):.2e}, the last {best.losses[-1]:.2e}")

    def learned(self) -> tuple[nn.Module, list[Floats | float]]:
        """The network, and the scale of the training data."""
        return self.model_, [self.scale_.centre, self.scale_.spread, self.scale_.deviations]

    def _lessons(self, cuts: Cuts, ahead: int, held_out: int, generator: Any) -> Iterator[tuple[str, list[float]]]:
        """The losses of each stage with its name, some at a time."""
        taught = min(self.taught_steps(), ahead)
        batches = self._batches(cuts, taught, held_out, generator)
        for losses in teach(self.model_, batches, self.warm_up_, self.teach_iterations):
            yield "teach loss", losses
        waves = cuts.covering(cuts.starts(ahead, held_out), ahead, self.batch)
        for steps in stages(ahead):
            part = waves[: self.warm_up_ + steps]
            for losses in stretch(self.model_, part, self.warm_up_, self.stretch_evaluations, ENOUGH):
                yield "stretch loss", losses
        spent = 0
        for losses in stretch(self.model_, waves, self.warm_up_, self.finish_evaluations):
            spent += len(losses)
            yield "finish loss", losses
        used = "was used up" if spent >= self.finish_evaluations - 2 else f"was not: no step helped after {spent}"
        self.remarks_.append(f"the budget of {self.finish_evaluations} evaluations to finish {used}")

    def _batches(self, cuts: Cuts, ahead: int, held_out: int, generator: Any) -> Iterator[Any]:
        starts = cuts.starts(ahead, held_out)
        while True:
            yield cuts.cut(starts[torch.randint(len(starts), (self.batch,), generator=generator).numpy()], ahead)

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

    def _held_out(self, validation: Panel | None, cuts: Cuts, ahead: int) -> tuple[int, Any]:
        """How many last values of each series are not trained on, and the windows that choose the weights."""
        if validation is not None:
            apart = Cuts.of(validation, self.warm_up_, self.scale_)
            starts = apart.starts(ahead)
            if len(starts):
                return 0, apart.cut(spread_over(starts, VALIDATED), ahead)
        for held_out in (max(ahead, int(cuts.lengths.max()) // HELD_OUT), ahead, 0):
            if len(cuts.starts(ahead, held_out)):
                break
        else:
            raise Unsupported(
                f"no training series has {self.warm_up_ + ahead} values without a gap: "
                f"{self.warm_up_} to start from and {ahead} steps ahead"
            )
        late = cuts.late_starts(ahead, held_out or ahead)
        return held_out, cuts.cut(spread_over(late if len(late) else cuts.starts(ahead), VALIDATED), ahead)

    def predict(self, contexts: Contexts) -> Forecast:
        """The network's own continuation of each window; nothing true enters after its past."""
        past = contexts.last_targets(self.warm_up_)  # (window, step, target)
        columns = _begun(np.ascontiguousarray(past.transpose(1, 0, 2)).reshape(self.warm_up_, -1))
        steps = contexts.gap + contexts.horizon
        parts = [self._run(columns[:, i : i + TOGETHER], steps) for i in range(0, columns.shape[1], TOGETHER)]
        ahead = np.concatenate(parts, axis=1)[contexts.gap :]
        return Forecast.point(ahead.reshape(len(ahead), len(contexts), -1).transpose(1, 0, 2))

    def _run(self, past: Floats, steps: int) -> Floats:
        centre, spread = self.scale_.of_past(past)
        with torch.no_grad():
            ahead = self.model_(torch.from_numpy((past - centre) / spread), steps)[-steps:]
        return np.asarray(ahead.numpy() * spread + centre)


def check_at_least(name: str, value: int, least: int) -> None:
    """Raise ValueError, which names the field, where a value is too small."""
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def _begun(past: Floats) -> Floats:
    """The past (step, column) with what lies before a column's first value filled by that value."""
    missing = np.isnan(past)
    if not missing[0].any():
        return past
    first = np.argmin(missing, axis=0)
    before = np.arange(len(past))[:, None] < first
    return np.where(before, past[first, np.arange(past.shape[1])], past)


def _thinned(curve: list[float]) -> list[float]:
    """Evenly spaced points of a curve, its last among them."""
    step = -(-len(curve) // POINTS)
    return curve[::-1][::step][::-1]
