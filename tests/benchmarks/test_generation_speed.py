"""The free run of 1,000 waves for 1,000 steps at hidden size 128 against the bare products of its steps.

In float64, in which networks are trained, and in float32, in which they run freely; there also against the products
and the hyperbolic tangents that the cell takes, which no arrangement saves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from floors import compare

from harness import Contexts, Panel, TrainingData
from harness_models.neural.generation.forecasters import FreeGru, FreeLstm, FreeRnn

WAVES, STEPS, HIDDEN = 1000, 1000, 128
# gates, nonlinearities of a unit and step, and the limits: products in float64, in float32, the latter with tanh
CASES = {
    "rnn": (FreeRnn, 1, 1, (1.3, 2.0, 1.6)),
    "lstm": (FreeLstm, 4, 5, (1.3, 2.2, 1.6)),
    "gru": (FreeGru, 3, 3, (1.3, 2.4, 1.9)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_free_run_costs_little_more_than_its_products(case, benchmark, record_ratio) -> None:
    factory, gates, nonlinearities, bounds = CASES[case]
    torch.set_num_threads(1)
    time = np.arange(2 + STEPS) / 10
    panel = Panel.of([np.cos(time + phase) for phase in np.linspace(0, 6, WAVES)])
    forecaster = factory(hidden=HIDDEN, warm_up=2, teach_iterations=0, stretch_evaluations=0, finish_evaluations=0)
    contexts = Contexts(panel, np.arange(WAVES), np.full(WAVES, 2), STEPS)
    forecaster.fit(TrainingData(Panel.of([np.cos(np.arange(20) / 10)]), None, 3))

    def ours() -> object:
        return forecaster.predict(contexts)

    floors = {
        "products in float64": products(torch.float64, gates),
        "products in float32": products(torch.float32, gates),
        "products and tanh in float32": products(torch.float32, gates, nonlinearities),
    }
    for bound, (name, floor) in zip(bounds, floors.items(), strict=True):
        record_ratio(f"free run of {case}, {WAVES} × {STEPS}, to {name}", compare(ours, floor, 3), bound)
    benchmark.pedantic(ours, rounds=1, iterations=1)


def products(dtype: torch.dtype, gates: int, nonlinearities: int = 0) -> Callable[[], None]:
    """The product of every step with all waves, and NumPy's tanh of so many values of each unit."""
    states = torch.rand(WAVES, HIDDEN, dtype=dtype)
    weights = torch.rand(HIDDEN, gates * HIDDEN, dtype=dtype)
    out = torch.empty(WAVES, gates * HIDDEN, dtype=dtype)
    entered = torch.rand(WAVES, nonlinearities * HIDDEN, dtype=dtype).numpy()
    left = np.empty_like(entered)

    def floor() -> None:
        for _ in range(STEPS):
            torch.mm(states, weights, out=out)
            np.tanh(entered, out=left)

    return floor
