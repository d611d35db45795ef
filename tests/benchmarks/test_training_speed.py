"""Training against a bare torch loop over the same strided views, and recurrent dropout against the fused kernel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from floors import compare
from presets import PRESETS
from torch import Tensor, nn

from harness import Channel, Panel, TrainingData
from harness_models.neural.cells import RecurrentLayer
from harness_models.neural.initialisation import initialise

ROWS, CHANNELS, LOOKBACK, BATCH, AHEAD = 4000, 14, 120, 256, 24


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weather(rows: int) -> Panel:
    values = np.random.default_rng(0).normal(size=(rows, CHANNELS))
    channels = [Channel(f"{i}", "past covariate" if i else "target") for i in range(CHANNELS)]
    return Panel.of([values], channels=channels)


def bare_loop(values: Tensor, iterations: int) -> None:
    """LSTM 16 and a linear layer, RMSprop, batches gathered from one strided view."""
    lstm, linear = nn.LSTM(CHANNELS, 16, batch_first=True), nn.Linear(16, 1)
    optimiser = torch.optim.RMSprop([*lstm.parameters(), *linear.parameters()], lr=1e-3)
    count = len(values) - LOOKBACK - AHEAD + 1
    windows = values.as_strided((count, LOOKBACK, CHANNELS), (CHANNELS, CHANNELS, 1))
    targets = values[LOOKBACK + AHEAD - 1 :, 0]
    step = 0
    while True:
        for chosen in torch.randperm(count).split(BATCH):
            said = linear(lstm(windows[chosen])[0][:, -1])[:, 0]
            loss = nn.functional.mse_loss(said, targets[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            step += 1
            if step == iterations:
                return


def test_training_costs_no_more_than_a_bare_loop(record_ratio) -> None:
    panel, iterations = weather(ROWS), 3 * 16  # three epochs of 3,857 windows
    train = TrainingData(panel, None, horizon=1, gap=AHEAD - 1)
    values = torch.tensor(panel.values, dtype=torch.float32)
    bound = 1 / 0.95

    def ours() -> None:
        PRESETS["lstm"].make(epochs=3, validation=0.0, device="cpu").fit(train)

    compared = compare(ours, lambda: bare_loop(values, iterations), rounds=9)
    record_ratio("training LSTM(16) on 256 × 120 × 14, CPU time to a bare loop's", compared, bound)


def test_a_fit_has_little_fixed_cost(record_ratio, benchmark) -> None:
    train = TrainingData(weather(LOOKBACK + AHEAD), None, horizon=1, gap=AHEAD - 1)

    def ours() -> None:  # one window, one iteration
        PRESETS["lstm"].make(epochs=1, validation=0.0, device="cpu").fit(train)

    benchmark.pedantic(ours, rounds=20, warmup_rounds=2)
    milliseconds = benchmark.stats["median"] * 1e3
    record_ratio("a fit's fixed cost, ms", round(milliseconds, 1), 50)

    assert milliseconds < 50


@pytest.mark.parametrize(("cell", "bound"), [("lstm", 1.5), ("gru", 1.2)])
def test_recurrent_dropout_costs_little_more_than_the_fused_kernel(cell, bound, record_ratio) -> None:
    hidden = 32
    layer = RecurrentLayer(cell, CHANNELS, hidden)
    initialise(layer, "keras", torch.Generator().manual_seed(0))
    inputs = torch.randn(LOOKBACK, BATCH, CHANNELS)
    kept = torch.full((BATCH, hidden), 0.75).bernoulli() / 0.75

    def ours() -> None:
        layer(inputs, None, kept)[-1].square().mean().backward()

    def fused() -> None:
        layer(inputs)[-1].square().mean().backward()

    compared = compare(ours, fused, rounds=15)
    record_ratio(f"recurrent dropout, {cell} 32, to the fused kernel", compared, bound)
