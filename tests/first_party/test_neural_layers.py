"""Layers, initial weights and optimisers of networks against those of torch, and against closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness import BadParameter, Unsupported
from harness_models.neural import WINDOWED
from harness_models.neural.backbones import ConvolutionBackbone, DenseBackbone
from harness_models.neural.cells import RecurrentLayer
from harness_models.neural.examples import Batch, Examples, Shape
from harness_models.neural.initialisation import initialise
from harness_models.neural.layers import BatchNorm, HiddenLayers
from harness_models.neural.parameters import parameter_count
from harness_models.neural.stacks import Stack
from harness_models.neural.training import TrainingSettings, train_network

BY_NAME = {spec.name: spec for spec in WINDOWED}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU, "sigmoid": nn.Sigmoid}
WINDOWS, LOOKBACK, CHANNELS, HIDDEN = 6, 20, 3, 5


def inputs() -> Tensor:
    return torch.randn(WINDOWS, LOOKBACK, CHANNELS, generator=torch.Generator().manual_seed(2))


def copy_parameters(ours: nn.Module, theirs: list[nn.Module]) -> None:
    """Give our network the weights of torch's layers, in the order of ours: first layers, then normalisations."""
    values = [value for layer in theirs for value in layer.parameters()]
    with torch.no_grad():
        for own, value in zip(ours.parameters(), values, strict=True):
            own.copy_(value)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_dense_network_is_that_of_torch(name: str) -> None:
    options = HiddenLayers(name, batch_normalisation=True, skip_connections=True, bias=False)
    ours = DenseBackbone(LOOKBACK * CHANNELS, HIDDEN, 2, options)
    linear = [nn.Linear(LOOKBACK * CHANNELS, HIDDEN, bias=False), nn.Linear(HIDDEN, HIDDEN, bias=False)]
    norms, activation = [nn.BatchNorm1d(HIDDEN), nn.BatchNorm1d(HIDDEN)], ACTIVATIONS[name]()
    copy_parameters(ours, [*linear, *norms])

    for _ in range(2):  # in training, and then by the running statistics
        first = activation(norms[0](linear[0](inputs().flatten(1))))
        expected = first + activation(norms[1](linear[1](first)))
        torch.testing.assert_close(ours(inputs(), None, None), expected)
        for module in (ours, *norms):
            module.eval()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_convolutional_network_is_that_of_torch(name: str) -> None:
    options = HiddenLayers(name, batch_normalisation=True, skip_connections=True)
    ours = ConvolutionBackbone(CHANNELS, HIDDEN, (5, 3), options)
    convolutions = [nn.Conv1d(CHANNELS, HIDDEN, 5), nn.Conv1d(HIDDEN, HIDDEN, 3)]
    norms, activation = [nn.BatchNorm1d(HIDDEN), nn.BatchNorm1d(HIDDEN)], ACTIVATIONS[name]()
    copy_parameters(ours, [*convolutions, *norms])

    first = nn.MaxPool1d(2)(activation(norms[0](convolutions[0](inputs().transpose(1, 2)))))
    second = activation(norms[1](convolutions[1](first)))

    torch.testing.assert_close(ours(inputs(), None, None), (first[..., 1:-1] + second).mean(2))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers_with_batch_normalisation_and_skip_connections_are_those_of_torch(bidirectional: bool) -> None:
    both = {"batch_normalisation": True, "skip_connections": True}
    ours = Stack("lstm", CHANNELS, HIDDEN, 2, bidirectional, biases=2, **both)
    width = HIDDEN * (2 if bidirectional else 1)
    layers = [nn.LSTM(size, HIDDEN, bidirectional=bidirectional) for size in (CHANNELS, width)]
    norm = nn.BatchNorm1d(width)
    copy_parameters(ours, [*layers, norm])

    first = layers[0](inputs().transpose(0, 1))[0]
    second = layers[1](norm(first.permute(1, 2, 0)).permute(2, 0, 1))[0]

    torch.testing.assert_close(ours(inputs().transpose(0, 1), None, None), first + second, atol=1e-5, rtol=1e-5)


