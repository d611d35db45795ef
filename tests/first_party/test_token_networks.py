"""Next-token networks against torch's modules, formulas, and sources whose probabilities are known."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from harness import (
    BadInput,
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
from harness_models.neural.examples import Rows
from harness_models.neural.initialisation import initialise
from harness_models.neural.parameters import parameter_count
from harness_models.neural.tokens.network import TokenNetwork
from harness_models.neural.tokens.next_token import NextToken, TokenGru, TokenLstm, TokenRnn
from harness_models.neural.tokens.windows import NONE, mean_cross_entropy, token_windows

KINDS = [TokenRnn, TokenLstm, TokenGru]
GATES = {TokenRnn: 1, TokenLstm: 4, TokenGru: 3}
SMALL = {"hidden": 12, "embedding": 5, "steps": 16, "iterations": 20, "samples": 10}
LETTERS = ("a", "b", "c", "d")
CPU = torch.device("cpu")


def panel_of(*series: Floats | list[float], categories: tuple[str, ...] = LETTERS) -> Panel:
    values = [np.asarray(each, dtype=np.float64) for each in series]
    return Panel.of(values, channels=[Channel("letter", categories=categories)])


def random_panel(lengths: tuple[int, ...] = (80, 60), missing: bool = False) -> Panel:
    rng = np.random.default_rng(0)
    series = [rng.integers(4, size=length).astype(np.float64) for length in lengths]
    if missing:
        for values in series:
            values[[3, 20, 21, len(values) - 6, len(values) - 5]] = np.nan
    return panel_of(*series)


def fold_of(panel: Panel, horizon: int = 3, windows: int = 4) -> Fold:
    return next(backtest(Task("trial", RollingOrigin(horizon, windows=windows)), panel).folds())


def probabilities(forecast: Forecast) -> Floats:
    assert forecast.probabilities is not None
    return forecast.probabilities


class TestNetwork:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("encoding", "inputs", "table"), [("embedding", 5, 7 * 5), ("one-hot", 7, 0)])
    def test_parameters_are_those_of_the_formula(
        self, kind: type[NextToken], encoding: str, inputs: int, table: int
    ) -> None:
        network = kind(hidden=12, embedding=5, encoding=encoding, layers=2).network(7)

        gates, biases = GATES[kind], 2 if kind is TokenGru else 1
        layers = sum(gates * (width + 12 + biases) * 12 for width in (inputs, 12))
        assert parameter_count(network) == table + layers + 12 * 7 + 7

    @pytest.mark.parametrize("kind", [TokenRnn, TokenLstm])
    def test_gates_may_have_two_biases_or_none(self, kind: type[TokenLstm]) -> None:
        counts = [
            parameter_count(each.network(7))
            for each in (kind(hidden=12, biases=2), kind(hidden=12), kind(hidden=12, bias=False, output_bias=False))
        ]

        assert counts[0] - counts[1] == GATES[kind] * 12
        assert counts[1] - counts[2] == GATES[kind] * 12 + 7

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("encoding", ["embedding", "one-hot"])
    def test_the_forward_pass_is_that_of_torchs_modules(self, kind: type[NextToken], encoding: str) -> None:
        network = kind(hidden=12, embedding=5, encoding=encoding, layers=2).network(7)
        initialise(network, "normal", torch.Generator().manual_seed(1))
        tokens = torch.randint(7, (3, 20), generator=torch.Generator().manual_seed(2))

        logits, _ = network(tokens)

        torch.testing.assert_close(logits, torch_logits(kind, network, tokens), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_sequence_may_be_read_in_parts(self, kind: type[NextToken]) -> None:
        network = kind(hidden=12, layers=2).network(7)
        initialise(network, "keras", torch.Generator().manual_seed(1))
        tokens = torch.randint(7, (3, 20), generator=torch.Generator().manual_seed(2))

        whole, _ = network(tokens)
        first, states = network(tokens[:, :13])
        second, _ = network(tokens[:, 13:], states)

        torch.testing.assert_close(torch.cat([first, second], dim=1), whole, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("kind", KINDS)
    def test_padding_in_front_changes_nothing(self, kind: type[NextToken]) -> None:
        network = kind(hidden=12, layers=2).network(7)
        initialise(network, "normal", torch.Generator().manual_seed(1))
        tokens = torch.randint(7, (3, 9), generator=torch.Generator().manual_seed(2))
        padded = torch.cat([torch.full((3, 4), NONE), tokens], dim=1)
        observed = torch.cat([torch.zeros(3, 4), torch.ones(3, 9)], dim=1)

        logits, states = network(tokens, observed=torch.ones(3, 9))
        with_padding, ends = network(padded, observed=observed)

        torch.testing.assert_close(with_padding[:, 4:], logits, rtol=1e-4, atol=1e-5)
        for layer, other in zip(states, ends, strict=True):
            for tensor, same in zip(layer, other, strict=True):
                torch.testing.assert_close(tensor, same, rtol=1e-4, atol=1e-5)


def torch_logits(kind: type[NextToken], network: TokenNetwork, tokens: torch.Tensor) -> torch.Tensor:
    """The logits of torch's embedding, recurrent layers and linear layer with the weights of a network."""
    embeds = hasattr(network.inputs, "weight")
    width = 5 if embeds else 7
    layers = {TokenRnn: torch.nn.RNN, TokenLstm: torch.nn.LSTM, TokenGru: torch.nn.GRU}[kind](
        width, 12, num_layers=2, batch_first=True
    )
    with torch.no_grad():
        for depth, layer in enumerate(network.stack.layers):
            getattr(layers, f"weight_ih_l{depth}").copy_(layer.weight)
            getattr(layers, f"weight_hh_l{depth}").copy_(layer.recurrent)
            getattr(layers, f"bias_ih_l{depth}").copy_(layer.bias)
            second = layer.second_bias
            getattr(layers, f"bias_hh_l{depth}").copy_(torch.zeros_like(layer.bias) if second is None else second)
    inputs = torch.nn.functional.embedding(tokens, network.inputs.weight) if embeds else torch.eye(7)[tokens]
    return torch.nn.functional.linear(layers(inputs)[0], network.head.weight, network.head.bias)


