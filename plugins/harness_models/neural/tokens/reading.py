"""A trained network as a model of one-step forecasts, which reads contexts and continues them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from harness import Contexts, Floats, Forecast, Ints, sample_continuations
from harness_models.neural.cells import State
from harness_models.neural.tokens.network import TokenNetwork
from harness_models.neural.tokens.windows import NONE, known_last

INNER_BATCH = 64  # windows forecast at once, repeated up to this number: other shapes would change the last bits

States = list[State]  # of the layers


@dataclass(frozen=True, eq=False)
class ReadingNetwork:
    """The network of one target, as a `harness.NextClassModel` of that target alone."""

    network: TokenNetwork
    target: int  # position among the targets
    lookback: int  # values of a context that are read

    def probabilities(self, contexts: Contexts, samples: int, seed: int) -> Floats:
        """The marginal probabilities of each step ahead, (window, horizon, token)."""
        known = self._tokens(contexts) != NONE
        behind = np.where(known.any(axis=1), known[:, ::-1].argmax(axis=1), 0)  # values missing before each cutoff
        probabilities = np.empty((len(contexts), contexts.horizon, self.network.head.out_features))
        for steps in np.unique(behind).tolist():
            windows = np.flatnonzero(behind == steps)
            later = replace(contexts.take(windows), gap=contexts.gap + steps)
            probabilities[windows] = in_batches(later, lambda batch: sample_continuations(self, batch, samples, seed))
        return probabilities

    def warm_up(self, contexts: Contexts) -> tuple[Floats, States]:
        """The probabilities after each context, (window, 1, token), and the states of the layers."""
        return self.read(known_last(self._tokens(contexts)))

    def _tokens(self, contexts: Contexts) -> Ints:
        """The last values of each context, (window, step), and NONE where one is missing."""
        values = contexts.last_targets(self.lookback)[:, :, self.target]
        return np.where(np.isnan(values), NONE, values).astype(np.int64)

    def read(self, tokens: Ints) -> tuple[Floats, States]:
        """The same after tokens (window, step), with NONE in front of shorter sequences."""
        before = np.full((len(tokens), 1), NONE)
        observed = np.concatenate([tokens != NONE, before == NONE], axis=1)  # from the step before the first token on
        return self._run(np.concatenate([before, tokens], axis=1), None, torch.as_tensor(observed).float())

    def step(self, state: States, classes: Ints) -> tuple[Floats, States]:
        """The probabilities after one more token of each sequence, and the states."""
        return self._run(classes, state)

    def repeated(self, state: States, times: int) -> States:
        """The states of so many sequences of each window."""
        return repeated_states(state, times)

    def _run(self, tokens: Ints, states: States | None, observed: Tensor | None = None) -> tuple[Floats, States]:
        device = next(self.network.parameters()).device
        with torch.no_grad():
            steps = None if observed is None else observed.to(device)
            logits, ends = self.network(torch.as_tensor(tokens, device=device), states, steps)
            probabilities = torch.softmax(logits[:, -1:].double().cpu(), dim=-1).numpy()
        return np.asarray(probabilities), ends


def repeated_states(states: States, times: int) -> States:
    """The states of layers for so many sequences of each window."""
    return [tuple(tensor.repeat_interleave(times, dim=0) for tensor in layer) for layer in states]


def in_batches(contexts: Contexts, forecast: Callable[[Contexts], Forecast]) -> Floats:
    """The probabilities of one target, (window, horizon, token), forecast in batches of the same size."""
    parts = []
    for windows in np.split(np.arange(len(contexts)), range(INNER_BATCH, len(contexts), INNER_BATCH)):
        probabilities = forecast(contexts.take(np.resize(windows, INNER_BATCH))).probabilities
        assert probabilities is not None
        parts.append(probabilities[: len(windows), :, 0])
    return np.concatenate(parts)
