"""The free run of 1,000 waves for 1,000 steps at hidden size 128 against the bare products of its steps.

And against these products and the sigmoids that the cell takes, which no arrangement saves.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from floors import compare

from harness import Contexts, Panel, TrainingData
from harness_models.neural.generation.forecasters import FreeGru, FreeLstm, FreeRnn

WAVES, STEPS, HIDDEN = 1000, 1000, 128
# gates, sigmoids of a unit and step, and the bounds of both ratios
CASES = {"rnn": (FreeRnn, 1, 1, 1.2, 1.1), "lstm": (FreeLstm, 4, 5, 1.35, 1.1), "gru": (FreeGru, 3, 3, 1.45, 1.2)}


@pytest.mark.parametrize("case", CASES)
def test_a_free_run_costs_little_more_than_its_products(case, benchmark, record_ratio) -> None:
    factory, gates, sigmoids, bound, bound_with_sigmoids = CASES[case]
    torch.set_num_threads(1)
    time = np.arange(2 + STEPS) / 10
    panel = Panel.of([np.cos(time + phase) for phase in np.linspace(0, 6, WAVES)])
    forecaster = factory(hidden=HIDDEN, warm_up=2, teach_iterations=0, stretch_evaluations=0, finish_evaluations=0)
    contexts = Contexts(panel, np.arange(WAVES), np.full(WAVES, 2), STEPS)
    forecaster.fit(TrainingData(Panel.of([np.cos(np.arange(20) / 10)]), None, 3))
    states = torch.rand(WAVES, HIDDEN, dtype=torch.float64)
    weights = torch.rand(HIDDEN, gates * HIDDEN, dtype=torch.float64)
    products = torch.empty(WAVES, gates * HIDDEN, dtype=torch.float64)
    entered, left = torch.rand(2, WAVES, sigmoids * HIDDEN, dtype=torch.float64)

    def ours() -> object:
        return forecaster.predict(contexts)

    def floor() -> None:
        for _ in range(STEPS):
            torch.mm(states, weights, out=products)

    def floor_with_sigmoids() -> None:
        for _ in range(STEPS):
            torch.mm(states, weights, out=products)
            torch.sigmoid(entered, out=left)

    name = f"free run of {case}, float64, {WAVES} × {STEPS}"
    record_ratio(name, compare(ours, floor, 3), bound)
    record_ratio(f"{name}, to products and sigmoids", compare(ours, floor_with_sigmoids, 3), bound_with_sigmoids)
    benchmark.pedantic(ours, rounds=1, iterations=1)
