"""Sequence to sequence over tokens: the network against torch's modules, its examples, and what it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from harness import (
    Channel,
    Floats,
    Forecast,
    Panel,
    RollingOrigin,
    SeriesSplit,
    Task,
    TrainingData,
    Unsupported,
    evaluate,
)
from harness.tasks.folds import Fold, backtest
from harness_models.neural.initialisation import initialise
from harness_models.neural.parameters import parameter_count
from harness_models.neural.tokens.encoder_decoder import DotAttention
from harness_models.neural.tokens.pairs import TokenPairs, token_pairs, with_start
from harness_models.neural.tokens.seq2seq import TokenSeq2Seq
from harness_models.neural.tokens.windows import NONE

SMALL = {"hidden": 12, "embedding": 5, "iterations": 20, "samples": 10}
LETTERS = ("a", "b", "c")
NAN = np.nan
SPLIT = SeriesSplit(300, 50, 50)


def pairs_of(outputs: list[list[int]], inputs: list[list[int]], steps: int, *, categories: bool = True) -> Panel:
    """A series of each pair: the input, and the output with the token "end" in so many rows after it."""
    series = []
    for output, source in zip(outputs, inputs, strict=True):
        rows = np.full((len(source) + steps, 2), NAN)
        rows[: len(source), 1] = source
        rows[len(source) : len(source) + len(output) + 1, 0] = [*output, 3]
        series.append(rows)
    channels = [
        Channel("output", categories=(*LETTERS, "end")),
        Channel("input", "past covariate", categories=LETTERS if categories else None),
    ]
    return Panel.of(series, channels=channels)


def random_pairs(count: int, **options: bool) -> Panel:
    """Letters, and each of them turned to the next one."""
    rng = np.random.default_rng(0)
    inputs = [rng.integers(3, size=rng.integers(1, 6)).tolist() for _ in range(count)]
    return pairs_of([[(letter + 1) % 3 for letter in each] for each in inputs], inputs, 6, **options)


def fold_of(panel: Panel, split: SeriesSplit = SPLIT) -> Fold:
    return next(backtest(Task("pairs", RollingOrigin(6, windows=1), split), panel).folds())


def probabilities(forecast: Forecast) -> Floats:
    assert forecast.probabilities is not None
    return forecast.probabilities


class TestNetwork:
    @pytest.mark.parametrize(("cell", "gates", "biases"), [("lstm", 4, 1), ("gru", 3, 2)])
    def test_parameters_are_those_of_the_formula(self, cell: str, gates: int, biases: int) -> None:
        network = TokenSeq2Seq(hidden=12, embedding=5, cell=cell).network((3, 4))

        stacks = 2 * gates * (5 + 12 + biases) * 12
        assert parameter_count(network) == 3 * 5 + 4 * 5 + stacks + (2 * 12 * 12 + 12) + (12 * 4 + 4)

    def test_without_attention_it_is_torchs_encoder_and_decoder(self) -> None:
        network = TokenSeq2Seq(hidden=12, encoding="one-hot", attention=False).network((3, 4))
        initialise(network, "normal", torch.Generator().manual_seed(1))
        source, target = torch.tensor([[0, 2, 1], [2, 2, 0]]), torch.tensor([[3, 0], [1, 1]])
        lstms = []
        for stack, width in ((network.encoder, 3), (network.decoder, 4)):
            lstm, layer = torch.nn.LSTM(width, 12, batch_first=True), stack.layers[0]
            with torch.no_grad():
                lstm.weight_ih_l0.copy_(layer.weight)
                lstm.weight_hh_l0.copy_(layer.recurrent)
                lstm.bias_ih_l0.copy_(layer.bias)
                lstm.bias_hh_l0.zero_()
            lstms.append(lstm)

        encoded, ends = network.encode(source, torch.ones(2, 3))
        logits, _ = network.decode(target, ends, encoded, torch.ones(2, 3))

        _, state = lstms[0](torch.eye(3)[source])
        expected = network.head(lstms[1](torch.eye(4)[target], state)[0])
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)

    def test_attention_is_that_of_torch(self) -> None:
        attention, generator = DotAttention(8, bias=True), torch.Generator().manual_seed(0)
        initialise(attention, "normal", generator)
        outputs, encoded = (torch.randn(2, steps, 8, generator=generator) for steps in (4, 5))
        observed = torch.tensor([[0.0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])

        found = attention(outputs, encoded, observed)

        mask = observed[:, None].bool().expand(2, 4, 5)
        context = torch.nn.functional.scaled_dot_product_attention(outputs, encoded, encoded, mask, scale=1.0)
        expected = torch.tanh(attention.combine(torch.cat([context, outputs], dim=-1)))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("attention", [True, False])
    @pytest.mark.parametrize("cell", ["lstm", "gru"])
    def test_padding_of_the_input_changes_nothing(self, cell: str, attention: bool) -> None:
        network = TokenSeq2Seq(hidden=12, cell=cell, attention=attention, layers=2).network((3, 4))
        initialise(network, "normal", torch.Generator().manual_seed(1))
        source, target = torch.tensor([[0, 2, 1], [2, 2, 0]]), torch.tensor([[3, 0], [1, 1]])
        padded = torch.cat([torch.full((2, 4), NONE), source], dim=1)

        found = []
        for inputs in (source, padded):
            inputs, observed = with_start(inputs)
            if inputs.shape[1] > 4:  # the step without a token is the one before the first token
                assert observed[:, :4].sum() == 0
            encoded, ends = network.encode(inputs, observed)
            found.append(network.decode(target, ends, encoded, observed)[0])

        torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


class TestPairs:
    def test_there_is_one_where_the_output_follows_the_input(self) -> None:
        panel = pairs_of([[1, 2], [0], [2, 2, 1]], [[0, 1], [2], [1, 1, 0]], 4)
        fold = next(backtest(Task("pairs", RollingOrigin(4, windows=1), SeriesSplit(1, 1, 1)), panel).folds())

        training, validation = token_pairs(fold.train, (1, 0), None, 0.2, 128)

        assert training.inputs.tolist() == [[0, 1]]
        assert training.outputs.tolist() == [[1, 2, 3, NONE]]
        assert validation.inputs.tolist() == [[NONE, 2]]
        assert validation.outputs.tolist() == [[0, 3, NONE, NONE]]

    def test_the_decoder_reads_the_output_before_each_step_and_missing_ones_are_not_scored(self) -> None:
        pairs = TokenPairs(torch.tensor([[0, 1], [NONE, 2]]), torch.tensor([[1, 2, 3, NONE], [0, 3, NONE, NONE]]))

        batch = pairs.batch(torch.arange(2))

        assert batch.before.tolist() == [[NONE, 1, 2, 3], [NONE, 0, 3, NONE]]
        assert batch.observed.tolist() == [[1, 1, 1], [0, 1, 1]]
        np.testing.assert_allclose(batch.weights, np.array([[1, 1, 1, 0], [1, 1, 0, 0]]) / 2.5)

    def test_without_a_validation_part_the_last_pairs_validate(self) -> None:
        fold = fold_of(random_pairs(100), SeriesSplit(80, 0, 20))

        training, validation = token_pairs(fold.train, (1, 0), None, 0.25, 128)

        assert (len(training), len(validation)) == (60, 20)

    def test_without_covariates_windows_of_the_target_are_pairs(self) -> None:
        panel = Panel.of([np.arange(12.0) % 3], channels=[Channel("letter", categories=LETTERS)])
        fold = next(backtest(Task("letters", RollingOrigin(2, windows=1)), panel).folds())

        training, _ = token_pairs(fold.train, (0, 0), 3, 0.0, 128)

        assert training.inputs.tolist()[0] == [NONE, NONE, 0]
        assert training.outputs.tolist()[0] == [1, 2]
        assert training.inputs.tolist()[-1] == [5 % 3, 6 % 3, 7 % 3]
        assert training.outputs.tolist()[-1] == [8 % 3, 9 % 3]


class TestForecasts:
    @pytest.mark.parametrize("decoding", ["sampled", "greedy"])
    def test_they_depend_on_no_other_window(self, decoding: str) -> None:
        fold = fold_of(random_pairs(400))
        forecaster = TokenSeq2Seq(**SMALL, decoding=decoding)
        forecaster.fit(fold.train)
        contexts = fold.windows.contexts
        together = probabilities(forecaster.predict(contexts))

        order = np.random.default_rng(0).permutation(len(contexts))
        shuffled = probabilities(forecaster.predict(contexts.take(order)))
        alone = probabilities(forecaster.predict(contexts.take(np.array([7]))))

        np.testing.assert_array_equal(shuffled, together[order])
        np.testing.assert_array_equal(alone[0], together[7])

    @pytest.mark.parametrize("attention", [True, False])
    def test_letters_of_any_number_are_translated(self, attention: bool) -> None:
        task = Task("pairs", RollingOrigin(6, windows=1), SPLIT)
        forecaster = TokenSeq2Seq(hidden=32, iterations=250, samples=10, attention=attention)

        run = evaluate(forecaster, task, random_pairs(400))

        assert run.status.value == "completed", run.reason
        assert run.scores["exact match"] > 0.9
        generated = forecaster.generate(["a", "b", "c", "a"], end="end", greedy=True)
        assert generated.tokens == ("b", "c", "a", "b", "end")
        assert generated.ended

    def test_greedy_probabilities_follow_the_most_probable_tokens(self) -> None:
        fold = fold_of(random_pairs(400))
        greedy = TokenSeq2Seq(**SMALL, decoding="greedy")
        greedy.fit(fold.train)
        contexts = fold.windows.contexts.take(np.array([0]))

        found = probabilities(greedy.predict(contexts))[0, :, 0]

        values = contexts.last(5)[0, :, 1]
        prompt = [LETTERS[int(value)] for value in values[~np.isnan(values)]]
        names = (*LETTERS, "end")
        assert greedy.generate(prompt, greedy=True, most=6).tokens == tuple(names[i] for i in found.argmax(axis=-1))

    def test_the_history_is_continued_where_there_is_no_covariate(self) -> None:
        panel = Panel.of([np.arange(120.0) % 3], channels=[Channel("letter", categories=LETTERS)])
        forecaster = TokenSeq2Seq(**{**SMALL, "iterations": 150, "hidden": 24}, lookback=6)

        run = evaluate(forecaster, Task("letters", RollingOrigin(4, windows=3, gap=2)), panel)

        assert run.scores["exact match"] == 1
        assert forecaster.parameter_count == sum(layer.parameters for layer in forecaster.model_summary)


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ("numbers", "it reads tokens, and the past covariate input is not categorical"),
            ("two", "it reads one past covariate, and the task has input, other; choose one by `covariates`"),
            ("delay", "it reads the input up to the cutoff, and the past covariate input has a delay"),
        ],
    )
    def test_covariates_that_cannot_be_read_are_named(self, change: str, said: str) -> None:
        panel = random_pairs(400, categories=change != "numbers")
        output, source = panel.channels
        values = list(panel)
        if change == "two":
            other = Channel("other", "past covariate", categories=LETTERS)
            panel = Panel.of([np.hstack([rows, rows[:, 1:]]) for rows in values], channels=[output, source, other])
        if change == "delay":
            panel = Panel.of(values, channels=[output, Channel("input", "past covariate", LETTERS, delay=1)])

        run = evaluate(TokenSeq2Seq(**SMALL), Task("pairs", RollingOrigin(6, windows=1), SPLIT), panel)

        assert (run.status.value, run.reason) == ("unsupported", said)

    def test_series_without_an_output_are_unsupported(self) -> None:
        panel = random_pairs(400)
        values = panel.values.copy()
        values[:, 0] = NAN
        train = TrainingData(panel.with_values(values), None, 6)

        with pytest.raises(Unsupported, match="contains no series with an input and then 6 rows, of which the first"):
            TokenSeq2Seq(**SMALL).fit(train)

    def test_another_gap_is_unsupported(self) -> None:
        fold = fold_of(random_pairs(400))
        forecaster = TokenSeq2Seq(**SMALL)
        forecaster.fit(fold.train)

        with pytest.raises(Unsupported, match="it was trained for a gap of 0"):
            forecaster.predict(replace(fold.windows.contexts, gap=1, horizon=5))

    def test_hyperparameters_are_checked(self) -> None:
        with pytest.raises(ValueError, match="decoding is one of sampled, greedy, not 'beam'"):
            TokenSeq2Seq(decoding="beam")
        with pytest.raises(ValueError, match="cell is one of lstm, gru, not 'rnn'"):
            TokenSeq2Seq(cell="rnn")
