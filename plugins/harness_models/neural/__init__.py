"""Neural networks: global models trained on windows of all series. Listing them does not import torch."""

from __future__ import annotations

from harness import ForecasterSpec
from harness_models.libraries import MODELS, SMALL_NETWORK, TORCH
from harness_models.neural import classes, generation, tokens

_DESCRIPTIONS = {
    "dense": ("direct:Dense", "dense network on lags"),
    "dense-iid": ("direct:IidDense", "dense network on the last row only, without history"),
    "cnn": ("direct:Cnn", "convolutional network on lags"),
    "rnn": ("recurrent:Rnn", "recurrent network of plain cells"),
    "lstm": ("recurrent:Lstm", "recurrent network of LSTM cells"),
    "gru": ("recurrent:Gru", "recurrent network of GRU cells"),
    "seq2seq": ("seq2seq:Seq2Seq", "LSTM encoder-decoder; the decoder's input is the last value"),
    "seq2seq-autoregressive": (
        "seq2seq:AutoregressiveSeq2Seq",
        "LSTM encoder-decoder; the decoder's input is its own output",
    ),
}
WINDOWED = [
    ForecasterSpec(
        name,
        f"harness_models.neural.{factory}",
        description=description,
        missing="interpolate",
        draws=True,
        imports=TORCH,
        requires=MODELS,
        depends=("torch",),
        resources=SMALL_NETWORK,
        pool="trained",
        covariates=("past covariate", "known covariate")  # whose past alone is an input
        if factory.startswith("seq2seq:")
        else ("past covariate", "known covariate", "static"),
        quantiles=True,
        multivariate=True,
    )
    for name, (factory, description) in _DESCRIPTIONS.items()
]
SPECS = [*WINDOWED, *generation.SPECS, *classes.SPECS, *tokens.SPECS]
