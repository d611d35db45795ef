"""ClassForecaster: the base class of networks that forecast the probabilities of classes from windows of the past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from harness import Contexts, Floats, Forecast, TrainingData
from harness_models.classes import check_categorical, class_counts
from harness_models.neural.architectures import Backbone
from harness_models.neural.classes.inputs import (
    ENCODINGS,
    InputColumns,
    Inputs,
    class_scaler,
    informative_channels,
    longest_history,
    rows_of,
)
from harness_models.neural.classes.network import ClassNetwork, class_accuracy, class_loss
from harness_models.neural.covariates import available_inputs
from harness_models.neural.devices import find_device
from harness_models.neural.examples import Batch, Shape, training_examples
from harness_models.neural.limits import check_at_least, check_choice, check_rate
from harness_models.neural.windowed import OUTER_BATCH

LEAST_PROBABILITY = 1e-6  # of a class, also of one that the training data does not contain


@dataclass
class ClassForecaster(Backbone):
    """One network for all targets of a task, whose outputs are the probabilities of the classes of each (softmax).

    Numbers are standardised by the training data, and a missing one is zero. With `encoding` "one-hot", a categorical
    channel, such as the history of a target, is an input for each class and one for a missing value; with "embedding",
    each class and a missing value have a learned vector of `embedding` numbers. Channels without a value in the inputs
    of the training data are left out.

    `dense` are the sizes of layers with relu between the backbone and the output layer. Each class has a probability of
    at least 10⁻⁶, also one that the training data does not contain.

    The loss is the cross-entropy, the mean over all outputs that are not missing. With `label_smoothing` above 0, this
    share of the probability is spread evenly over the classes in the training loss.

    Where the first class of each series comes late, as the class of a whole sequence, the automatic `lookback` reaches
    back to the start of the series; and where the classes of each series fit into one window, the validation part is a
    share `validation` of the series.
    """

    learning_rate: float = 1e-2
    batch_size: int = 64
    iterations: int = 1000
    encoding: str = "one-hot"
    embedding: int = 8
    dense: tuple[int, ...] = ()
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "encoding", ENCODINGS)
        check_at_least(self, 1, "embedding")
        check_rate(self, "label_smoothing")
        if any(size < 1 for size in self.dense):
            raise ValueError(f"dense are sizes of at least 1, not {list(self.dense)}")

    def network(self, shape: Shape, columns: InputColumns, classes: tuple[int, ...]) -> nn.Module:
        """An untrained network for targets of so many classes."""
        inputs = Inputs(columns, self.embedding if self.encoding == "embedding" else None)
        backbone = self.backbone(shape, inputs.features)
        return ClassNetwork(inputs, backbone, tuple(self.dense), classes, shape, self.output_bias)

    def outputs(self, network: nn.Module, batch: Batch, progress: float, generator: torch.Generator | None) -> Tensor:
        """The logits of a batch."""
        return network(batch.inputs, batch.observed, generator, batch.covariates)

    def fit(self, train: TrainingData) -> None:
        """Trains the network; `curves_` are losses and the accuracy, `remarks_` how training ended."""
        check_categorical(train)
        device, panel = find_device(self.device), train.panel
        self.scaler_ = class_scaler(panel)
        self.classes_ = classes = tuple(class_counts(train))
        self.set_sizes(train, longest_history(train), len(panel.channels))
        columns = InputColumns.of(panel.channels, informative_channels(train))
        rows = rows_of(train, self.validation, self.seed)
        shape, features = self.covariate_features(train, self.shape(train, self.lookback_), rows, device)
        parts = training_examples(rows, self.scaler_, shape, torch.float32, device, features, any_output=True)
        network = self.initialised(lambda: self.network(shape, columns, classes)).to(device)

        def loss_of(batch: Batch, progress: float, generator: torch.Generator | None) -> Tensor:
            smoothing = self.label_smoothing if network.training else 0.0
            return class_loss(self.outputs(network, batch, progress, generator), batch.outputs, classes, smoothing)

        def measures_of(batch: Batch, progress: float) -> dict[str, Tensor]:
            logits = self.outputs(network, batch, progress, None)
            accuracy = class_accuracy(logits, batch.outputs, classes)
            return {"loss": class_loss(logits, batch.outputs, classes), "accuracy": accuracy}

        self.train_weights(network, loss_of, parts, measures_of=measures_of)

    def predict(self, contexts: Contexts) -> Forecast:
        """The probabilities of the classes, in batches of the same size."""
        self.check_horizon(contexts)
        return Forecast.from_probabilities(
            np.concatenate([self._probabilities(batch) for batch in contexts.batches(OUTER_BATCH)])
        )

    def _probabilities(self, contexts: Contexts) -> Floats:
        """The probabilities of some windows, (window, horizon, target, class)."""
        inputs = np.nan_to_num(self.scaler_.apply(available_inputs(contexts, self.lookback_)))
        covariates = None if self.features_ is None else self.features_.of_contexts(contexts)
        padding = np.maximum(self.lookback_ - contexts.lengths, 0)
        found = self.forecast_batches(inputs, padding, covariates, self._batch_probabilities)
        probabilities = np.zeros((len(found), self.horizon_, len(self.classes_), max(self.classes_)))
        for target, part in enumerate(np.split(found, np.cumsum(self.classes_)[:-1], axis=-1)):
            probabilities[:, :, target, : part.shape[-1]] = part
        return probabilities

    def _batch_probabilities(self, batch: Batch) -> Tensor:
        """The probabilities of a batch, (window, horizon, class of all targets)."""
        logits = self.outputs(self.network_, batch, 1.0, None)
        if logits.ndim == 4:  # after every row: those after the last one are the forecast
            logits = logits[:, -1]
        parts = [part.softmax(dim=-1) for part in logits.double().split(self.classes_, dim=-1)]
        mixed = [LEAST_PROBABILITY + (1 - part.shape[-1] * LEAST_PROBABILITY) * part for part in parts]
        return torch.cat(mixed, dim=-1)
