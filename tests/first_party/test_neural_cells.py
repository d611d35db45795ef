"""Recurrent cells against their equations in NumPy, and hand-written gradients against autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from harness import Floats
from harness_models.neural.cells import RecurrentLayer
from harness_models.neural.initialisation import INITIALISATIONS, initialise
from harness_models.neural.layers import apply_dropout
from harness_models.neural.parameters import parameter_count
from harness_models.neural.stacks import Stack, StatefulStack, reverse_steps

CELLS = ("rnn-tanh", "rnn-relu", "lstm", "gru", "gru-reset-before")
TIME, BATCH, INPUTS, HIDDEN = 9, 5, 3, 4

Step = Callable[[Floats, dict[str, Floats], Floats, Floats], tuple[Floats, Floats]]


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def rnn(x: Floats, p: dict[str, Floats], h: Floats, c: Floats) -> tuple[Floats, Floats]:
    return np.tanh(p["weight"] @ x + p["recurrent"] @ h + p["bias"]), c


def rectified_rnn(x: Floats, p: dict[str, Floats], h: Floats, c: Floats) -> tuple[Floats, Floats]:
    return np.maximum(p["weight"] @ x + p["recurrent"] @ h + p["bias"], 0), c


def lstm(x: Floats, p: dict[str, Floats], h: Floats, c: Floats) -> tuple[Floats, Floats]:
    i, f, g, o = np.split(p["weight"] @ x + p["recurrent"] @ h + p["bias"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(x: Floats, p: dict[str, Floats], h: Floats, c: Floats) -> tuple[Floats, Floats]:
    ri, zi, ni = np.split(p["weight"] @ x + p["bias"], 3)
    rh, zh, nh = np.split(p["recurrent"] @ h + p["second_bias"], 3)
    z = sigmoid(zi + zh)
    return (1 - z) * np.tanh(ni + sigmoid(ri + rh) * nh) + z * h, c


def gru_reset_before(x: Floats, p: dict[str, Floats], h: Floats, c: Floats) -> tuple[Floats, Floats]:
    """K. Cho et al., 2014, equations 5 to 8."""
    (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, b_n) = (np.split(p[key], 3) for key in ("weight", "recurrent", "bias"))
    r, z = sigmoid(w_r @ x + u_r @ h + b_r), sigmoid(w_z @ x + u_z @ h + b_z)
    return z * h + (1 - z) * np.tanh(w_n @ x + u_n @ (r * h) + b_n), c


EQUATIONS: dict[str, Step] = {
    "rnn-tanh": rnn,
    "rnn-relu": rectified_rnn,
    "lstm": lstm,
    "gru": gru,
    "gru-reset-before": gru_reset_before,
}


def layer_of(cell: str, dtype: torch.dtype = torch.float64) -> RecurrentLayer:
    layer = RecurrentLayer(cell, INPUTS, HIDDEN).to(dtype)
    draws = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(0, 0.6, generator=draws)
    return layer


def inputs_of(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(TIME, BATCH, INPUTS, generator=torch.Generator().manual_seed(2), dtype=dtype)


def mask(rate: float = 0.4) -> Tensor:
    return apply_dropout(torch.ones(BATCH, HIDDEN, dtype=torch.float64), rate, torch.Generator().manual_seed(3))


def by_equations(cell: str, layer: RecurrentLayer, inputs: Tensor) -> Floats:
    parameters = {name: one.detach().double().numpy() for name, one in layer.named_parameters()}
    states = np.empty((TIME, BATCH, HIDDEN))
    for window in range(BATCH):
        h = c = np.zeros(HIDDEN)
        for t in range(TIME):
            h, c = EQUATIONS[cell](inputs[t, window].double().numpy(), parameters, h, c)
            states[t, window] = h
    return states


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cell", CELLS)
def test_layers_agree_with_the_equations(cell: str, dtype: torch.dtype) -> None:
    layer, inputs = layer_of(cell, dtype), inputs_of(dtype)

    states = layer(inputs).detach().numpy()

    np.testing.assert_allclose(
        states, by_equations(cell, layer, inputs), atol=1e-6 if dtype == torch.float32 else 1e-12
    )


@pytest.mark.parametrize("cell", CELLS)
def test_the_hand_written_forward_agrees_with_the_equations(cell: str) -> None:
    layer, inputs = layer_of(cell), inputs_of()

    states = layer(inputs, None, torch.ones(BATCH, HIDDEN, dtype=torch.float64)).detach().numpy()

    np.testing.assert_allclose(states, by_equations(cell, layer, inputs), atol=1e-12)


def plain(cell: str, layer: RecurrentLayer, inputs: Tensor, dropout_mask: Tensor) -> Tensor:
    """The recurrence with recurrent dropout as autograd sees it step by step."""
    hidden, h, states = layer.hidden, inputs.new_zeros(BATCH, HIDDEN), []
    c = h
    for x in inputs:
        given, product = x @ layer.weight.T + layer.bias, (h * dropout_mask) @ layer.recurrent.T
        if cell == "lstm":
            i, f, g, o = (given + product).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        elif cell == "gru":
            product = product + layer.second_bias
            r, z = (given + product)[:, : 2 * hidden].sigmoid().chunk(2, 1)
            n = (given[:, 2 * hidden :] + r * product[:, 2 * hidden :]).tanh()
            h = (1 - z) * n + z * h
        elif cell == "gru-reset-before":
            r, z = (given + product)[:, : 2 * hidden].sigmoid().chunk(2, 1)
            n = (given[:, 2 * hidden :] + (r * h * dropout_mask) @ layer.recurrent[2 * hidden :].T).tanh()
            h = (1 - z) * n + z * h
        else:
            h = (given + product).tanh() if cell == "rnn-tanh" else (given + product).relu()
        states.append(h)
    return torch.stack(states)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_written_by_hand_are_those_of_autograd(cell: str) -> None:
    layer, inputs, dropout_mask = layer_of(cell), inputs_of().requires_grad_(), mask()
    upstream = torch.randn(TIME, BATCH, HIDDEN, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    wanted = [inputs, *layer.parameters()]

    ours, theirs = layer(inputs, None, dropout_mask), plain(cell, layer, inputs, dropout_mask)
    found, expected = (torch.autograd.grad(output, wanted, upstream) for output in (ours, theirs))

    assert (ours - theirs).abs().max() < 1e-13
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() < 1e-12


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_that_vanish_are_zero_rather_than_subnormal(cell: str) -> None:
    layer = layer_of(cell).float()
    with torch.no_grad():
        layer.recurrent.mul_(0.1)
    inputs = torch.randn(300, BATCH, INPUTS, generator=torch.Generator().manual_seed(6)).requires_grad_()
    exact = inputs.detach().double().requires_grad_()
    kept = mask()

    (found,) = torch.autograd.grad(layer(inputs, None, kept.float())[-1].sum(), inputs)
    (expected,) = torch.autograd.grad(plain(cell, layer.double(), exact, kept)[-1].sum(), exact)

    assert expected[0].any()
    assert expected[0].abs().max() < torch.finfo(torch.float32).tiny
    assert not found[0].any()
    assert (found[found != 0].abs() > torch.finfo(torch.float32).tiny).all()
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6)


def test_backward_leaves_what_came_from_above_as_it_was() -> None:
    for cell in CELLS:
        layer, dropout_mask = layer_of(cell), mask()
        states = layer(inputs_of(), None, dropout_mask)
        upstream = torch.ones_like(states)
        states.backward(upstream)
        assert (upstream == 1).all()


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("recurrent_dropout", [0.0, 0.4])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_in_front_changes_nothing(
    cell: str, bidirectional: bool, recurrent_dropout: float, normalised: bool
) -> None:
    stack = Stack(
        cell,
        INPUTS,
        HIDDEN,
        3,
        bidirectional,
        recurrent_dropout=recurrent_dropout,
        batch_normalisation=normalised,
        skip_connections=normalised,
    ).double()
    initialise(stack, "orthogonal", torch.Generator().manual_seed(1))
    for parameter in stack.parameters():
        parameter.data.add_(0.1)
    inputs = inputs_of()
    short = 4
    padded = torch.cat([torch.zeros(TIME - short, BATCH, INPUTS, dtype=torch.float64), inputs[:short]])
    observed = (torch.arange(TIME) >= TIME - short).double()[:, None].expand(TIME, BATCH)

    states = stack(padded, observed, torch.Generator().manual_seed(5))
    alone = stack(inputs[:short], None, torch.Generator().manual_seed(5))
    stack.layers[-1].returns_last = True
    last = stack(padded, observed, torch.Generator().manual_seed(5))
    last_alone = stack(inputs[:short], None, torch.Generator().manual_seed(5))

    assert (states[-short:] - alone).abs().max() < 1e-13
    assert (last - last_alone).abs().max() < 1e-13
    assert (last[:, :HIDDEN] - states[-1, :, :HIDDEN]).abs().max() < 1e-13
    assert (last[:, HIDDEN:] - states[-short, :, HIDDEN:]).abs().max() < 1e-13 if bidirectional else True


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="cell is one of rnn-tanh, rnn-relu, lstm, gru, gru-reset-before, not 'mgu'"):
        Stack("mgu", INPUTS, HIDDEN)


def test_reversal_keeps_padding_in_front() -> None:
    values = torch.tensor([[0.0, 1.0], [5.0, 2.0], [6.0, 3.0]])[..., None]
    observed = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])

    assert reverse_steps(values, observed)[..., 0].tolist() == [[0.0, 3.0], [6.0, 2.0], [5.0, 1.0]]


def test_recurrent_dropout_has_one_mask_a_sequence_and_none_without_a_generator() -> None:
    stack = Stack("lstm", INPUTS, HIDDEN, recurrent_dropout=0.4, returns_last=True)
    initialise(stack, "keras", torch.Generator().manual_seed(1))
    inputs = inputs_of(torch.float32)

    free = [stack(inputs, None, None) for _ in range(2)]
    seeded = [stack(inputs, None, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]

    assert torch.equal(*free)
    assert torch.equal(seeded[0], seeded[1])
    assert not torch.equal(seeded[0], seeded[2])


class TestInitialValues:
    @pytest.mark.parametrize("name", [name for name in INITIALISATIONS if name not in ("zeros", "ones")])
    def test_they_are_drawn_from_the_generator_alone(self, name: str) -> None:
        before = torch.get_rng_state()
        layers = [RecurrentLayer("gru", 6, 8) for _ in range(3)]

        for layer, seed in zip(layers, (1, 1, 2), strict=True):
            initialise(layer, name, torch.Generator().manual_seed(seed))

        assert torch.equal(layers[0].weight, layers[1].weight)
        assert not torch.equal(layers[0].weight, layers[2].weight)
        assert torch.equal(before, torch.get_rng_state())

    def test_those_of_keras(self) -> None:
        layer = RecurrentLayer("lstm", 14, 16)

        initialise(layer, "keras", torch.Generator().manual_seed(1))

        bound = (6 / (14 + 64)) ** 0.5  # Glorot over the kernel of all four gates
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert (layer.recurrent.T @ layer.recurrent - torch.eye(16)).abs().max() < 1e-5
        assert layer.bias.reshape(4, 16).mean(1).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("biases", [0, 2])
@pytest.mark.parametrize(
    ("cell", "kind"), [("lstm", "LSTM"), ("gru", "GRU"), ("rnn-tanh", "RNN")], ids=["lstm", "gru", "rnn"]
)
def test_layers_without_biases_or_with_two_are_those_of_torch(cell: str, kind: str, biases: int) -> None:
    reference = getattr(torch.nn, kind)(INPUTS, HIDDEN, bias=biases > 0).double()
    ours = RecurrentLayer(cell, INPUTS, HIDDEN, biases).double()
    with torch.no_grad():
        for own, value in zip(ours.parameters(), reference.parameters(), strict=True):
            own.copy_(value)

    expected = reference(inputs_of())[0]

    torch.testing.assert_close(ours(inputs_of()), expected)
    torch.testing.assert_close(ours(inputs_of(), None, torch.ones(BATCH, HIDDEN).double()), expected)
    torch.testing.assert_close(ours(inputs_of(), torch.ones(TIME, BATCH).double()), expected)


@pytest.mark.parametrize(("biases", "count"), [(0, 3 * 4 * (3 + 4)), (1, 3 * 4 * (3 + 4 + 1))])
def test_a_gru_with_the_reset_gate_before_the_product_has_one_bias_or_none(biases: int, count: int) -> None:
    assert parameter_count(RecurrentLayer("gru-reset-before", INPUTS, HIDDEN, biases)) == count


def test_the_encoder_decoder_of_the_lecture_has_two_biases() -> None:
    """Three layers of 100 units each and a head, 405,701 parameters in M. De Mari's lecture."""
    stacks = [StatefulStack("lstm", 1, 100, layers=3, biases=2) for _ in range(2)]

    count = sum(parameter_count(module) for module in (*stacks, torch.nn.Linear(100, 1)))

    assert count == 405_701
