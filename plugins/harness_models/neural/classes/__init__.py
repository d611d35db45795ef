"""Networks that forecast the probabilities of classes from windows of the past. Listing them does not import torch."""

from __future__ import annotations

from harness import ForecasterSpec
from harness_models.libraries import MODELS, SMALL_NETWORK, TORCH

_DESCRIPTIONS = {
    "class-dense": ("Dense", "dense network on lags; probabilities of classes"),
    "class-cnn": ("Cnn", "convolutional network on lags; probabilities of classes"),
    "class-rnn": ("Rnn", "recurrent network of plain cells; probabilities of classes"),
    "class-lstm": ("Lstm", "recurrent network of LSTM cells; probabilities of classes"),
    "class-gru": ("Gru", "recurrent network of GRU cells; probabilities of classes"),
}
SPECS = [
    ForecasterSpec(
        name,
        f"harness_models.neural.classes.forecasters:{factory}",
        description=description,
        draws=True,
        imports=TORCH,
        requires=MODELS,
        depends=("torch",),
        resources=SMALL_NETWORK,
        pool="trained",
        covariates=("past covariate", "known covariate", "static"),
        quantiles=False,
        multivariate=True,
        categorical=True,
    )
    for name, (factory, description) in _DESCRIPTIONS.items()
]
