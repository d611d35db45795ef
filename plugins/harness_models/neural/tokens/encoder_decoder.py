"""The network of token-seq2seq: an encoder, and a decoder that may attend to all states of the encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness_models.neural.cells import State
from harness_models.neural.layers import Dropout
from harness_models.neural.stacks import StatefulStack
from harness_models.neural.tokens.network import Embedding, OneHot


class DotAttention(nn.Module):  # type: ignore[misc]
    """Attention of the decoder to all states of the encoder (M.-T. Luong, H. Pham and C. D. Manning, 2015).

    The weights are softmax(h · s) (their eq. 7 and "dot"), and the output is tanh(W [c; h]) (eq. 5), where c is the
    weighted mean of the encoder's states s.
    """

    def __init__(self, features: int, bias: bool) -> None:
        super().__init__()
        self.combine = nn.Linear(2 * features, features, bias=bias)

    def forward(self, outputs: Tensor, encoded: Tensor, observed: Tensor) -> Tensor:
        """(pair, step, feature) from the decoder's outputs and the encoder's states, (pair, input step, feature)."""
        scores = outputs @ encoded.transpose(1, 2)
        weights = torch.softmax(scores.masked_fill(observed[:, None] == 0, -torch.inf), dim=-1)
        return torch.tanh(self.combine(torch.cat([weights @ encoded, outputs], dim=-1)))


class TokenEncoderDecoder(nn.Module):  # type: ignore[misc]
    """An encoder of the input, and a decoder that starts from its last state and reads the tokens of the output."""

    def __init__(
        self,
        inputs: tuple[OneHot | Embedding, OneHot | Embedding],
        stacks: tuple[StatefulStack, StatefulStack],
        attention: DotAttention | None,
        head: nn.Linear,
        dropout: float,
    ) -> None:
        super().__init__()
        self.encoder_inputs, self.decoder_inputs = inputs
        self.encoder, self.decoder = stacks
        self.attention, self.head, self.dropout = attention, head, Dropout(dropout)

    def encode(
        self, tokens: Tensor, observed: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, list[State]]:
        """The states of the last layer at all steps, (pair, input step, feature), and the last ones of all layers."""
        inputs = self.encoder_inputs(tokens).transpose(0, 1)
        encoded, ends = self.encoder(inputs, None, generator, observed.t())
        return encoded.transpose(0, 1), ends

    def decode(
        self,
        tokens: Tensor,
        states: list[State],
        encoded: Tensor,
        observed: Tensor,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, list[State]]:
        """The logits of the outputs after each of the tokens, (sequence, step, token), and the last states.

        There may be several sequences for each input, one after the other.
        """
        inputs = self.decoder_inputs(tokens).transpose(0, 1)
        outputs, ends = self.decoder(inputs, states, generator)
        outputs = outputs.transpose(0, 1)
        if self.attention is not None:
            of_input = outputs.reshape(len(encoded), -1, outputs.shape[-1])  # all steps of the sequences of an input
            outputs = self.attention(of_input, encoded, observed).view_as(outputs)
        return self.head(self.dropout(outputs, generator)), ends