class TestTrainingWindows:
    @settings(max_examples=60, deadline=None)
    @given(
        lengths=st.lists(st.integers(1, 50), min_size=1, max_size=4), steps=st.integers(1, 20), seed=st.integers(0, 9)
    )
    def test_each_value_is_trained_on_or_validated_once(self, lengths: list[int], steps: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        series = [rng.integers(4, size=length).astype(np.float64) for length in lengths]
        for values in series:
            values[rng.random(len(values)) < 0.2] = np.nan
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        borders = np.array([rng.integers(1, length + 1) for length in lengths])
        rows = Rows(np.concatenate(series)[:, None], offsets, borders)
        known = [values[~np.isnan(values)] for values in series]
        before = [values[:border][~np.isnan(values[:border])] for values, border in zip(series, borders, strict=True)]
        if not sum(map(len, before)):
            with pytest.raises(Unsupported):
                token_windows(rows, 0, steps, CPU)
            return

        training, validation = token_windows(rows, 0, steps, CPU)

        table = torch.stack([training.starts, training.counts, training.skipped], dim=1).tolist()
        trained = {start + step for start, count, skipped in table for step in range(skipped, count)}
        ends = np.cumsum([len(values) for values in known])
        begins = ends - [len(values) for values in known]
        assert trained == {b + i for b, values in zip(begins, before, strict=True) for i in range(len(values))}
        validated = [
            int(start + step)
            for start, count, skipped in zip(validation.starts, validation.counts, validation.skipped, strict=True)
            for step in range(skipped, count)
        ]
        assert sorted(validated) == [
            position
            for begin, end, values in zip(begins, ends, before, strict=True)
            for position in range(begin + len(values), end)
        ]
        np.testing.assert_array_equal(training.tokens[: ends[-1]], np.concatenate(known))

    def test_the_input_of_a_step_is_the_value_before_it_and_padding_is_not_scored(self) -> None:
        rows = Rows(np.array([0, 1, np.nan, 2, 3, 1.0])[:, None], np.array([0, 4, 6]), np.array([4, 2]))

        windows, validation = token_windows(rows, 0, 4, CPU)
        batch = windows.batch(torch.arange(2))

        assert batch.inputs[0, :3].tolist() == [NONE, 0, 1]
        assert batch.outputs[0, :3].tolist() == [0, 1, 2]
        assert batch.inputs[1, :2].tolist() == [NONE, 3]
        assert ((batch.weights > 0) == torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]]).bool()).all()
        assert len(validation) == 0

    def test_the_loss_of_all_windows_is_the_mean_over_tokens_of_scikit_learn(self) -> None:
        rows = Rows(random_panel((33, 7, 20)).values, np.array([0, 33, 40, 60]), np.array([33, 7, 20]))
        network = TokenLstm(hidden=12).network(4)
        initialise(network, "normal", torch.Generator().manual_seed(0))
        windows, _ = token_windows(rows, 0, 16, CPU)

        losses = []
        for positions in torch.arange(len(windows)).split(2):
            batch = windows.batch(positions)
            loss = mean_cross_entropy(network(batch.inputs)[0], batch.outputs, batch.weights)
            losses.append(float(loss.detach()) * len(positions))

        batch = windows.batch(torch.arange(len(windows)))
        scored = batch.weights.numpy() > 0
        softmax = torch.softmax(network(batch.inputs)[0], dim=-1).detach().numpy()[scored].astype(np.float64)
        softmax /= softmax.sum(axis=1, keepdims=True)
        expected = log_loss(batch.outputs.numpy()[scored], softmax, labels=range(4))
        assert sum(losses) / len(windows) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
