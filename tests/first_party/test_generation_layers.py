"""Layers of free-running networks: initial weights, biases, and the reset gate of a GRU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from test_neural_generation import PARAMETERS, QUICK, contexts_of, plainly, waves

from harness import TrainingData
from harness_models.neural.generation.forecasters import FreeGru, FreeRnn
from harness_models.neural.generation.free_running import FreeRunning
from harness_models.neural.generation.layers import INITIAL_WEIGHTS, initialise
from harness_models.neural.parameters import parameter_count

BIASES = {"FreeRnn": 256, "FreeLstm": 512, "FreeGru": 384, "FreeDense": 64, "FreeCnn": 32}


def network_of(factory: type[FreeRunning], name: str = "torch", **fields: Any) -> Any:
    network = factory(**fields).network(60)
    initialise(network, torch.Generator().manual_seed(1), name)
    return network


def past_of(steps: int) -> Any:
    return torch.randn(steps, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize("factory", PARAMETERS)
def test_networks_without_biases_have_only_weights(factory: type[FreeRunning]) -> None:
    network = network_of(factory, bias=False, output_bias=False)

    assert all(parameter.ndim > 1 for parameter in network.parameters())
    hidden = BIASES.get(factory.__name__, 2 * 512)  # an encoder and a decoder
    assert parameter_count(network) == PARAMETERS[factory] - hidden - 1


@pytest.mark.parametrize("factory", PARAMETERS)
@pytest.mark.parametrize("fields", [{"bias": False}, {"output_bias": False}])
def test_without_biases_the_free_run_is_that_of_torch_s_own_modules(
    factory: type[FreeRunning], fields: dict[str, bool]
) -> None:
    network = network_of(factory, **fields)
    parameters = list(network.parameters())

    expected = plainly(network, past_of(60), 40)
    on_tape = network(past_of(60), 40)[-40:]
    with torch.no_grad():
        off_tape = network(past_of(60), 40)[-40:]

    torch.testing.assert_close(on_tape, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(off_tape, expected.detach(), rtol=0, atol=1e-6)  # float32
    found = torch.autograd.grad((on_tape**2).sum(), parameters)
    for one, other in zip(found, torch.autograd.grad((expected**2).sum(), parameters), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


def reset_before(network: Any, past: Any, steps: int) -> Any:
    """A GRU of K. Cho et al. 2014 in NumPy, with the update gate of torch."""
    own, of_value, bias = (
        parameter.detach().numpy() for parameter in (network.cell.recurrent, network.cell.weight, network.cell.bias)
    )
    size = own.shape[1]
    readout, offset = network.head.weight.detach().numpy()[0], network.head.bias.detach().numpy()
    hidden, values, predicted = np.zeros((size, past.shape[1])), list(past.numpy()), []
    for _ in range(len(past) + steps - 1):
        x = of_value * values[len(predicted)] + bias[:, None]
        r = 1 / (1 + np.exp(-(x[:size] + own[:size] @ hidden)))
        z = 1 / (1 + np.exp(-(x[size : 2 * size] + own[size : 2 * size] @ hidden)))
        n = np.tanh(x[2 * size :] + own[2 * size :] @ (r * hidden))
        hidden = (1 - z) * n + z * hidden
        predicted.append(readout @ hidden + offset)
        if len(predicted) >= len(past):
            values.append(predicted[-1])
    return np.stack(predicted)


def test_the_reset_gate_acts_before_the_product() -> None:
    network = network_of(FreeGru, reset_after=False, hidden=16)

    with torch.no_grad():
        found = network(past_of(30), 20).numpy()

    np.testing.assert_allclose(found, reset_before(network, past_of(30), 20), rtol=0, atol=1e-12)
    assert parameter_count(network) == 3 * 16 * (16 + 1 + 1) + 17


def test_a_gru_with_the_reset_gate_before_the_product_learns_and_samples() -> None:
    forecaster = FreeGru(**QUICK, reset_after=False, sampling="steps", hidden=8, seed=3)

    forecaster.fit(TrainingData(waves(20, 90), None, 20))

    assert np.isfinite(forecaster.predict(contexts_of(waves(3, 90), 60, 20)).mean).all()
    values, mixed = past_of(61), torch.zeros(61, 3, dtype=torch.bool)
    torch.testing.assert_close(forecaster.model_.sampled(values, mixed, 60), forecaster.model_(values[:60], 1))
    mixed[31:] = True
    run = forecaster.model_(values[:31], 30)  # own predictions from the value 31 on
    torch.testing.assert_close(forecaster.model_.sampled(values, mixed, 60), run)


@pytest.mark.parametrize("factory", PARAMETERS)
@pytest.mark.parametrize("name", INITIAL_WEIGHTS)
def test_initial_weights_depend_on_the_generator_alone(factory: type[FreeRunning], name: str) -> None:
    state = torch.random.get_rng_state()

    one, other = (network_of(factory, name).state_dict() for _ in range(2))

    assert all(torch.equal(one[key], other[key]) for key in one)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_named_initial_weights_are_those_of_torch() -> None:
    """Xavier: uniform within √(6 / (inputs + outputs)); orthogonal: W Wᵀ = 1; Keras: orthogonal recurrent weights."""
    xavier, orthogonal, keras = (network_of(FreeRnn, name).cell.layer for name in ("xavier", "orthogonal", "keras"))

    assert float(xavier.weight_hh_l0.detach().abs().max()) == pytest.approx((6 / 256) ** 0.5, rel=1e-3)
    for layer in (orthogonal, keras):
        product = (layer.weight_hh_l0 @ layer.weight_hh_l0.T).detach()
        torch.testing.assert_close(product, torch.eye(128, dtype=torch.float64), rtol=0, atol=1e-12)
    assert not keras.bias_ih_l0.detach().any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"initialisation": "random"}, "initialisation is one of torch, keras, .* not 'random'"),
        ({"bias": "no"}, "bias is true or false, not 'no'"),
        ({"output_bias": 1}, "output_bias is true or false, not 1"),
    ],
)
def test_bad_layers_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FreeRnn(**fields)
