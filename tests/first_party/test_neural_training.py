"""Examples, the training loop, scaling and heads of neural forecasters."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from harness import Channel, Panel, RollingOrigin, Task, TimeSplit, TrainingData, Unsupported
from harness.tasks.folds import backtest
from harness_models.neural.examples import Batch, Examples, Rows, Shape, training_examples
from harness_models.neural.heads import QuantileHead, pinball
from harness_models.neural.scaling import Scaler, WindowScaler
from harness_models.neural.training import TrainingSettings, shuffle_batches, steps, train_network

CPU = torch.device("cpu")
HUGE = 1000.0


def ramp(*lengths: int) -> Panel:
    """Series whose values tell their rows: 0, 1, 2 … in the first, 1000, 1001 … in the second."""
    return Panel.of([HUGE * i + np.arange(length) for i, length in enumerate(lengths)])


def examples_of(train: TrainingData, shape: Shape, fraction: float = 0.0) -> tuple[Examples, Examples]:
    identity = Scaler(np.zeros(1), np.ones(1), (0,))
    return training_examples(Rows.of(train, fraction), identity, shape, torch.float64, CPU)


def everything(examples: Examples) -> Batch:
    return examples.batch(torch.arange(len(examples)))


class TestExamples:
    def test_the_lecture_s_window_is_a_day_before_its_output(self) -> None:
        train = TrainingData(ramp(200), None, horizon=1, gap=23)

        batch = everything(examples_of(train, Shape(120, gap=23, steps=1))[0])

        assert len(batch.inputs) == 200 - 120 - 24 + 1
        assert batch.inputs[0, :, 0].tolist() == list(range(120))
        assert (batch.outputs[:, 0, 0] == batch.inputs[:, -1, 0] + 24).all()

    def test_the_protocol_asks_for_the_same_hour(self) -> None:
        protocol = RollingOrigin(horizon=1, gap=23, stride=1, first_cutoff=270)
        windows = backtest(Task("ramp", protocol, TimeSplit(0.5, 0.25)), ramp(300)).windows

        assert windows.contexts.last(120)[0, :, 0].tolist() == list(range(150, 270))
        assert (windows.actuals[:, 0, 0] == windows.contexts.last(1)[:, 0, 0] + 24).all()
        assert windows.cutoffs.tolist() == list(range(270, 277))

    def test_several_targets_are_outputs_in_their_order(self) -> None:
        panel = Panel.of(
            [np.stack([np.arange(12.0), HUGE + np.arange(12)], axis=1)], channels=[Channel("a"), Channel("b")]
        )
        rows = Rows.of(TrainingData(panel, None, horizon=2), 0.0)

        parts = training_examples(rows, Scaler(np.zeros(2), np.ones(2), (0, 1)), Shape(3, 0, 2), torch.float64, CPU)

        batch = everything(parts[0])
        assert batch.outputs[4].tolist() == [[7, HUGE + 7], [8, HUGE + 8]]
        assert (batch.outputs[:, 0] == batch.inputs[:, -1] + 1).all()

    def test_no_window_crosses_from_one_series_into_the_next(self) -> None:
        batch = everything(examples_of(TrainingData(ramp(12, 9), None, horizon=2), Shape(4, 0, 2))[0])

        assert len(batch.inputs) == 7 + 4
        rows = torch.cat([batch.inputs[..., 0], batch.outputs[..., 0]], dim=1)
        assert (rows.diff(dim=1) == 1).all()

    def test_validation_outputs_follow_the_training_part_and_their_inputs_reach_back(self) -> None:
        panel = ramp(30)
        parts = panel.between(np.array([0]), np.array([20])), panel.between(np.array([20]), np.array([30]))
        training, validation = examples_of(TrainingData(*parts, horizon=2, gap=1), Shape(5, 1, 2))

        assert everything(training).outputs[..., 0].max() == 19
        assert everything(validation).outputs[:, 0, 0].tolist() == list(range(20, 29))
        assert everything(validation).inputs[0, :, 0].tolist() == [14, 15, 16, 17, 18]

    def test_without_a_validation_part_the_end_of_each_series_is_one(self) -> None:
        training, validation = examples_of(TrainingData(ramp(20, 10), None, horizon=1), Shape(3, 0, 1), 0.2)

        assert everything(training).outputs.flatten().tolist() == [*range(3, 16), *range(1003, 1008)]
        assert everything(validation).outputs.flatten().tolist() == [16, 17, 18, 19, 1008, 1009]

    def test_held_out_series_validate_whole(self) -> None:
        train = TrainingData(ramp(10), Panel.of([np.arange(50.0, 58.0)], ids=["other"]), horizon=1)

        training, validation = examples_of(train, Shape(3, 0, 1))

        assert len(training) == 7
        assert everything(validation).outputs.flatten().tolist() == [53, 54, 55, 56, 57]

    def test_short_series_are_padded_in_front(self) -> None:
        batch = everything(examples_of(TrainingData(ramp(12, 6), None, horizon=1), Shape(8, 0, 1))[0])

        assert batch.observed is not None
        assert batch.observed.sum(1).tolist() == [8, 8, 8, 8, 4, 5]
        assert batch.inputs[4, :, 0].tolist() == [0, 0, 0, 0, 1000, 1001, 1002, 1003]
        assert batch.outputs[4:].flatten().tolist() == [1004, 1005]

    def test_series_that_are_too_short_are_unsupported(self) -> None:
        with pytest.raises(Unsupported, match=r"lookback of 20 and 3 steps ahead need a series of 13 .* longest has 9"):
            examples_of(TrainingData(ramp(9, 7), None, horizon=3), Shape(20, 0, 3))

    def test_windows_whose_outputs_are_missing_are_left_out(self) -> None:
        values = np.arange(10.0)
        values[6] = np.nan
        batch = everything(examples_of(TrainingData(Panel.of([values]), None, horizon=1), Shape(2, 0, 1))[0])

        assert batch.outputs.flatten().tolist() == [2, 3, 4, 5, 7, 8, 9]
        assert batch.inputs[4, :, 0].tolist() == [5, 0]

    def test_every_row_has_its_own_output_if_asked(self) -> None:
        batch = everything(examples_of(TrainingData(ramp(9), None, horizon=2, gap=1), Shape(4, 1, 2, every=True))[0])

        assert len(batch.inputs) == 3
        assert batch.outputs[0, :, :, 0].tolist() == [[2, 3], [3, 4], [4, 5], [5, 6]]

    def test_batches_are_views_gathered_by_a_permutation(self) -> None:
        examples = examples_of(TrainingData(ramp(40), None, horizon=1), Shape(5, 0, 1))[0]
        batches = shuffle_batches(examples, 10, torch.Generator().manual_seed(1))

        epoch = torch.cat([next(batches).outputs.flatten() for _ in range(4)])

        assert examples.inputs.untyped_storage().nbytes() == 40 * 8
        assert sorted(epoch.tolist()) == list(range(5, 40))
        assert epoch.tolist() != sorted(epoch.tolist())


def settings(**changes: object) -> TrainingSettings:
    plain = {
        "optimiser": "adam",
        "learning_rate": 0.1,
        "schedule": "constant",
        "weight_decay": 0.0,
        "clip": 0.0,
        "batch_size": 8,
        "iterations": 100,
        "epochs": None,
        "patience": None,
        "reduce_after": 2,
        "seconds": None,
    }
    return TrainingSettings(**{**plain, **changes})  # type: ignore[arg-type]


def numbers(count: int, value: float) -> Examples:
    """Windows of one row whose output is always the same."""
    ones = torch.ones(count, 1, 1)
    return Examples(ones, value * ones, torch.arange(count), None)


class Constant(nn.Module):
    """One number, whatever it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))


