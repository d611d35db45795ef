"""WindowedNetwork: the base class of networks that forecast the whole horizon from a window of the past."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from harness import Contexts, Floats, Ints, Layer, TrainingData, Unsupported
from harness_models.neural.covariates import CovariateFeatures, RowFeatures
from harness_models.neural.devices import find_device, widest_float
from harness_models.neural.examples import Batch, Examples, Rows, Shape
from harness_models.neural.gradient_norms import before_and_after, gradient_norms
from harness_models.neural.initialisation import INITIALISATIONS, initialise
from harness_models.neural.limits import check_at_least, check_choice, check_rate
from harness_models.neural.parameters import NetworkParameters
from harness_models.neural.summary import summarise
from harness_models.neural.training import Loss, Measures, TrainingSettings, train_network

INNER_BATCH = 64  # windows forecast at once, padded to this size: other shapes would change the last bits
OUTER_BATCH = 1024  # windows whose contexts are in memory at once
LONGEST_LOOKBACK = 128  # chosen automatically


@dataclass
class WindowedNetwork(TrainingSettings, NetworkParameters, ABC):
    """One global network; its input channels are those of the panel: targets and covariates.

    Where `uses_covariates`, further features are the known covariates of the gap and horizon steps and the static
    covariates (texts one-hot), both standardised by the training data; missing ones are zero, and those that are
    constant there are left out. A past covariate with a delay is shifted: each row has the value available at its time.

    The input is the last `lookback` rows; None means two seasons, at least 24 and at most 128, but at most
    half of what the horizon leaves of the longest series. Shorter contexts are padded in front with zeros
    after scaling, which recurrent networks skip.

    The weights with the lowest validation loss are kept. The validation part is that of the task, or else
    the last share `validation` of each series.
    """

    lookback: int | None = None
    initialisation: str = "keras"
    validation: float = 0.2
    device: str = "auto"  # "auto", "cpu", "cuda" or "mps"
    seed: int = 0
    uses_covariates: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "lookback")
        check_rate(self, "validation")
        check_choice(self, "initialisation", INITIALISATIONS)
        find_device(self.device)

    @abstractmethod
    def outputs(self, network: nn.Module, batch: Batch, progress: float, generator: torch.Generator | None) -> Tensor:
        """The outputs of the network for a batch."""

    def shape(self, train: TrainingData, lookback: int) -> Shape:
        """The shape of training windows."""
        return Shape(lookback, gap=train.gap, steps=train.horizon)

    def fitted_network(self) -> nn.Module:
        """The network."""
        return self.network_

    @property
    def model_summary(self) -> tuple[Layer, ...]:
        """The layers of the network, in the order of its computation."""
        device = next(self.network_.parameters()).device

        def run(windows: int) -> Tensor:
            inputs = torch.zeros(windows, self.lookback_, self.input_channels_, device=device)
            features = None
            if self.features_ is not None:
                features = torch.zeros(windows, self.features_.count(self.gap_ + self.horizon_), device=device)
            return self.outputs(self.network_, Batch(inputs, inputs, None, features), 1.0, None)

        return summarise(self.network_, run)

    def set_sizes(self, train: TrainingData, longest: int, channels: int) -> None:
        """Set the sizes of windows; an automatic lookback is at most `longest`."""
        self.horizon_, self.gap_, self.input_channels_ = train.horizon, train.gap, channels
        automatic = max(1, min(max(2 * train.season_length, 24), LONGEST_LOOKBACK, longest))
        self.lookback_ = automatic if self.lookback is None else self.lookback

    def covariate_features(
        self, train: TrainingData, shape: Shape, rows: Rows, device: torch.device
    ) -> tuple[Shape, RowFeatures | None]:
        """The shape with the number of features, and those of each row; `features_` are None if there are none."""
        found = CovariateFeatures.of(train.panel) if self.uses_covariates else None
        self.features_ = found if found is not None and found.count(shape.ahead) else None
        if self.features_ is None:
            return shape, None
        shape = replace(shape, covariates=self.features_.count(shape.ahead))
        return shape, RowFeatures.of(self.features_, train, (rows.values, rows.offsets), device)

    def initialised(self, make: Callable[[], nn.Module]) -> nn.Module:
        """A network with its initial weights."""
        generator = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]):  # torch initialises modules from the global generator
            network = make()
        initialise(network, self.initialisation, generator)
        return network

    def train_weights(
        self,
        network: nn.Module,
        loss_of: Loss[Batch],
        parts: tuple[Examples, Examples],
        *,
        keeps_start: bool = False,
        measures_of: Measures[Batch] | None = None,
    ) -> None:
        """Train the network; `curves_` are the losses and measures, `remarks_` how training ended."""
        some = parts[0].evenly_spaced(self.batch_size)
        batch = some.batch(torch.arange(len(some), device=some.starts.device))
        norms = gradient_norms(network, lambda: loss_of(batch, 0.0, None))
        log = train_network(network, loss_of, parts, self, self.seed, keeps_start=keeps_start, measures_of=measures_of)
        self.gradient_norms_ = before_and_after(norms, gradient_norms(network, lambda: loss_of(batch, 0.0, None)))
        self.network_ = network.eval()
        self.curves_, self.remarks_ = log.curves, log.remarks

    def check_horizon(self, contexts: Contexts) -> None:
        """Raise Unsupported for another horizon or gap than that of the training."""
        if (contexts.horizon, contexts.gap) != (self.horizon_, self.gap_):
            raise Unsupported(f"it was trained for a horizon of {self.horizon_} after a gap of {self.gap_}")

    def forecast_batches(
        self, inputs: Floats, padding: Ints, covariates: Floats | None, forecast: Callable[[Batch], Tensor]
    ) -> Floats:
        """What `forecast` returns of each window, in batches of the same size; padded windows in separate batches.

        `inputs` are (window, lookback, channel), `padding` (window,) and `covariates` (window, feature).
        """
        results: Floats | None = None
        for windows in (np.flatnonzero(padding == 0), np.flatnonzero(padding)):
            for first in range(0, len(windows), INNER_BATCH):
                chosen = windows[first : first + INNER_BATCH]
                features = None if covariates is None else covariates[chosen]
                with torch.no_grad():
                    found = forecast(self._batch(inputs[chosen], padding[chosen], features))[: len(chosen)]
                if results is None:
                    results = np.empty((len(inputs), *found.shape[1:]))
                results[chosen] = found.cpu().numpy()
        assert results is not None
        return results

    def _batch(self, inputs: Floats, padding: Ints, covariates: Floats | None) -> Batch:
        """At most `INNER_BATCH` windows as a batch of that many."""
        device = next(self.network_.parameters()).device
        size = len(inputs)
        padded = np.zeros((INNER_BATCH, *inputs.shape[1:]))
        padded[:size] = inputs
        rows = torch.as_tensor(padded, dtype=widest_float(device), device=device)
        observed = None
        if padding.any():
            mask = np.ones(rows.shape[:2])
            mask[:size] = np.arange(self.lookback_) >= padding[:, None]
            observed = torch.as_tensor(mask, dtype=torch.float32, device=device)
        features = None
        if covariates is not None:
            padded = np.zeros((INNER_BATCH, covariates.shape[1]))
            padded[:size] = covariates
            features = torch.as_tensor(padded, dtype=torch.float32, device=device)
        return Batch(rows, None, observed, features)
