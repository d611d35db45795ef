"""Generation of tokens from the probabilities of a model, one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from harness.arrays import Floats
from harness.errors import BadInput, UnknownName
from harness.forecasters.tokens import GeneratedTokens, generate_tokens, token_positions

LETTERS = ("a", "b", "end")
CHAIN = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [1.0, 0.0, 0.0]])


def generated(first: Floats = CHAIN[2], **options: object) -> GeneratedTokens:
    return generate_tokens(LETTERS, first, lambda token: CHAIN[token], **options)  # type: ignore[arg-type]


def test_greedy_generation_takes_the_most_probable_token() -> None:
    assert generated(greedy=True, most=5) == GeneratedTokens(("a", "b", "a", "b", "a"), ended=False)


def test_generation_ends_with_the_end_token() -> None:
    sequences = [generated(end="end", seed=seed) for seed in range(200)]

    assert all(sequence.ended and sequence.tokens.index("end") == len(sequence.tokens) - 1 for sequence in sequences)
    lengths = [len(sequence.tokens) for sequence in sequences]  # 1 and a geometric number with the mean 1 / 0.3
    assert np.mean(lengths) == pytest.approx(1 + 1 / 0.3, abs=5 * 2.8 / np.sqrt(200))


def test_endless_generation_is_bounded_and_says_so() -> None:
    assert not generated(most=30, greedy=True, end="end").ended
    assert len(generated(most=30).tokens) == 30


def test_a_low_temperature_is_greedy_and_a_high_one_uniform() -> None:
    cold = generated(temperature=1e-3, most=50)
    hot = generate_tokens(LETTERS, CHAIN[0], lambda token: CHAIN[0], temperature=1e6, most=3000)

    assert cold == generated(greedy=True, most=50)
    counts = [hot.tokens.count(letter) for letter in LETTERS]
    np.testing.assert_allclose(counts, 1000, atol=5 * np.sqrt(3000 * 2 / 9))


def test_tokens_have_the_probabilities_of_the_temperature() -> None:
    sampled = generate_tokens(LETTERS, CHAIN[0], lambda token: CHAIN[0], temperature=2.0, most=4000)

    expected = np.sqrt(CHAIN[0]) / np.sqrt(CHAIN[0]).sum()
    counts = np.array([sampled.tokens.count(letter) for letter in LETTERS])
    np.testing.assert_allclose(counts / 4000, expected, atol=5 * 0.5 / np.sqrt(4000))


def test_generation_is_reproducible_by_its_seed() -> None:
    assert generated(seed=3) == generated(seed=3)
    assert generated(seed=3) != generated(seed=4)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float) -> None:
    with pytest.raises(BadInput, match=r"^the temperature must be a positive number, not .*choose greedy generation$"):
        generated(temperature=temperature)


def test_no_tokens_at_all_are_refused() -> None:
    with pytest.raises(BadInput, match=r"^at least 1 token must be allowed, not 0$"):
        generated(most=0)


def test_an_unknown_token_is_named() -> None:
    with pytest.raises(UnknownName, match=r"^no token called 'c'; known: a, b, end$"):
        token_positions(["a", "c"], LETTERS)
    with pytest.raises(UnknownName, match=r"^no token called 'ende'; did you mean 'end'"):
        generated(end="ende")
