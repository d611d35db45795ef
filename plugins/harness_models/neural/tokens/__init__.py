"""Networks over tokens: next-token networks, and sequence to sequence."""

from __future__ import annotations

from harness import ForecasterSpec
from harness_models.libraries import MODELS, SMALL_NETWORK, TORCH

_DESCRIPTIONS = {
    "token-rnn": ("next_token:TokenRnn", "plain recurrent network that predicts the next token"),
    "token-lstm": ("next_token:TokenLstm", "LSTM that predicts the next token"),
    "token-gru": ("next_token:TokenGru", "GRU that predicts the next token"),
    "token-seq2seq": ("seq2seq:TokenSeq2Seq", "encoder-decoder from one sequence of tokens to another one"),
}

SPECS = [
    ForecasterSpec(
        name,
        f"harness_models.neural.tokens.{factory}",
        description=description,
        draws=True,
        imports=TORCH,
        requires=MODELS,
        depends=("torch",),
        resources=SMALL_NETWORK,
        pool="trained",
        covariates=("past covariate",) if name == "token-seq2seq" else (),
        quantiles=False,
        multivariate=False,
        categorical=True,
    )
    for name, (factory, description) in _DESCRIPTIONS.items()
]
