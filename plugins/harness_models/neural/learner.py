"""NetworkForecaster: what all networks share that forecast a whole horizon from windows of the past."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from harness import Contexts, Floats, Forecast, Ints, TrainingData, Unsupported
from harness_models.neural.devices import device_of, widest
from harness_models.neural.examples import Batch, Rows, Shape, training_examples
from harness_models.neural.initialisation import INITIALISATIONS, initialise
from harness_models.neural.limits import at_least, one_of, share
from harness_models.neural.parameters import NetworkParameters
from harness_models.neural.scaling import SCALES, TARGETS, Framing, Scaler
from harness_models.neural.training import TrainingSettings, train_network

HEADS = ("mean", "quantile")
INNER_BATCH = 64  # windows forecast at once, always: other shapes would change the last bits
OUTER_BATCH = 1024  # windows whose contexts are held at once
LONGEST_LOOKBACK = 128  # that is chosen by itself


@dataclass
class NetworkForecaster(TrainingSettings, NetworkParameters, ABC):
    """One network for all series and targets, which are its channels, as are covariates of the past.

    It reads the last `lookback` rows; None are two seasons, at least 24 and at most 128, but no more
    than half of what the longest series leaves. Shorter pasts are padded in front with zeros after
    scaling, which recurrent networks skip; series too short for a whole window still train, by windows
    of at least half of the lookback.

    Channels are scaled by mean and deviation over the training data, or with `scale` "window" each
    window by its own. With `target` "change" the last row is taken from the inputs, and the outputs
    are changes from it. With `head` "quantile" the quantiles that a task asks for are learnt beside the
    mean by the pinball loss.

    The best state on the validation part is kept: the task's, or else the `validation` share of each
    series' end.
    """

    lookback: int | None = None
    scale: str = "window"
    target: str = "change"
    head: str = "quantile"
    initialisation: str = "keras"
    validation: float = 0.2
    device: str = "auto"  # "auto", "cpu", "cuda" or "mps"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "lookback")
        share(self, "validation")
        one_of(self, "scale", SCALES)
        one_of(self, "target", TARGETS)
        one_of(self, "head", HEADS)
        one_of(self, "initialisation", INITIALISATIONS)
        device_of(self.device)

    @abstractmethod
    def network(self, shape: Shape, channels: int, targets: int, levels: tuple[float, ...]) -> nn.Module:
        """A network that is not trained yet."""

    def shape(self, train: TrainingData, lookback: int) -> Shape:
        """The windows that it learns from."""
        return Shape(lookback, skipped=train.gap, steps=train.horizon)

    def outputs(self, network: nn.Module, batch: Batch, progress: float, draws: torch.Generator | None) -> Tensor:
        """What the network says of a batch whose inputs and outputs are in their frames."""
        return network(batch.inputs, batch.observed, draws)

    def fit(self, train: TrainingData) -> None:
        """Trains the network; `curves_` and `remarks_` tell how it went."""
        device = device_of(self.device)
        panel = train.panel
        self.horizon_, self.gap_ = train.horizon, train.gap
        self.levels_ = train.quantile_levels if self.head == "quantile" else ()
        self.lookback_ = self._lookback(train)
        self.scaler_ = Scaler.of(panel)
        self.framing_ = Framing(self.scale, self.target, panel.targets)
        shape = self.shape(train, self.lookback_)
        dtype = torch.float32 if self.scale == "training" else widest(device)  # unscaled windows need more digits
        parts = training_examples(Rows.of(train, self.validation), self.scaler_, shape, dtype, device)
        draws = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]):  # modules of torch draw from the global generator when they are made
            network = self.network(shape, len(panel.channels), len(panel.targets), self.levels_)
        initialise(network, self.initialisation, draws)
        network.to(device)

        def loss_of(batch: Batch, progress: float, draws: torch.Generator | None) -> Tensor:
            inputs, frame = self.framing_.frame(batch.inputs, batch.observed)
            framed = Batch(inputs, frame.apply(batch.outputs), batch.observed)
            return network.head.loss(self.outputs(network, framed, progress, draws), framed.outputs)

        progress = train_network(network, loss_of, parts, self, self.seed)
        self.network_ = network.eval()
        self.curves_, self.remarks_ = progress.curves, progress.remarks

    def learned(self) -> tuple[nn.Module, list[Floats | float]]:
        """The network, the scaler's means and standard deviations, and the quantile levels."""
        return self.network_, [self.scaler_.mean, self.scaler_.spread, *self.levels_]

    def _lookback(self, train: TrainingData) -> int:
        if self.lookback is not None:
            return self.lookback
        half = (int(train.panel.lengths.max()) - train.gap - train.horizon) // 2
        return max(1, min(max(2 * train.season_length, 24), LONGEST_LOOKBACK, half))

    def predict(self, contexts: Contexts) -> Forecast:
        """All windows, in batches of one size, the short pasts in batches of their own."""
        if (contexts.horizon, contexts.gap) != (self.horizon_, self.gap_):
            raise Unsupported(f"it was trained for a horizon of {self.horizon_} after a gap of {self.gap_}")
        outputs = np.concatenate([self._outputs(some) for some in contexts.batches(OUTER_BATCH)])
        if not self.levels_ or self.levels_ != contexts.quantile_levels:
            return Forecast.point(outputs[..., 0])
        return Forecast(outputs[..., 0], self.levels_, np.sort(outputs[..., 1:], axis=-1))

    def _outputs(self, contexts: Contexts) -> Floats:
        """The mean and the quantiles of each window, (window, horizon, target, 1 + level)."""
        inputs = np.nan_to_num(self.scaler_.apply(contexts.last(self.lookback_)))
        padding = np.maximum(self.lookback_ - contexts.lengths, 0)
        outputs = np.empty((len(contexts), self.horizon_, len(contexts.targets), 1 + len(self.levels_)))
        for windows in (np.flatnonzero(padding == 0), np.flatnonzero(padding)):
            for first in range(0, len(windows), INNER_BATCH):
                some = windows[first : first + INNER_BATCH]
                outputs[some] = self._inner_batch(inputs[some], padding[some])
        return self.scaler_.undo(outputs)

    def _inner_batch(self, inputs: Floats, padding: Ints) -> Floats:
        """The same of at most `INNER_BATCH` windows, filled up to that many, in standardised units."""
        device = next(self.network_.parameters()).device
        size = len(inputs)
        whole = np.zeros((INNER_BATCH, *inputs.shape[1:]))
        whole[:size] = inputs
        rows = torch.as_tensor(whole, dtype=widest(device), device=device)
        observed = None
        if padding.any():
            shown = np.ones(rows.shape[:2])
            shown[:size] = np.arange(self.lookback_) >= padding[:, None]
            observed = torch.as_tensor(shown, dtype=torch.float32, device=device)
        with torch.no_grad():
            seen, frame = self.framing_.frame(rows, observed)
            said = self.outputs(self.network_, Batch(seen, None, observed), 1.0, None)
            if said.ndim == 5:  # one for each row in: the last counts
                said = said[:, -1]
            outputs = frame.undo(said.to(rows.dtype))[:size, -self.horizon_ :]
        return np.asarray(outputs.cpu().numpy(), dtype=np.float64)