def test_a_batch_of_one_window_is_normalised_by_the_running_statistics() -> None:
    norm = BatchNorm(HIDDEN)
    norm.running_mean.fill_(2.0)

    normalised = norm(torch.full((1, HIDDEN), 3.0))

    torch.testing.assert_close(normalised, torch.full((1, HIDDEN), 1.0), atol=1e-5, rtol=0)
    assert norm.num_batches_tracked == 0


INITIALISATIONS: dict[str, Callable[..., Any]] = {
    "xavier": nn.init.xavier_uniform_,
    "xavier-normal": nn.init.xavier_normal_,
    "kaiming": lambda w, generator: nn.init.kaiming_uniform_(w, nonlinearity="relu", generator=generator),
    "kaiming-normal": lambda w, generator: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=generator),
    "orthogonal": nn.init.orthogonal_,
    "standard-uniform": nn.init.uniform_,
    "standard-normal": nn.init.normal_,
    "normal-0.01": lambda w, generator: 0.01 * nn.init.normal_(w, generator=generator),
    "zeros": lambda w, generator: nn.init.zeros_(w),
    "ones": lambda w, generator: nn.init.ones_(w),
}


@pytest.mark.parametrize("name", INITIALISATIONS)
@pytest.mark.parametrize("make", [lambda: nn.Linear(7, 4), lambda: nn.Conv1d(3, 4, 5)], ids=["linear", "convolution"])
def test_initial_weights_are_those_of_torch(name: str, make: Callable[[], nn.Module]) -> None:
    ours, theirs = make(), make()

    initialise(ours, name, torch.Generator().manual_seed(3))
    expected = INITIALISATIONS[name](theirs.weight, generator=torch.Generator().manual_seed(3))

    torch.testing.assert_close(ours.weight, expected)
    assert not ours.bias.any()


def test_sparse_weights_have_a_tenth_of_zeros_for_each_input() -> None:
    layer = RecurrentLayer("lstm", 6, 25, biases=0)
    before = torch.get_rng_state()

    initialise(layer, "sparse", torch.Generator().manual_seed(3))

    assert ((layer.weight == 0).sum(0) == 10).all()
    assert ((layer.recurrent == 0).sum(0) == 10).all()
    assert layer.recurrent[layer.recurrent != 0].std().item() == pytest.approx(0.01, rel=0.1)
    assert torch.equal(before, torch.get_rng_state())


