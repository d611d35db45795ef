"""The free run of 1,000 waves for 1,000 steps at hidden size 128 against the bare products of its steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from floors import compare

from harness import Contexts, Panel, TrainingData
from harness_models.neural.generation.forecasters import FreeGru, FreeLstm, FreeRnn

WAVES, STEPS, HIDDEN = 1000, 1000, 128
CASES = {"rnn": (FreeRnn, 1, 1.2), "lstm": (FreeLstm, 4, 1.35), "gru": (FreeGru, 3, 1.45)}


@pytest.mark.parametrize("case", CASES)
def test_a_free_run_costs_little_more_than_its_products(case, benchmark, record_ratio) -> None:
    factory, gates, bound = CASES[case]
    torch.set_num_threads(1)
    time = np.arange(2 + STEPS) / 10
    panel = Panel.of([np.cos(time + phase) for phase in np.linspace(0, 6, WAVES)])
    forecaster = factory(hidden=HIDDEN, warm_up=2, teach_iterations=0, stretch_evaluations=0, finish_evaluations=0)
    contexts = Contexts(panel, np.arange(WAVES), np.full(WAVES, 2), STEPS)
    forecaster.fit(TrainingData(Panel.of([np.cos(np.arange(20) / 10)]), None, 3))
    states = torch.rand(WAVES, HIDDEN, dtype=torch.float64)
    weights = torch.rand(HIDDEN, gates * HIDDEN, dtype=torch.float64)
    products = torch.empty(WAVES, gates * HIDDEN, dtype=torch.float64)

    def ours() -> object:
        return forecaster.predict(contexts)

    def floor() -> None:
        for _ in range(STEPS):
            torch.mm(states, weights, out=products)

    compared = compare(ours, floor, 3)
    record_ratio(f"free run of {case}, float64, {WAVES} × {STEPS}", compared, bound)
    benchmark.pedantic(ours, rounds=1, iterations=1)