def squared(network: Constant):
    return lambda batch, progress, generator: ((network.value - batch.outputs) ** 2).mean()


class TestTraining:
    def test_the_loop_yields_the_loss_of_every_step(self) -> None:
        network = Constant()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.25)
        batches = [everything(numbers(4, 1.0))] * 3

        losses = list(steps(lambda batch, _: squared(network)(batch, 0, None), batches, optimiser, 0.0))

        assert losses == [1.0, 0.25, 0.0625]  # halfway to 1 at each step

    def test_gradients_are_clipped_by_their_norm(self) -> None:
        network = Constant()
        optimiser = torch.optim.SGD(network.parameters(), lr=1.0)

        next(steps(lambda batch, _: squared(network)(batch, 0, None), [everything(numbers(4, 9.0))], optimiser, 0.5))

        assert network.value.item() == pytest.approx(0.5)

    def test_a_loss_that_is_no_number_says_at_which_step(self) -> None:
        network = Constant()

        def loss_of(batch: Batch, progress: float, generator: object) -> torch.Tensor:
            return network.value.sum() * (math.nan if progress >= 0.04 else 1.0)

        with pytest.raises(FloatingPointError, match="the loss became nan at step 5"):
            train_network(network, loss_of, (numbers(8, 1.0), numbers(0, 1.0)), settings(), 0)

    def test_the_best_state_on_the_validation_part_is_kept(self) -> None:
        network = Constant()
        parts = numbers(8, 10.0), numbers(8, 3.0)  # the way to 10 leads past 3

        progress = train_network(network, squared(network), parts, settings(iterations=400, learning_rate=0.05), 0)

        assert network.value.item() == pytest.approx(3.0, abs=0.6)
        assert [len(curve) for curve in progress.curves.values()] == [20, 20]
        assert progress.remarks[0] == "the budget of 400 iterations was used up"
        assert progress.remarks[1].startswith("the weights of iteration ")

    def test_it_stops_early_where_nothing_is_gained(self) -> None:
        network = Constant()
        parts = numbers(8, 10.0), numbers(8, 0.0)

        progress = train_network(network, squared(network), parts, settings(iterations=1000, patience=3), 0)

        # a round is 20 iterations: the first is the best
        assert (
            progress.remarks[0]
            == "stopped early after 80 of 1,000 iterations: 3 rounds without a lower validation loss"
        )

    def test_the_rate_is_halved_where_nothing_is_gained(self) -> None:
        rates = []

        class Spy(torch.optim.SGD):
            def step(self, closure: object = None) -> None:
                rates.append(self.param_groups[0]["lr"])

        network = Constant()
        parts = numbers(8, 1.0), numbers(8, 1.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("harness_models.neural.training.torch.optim.AdamW", lambda p, lr, weight_decay: Spy(p, lr=lr))
            train_network(network, squared(network), parts, settings(schedule="plateau", iterations=100, epochs=9), 0)

        assert rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125]

    def test_epochs_are_counted_as_iterations(self) -> None:
        network = Constant()

        progress = train_network(network, squared(network), (numbers(20, 1.0), numbers(4, 1.0)), settings(epochs=3), 0)

        assert progress.remarks[0] == "the budget of 9 iterations was used up"
        assert len(progress.curves["loss/validation rounds"]) == 3

    def test_seconds_are_a_limit(self) -> None:
        network = Constant()

        progress = train_network(
            network, squared(network), (numbers(8, 1.0), numbers(0, 1.0)), settings(seconds=1e-9), 0
        )

        assert progress.remarks == ["stopped by the time limit of 1e-09 seconds after 1 of 100 iterations"]

    def test_long_curves_have_about_five_hundred_points(self) -> None:
        assert settings(iterations=1_000_000).round(8) == 2000
        assert settings(iterations=1_000_000, batch_size=8).round(80_000) == 10_000  # an epoch


