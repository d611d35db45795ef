"""Generation of tokens, one after the other, from the probabilities that a model gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from harness.arrays import Floats
from harness.errors import BadInput, UnknownName
from harness.fields.errors import short_repr
from harness.forecasters.generation import drawn_classes
from harness.tasks.training import TrainingData


@dataclass(frozen=True)
class GeneratedTokens:
    """Tokens that a model generated after a prompt; the end token is the last one where they `ended` by it."""

    tokens: tuple[str, ...]
    ended: bool  # otherwise as many tokens as allowed were generated


@runtime_checkable
class TokenGenerator(Protocol):
    """A forecaster of a categorical target that generates tokens, which are names of its categories."""

    def fit(self, train: TrainingData) -> None: ...

    def generate(
        self,
        prompt: Sequence[str] = (),
        *,
        end: str | None = None,
        most: int = 1000,
        temperature: float = 1.0,
        greedy: bool = False,
        seed: int = 0,
    ) -> GeneratedTokens:
        """The tokens after a prompt, until the `end` token or at most `most` of them.

        They are sampled from the probabilities to the power of 1 / `temperature`, or the most probable ones if
        `greedy`. Raises BadInput for other temperatures than positive ones, and UnknownName for unknown tokens.
        """
        ...


def generate_tokens(
    categories: Sequence[str],
    first: Floats,
    step: Callable[[int], Floats],
    *,
    end: str | None = None,
    most: int = 1000,
    temperature: float = 1.0,
    greedy: bool = False,
    seed: int = 0,
) -> GeneratedTokens:
    """The tokens that a model generates, for the method `generate` of a TokenGenerator.

    `first` are the probabilities of the first token, (category,), and `step` returns those after one more token, whose
    position in the categories it receives. Of equal probabilities the first is the most probable one.
    """
    check_options(most, temperature)
    last = None if end is None else token_positions([end], categories)[0]
    rng, probabilities, tokens = np.random.default_rng(seed), first, list[int]()
    while len(tokens) < most and last not in tokens[-1:]:
        if tokens:
            probabilities = step(tokens[-1])
        tokens.append(_next_token(probabilities, None if greedy else temperature, rng.random()))
    return GeneratedTokens(tuple(categories[token] for token in tokens), ended=last in tokens[-1:])


def check_options(most: int, temperature: float) -> None:
    """Raise BadInput unless at least one token is allowed, and the temperature is positive."""
    if not 0 < temperature < math.inf:
        raise BadInput(
            f"the temperature must be a positive number, not {short_repr(temperature)}; for the most probable tokens, "
            "choose greedy generation"
        )
    if most < 1:
        raise BadInput(f"at least 1 token must be allowed, not {short_repr(most)}")


def token_positions(tokens: Sequence[str], categories: Sequence[str]) -> list[int]:
    """The positions of tokens in the categories; raises UnknownName for one of no category."""
    positions = {name: i for i, name in enumerate(categories)}
    for token in tokens:
        if token not in positions:
            raise UnknownName("token", str(token), categories)
    return [positions[token] for token in tokens]


def _next_token(probabilities: Floats, temperature: float | None, number: float) -> int:
    """The most probable class without a temperature; else the one that a number from 0 to 1 stands for."""
    if temperature is None:
        return int(np.argmax(probabilities))
    with np.errstate(divide="ignore"):
        scaled = np.log(probabilities)
        scaled = (scaled - scaled.max()) / temperature
    return int(drawn_classes(np.exp(scaled), np.asarray(number)))