class TestForecasts:
    def test_they_depend_on_no_other_window(self, kind: type[NextToken]) -> None:
        fold = fold_of(random_panel(missing=True), windows=6)
        forecaster = kind(**SMALL)
        forecaster.fit(fold.train)
        contexts = fold.windows.contexts
        together = probabilities(forecaster.predict(contexts))

        order = np.random.default_rng(0).permutation(len(contexts))
        shuffled = probabilities(forecaster.predict(contexts.take(order)))
        alone = [probabilities(forecaster.predict(contexts.take(np.array([i]))))[0] for i in range(len(contexts))]

        np.testing.assert_array_equal(shuffled, together[order])
        np.testing.assert_array_equal(np.array(alone), together)

    def test_they_are_reproducible_by_the_seed(self, kind: type[NextToken]) -> None:
        fold = fold_of(random_panel())
        found = []
        for seed in (1, 1, 2):
            forecaster = kind(**SMALL, seed=seed)
            forecaster.fit(fold.train)
            found.append(probabilities(forecaster.predict(fold.windows.contexts)))

        np.testing.assert_array_equal(found[0], found[1])
        assert not np.array_equal(found[0], found[2])

    def test_values_before_the_lookback_change_nothing(self, kind: type[NextToken]) -> None:
        panel = random_panel((80,))
        forecaster = kind(**SMALL, lookback=10)
        fold = fold_of(panel, windows=1)
        forecaster.fit(fold.train)
        changed = panel.values.copy()
        changed[: 80 - 3 - 10] = 3 - changed[: 80 - 3 - 10]

        first = probabilities(forecaster.predict(fold.windows.contexts))
        same = probabilities(forecaster.predict(fold_of(panel.with_values(changed), windows=1).windows.contexts))

        np.testing.assert_array_equal(first, same)

    def test_a_deterministic_cycle_is_learned_and_generated(self, kind: type[NextToken]) -> None:
        cycle = [0, 1, 2, 2, 3, 1] * 40  # in which the token after a "b" or a "c" depends on those before
        panel = panel_of(cycle)
        forecaster = kind(**{**SMALL, "hidden": 24, "iterations": 150})

        run = evaluate(forecaster, Task("cycle", RollingOrigin(6, windows=4)), panel)
        generated = forecaster.generate(["a", "b"], greedy=True, most=13)

        assert run.scores["exact match"] == 1
        assert run.scores["perplexity"] < 1.05
        assert "".join(generated.tokens) == "ccdbabccdbabc"
        assert not generated.ended
        assert forecaster.generate(["a", "b"], end="d", most=13).tokens == ("c", "c", "d")
        assert forecaster.generate(["a", "b"], temperature=0.01, most=13) == generated


