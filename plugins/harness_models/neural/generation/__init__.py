"""Free-running networks: trained by teaching the next step, then stretching the free run to the horizon."""

from __future__ import annotations

from harness import ForecasterSpec
from harness_models.libraries import TORCH

_PLACE = "harness_models.neural.generation.forecasters"
_NETWORKS = {
    "free-rnn": ("FreeRnn", "an RNN with tanh"),
    "free-lstm": ("FreeLstm", "an LSTM"),
    "free-gru": ("FreeGru", "a GRU"),
    "free-dense": ("FreeDense", "one hidden layer over the last values"),
    "free-cnn": ("FreeCnn", "two convolutions over the last values"),
    "free-seq2seq": ("FreeSeq2Seq", "encoder and decoder LSTM, block after block"),
    "free-seq2seq-autoregressive": ("FreeAutoregressiveSeq2Seq", "encoder LSTM, and decoder LSTM fed its own output"),
}

SPECS = [
    ForecasterSpec(
        name,
        f"{_PLACE}:{factory}",
        description=f"{network}, trained to run freely",
        missing="interpolate",
        draws=True,
        imports=TORCH,
    )
    for name, (factory, network) in _NETWORKS.items()
]
