"""Words of well-nested brackets of two kinds (Dyck words), from a source of which the entropy rate is known.

A word begins with an opening bracket. Inside of a bracket, the next token closes it with the probability CLOSE, and
else opens another one. Outside, the word ends with the probability END, and else another bracket opens. Both kinds of
opening brackets are equally probable. The kind of a closing bracket follows from the bracket that it closes, however
long ago that one opened, so no Markov chain of finite order has the log loss of the source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from harness import Channel, Floats, Panel

TOKENS = ("(", "[", ")", "]", "end")
KINDS = 2
STOP = TOKENS.index("end")
CLOSE, END = 0.65, 0.3
SERIES, STEPS = 60, 2000


def dyck_words() -> Panel:
    """Series of words, one after the other."""
    rng = np.random.default_rng(5)
    series = [words(rng, STEPS) for _ in range(SERIES)]
    return Panel.of(series, channels=[Channel("token", categories=TOKENS)])


def words(rng: np.random.Generator, length: int) -> Floats:
    """So many tokens of words, the last of which may be incomplete."""
    tokens, stack = np.empty(length), list[int]()
    kinds, numbers = rng.integers(KINDS, size=length), rng.random(length)
    begins = True
    for i in range(length):
        if stack and numbers[i] < CLOSE:
            tokens[i] = KINDS + stack.pop()
        elif not stack and not begins and numbers[i] < END:
            tokens[i] = STOP
        else:
            stack.append(int(kinds[i]))
            tokens[i] = kinds[i]
        begins = tokens[i] == STOP
    return tokens


def entropy_rate() -> float:
    """The entropy rate of the source in nats: the entropy of a word over its expected length.

    A word has 1 / END brackets that are in no other one. Inside of each, 1 / (2 CLOSE − 1) tokens are expected, up to
    the one that closes it: the hitting time of a random walk.
    """
    outer, inside = 1 / END, 1 / (2 * CLOSE - 1)
    length = 1 + outer * (1 + inside)
    opening = math.log(KINDS)
    choices = opening + outer * (_entropy(END) + (1 - END) * opening)
    return (choices + outer * inside * (_entropy(CLOSE) + (1 - CLOSE) * opening)) / length


def _entropy(probability: float) -> float:
    """The entropy of a choice of two."""
    return -probability * math.log(probability) - (1 - probability) * math.log(1 - probability)


def marginal_probabilities(past: Iterable[int], steps: int) -> Floats:
    """The probabilities of the source at each step after some tokens from the start of a word on, (step, token).

    No forecast has a lower expected log loss. A state is how many of the open brackets are still open, how many have
    been opened above them, of either kind, and whether a word begins.
    """
    stack, begins = list[int](), True
    for token in past:
        begins = token == STOP
        if KINDS <= token < STOP:
            stack.pop()
        elif not begins:
            stack.append(token)
    states = {(len(stack), 0, begins): 1.0}
    marginals = np.zeros((steps, len(TOKENS)))
    for step in range(steps):
        following: dict[tuple[int, int, bool], float] = {}
        for (below, above, new), probability in states.items():
            inside = below + above > 0
            leaves = CLOSE if inside else 0.0 if new else END
            marginals[step, :KINDS] += probability * (1 - leaves) / KINDS
            moves = {(below, above + 1, False): 1 - leaves}
            if above:
                marginals[step, KINDS:STOP] += probability * leaves / KINDS
                moves[below, above - 1, False] = leaves
            elif below:
                marginals[step, KINDS + stack[below - 1]] += probability * leaves
                moves[below - 1, 0, False] = leaves
            else:
                marginals[step, STOP] += probability * leaves
                moves[0, 0, True] = leaves
            for state, chance in moves.items():
                following[state] = following.get(state, 0.0) + probability * chance
        states = following
    return marginals
