"""Networks over tokens: one-hot or embedded inputs, recurrent layers, and logits of the next token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_models.neural.cells import State
from harness_models.neural.layers import Dropout
from harness_models.neural.stacks import StatefulStack
from harness_models.neural.tokens.windows import NONE

ENCODINGS = ("embedding", "one-hot")


class OneHot(nn.Module):  # type: ignore[misc]
    """Tokens as vectors of zeros with a one; NONE as zeros."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.features = tokens

    def forward(self, tokens: Tensor) -> Tensor:
        """(…, token) from (…)."""
        vectors = nn.functional.one_hot(tokens.clamp(min=0), self.features)
        return (vectors * (tokens != NONE)[..., None]).float()


class Embedding(nn.Embedding):  # type: ignore[misc]
    """Tokens as learned vectors; NONE as zeros."""

    layer_type = "Embedding"

    def __init__(self, tokens: int, features: int) -> None:
        super().__init__(tokens, features)
        self.features = features

    def forward(self, tokens: Tensor) -> Tensor:
        """(…, feature) from (…)."""
        return super().forward(tokens.clamp(min=0)) * (tokens != NONE)[..., None]


def token_inputs(encoding: str, tokens: int, features: int) -> OneHot | Embedding:
    """The input layer of one of the ENCODINGS."""
    return OneHot(tokens) if encoding == "one-hot" else Embedding(tokens, features)


class TokenNetwork(nn.Module):  # type: ignore[misc]
    """Recurrent layers over the tokens so far, and a linear layer for the logits of the next one.

    `dropout` acts on the outputs of each layer (W. Zaremba, I. Sutskever and O. Vinyals, 2014).
    """

    def __init__(
        self, inputs: OneHot | Embedding, stack: StatefulStack, tokens: int, dropout: float, bias: bool
    ) -> None:
        super().__init__()
        self.inputs, self.stack, self.dropout = inputs, stack, Dropout(dropout)
        self.head = nn.Linear(stack.features, tokens, bias=bias)

    def forward(
        self,
        tokens: Tensor,
        states: list[State] | None = None,
        observed: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, list[State]]:
        """The logits after each step, (window, step, token), and the last states of the layers.

        `observed`, (window, step), is 0 where shorter sequences are padded in front; None without padding.
        """
        steps = None if observed is None else observed.t()
        outputs, ends = self.stack(self.inputs(tokens).transpose(0, 1), states, generator, steps)
        return self.head(self.dropout(outputs.transpose(0, 1), generator)), ends
