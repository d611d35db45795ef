"""Neural networks that learn from windows of all series; listing them imports no torch."""

from __future__ import annotations

from harness import ForecasterSpec
from harness_models.libraries import TORCH
from harness_models.neural import generation

_DESCRIPTIONS = {
    "dense": ("direct:Dense", "a dense network on the last values"),
    "dense-iid": ("direct:IidDense", "a dense network on the last row alone, as if steps were independent"),
    "cnn": ("direct:Cnn", "a convolutional network on the last values"),
    "rnn": ("direct:Rnn", "a recurrent network of plain cells"),
    "lstm": ("direct:Lstm", "a recurrent network of LSTM cells"),
    "gru": ("direct:Gru", "a recurrent network of GRU cells"),
    "seq2seq": ("seq2seq:Seq2Seq", "an LSTM that encodes and one that decodes, fed with the last value"),
    "seq2seq-autoregressive": (
        "seq2seq:AutoregressiveSeq2Seq",
        "an LSTM that encodes and one that decodes, fed with its own output",
    ),
}

WINDOWED = [
    ForecasterSpec(
        name,
        f"harness_models.neural.{place}",
        description=description,
        missing="interpolate",
        draws=True,
        imports=TORCH,
    )
    for name, (place, description) in _DESCRIPTIONS.items()
]
SPECS = [*WINDOWED, *generation.SPECS]