class TestScaling:
    def test_training_data_comes_out_with_mean_zero_and_deviation_one(self) -> None:
        panel = Panel.of([np.random.default_rng(0).normal(7, 3, 500)])
        scaler = Scaler.of(panel)

        scaled = scaler.apply(panel.values)

        assert scaled.mean() == pytest.approx(0, abs=1e-12)
        assert scaled.std() == pytest.approx(1)
        np.testing.assert_allclose(scaler.undo(scaled[:, :, None]), panel.values[:, :, None])

    @pytest.mark.parametrize("value", [3.1, math.nan])
    def test_nothing_can_be_learnt_from_one_value_or_none(self, value: float) -> None:
        said = "constant" if value == 3.1 else "missing"
        with pytest.raises(Unsupported, match=f"{said}.*: there is nothing to learn from"):
            Scaler.of(Panel.of([np.full(50, value)]))

    @pytest.mark.parametrize("scale", ["training", "window"])
    @pytest.mark.parametrize("target", ["level", "change"])
    def test_a_frame_can_be_undone(self, scale: str, target: str) -> None:
        inputs = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        outputs = inputs[:, :2, [1]]

        seen, frame = WindowScaler(scale, target, (1,)).apply(inputs, None)

        assert seen.dtype == torch.float32
        back = frame.undo(frame.apply(outputs)[..., None].double())
        assert (back[..., 0] - outputs).abs().max() < 1e-6
        if target == "change":
            assert (seen[:, -1] == 0).all()
        elif scale == "window":
            assert seen.mean(1).abs().max() < 1e-6

    def test_padding_counts_for_nothing_in_a_window_s_own_scale(self) -> None:
        inputs = torch.tensor([[[0.0], [0.0], [4.0], [6.0]]], dtype=torch.float64)
        observed = torch.tensor([[0.0, 0.0, 1.0, 1.0]])

        seen, _ = WindowScaler("window", "level", (0,)).apply(inputs, observed)

        assert seen.flatten().tolist() == [0, 0, -1, 1]


class TestHeads:
    def test_pinball_loss_by_hand(self) -> None:
        # 2 above the quantile 0.9 costs 1.8, and 2 below the quantile 0.1 costs 1.8
        loss = pinball(torch.tensor([[1.0, 5.0]]), torch.tensor([3.0]), torch.tensor([0.9, 0.1]))

        assert loss.item() == pytest.approx(1.8)

    def test_a_quantile_head_speaks_of_the_mean_first(self) -> None:
        head = QuantileHead(4, 3, 2, (0.1, 0.9))

        assert head(torch.zeros(5, 4)).shape == (5, 3, 2, 3)
