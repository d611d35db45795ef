"""`harness generate`: tokens of a forecaster of a third party, and of a network; and the sentence of each mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PLUGIN = """
from dataclasses import dataclass

import numpy as np

from harness import (
    Channel, DatasetSpec, Forecast, ForecasterSpec, Panel, generate_tokens, hookimpl, token_positions
)

WORDS = ("the", "cat", "sat", "stop")


def sentences():
    return Panel.of([[0.0, 1, 2, 3] * 20], channels=[Channel("word", categories=WORDS)])


@dataclass
class Bigrams:
    fails: bool = False

    def fit(self, train):
        if self.fails:
            raise ValueError("no luck")
        values = train.panel.values[:, 0].astype(int)
        self.counts_ = np.full((4, 4), 0.0)
        np.add.at(self.counts_, (values[:-1], values[1:]), 1)
        self.counts_ += 1e-3
        self.counts_ /= self.counts_.sum(axis=1, keepdims=True)

    def predict(self, contexts):
        last = contexts.last_targets(1)[:, -1, 0].astype(int)
        return Forecast.from_probabilities(self.counts_[last][:, None, None])

    def generate(self, prompt=(), *, end=None, most=1000, temperature=1.0, greedy=False, seed=0):
        last = token_positions(prompt, WORDS)[-1] if prompt else 3
        options = dict(end=end, most=most, temperature=temperature, greedy=greedy, seed=seed)
        return generate_tokens(WORDS, self.counts_[last], lambda token: self.counts_[token], **options)


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("bigrams", Bigrams, categorical=True)]


@hookimpl
def harness_datasets():
    return [DatasetSpec("sentences", sentences)]
"""
BOARD = """
title = "Sentences"
metric = "log loss"
baseline = "majority-class"

[[tasks]]
dataset = "sentences"
name = "next word"
protocol = { kind = "rolling-origin", horizon = 1, windows = 4 }

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 1, windows = 4 }

[[forecasters]]
name = "majority-class"

[[forecasters]]
name = "bigrams"

[[forecasters]]
name = "bigrams"
label = "failing"
parameters = { fails = true }

[[forecasters]]
name = "token-lstm"
parameters = { iterations = 60, hidden = 12, steps = 12 }
"""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable) -> Callable:  # type: ignore[type-arg]
    folder = plugin_folder(tmp_path_factory.mktemp("generate"), "my_words")
    folder.install(PLUGIN, {"sentences": BOARD})
    return folder


def test_a_forecaster_of_a_third_party_generates(harness: Callable) -> None:  # type: ignore[type-arg]
    arguments = ["generate", "./sentences", "--forecaster", "bigrams", "--prompt", "stop the"]

    done = harness(*arguments, "--greedy", "--end", "stop")
    several = harness(*arguments, "--count", "3", "--most", "5")

    told = "training bigrams on 76 observations of task next word\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "cat sat\n", told)
    assert several.returncode == 0
    assert [len(line.split()) for line in several.stdout.splitlines()] == [5, 5, 5]
    assert (
        several.stderr == told + "3 of 3 sequences stopped at the limit of 5 (--most): no end token was given (--end)\n"
    )


def test_a_network_is_trained_and_generates(harness: Callable) -> None:  # type: ignore[type-arg]
    arguments = ["--prompt", "sat stop", "--greedy", "--most", "8", "--end", "stop"]

    done = harness("generate", "./sentences", "--forecaster", "token-lstm", *arguments)

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "the cat sat\n",
        "training token-lstm on 76 observations of task next word\n",
    )
    assert not (Path(harness.home) / "journal").exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["majority-class"], "forecaster 'majority-class' does not generate tokens: it has no method `generate`"),
        (["trigrams"], "no forecaster on the board called 'trigrams'; did you mean 'bigrams'?"),
        (["bigrams", "--task", "last word"], "no task on the board called 'last word'; did you mean 'next word'?"),
        (
            ["bigrams", "--task", "nile"],
            "task 'nile' has numeric targets; tokens are generated of a categorical",
        ),
        (["bigrams", "--end", "dog"], "no token called 'dog'; known: cat, sat, stop, the"),
        (["bigrams", "--prompt", "the dog"], "no token called 'dog'; known: cat, sat, stop, the"),
        (["bigrams", "--temperature", "0"], "the temperature must be a positive number, not 0.0; for the most"),
        (["bigrams", "--most", "0"], "at least 1 token must be allowed, not 0"),
        (["failing"], "forecaster 'failing' failed: ValueError: no luck"),
    ],
)
def test_a_mistake_gets_one_sentence(harness: Callable, arguments: list[str], said: str) -> None:  # type: ignore[type-arg]
    done = harness("generate", "./sentences", "--forecaster", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    *told, problem = done.stderr.splitlines()
    assert all(line.startswith("training ") for line in told)
    assert said in problem


def test_an_end_token_that_does_not_occur_is_told(harness: Callable) -> None:  # type: ignore[type-arg]
    arguments = ["--prompt", "sat", "--end", "the", "--most", "1", "--greedy"]

    done = harness("generate", "./sentences", "--forecaster", "bigrams", *arguments)

    assert (done.returncode, done.stdout) == (0, "stop\n")
    assert done.stderr.endswith("\n1 of 1 sequences stopped at the limit of 1 (--most): without the end token 'the'\n")
