"""NetworkForecaster: the base class of networks that forecast the whole horizon from windows of the past."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from harness import Contexts, Floats, Forecast, Ints, Layer, TrainingData, Unsupported
from harness_models.neural.channels import CHANNELS, ChannelGroups
from harness_models.neural.covariates import CovariateFeatures, RowFeatures, available_inputs
from harness_models.neural.devices import find_device, widest_float
from harness_models.neural.examples import Batch, Rows, Shape, training_examples
from harness_models.neural.gradient_norms import before_and_after, gradient_norms
from harness_models.neural.heads import LinearPath
from harness_models.neural.initialisation import INITIALISATIONS, initialise
from harness_models.neural.limits import check_at_least, check_choice, check_rate
from harness_models.neural.parameters import NetworkParameters
from harness_models.neural.scaling import SCALES, TARGETS, Scaler, WindowScaler
from harness_models.neural.summary import summarise
from harness_models.neural.training import TrainingSettings, train_network

HEADS = ("mean", "quantile")
INNER_BATCH = 64  # windows forecast at once, padded to this size: other shapes would change the last bits
OUTER_BATCH = 1024  # windows whose contexts are in memory at once
LONGEST_LOOKBACK = 128  # chosen automatically


@dataclass
class NetworkForecaster(TrainingSettings, NetworkParameters, ABC):
    """One global network; its input channels are those of the panel: targets and covariates.

    Where `uses_covariates`, further features are the known covariates of the gap and horizon steps and the static
    covariates (texts one-hot), both standardised by the training data; missing ones are zero, and those that are
    constant there are left out. A past covariate with a delay is shifted: each row has the value available at its time.

    The input is the last `lookback` rows; None means two seasons, at least 24 and at most 128, but at most
    half of what the horizon leaves of the longest series. Shorter contexts are padded in front with zeros
    after scaling, which recurrent networks skip; series too short for a whole window are trained on by
    windows of at least half of the lookback.

    Channels are scaled by mean and standard deviation of the training data, and with `scale` "window"
    of each window. With `target` "change" the last row is subtracted from the inputs, and the outputs are
    differences from it. With `head` "quantile" the quantiles of the task are learned by the pinball loss
    in addition to the mean.

    With `channels` "independent", one network forecasts each target from its own history and the covariates, and is
    trained on all targets alike; with "together", it forecasts all targets from all channels.

    If `linear_path` is true, a linear layer from the history of each target is added to the outputs (A. Zeng et al.,
    2023), the weights of the output layer are zero at first, and training therefore starts at the naive forecast.

    The weights with the lowest validation loss are kept. The validation part is that of the task, or else
    the last share `validation` of each series.
    """

    lookback: int | None = None
    scale: str = "window"
    target: str = "change"
    channels: str = "independent"
    linear_path: bool = True
    head: str = "quantile"
    initialisation: str = "keras"
    validation: float = 0.2
    device: str = "auto"  # "auto", "cpu", "cuda" or "mps"
    seed: int = 0
    uses_covariates: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, 1, "lookback")
        check_rate(self, "validation")
        check_choice(self, "scale", SCALES)
        check_choice(self, "target", TARGETS)
        check_choice(self, "channels", CHANNELS)
        check_choice(self, "head", HEADS)
        check_choice(self, "initialisation", INITIALISATIONS)
        find_device(self.device)

    @abstractmethod
    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """An untrained network."""

    def shape(self, train: TrainingData, lookback: int) -> Shape:
        """The shape of training windows."""
        return Shape(lookback, gap=train.gap, steps=train.horizon)

    def outputs(self, network: nn.Module, batch: Batch, progress: float, generator: torch.Generator | None) -> Tensor:
        """The outputs of the network for a batch whose inputs and outputs are scaled."""
        outputs = network(batch.inputs, batch.observed, generator, batch.covariates)
        return outputs if network.linear_path is None else outputs + self.linear_outputs(network, batch)

    def linear_outputs(self, network: nn.Module, batch: Batch) -> Tensor:
        """The outputs of the linear path."""
        return network.linear_path(batch.inputs[..., list(self.groups_.targets)])

    def fit(self, train: TrainingData) -> None:
        """Trains the network; `curves_` are the losses, `remarks_` how training ended."""
        device = find_device(self.device)
        panel = train.panel
        self.horizon_, self.gap_ = train.horizon, train.gap
        self.levels_ = train.quantile_levels if self.head == "quantile" else ()
        self.lookback_ = self._lookback(train)
        self.scaler_ = Scaler.of(panel)
        self.groups_ = groups = ChannelGroups.of(panel, self.channels)
        self.window_scaler_ = WindowScaler(self.scale, self.target, groups.targets)
        shape, rows = self.shape(train, self.lookback_), Rows.of(train, self.validation)
        found = CovariateFeatures.of(panel) if self.uses_covariates else None
        self.features_ = found if found is not None and found.count(shape.ahead) else None
        features = None
        if self.features_ is not None:
            shape = replace(shape, covariates=self.features_.count(shape.ahead))
            features = RowFeatures.of(self.features_, train, (rows.values, rows.offsets), device)
            features = features.repeated(len(rows.values), len(groups.groups))
        dtype = (
            torch.float32 if self.scale == "training" else widest_float(device)
        )  # windows are scaled later, in higher precision
        parts = training_examples(*groups.split_rows(rows, self.scaler_), shape, dtype, device, features)
        generator = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]):  # torch initialises modules from the global generator
            network = self.network(shape, groups.size, len(groups.targets), self.levels_)
        initialise(network, self.initialisation, generator)
        network.linear_path = None
        if self.linear_path:
            is_level = self.target == "level"
            network.linear_path = LinearPath(self.lookback_, shape.steps, 1 + len(self.levels_), is_level)
            nn.init.zeros_(network.head.linear.weight)
        network.to(device)

        def loss_of(batch: Batch, progress: float, generator: torch.Generator | None) -> Tensor:
            inputs, window_scale = self.window_scaler_.apply(batch.inputs, batch.observed)
            scaled = replace(batch, inputs=inputs, outputs=window_scale.apply(batch.outputs))
            return network.head.loss(self.outputs(network, scaled, progress, generator), scaled.outputs)

        some = parts[0].evenly_spaced(self.batch_size)
        batch = some.batch(torch.arange(len(some), device=device))
        norms = gradient_norms(network, lambda: loss_of(batch, 0.0, None))
        log = train_network(network, loss_of, parts, self, self.seed, keeps_start=self.linear_path)
        self.gradient_norms_ = before_and_after(norms, gradient_norms(network, lambda: loss_of(batch, 0.0, None)))
        self.network_ = network.eval()
        self.curves_, self.remarks_ = log.curves, log.remarks

    def fitted_network(self) -> nn.Module:
        """The network."""
        return self.network_

    @property
    def model_summary(self) -> tuple[Layer, ...]:
        """The layers of the network, in the order of its computation."""
        device = next(self.network_.parameters()).device

        def run(windows: int) -> Tensor:
            inputs = torch.zeros(windows, self.lookback_, self.groups_.size, device=device)
            features = None
            if self.features_ is not None:
                features = torch.zeros(windows, self.features_.count(self.gap_ + self.horizon_), device=device)
            return self.outputs(self.network_, Batch(inputs, inputs, None, features), 1.0, None)

        return summarise(self.network_, run)

    def _lookback(self, train: TrainingData) -> int:
        if self.lookback is not None:
            return self.lookback
        half = (int(train.panel.lengths.max()) - train.gap - train.horizon) // 2
        return max(1, min(max(2 * train.season_length, 24), LONGEST_LOOKBACK, half))

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, in batches of the same size; padded windows in separate batches."""
        if (contexts.horizon, contexts.gap) != (self.horizon_, self.gap_):
            raise Unsupported(f"it was trained for a horizon of {self.horizon_} after a gap of {self.gap_}")
        outputs = np.concatenate([self._outputs(batch) for batch in contexts.batches(OUTER_BATCH)])
        if not self.levels_ or self.levels_ != contexts.quantile_levels:
            return Forecast(outputs[..., 0])
        return Forecast(outputs[..., 0], self.levels_, np.sort(outputs[..., 1:], axis=-1))

    def _outputs(self, contexts: Contexts) -> Floats:
        """The mean and the quantiles of each window, (window, horizon, target, 1 + level)."""
        groups = self.groups_
        inputs = groups.split_inputs(np.nan_to_num(self.scaler_.apply(available_inputs(contexts, self.lookback_))))
        repeats = len(groups.groups)
        covariates = None if self.features_ is None else self.features_.of_contexts(contexts).repeat(repeats, axis=0)
        padding = np.maximum(self.lookback_ - contexts.lengths, 0).repeat(repeats)
        outputs = np.empty((len(inputs), self.horizon_, len(groups.targets), 1 + len(self.levels_)))
        for windows in (np.flatnonzero(padding == 0), np.flatnonzero(padding)):
            for first in range(0, len(windows), INNER_BATCH):
                batch = windows[first : first + INNER_BATCH]
                features = None if covariates is None else covariates[batch]
                outputs[batch] = self._batch_outputs(inputs[batch], padding[batch], features)
        return self.scaler_.undo(groups.join_outputs(outputs))

    def _batch_outputs(self, inputs: Floats, padding: Ints, covariates: Floats | None) -> Floats:
        """The same for at most `INNER_BATCH` windows, padded to that many, in standardised units."""
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
        with torch.no_grad():
            scaled, window_scale = self.window_scaler_.apply(rows, observed)
            outputs = self.outputs(self.network_, Batch(scaled, None, observed, features), 1.0, None)
            if outputs.ndim == 5:  # outputs after every row: the last one is the forecast
                outputs = outputs[:, -1]
            outputs = window_scale.undo(outputs.to(rows.dtype))[:size, -self.horizon_ :]
        return np.asarray(outputs.cpu().numpy(), dtype=np.float64)
