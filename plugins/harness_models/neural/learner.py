"""NetworkForecaster: the base class of networks of numeric targets that forecast from windows of the past."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from harness import Contexts, Floats, Forecast, TrainingData
from harness_models.neural.channels import CHANNELS, ChannelGroups
from harness_models.neural.covariates import available_inputs
from harness_models.neural.devices import find_device, widest_float
from harness_models.neural.examples import Batch, Rows, Shape, training_examples
from harness_models.neural.heads import LinearPath
from harness_models.neural.limits import check_choice
from harness_models.neural.scaling import SCALES, TARGETS, Scaler, WindowScaler
from harness_models.neural.windowed import OUTER_BATCH, WindowedNetwork

HEADS = ("mean", "quantile")


@dataclass
class NetworkForecaster(WindowedNetwork):
    """A network of numeric targets.

    Series too short for a whole window are trained on by windows of at least half of the lookback.

    Channels are scaled by mean and standard deviation of the training data, and with `scale` "window"
    of each window. With `target` "change" the last row is subtracted from the inputs, and the outputs are
    differences from it. With `head` "quantile" the quantiles of the task are learned by the pinball loss
    in addition to the mean.

    With `channels` "independent", one network forecasts each target from its own history and the covariates, and is
    trained on all targets alike; with "together", it forecasts all targets from all channels.

    If `linear_path` is true, a linear layer from the history of each target is added to the outputs (A. Zeng et al.,
    2023), the weights of the output layer are zero at first, and training therefore starts at the naive forecast.
    """

    scale: str = "window"
    target: str = "change"
    channels: str = "independent"
    linear_path: bool = True
    head: str = "quantile"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "scale", SCALES)
        check_choice(self, "target", TARGETS)
        check_choice(self, "channels", CHANNELS)
        check_choice(self, "head", HEADS)

    @abstractmethod
    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """An untrained network."""

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
        self.levels_ = train.quantile_levels if self.head == "quantile" else ()
        self.scaler_ = Scaler.of(panel)
        self.groups_ = groups = ChannelGroups.of(panel, self.channels)
        self.set_sizes(train, (int(panel.lengths.max()) - train.gap - train.horizon) // 2, groups.size)
        self.window_scaler_ = WindowScaler(self.scale, self.target, groups.targets)
        rows = Rows.of(train, self.validation)
        shape, features = self.covariate_features(train, self.shape(train, self.lookback_), rows, device)
        if features is not None:
            features = features.repeated(len(rows.values), len(groups.groups))
        dtype = (
            torch.float32 if self.scale == "training" else widest_float(device)
        )  # windows are scaled later, in higher precision
        parts = training_examples(*groups.split_rows(rows, self.scaler_), shape, dtype, device, features)
        network = self.initialised(lambda: self.network(shape, groups.size, len(groups.targets), self.levels_))
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

        self.train_weights(network, loss_of, parts, keeps_start=self.linear_path)

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecasts, in batches of the same size."""
        self.check_horizon(contexts)
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
        outputs = self.forecast_batches(inputs, padding, covariates, self._batch_outputs)
        return self.scaler_.undo(groups.join_outputs(outputs))

    def _batch_outputs(self, batch: Batch) -> Tensor:
        """The same for a batch, in standardised units."""
        scaled, window_scale = self.window_scaler_.apply(batch.inputs, batch.observed)
        outputs = self.outputs(self.network_, replace(batch, inputs=scaled), 1.0, None)
        if outputs.ndim == 5:  # outputs after every row: the last one is the forecast
            outputs = outputs[:, -1]
        return window_scale.undo(outputs.to(batch.inputs.dtype))[:, -self.horizon_ :]
