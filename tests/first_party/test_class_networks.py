"""Networks of classes: the contract, oracles of scikit-learn and torch, what they learn, and what they refuse."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import nn

from harness import (
    Channel,
    Floats,
    ForecasterSpec,
    Panel,
    RollingOrigin,
    Run,
    SeriesSplit,
    Task,
    TrainingData,
    Unsupported,
    evaluate,
)
from harness.plugins.checks.contracts import check_forecaster
from harness.tasks.folds import Fold, backtest
from harness_models.neural.classes import SPECS
from harness_models.neural.classes.inputs import InputColumns, Inputs, class_scaler
from harness_models.neural.classes.network import class_accuracy, class_loss
from harness_models.neural.examples import Shape

BY_NAME = {spec.name: spec for spec in SPECS}
RECURRENT = ("class-rnn", "class-lstm", "class-gru")
STATES = Channel("state", categories=("idle", "run", "wait", "fault"))
SWITCH = Channel("switch", categories=("off", "on"))
NAN = math.nan


@pytest.fixture(params=BY_NAME)
def spec(request: pytest.FixtureRequest) -> ForecasterSpec:
    return BY_NAME[request.param]


def small(name: str) -> dict[str, int]:
    return {"filters": 4} if name == "class-cnn" else {"hidden": 8}


def made(spec: ForecasterSpec | str, seed: int = 1, **parameters: Any) -> Any:
    spec = BY_NAME[spec] if isinstance(spec, str) else spec
    return spec.make({**small(spec.name), "iterations": 8, "device": "cpu", **parameters}, seed)


def cycles(length: int = 90, series: int = 3, noise: float = 0.1) -> Panel:
    """States that follow each other in a cycle, with some that are random."""
    rng = np.random.default_rng(3)
    values = [(np.arange(length) + i) % 4 for i in range(series)]
    random = [np.where(rng.random(length) < noise, rng.integers(4, size=length), each) for each in values]
    return Panel.of([each.astype(np.float64) for each in random], channels=[STATES])


def sequences(lengths: list[int], noise: float = 0.3) -> Panel:
    """Series whose last row has their class: whether a number rises or falls in the rows before."""
    rng, tables = np.random.default_rng(0), []
    for i, length in enumerate(lengths):
        table = np.full((length + 1, 2), NAN)
        table[-1, 0] = i % 2
        table[:-1, 1] = (2 * (i % 2) - 1) * np.linspace(-1, 1, length) + rng.normal(0, noise, length)
        tables.append(table)
    return Panel.of(tables, channels=[Channel("trend", categories=("falls", "rises")), Channel("x", "past covariate")])


def fold_of(panel: Panel, **protocol: Any) -> Fold:
    return next(backtest(Task("states", RollingOrigin(**{"horizon": 2, "windows": 5, **protocol})), panel).folds())


def probabilities_of(forecaster: Any, fold: Fold) -> Floats:
    forecaster.fit(fold.train)
    found = forecaster.predict(fold.windows.contexts).probabilities
    assert found is not None
    return found


def run_of(forecaster: Any, panel: Panel, task: Task | None = None) -> Run:
    return evaluate(forecaster, task or Task("states", RollingOrigin(2, windows=5)), panel)


class TestContract:
    def test_every_network_keeps_it(self, spec: ForecasterSpec, monkeypatch: pytest.MonkeyPatch) -> None:
        hasty = {**small(spec.name), "iterations": 8}
        fields = [(name, int, dataclasses.field(default=value)) for name, value in hasty.items()]
        fast = dataclasses.make_dataclass("Fast", fields, bases=(type(made(spec)),), namespace={"__module__": __name__})
        monkeypatch.setitem(globals(), "Fast", fast)  # pickle looks it up by its name

        verdicts = list(check_forecaster(dataclasses.replace(spec, factory=fast)))

        assert [verdict for verdict in verdicts if not verdict.passed] == []
        assert len([verdict for verdict in verdicts if not verdict.skipped]) >= 11

    def test_the_same_seed_gives_the_same_forecasts_bit_for_bit(self, spec: ForecasterSpec) -> None:
        fold, state = fold_of(cycles()), torch.get_rng_state()
        options = {"dropout": 0.2, "encoding": "embedding"}

        first, second, other = (probabilities_of(made(spec, seed, **options), fold) for seed in (1, 1, 2))

        assert np.array_equal(first, second)
        assert not np.array_equal(first, other)
        assert torch.equal(state, torch.get_rng_state())

    def test_forecasts_do_not_depend_on_the_batch(self, spec: ForecasterSpec) -> None:
        fold = fold_of(cycles(), windows=40, stride=1)
        forecaster = made(spec)
        together, contexts = probabilities_of(forecaster, fold), fold.windows.contexts

        order = np.random.default_rng(0).permutation(len(contexts))

        # some processors add the products of large and small batches in another order
        again, one = (forecaster.predict(contexts.take(each)).probabilities for each in (order, np.array([7])))
        np.testing.assert_allclose(again, together[order], rtol=1e-5)
        np.testing.assert_allclose(one[0], together[7], rtol=1e-5)

    def test_a_forecaster_can_be_pickled(self, spec: ForecasterSpec) -> None:
        fold, forecaster = fold_of(cycles()), made(spec)
        found = probabilities_of(forecaster, fold)

        again = pickle.loads(pickle.dumps(forecaster)).predict(fold.windows.contexts)

        assert np.array_equal(again.probabilities, found)

    def test_the_run_has_curves_a_summary_and_gradient_norms(self, spec: ForecasterSpec) -> None:
        run = run_of(made(spec, iterations=45), cycles())

        kinds = ("loss", "validation loss", "validation accuracy")
        assert {len(run.curves[f"{kind}/validation rounds"]) for kind in kinds} == {23}
        assert all(0 <= value <= 1 for value in run.curves["validation accuracy/validation rounds"])
        assert "the budget of 45 iterations was used up" in run.notes
        assert sum(layer.parameters for layer in run.model_summary) == run.costs.parameters
        assert bool(run.gradient_norms) == (spec.name in RECURRENT)


class TestOracles:
    def test_scores_are_those_of_scikit_learn(self) -> None:
        panel, task = cycles(noise=0.4), Task("states", RollingOrigin(2, windows=20))
        run = run_of(made("class-gru", iterations=30), panel, task)

        fold = next(backtest(task, panel).folds())
        found = probabilities_of(made("class-gru", iterations=30), fold).reshape(-1, 4)
        actuals = fold.windows.actuals.ravel()

        assert run.scores["log loss"] == pytest.approx(log_loss(actuals, found, labels=range(4)))
        assert run.scores["accuracy"] == pytest.approx(accuracy_score(actuals, found.argmax(axis=1)))
        expected = f1_score(actuals, found.argmax(axis=1), average="macro")
        assert run.scores["macro F1"] == pytest.approx(expected)

    @pytest.mark.parametrize("bidirectional", [False, True])
    def test_the_network_is_an_lstm_of_torch_with_dense_layers(self, bidirectional: bool) -> None:
        fold = fold_of(cycles())
        forecaster = made("class-lstm", biases=2, dense=[6], bidirectional=bidirectional, lookback=10)
        found = probabilities_of(forecaster, fold)

        network = forecaster.network_
        lstm = nn.LSTM(5, 8, bidirectional=bidirectional, batch_first=True)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        with torch.no_grad():
            for layer, suffix in zip(network.backbone.stack.layers[0].directions, ("", "_reverse"), strict=False):
                own = (layer.weight, layer.recurrent, layer.bias, layer.second_bias)
                for name, values in zip(names, own, strict=True):
                    getattr(lstm, name + suffix).copy_(values)
            past = torch.tensor(fold.windows.contexts.last(10)[:, :, 0]).long()
            _, (last, _) = lstm(nn.functional.one_hot(past + 1, 5).float())
            features = torch.cat(list(last), dim=1)
            logits = network.head.linear(torch.relu(network.dense[0](features)))
            expected = logits.view(-1, 2, 1, 4).softmax(dim=-1)

        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)

    def test_parameters_are_those_of_the_layers(self) -> None:
        shape, numbers = Shape(10, 0, 1), InputColumns((1, 2, 3), (), ())
        codes = InputColumns((1, 2, 3), (0,), (7,))
        lstm = 4 * 128 * (3 + 128 + 1)

        def count(columns: InputColumns, **parameters: Any) -> int:
            network = made("class-lstm", hidden=128, dense=[64], **parameters).network(shape, columns, (6,))
            return sum(values.numel() for values in network.parameters())

        assert count(numbers) == lstm + 128 * 64 + 64 + 64 * 6 + 6 == 76_230
        assert count(numbers, biases=2) == 76_230 + 4 * 128
        assert count(codes) == 76_230 + 4 * 128 * 7
        assert count(codes, encoding="embedding", embedding=5) == 76_230 + 4 * 128 * 5 + 7 * 5

    def test_the_loss_is_the_cross_entropy_of_what_is_not_missing(self) -> None:
        generator = torch.Generator().manual_seed(0)
        logits = torch.randn(6, 3, 5, generator=generator)
        outputs = torch.stack([torch.arange(18).view(6, 3) % 3, torch.arange(18).view(6, 3) % 2], dim=-1) + 1.0
        outputs[1, :, 0] = outputs[4, 2, 1] = NAN

        parts = logits.split((3, 2), dim=-1)
        losses, hits = [], []
        for target, part in enumerate(parts):
            for window, step in np.ndindex(6, 3):
                if not torch.isnan(outputs[window, step, target]):
                    chances, actual = part[window, step].log_softmax(dim=0), int(outputs[window, step, target]) - 1
                    losses.append(-0.9 * chances[actual] - 0.1 * chances.mean())
                    hits.append(float(part[window, step].argmax() == actual))

        assert class_loss(logits, outputs, (3, 2), 0.1).item() == pytest.approx(float(np.mean(losses)), rel=1e-5)
        assert class_accuracy(logits, outputs, (3, 2)).item() == pytest.approx(np.mean(hits))

    def test_a_missing_class_has_a_code_of_its_own(self) -> None:
        rows = torch.tensor([[[0.0, 0.5], [1.0, 0.0], [4.0, -1.0], [7.0, 0.0]]])  # missing, first, last, and no class
        columns = InputColumns(numbers=(1,), classes=(0,), codes=(5,))

        encoded, embedded = Inputs(columns, None)(rows), Inputs(columns, 3)

        assert encoded[0, :, 0].tolist() == [0.5, 0.0, -1.0, 0.0]
        assert encoded[0, :, 1:].argmax(dim=1).tolist() == [0, 1, 4, 0]
        assert torch.equal(embedded(rows)[0, :, 1:], embedded.embeddings[0].weight[[0, 1, 4, 0]])

    def test_inputs_are_standardised_numbers_and_codes(self) -> None:
        channels = [STATES, Channel("x", "past covariate")]
        values = np.array([[0.0, 2], [3, 4], [NAN, NAN], [1, 6]])

        scaler = class_scaler(Panel.of([values], channels=channels))

        np.testing.assert_allclose(
            np.nan_to_num(scaler.apply(values)).T, [[1, 4, 0, 2], [-math.sqrt(1.5), 0, 0, math.sqrt(1.5)]]
        )


class TestLearning:
    def test_each_learns_a_cycle(self, spec: ForecasterSpec) -> None:
        run = run_of(made(spec, iterations=150, lookback=4), cycles(noise=0.0))

        assert run.scores["accuracy"] == 1
        assert run.scores["log loss"] < 0.5  # uniform: 1.39

    def test_embeddings_are_learned(self) -> None:
        options = {"encoding": "embedding", "embedding": 3, "iterations": 100, "lookback": 4, "hidden": 16}

        run = run_of(made("class-lstm", **options), cycles(noise=0.0))

        assert run.scores["accuracy"] == 1
        assert run.scores["log loss"] < 0.05

    def test_each_learns_classes_of_whole_sequences(self, spec: ForecasterSpec) -> None:
        task = Task("sequences", RollingOrigin(1, windows=1), SeriesSplit(training=60, validation=0, test=40))

        run = run_of(made(spec, iterations=100), sequences([12] * 100), task)

        assert run.windows == 40
        assert run.scores["accuracy"] >= 0.95

    @pytest.mark.parametrize("name", RECURRENT)
    def test_sequences_may_have_different_lengths(self, name: str) -> None:
        lengths = np.random.default_rng(1).integers(3, 13, size=100).tolist()
        task = Task("sequences", RollingOrigin(1, windows=1), SeriesSplit(training=60, validation=0, test=40))

        run = run_of(made(name, iterations=150), sequences(lengths), task)

        assert run.status.value == "completed", run.reason
        assert run.scores["accuracy"] >= 0.95

    @pytest.mark.parametrize("name", RECURRENT)
    def test_short_contexts_are_as_good_as_alone(self, name: str) -> None:
        fold = fold_of(cycles())
        padded = made(name, lookback=20)
        padded.fit(fold.train)
        exact = pickle.loads(pickle.dumps(padded))
        exact.lookback_ = 10
        clipped = dataclasses.replace(fold.windows.contexts, max_context=10)

        found, expected = (forecaster.predict(clipped).probabilities for forecaster in (padded, exact))

        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_a_network_may_learn_from_every_row(self) -> None:
        run = run_of(made("class-rnn", learn_from="every", iterations=60, lookback=12), cycles(noise=0.0))

        assert run.scores["accuracy"] == 1

    def test_targets_have_their_own_classes_and_see_each_other(self) -> None:
        rng = np.random.default_rng(0)
        states = rng.integers(4, size=400)
        follows = np.concatenate([[0], (states[:-1] >= 2)])  # the switch is on after the last two states
        panel = Panel.of([np.stack([states, follows], axis=1).astype(np.float64)], channels=[STATES, SWITCH])
        fold = fold_of(panel, horizon=1, windows=50)

        found = probabilities_of(made("class-dense", iterations=200, lookback=2), fold)

        assert not found[:, :, 1, 2:].any()
        np.testing.assert_allclose(found.sum(axis=-1), 1)
        assert (found[:, 0, 1].argmax(axis=-1) == fold.windows.actuals[:, 0, 1]).mean() > 0.95

    @pytest.mark.parametrize("role", ["known covariate", "past covariate"])
    def test_covariates_are_read(self, role: Any) -> None:
        cause = np.random.default_rng(5).normal(size=500)
        shift = 0 if role == "known covariate" else 1
        effect = (np.roll(cause, shift) > 0).astype(np.float64)
        panel = Panel.of([np.stack([effect, cause], axis=1)], channels=[SWITCH, Channel("cause", role)])

        run = run_of(made("class-dense", iterations=200, lookback=2), panel, Task("x", RollingOrigin(1, windows=60)))

        assert run.scores["accuracy"] > 0.9  # without the covariate: 0.5

    def test_classes_of_a_known_covariate_have_effects_of_their_own(self) -> None:
        codes = np.random.default_rng(6).integers(4, size=400)
        effect = np.isin(codes, [0, 2]).astype(np.float64)  # not monotonic in the position of the class
        kind = Channel("kind", "known covariate", categories=("a", "b", "c", "d"))
        panel = Panel.of([np.stack([effect, codes], axis=1)], channels=[SWITCH, kind])

        run = run_of(made("class-dense", iterations=150, lookback=2), panel, Task("x", RollingOrigin(1, windows=60)))

        assert run.scores["accuracy"] == 1

    @pytest.mark.parametrize("name", ["class-dense", "class-lstm"])
    def test_missing_classes_are_inputs_of_their_own_and_are_not_learned(self, name: str) -> None:
        panel = cycles(noise=0.0)
        values = panel.values.copy()
        values[np.random.default_rng(2).random(len(values)) < 0.3] = NAN

        run = run_of(made(name, iterations=150, lookback=8), panel.with_values(values))

        assert run.status.value == "completed", run.reason
        assert run.scores["accuracy"] > 0.7


class TestBadInput:
    @pytest.mark.parametrize("name", ["class-dense", "class-cnn"])
    def test_a_class_that_training_does_not_contain_is_possible(self, name: str) -> None:
        panel = Panel.of([np.array([0.0, 1, 2] * 30 + [3, 3])], channels=[STATES])

        run = run_of(made(name, iterations=200, lookback=8), panel, Task("states", RollingOrigin(2, windows=1)))

        assert run.status.value == "completed", run.reason
        assert 5 < run.scores["log loss"] <= -math.log(1e-6)
        assert not [note for note in run.notes if note.startswith("log loss")]  # that a probability was clipped

    def test_numeric_targets_are_unsupported(self, spec: ForecasterSpec) -> None:
        run = run_of(made(spec), Panel.of([np.arange(60.0)]))

        assert run.status.value == "unsupported"
        assert run.reason == "it forecasts classes, and the targets of the task are numeric"

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            (np.ones(60), "target 'state' has no class but 'run' in the training data: there is nothing to learn from"),
            (np.full(60, NAN), "all targets of the training data are missing: there is nothing to learn from"),
        ],
    )
    def test_training_data_that_teaches_nothing(self, spec: ForecasterSpec, values: Floats, reason: str) -> None:
        with pytest.raises(Unsupported) as error:
            made(spec).fit(TrainingData(Panel.of([values], channels=[STATES]), None, horizon=2))

        assert str(error.value) == reason

    def test_series_that_are_too_short_say_the_least(self, spec: ForecasterSpec) -> None:
        panel = Panel.of([np.array([0.0, 1, 2])] * 2, channels=[STATES])

        with pytest.raises(Unsupported, match=r"4 steps ahead need a series of 5 observations .*; the longest has 3"):
            made(spec).fit(TrainingData(panel, None, horizon=4))

    def test_classes_that_no_row_comes_before(self) -> None:
        panel = Panel.of([np.array([float(i % 4), NAN, NAN]) for i in range(8)], channels=[STATES])

        with pytest.raises(Unsupported, match="no window of the training data has any output value"):
            made("class-lstm").fit(TrainingData(panel, None, horizon=1))

    def test_kernels_that_do_not_fit(self) -> None:
        with pytest.raises(Unsupported, match="kernels of 24, 12 steps with pooling need a lookback of 47, not 10"):
            made("class-cnn", lookback=10, kernels=[24, 12]).fit(fold_of(cycles()).train)

    def test_another_horizon_than_it_was_trained_for(self) -> None:
        fold, forecaster = fold_of(cycles()), made("class-dense")
        forecaster.fit(fold.train)

        with pytest.raises(Unsupported, match="trained for a horizon of 2 after a gap of 0"):
            forecaster.predict(dataclasses.replace(fold.windows.contexts, horizon=7))

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"encoding": "ordinal"}, "encoding is one of one-hot, embedding, not 'ordinal'"),
            ({"embedding": 0}, "embedding must be at least 1, not 0"),
            ({"dense": [64, 0]}, r"dense are sizes of at least 1, not \[64, 0\]"),
            ({"label_smoothing": 1.0}, "label_smoothing is a share from 0 to less than 1, not 1.0"),
            ({"learn_from": "every", "bidirectional": True}, "to learn from every row, bidirectional must be false"),
        ],
    )
    def test_a_hyperparameter_is_refused_in_one_sentence(self, parameters: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            type(made("class-lstm"))(**parameters)