class Weight(nn.Module):
    """A weight of two numbers, whose loss is a quadratic function of it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[4.0, -2.0]]))

    def loss(self, batch: Batch | None = None, progress: float = 0.0, generator: object = None) -> Tensor:
        return ((self.weight - torch.tensor([[1.0, 0.1]])) ** 2 * torch.tensor([[1.0, 3.0]])).sum()


def trained(**changes: Any) -> Tensor:
    """The weight after the training, without validation."""
    ones = torch.ones(4, 1, 1)
    parts = Examples(ones, ones, torch.arange(4), None), Examples(ones, ones, torch.arange(0), None)
    plain = {"schedule": "constant", "clip": 0.0, "iterations": 30, "learning_rate": 0.05}
    network = Weight()
    train_network(network, network.loss, parts, TrainingSettings(**{**plain, **changes}), 0)
    return network.weight.detach()


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_stochastic_gradient_descent_is_that_of_torch(momentum: dict[str, Any], weight_decay: float) -> None:
    reference = Weight()
    optimiser = torch.optim.SGD(reference.parameters(), lr=0.05, weight_decay=weight_decay, **momentum)
    for _ in range(30):
        optimiser.zero_grad()
        reference.loss().backward()
        optimiser.step()

    assert torch.equal(trained(optimiser="sgd", weight_decay=weight_decay, **momentum), reference.weight.detach())


def test_an_l1_penalty_shrinks_weights_and_sets_small_ones_to_zero() -> None:
    penalty = 0.8

    weight = trained(optimiser="sgd", l1_penalty=penalty, iterations=400, schedule="cosine")

    # (w − a)²·c + λ|w| is least at a − λ / 2c, or at zero
    assert weight[0, 0].item() == pytest.approx(1 - penalty / 2, abs=1e-4)
    assert weight[0, 1].item() == pytest.approx(0, abs=0.01)


def count(name: str, channels: int = 3, **parameters: Any) -> int:
    forecaster: Any = BY_NAME[name].make(parameters, 0)
    return parameter_count(forecaster.network(Shape(10, 0, 4), channels, 1, ()))


def test_parameter_counts_are_those_of_the_closed_forms() -> None:
    h, x, out = 8, 3, 4
    head = h * out + out
    dense = 10 * x * h + h + h * h + h
    options = {"hidden": h}

    assert count("dense", layers=2, **options) == dense + head
    assert count("dense", layers=2, bias=False, output_bias=False, **options) == dense - 2 * h + h * out
    assert count("dense", layers=2, batch_normalisation=True, skip_connections=True, **options) == dense + 4 * h + head
    assert count("cnn", filters=h, kernels=(3, 2), bias=False) == 3 * x * h + 2 * h * h + head
    assert count("rnn", **options) == h * (x + h + 1) + head
    assert count("rnn", biases=2, **options) == h * (x + h + 2) + head
    assert count("lstm", biases=2, **options) == 4 * h * (x + h + 2) + head
    assert count("lstm", bias=False, **options) == 4 * h * (x + h) + head
    assert count("gru", **options) == 3 * h * (x + h + 2) + head
    assert count("gru", reset_after=False, **options) == 3 * h * (x + h + 1) + head
    assert count("seq2seq", bias=False, **options) == 4 * h * (x + h) + 4 * h * (1 + h) + h + 1


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("dense", {"activation": "swish"}, "activation is one of relu, tanh, elu, sigmoid, not 'swish'"),
        ("cnn", {"activation": "linear"}, "activation is one of relu, tanh, elu, sigmoid, not 'linear'"),
        ("dense", {"bias": 0}, "bias must be true or false, not 0"),
        ("gru", {"reset_after": "yes"}, "reset_after must be true or false, not 'yes'"),
        ("lstm", {"biases": 0}, "biases is 1 or 2, not 0; for none, set bias to false"),
        ("rnn", {"biases": 2, "bias": False}, "with bias false there are no bias vectors: leave biases at 1"),
        ("seq2seq", {"biases": 3}, "biases is 1 or 2, not 3"),
        ("dense", {"skip_connections": True}, "skip_connections needs at least 2 layers"),
        ("cnn", {"skip_connections": True, "kernels": (3,)}, "skip_connections needs at least 2 kernels"),
        ("lstm", {"skip_connections": True}, "skip_connections needs at least 2 layers"),
        ("lstm", {"batch_normalisation": True}, "acts between recurrent layers, and needs at least 2 layers"),
        ("dense", {"batch_normalisation": True, "batch_size": 1}, "batch_normalisation needs a batch_size of at least"),
        ("dense", {"optimiser": "adagrad"}, "optimiser is one of adam, rmsprop, sgd, not 'adagrad'"),
        ("dense", {"momentum": 0.9}, "momentum is of optimiser 'sgd': leave it at 0 with 'adam'"),
        ("dense", {"momentum": 1.0, "optimiser": "sgd"}, "momentum is a share from 0 to less than 1, not 1.0"),
        ("dense", {"nesterov": True, "optimiser": "sgd"}, "nesterov needs a momentum of more than 0"),
        ("dense", {"l1_penalty": -0.1}, "l1_penalty must be at least 0, not -0.1"),
        ("dense", {"initialisation": "he"}, "initialisation is one of keras, uniform, .*, zeros, ones, not 'he'"),
    ],
)
def test_bad_values_are_named(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(BadParameter, match=message):
        BY_NAME[name].make(parameters, 0)


def test_skip_connections_of_a_network_whose_lookback_fits_one_kernel_are_unsupported() -> None:
    forecaster: Any = BY_NAME["cnn"].make({"skip_connections": True}, 0)

    with pytest.raises(Unsupported, match="skip_connections needs at least 2 kernels, and a lookback of 5 fits 1"):
        forecaster.network(Shape(5, 0, 1), 1, 1, ())
