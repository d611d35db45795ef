"""Scheduled sampling against the formulas of its paper and torch's modules, and training on series that are short."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from test_neural_generation import PARAMETERS, contexts_of, network_of, next_of_lags, waves

from harness import Panel, TrainingData, Unsupported
from harness_models.neural.generation.curriculum import BURN_IN, sampled_loss
from harness_models.neural.generation.forecasters import (
    FreeAutoregressiveSeq2Seq,
    FreeCnn,
    FreeDense,
    FreeGru,
    FreeLstm,
    FreeRnn,
    FreeSeq2Seq,
)
from harness_models.neural.generation.free_running import FreeRunning
from harness_models.neural.generation.models import Convolutional, Dense, Recurrent
from harness_models.neural.generation.sampling import SCHEDULES, SamplingSchedule
from harness_models.neural.generation.window_lengths import Needs, WindowLengths

SHORT = {"teach_iterations": 2, "stretch_evaluations": 4, "finish_evaluations": 4, "batch": 4}


def sampled_plainly(network: Any, values: Any, own: Any, warm_up: int) -> Any:
    """The predictions of all values from the first predicted one on, by torch's modules, one step after the other."""
    if isinstance(network, Recurrent):
        return decoded(network.cell.layer, network.head, values[:-1], own[:-1], None)
    if isinstance(network, Dense | Convolutional):
        fed, predicted = list(values[: network.lags]), []
        for step in range(network.lags, len(values)):
            predicted.append(next_of_lags(network, torch.stack(fed[-network.lags :]).T))
            fed.append(torch.where(own[step], predicted[-1], values[step]))
        return torch.stack(predicted)
    if not hasattr(network, "block"):
        _, state = network.encoder.layer(values[:warm_up, :, None])
        entering = slice(warm_up - 1, -1)
        return decoded(network.decoder.layer, network.head, values[entering], own[entering], state)
    first, predicted = warm_up % network.block, []
    while first + network.block < len(values):
        block = values[first : first + network.block]
        if predicted:
            block = torch.where(own[first], predicted[-1], block)
        _, state = network.encoder.layer(block[..., None])
        hidden, _ = network.decoder.layer(block[-1:].expand_as(block)[..., None], state)
        predicted.append(network.head(hidden)[..., 0])
        first += network.block
    return torch.cat(predicted)[: len(values) - warm_up % network.block - network.block]


def decoded(layer: Any, head: Any, values: Any, own: Any, state: Any) -> Any:
    predicted: list[Any] = []
    for step, value in enumerate(values):
        entering = torch.where(own[step], predicted[-1], value) if predicted else value
        hidden, state = layer(entering[None, :, None], state)
        predicted.append(head(hidden)[0, :, 0])
    return torch.stack(predicted)