class TestKinds:
    def test_targets_have_networks_of_their_own(self) -> None:
        rng = np.random.default_rng(0)
        values = np.stack([rng.integers(4, size=90), rng.integers(2, size=90)], axis=1).astype(np.float64)
        channels = [Channel("letter", categories=LETTERS), Channel("switch", categories=("off", "on"))]
        panel, forecaster = Panel.of([values], channels=channels), TokenLstm(**SMALL)
        fold = fold_of(panel)
        forecaster.fit(fold.train)

        found = probabilities(forecaster.predict(fold.windows.contexts))

        alone = TokenLstm(**SMALL)
        fold = fold_of(panel_of(values[:, 0]))
        alone.fit(fold.train)
        np.testing.assert_array_equal(found[:, :, :1], probabilities(alone.predict(fold.windows.contexts)))
        assert not found[:, :, 1, 2:].any()
        assert set(forecaster.curves_) >= {"loss of letter/validation rounds", "loss of switch/validation rounds"}
        with pytest.raises(Unsupported, match="it generates tokens of one target, and the task has 2"):
            forecaster.generate(["a"])

    def test_last_values_that_are_missing_are_steps_of_the_continuation(self) -> None:
        panel = panel_of([0, 1, 2, 3] * 30)
        values = panel.values.copy()
        values[115:117] = np.nan  # the last two before the cutoff at 117
        forecaster = TokenLstm(**{**SMALL, "hidden": 24, "iterations": 100})
        forecaster.fit(fold_of(panel, windows=1).train)

        found = probabilities(forecaster.predict(fold_of(panel.with_values(values), windows=1).windows.contexts))

        assert found[0, :, 0].argmax(axis=-1).tolist() == [1, 2, 3]

    def test_curves_are_losses_and_perplexities(self) -> None:
        forecaster = TokenGru(**SMALL)
        forecaster.fit(fold_of(random_panel()).train)

        curves = forecaster.curves_
        for kind in ("loss", "validation loss"):
            perplexity = curves[f"{kind.replace('loss', 'perplexity')}/validation rounds"]
            assert perplexity == pytest.approx([math.exp(loss) for loss in curves[f"{kind}/validation rounds"]])
        assert forecaster.parameter_count == sum(layer.parameters for layer in forecaster.model_summary)
        assert [layer.type for layer in forecaster.model_summary] == ["Embedding", "GRU", "Linear"]

    def test_an_empty_prompt_is_the_start_of_a_series(self) -> None:
        forecaster = TokenLstm(**{**SMALL, "iterations": 100})
        words = panel_of(*([2, 0, 1, 3],) * 40)
        split = Task("words", RollingOrigin(1, windows=1), SeriesSplit(20, 10, 10))
        forecaster.fit(next(backtest(split, words).folds()).train)

        assert forecaster.generate(greedy=True, end="d").tokens == ("c", "a", "b", "d")


class TestBadInput:
    def test_numeric_targets_are_unsupported(self) -> None:
        run = evaluate(TokenLstm(**SMALL), Task("t", RollingOrigin(1, windows=2)), Panel.of([np.arange(40.0)]))

        assert (run.status.value, run.reason) == (
            "unsupported",
            "it forecasts classes, and the targets of the task are numeric",
        )

    def test_a_vocabulary_of_one_is_refused_by_the_data(self) -> None:
        with pytest.raises(BadInput, match="categor"):
            evaluate(
                TokenLstm(**SMALL),
                Task("t", RollingOrigin(1, windows=2)),
                panel_of([0.0] * 40, categories=("only",)),
            )

    def test_series_of_two_values_are_enough(self) -> None:
        run = evaluate(TokenLstm(**SMALL), Task("t", RollingOrigin(1, windows=1)), panel_of(*([1, 2],) * 30))

        assert run.status.value == "completed", run.reason
        assert run.windows == 30

    def test_training_data_without_a_value_is_unsupported(self) -> None:
        train = TrainingData(panel_of([np.nan] * 20), None, 1)

        with pytest.raises(Unsupported, match=r"^the training data contains no value of the target$"):
            TokenLstm(**SMALL).fit(train)

    def test_a_token_that_training_never_saw_has_a_finite_loss(self) -> None:
        panel = panel_of([*([0, 1, 2] * 20), 3, 3, 0, 3])

        run = evaluate(TokenLstm(**SMALL), Task("t", RollingOrigin(1, windows=4)), panel)

        assert math.isfinite(run.scores["log loss"])
        assert not [note for note in run.notes if note.startswith("log loss")]  # that a probability was clipped

    def test_unknown_tokens_and_temperatures_are_named(self) -> None:
        forecaster = TokenLstm(**SMALL)
        forecaster.fit(fold_of(random_panel()).train)

        for options, said in (
            ({"end": "z"}, "no token called 'z'; known: a, b, c, d"),
            ({"temperature": 0}, "the temperature must be a positive number, not 0"),
            ({"prompt": ["a", "e"]}, "no token called 'e'"),
        ):
            with pytest.raises(BadInput, match=said):
                forecaster.generate(**options)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"encoding": "binary"}, "encoding is one of embedding, one-hot, not 'binary'"),
            ({"steps": 0}, "steps must be at least 1, not 0"),
            ({"samples": 1}, "samples must be at least 2, not 1"),
            ({"embedding": 0}, "embedding must be at least 1, not 0"),
            ({"dropout": 1.0}, "dropout is a share from 0 to less than 1, not 1.0"),
            ({"biases": 3}, "biases is 1 or 2, not 3"),
        ],
    )
    def test_hyperparameters_are_checked(self, wrong: dict[str, object], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            TokenLstm(**wrong)  # type: ignore[arg-type]

    def test_hyperparameters_stay_as_they_are(self) -> None:
        forecaster = TokenLstm(**SMALL)
        before = {field.name: getattr(forecaster, field.name) for field in fields(forecaster)}

        forecaster.fit(fold_of(random_panel()).train)

        assert {name: getattr(forecaster, name) for name in before} == before
