"""Free-running networks: trained on one-step forecasts first, then on free runs of increasing length."""

from __future__ import annotations

from harness import ForecasterSpec
from harness_models.libraries import MODELS, SMALL_NETWORK, TORCH

_MODULE = "harness_models.neural.generation.forecasters"
_NETWORKS = {
    "free-rnn": ("FreeRnn", "RNN with tanh"),
    "free-lstm": ("FreeLstm", "LSTM"),
    "free-gru": ("FreeGru", "GRU"),
    "free-dense": ("FreeDense", "dense network on lags"),
    "free-cnn": ("FreeCnn", "convolutional network on lags"),
    "free-seq2seq": ("FreeSeq2Seq", "LSTM encoder-decoder, block by block"),
    "free-seq2seq-autoregressive": (
        "FreeAutoregressiveSeq2Seq",
        "LSTM encoder-decoder whose decoder input is its own output",
    ),
}

SPECS = [
    ForecasterSpec(
        name,
        f"{_MODULE}:{factory}",
        description=f"{network}, trained on free runs",
        missing="interpolate",
        draws=True,
        imports=TORCH,
        requires=MODELS,
        depends=("torch",),
        resources=SMALL_NETWORK,
        pool="trained",
        covariates=(),
        quantiles=True,
        multivariate=False,
    )
    for name, (factory, network) in _NETWORKS.items()
]