@pytest.mark.parametrize("factory", PARAMETERS)
def test_sampled_predictions_and_gradients_are_those_of_torch_s_own_modules(factory: type[FreeRunning]) -> None:
    network = network_of(factory)
    generator = torch.Generator().manual_seed(4)
    values = torch.randn(135, 3, generator=generator, dtype=torch.float64)
    own = torch.rand(135, 3, generator=generator) < 0.5
    warm_up = 60
    parameters = list(network.parameters())

    found = network.sampled(values, own, warm_up)
    expected = sampled_plainly(network, values, own, warm_up)

    assert len(found) == 135 - network.first_predicted(warm_up)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)
    weights = torch.linspace(-1, 1, len(found), dtype=torch.float64)[:, None]
    gradients = torch.autograd.grad((weights * found).sum(), parameters)
    for one, other in zip(gradients, torch.autograd.grad((weights * expected).sum(), parameters), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("factory", PARAMETERS)
def test_without_predictions_as_inputs_it_is_teacher_forcing(factory: type[FreeRunning]) -> None:
    network = network_of(factory)
    values = torch.randn(61, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)

    forced = network.sampled(values, torch.zeros(61, 3, dtype=torch.bool), 60)

    torch.testing.assert_close(forced, network(values[:60], 1), rtol=0, atol=1e-12)


def test_the_loss_counts_from_the_twentieth_value_on() -> None:
    network = network_of(FreeRnn)
    values = torch.randn(100, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    own = torch.rand(100, 1, generator=torch.Generator().manual_seed(6)) < 0.6

    loss = sampled_loss(network, values, 99, own)

    error = sampled_plainly(network, values, own, 99)[BURN_IN - 1 :] - values[BURN_IN:]
    torch.testing.assert_close(loss, (error**2).mean())


FORMULAS = {  # Bengio et al. 2015, section 2.4; "steps" is that of the tutorial: p = 0.5, 0.6, … 0.85 of own outputs
    ("steps", None, None, None): lambda i: 1 - min(0.5 + 0.1 * (i // 100), 0.85),
    ("linear", 0.9, 2e-4, 0.1): lambda i: max(0.1, 0.9 - 2e-4 * i),
    ("linear", None, None, None): lambda i: 1 - i / 5000,
    ("exponential", 0.999, None, None): lambda i: 0.999**i,
    ("inverse-sigmoid", 500.0, None, None): lambda i: 500 / (500 + math.exp(i / 500)),
}


@pytest.mark.parametrize("case", FORMULAS)
@pytest.mark.parametrize("iteration", [0, 1, 99, 100, 250, 399, 1234, 4999])
def test_probabilities_are_those_of_the_formulas(case: Any, iteration: int) -> None:
    kind, *parameters = case

    schedule = SamplingSchedule.of(kind, 5000, *parameters)

    assert schedule.probability(iteration) == pytest.approx(FORMULAS[case](iteration), rel=1e-12)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_without_parameters_suits_its_budget(kind: str) -> None:
    schedule = SamplingSchedule.of(kind, 400)

    probabilities = [schedule.probability(i) for i in range(401)]

    assert all(0 <= later <= earlier <= 1 for earlier, later in itertools.pairwise(probabilities))
    assert probabilities[-1] == pytest.approx(
        {"steps": 0.15, "linear": 0, "exponential": 0.01, "inverse-sigmoid": 1 - probabilities[0]}[kind], abs=1e-9
    )
    assert SamplingSchedule.of("inverse-sigmoid", 400).probability(200) == pytest.approx(0.5)


def test_as_many_inputs_are_predictions_as_the_schedule_says() -> None:
    schedule = SamplingSchedule.of("linear", 1000)

    drawn = schedule.predicted_inputs(300, (1000, 100), torch.Generator().manual_seed(1))

    assert float(drawn.float().mean()) == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sampling": "cubic"}, "sampling is one of steps, linear, exponential, inverse-sigmoid, not 'cubic'"),
        ({"sampling": "exponential", "sampling_k": 1.5}, "exponential is a probability from 0 to 1, not 1.5"),
        ({"sampling": "inverse-sigmoid", "sampling_k": 0.5}, "inverse-sigmoid must be at least 1, not 0.5"),
        ({"sampling": "linear", "sampling_slope": -1.0}, "sampling_slope must be at least 0, not -1.0"),
        ({"sampling": "linear", "sampling_least": 2.0}, "sampling_least is a probability from 0 to 1, not 2.0"),
        ({"sampling_k": 0.5}, "need a schedule: set sampling"),
        ({"recipe": "lecture"}, "recipe is one of curriculum, scheduled-sampling, not 'lecture'"),
    ],
)
def test_bad_schedules_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FreeRnn(**fields)


@pytest.mark.parametrize("factory", PARAMETERS)
def test_every_network_can_be_trained_by_scheduled_sampling(factory: type[FreeRunning]) -> None:
    train = TrainingData(waves(20, 90), None, 20)
    plain, sampled, recipe = (
        factory(**SHORT, **fields, seed=3) for fields in ({}, {"sampling": "steps"}, {"recipe": "scheduled-sampling"})
    )

    for forecaster in (plain, sampled, recipe):
        forecaster.fit(train)

    forecasts = [trained.predict(contexts_of(waves(3, 90), 60, 20)).mean for trained in (plain, sampled, recipe)]
    assert np.isfinite(forecasts).all()
    assert not np.array_equal(forecasts[0], forecasts[2])
    assert set(recipe.curves_) == {f"{loss}/teaching on next values" for loss in ("loss", "validation loss")}


def test_the_recipe_is_that_of_the_tutorial() -> None:
    """Adam at 1e-3 on single sines of 100 values, by torch's own modules."""
    panel = waves(8, 100)
    series = list(panel)
    forecaster = FreeRnn(recipe="scheduled-sampling", scale="none", batch=1, teach_iterations=5, seed=2)

    forecaster.fit(TrainingData(panel, None, 300))

    network = network_of(FreeRnn)
    generator = torch.Generator().manual_seed(2)
    _initialise_as_torch(network, generator)
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(5):
        wave = torch.tensor(series[int(torch.randint(8, (1,), generator=generator))])
        own = torch.rand(100, 1, generator=generator) >= 0.5
        adam.zero_grad()
        ((sampled_plainly(network, wave, own, 99)[19:] - wave[20:]) ** 2).mean().backward()
        adam.step()
    for one, other in zip(forecaster.model_.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)
    assert forecaster.warm_up_ == 100


def _initialise_as_torch(network: Any, generator: torch.Generator) -> None:
    """Uniform within 1/√128 for all parameters, in their order."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-(128**-0.5), 128**-0.5, generator=generator)


@pytest.mark.parametrize("factory", PARAMETERS)
@pytest.mark.parametrize("levels", [(), (0.1, 0.9)])
def test_short_waves_teach_long_runs(factory: type[FreeRunning], levels: tuple[float, ...]) -> None:
    forecaster = factory(**SHORT)
    forecaster.fit(TrainingData(waves(20, 100), waves(8, 100, seed=7), 1000, quantile_levels=levels))

    forecast = forecaster.predict(contexts_of(waves(3, 1100, seed=6), 100, 1000))

    assert forecast.mean.shape == (3, 1000, 1)
    assert np.isfinite(forecast.mean).all()
    assert forecaster.remarks_[0] == (
        "the training series are too short for free runs of 1,000 steps: the longest in training had 50; "
        "the stages of 100 and 300 steps were skipped"
    )


def test_training_on_short_waves_is_not_in_vain() -> None:
    budget = {"teach_iterations": 300, "stretch_evaluations": 60, "finish_evaluations": 60}
    forecaster = FreeDense(**budget, scale="panel", seed=1)
    held_out = waves(20, 400, seed=6)

    forecaster.fit(TrainingData(waves(64, 100), None, 300))

    actuals = np.stack([series[100:] for series in held_out])
    error = np.mean((forecaster.predict(contexts_of(held_out, 100, 300)).mean - actuals) ** 2)
    assert error < 0.05  # zeros score 0.54


NEEDS = {
    FreeRnn: 3,
    FreeLstm: 3,
    FreeGru: 3,
    FreeDense: 13,
    FreeCnn: 33,
    FreeSeq2Seq: 3,
    FreeAutoregressiveSeq2Seq: 3,
}


@pytest.mark.parametrize("factory", NEEDS)
@pytest.mark.parametrize("recipe", ["curriculum", "scheduled-sampling"])
def test_series_shorter_than_the_least_are_refused(factory: type[FreeRunning], recipe: str) -> None:
    least = NEEDS[factory]

    factory(**SHORT, recipe=recipe).fit(TrainingData(waves(3, least), None, 20))
    with pytest.raises(Unsupported) as caught:
        factory(**SHORT, recipe=recipe).fit(TrainingData(waves(3, least - 1), None, 20))

    assert str(caught.value) == (
        f"the network needs a training series of at least {least} observations without a missing one, "
        f"{least - 1} to start from and one to predict; the longest has {least - 1}"
    )


def test_missing_values_shorten_training_windows() -> None:
    broken = [series[:, 0].copy() for series in waves(6, 90)]
    for values in broken:
        values[40] = np.nan
    forecaster = FreeGru(**SHORT)

    forecaster.fit(TrainingData(Panel.of(broken), None, 60))

    assert "the longest in training had 25" in forecaster.remarks_[0]  # half of the 49 values after the gap


def test_lengths_of_series_that_are_long_enough_are_as_before() -> None:
    assert WindowLengths.of(np.full(20, 1000), Needs(2, None, 900, 16)) == WindowLengths(100, 100, 900)
    assert WindowLengths.of(np.full(2, 300), Needs(2, None, 50, 16)) == WindowLengths(100, 100, 50)
    assert WindowLengths.of(np.full(2, 120), Needs(12, None, 50, 16)) == WindowLengths(35, 35, 50)
    assert WindowLengths.of(np.full(20, 120), Needs(12, 40, 50, 16)) == WindowLengths(40, 40, 50)
