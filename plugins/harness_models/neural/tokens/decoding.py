"""A trained encoder-decoder as a model of one-step forecasts, which reads an input and generates the output."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from harness import Contexts, Floats, Forecast, Ints, sample_continuations
from harness_models.neural.cells import State
from harness_models.neural.tokens.encoder_decoder import TokenEncoderDecoder
from harness_models.neural.tokens.pairs import with_start
from harness_models.neural.tokens.reading import in_batches, repeated_states
from harness_models.neural.tokens.windows import NONE, known_last


@dataclass(frozen=True, eq=False)
class Decoder:
    """What a decoder needs for the next token."""

    encoded: Tensor  # (window, input step, feature)
    observed: Tensor  # (window, input step); 0 where padded
    states: list[State]  # of the layers, of one sequence or several of each window


@dataclass(frozen=True, eq=False)
class DecodingNetwork:
    """The network of one target, as a `harness.NextClassModel` of that target alone."""

    network: TokenEncoderDecoder
    source: int  # position of the input among the channels
    lookback: int  # rows of the input that are read

    def sampled(self, contexts: Contexts, samples: int, seed: int) -> Floats:
        """The marginal probabilities of each step of the horizon, (window, horizon, token)."""
        ahead = replace(contexts, gap=0)  # the output begins with the horizon
        return in_batches(ahead, lambda batch: sample_continuations(self, batch, samples, seed))

    def greedy(self, contexts: Contexts) -> Floats:
        """The probabilities of each step of the horizon after the most probable tokens before it."""
        return in_batches(contexts, self._greedy)

    def _greedy(self, contexts: Contexts) -> Forecast:
        probabilities, state = self.warm_up(contexts)
        steps = [probabilities]
        for _ in range(contexts.horizon - 1):
            probabilities, state = self.step(state, probabilities.argmax(axis=-1))
            steps.append(probabilities)
        return Forecast.from_probabilities(np.stack(steps, axis=1))

    def warm_up(self, contexts: Contexts) -> tuple[Floats, Decoder]:
        """The probabilities of the first output, (window, 1, token), and what the decoder needs for the next one."""
        values = contexts.last(self.lookback)[:, :, self.source]
        return self.read(known_last(np.where(np.isnan(values), NONE, values).astype(np.int64)))

    def read(self, tokens: Ints) -> tuple[Floats, Decoder]:
        """The same for inputs (window, step), with NONE in front of shorter sequences."""
        device = next(self.network.parameters()).device
        with torch.no_grad():
            inputs, observed = with_start(torch.as_tensor(tokens, device=device))
            encoded, ends = self.network.encode(inputs, observed)
        return self.step(Decoder(encoded, observed, ends), np.full((len(tokens), 1), NONE))

    def step(self, state: Decoder, classes: Ints) -> tuple[Floats, Decoder]:
        """The probabilities after one more token of each sequence, and what the decoder needs for the next one."""
        with torch.no_grad():
            tokens = torch.as_tensor(classes, device=state.encoded.device)
            logits, ends = self.network.decode(tokens, state.states, state.encoded, state.observed)
            probabilities = torch.softmax(logits.double().cpu(), dim=-1).numpy()
        return np.asarray(probabilities), replace(state, states=ends)

    def repeated(self, state: Decoder, times: int) -> Decoder:
        """The same for so many sequences of each window."""
        return replace(state, states=repeated_states(state.states, times))
