"""What `harness_models.networks` gives to networks of other packages, and the network of the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from harness import Channel, Panel, RollingOrigin, Task, evaluate
from harness_models.networks import torch_session

PAGE = Path(__file__).parents[2] / "docs" / "global-model.md"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    """The model of the page."""
    module = ModuleType("page")
    code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "page", module)
        exec(compile(code, "page", "exec", dont_inherit=True), vars(module))
        module.LINES = code.count("\n")
        yield module


def test_a_session_is_reproducible_and_leaves_the_state_as_it_was() -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()

    draws = []
    for _ in range(2):
        with torch_session(3, threads=1) as device:
            draws.append(torch.rand(2, device=device).tolist())
            assert torch.get_num_threads() == 1

    assert draws[0] == draws[1]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_a_session_on_no_device_is_refused() -> None:
    with pytest.raises(ValueError, match="device is one of"), torch_session(0, "tpu"):
        pass


def test_the_network_of_the_page_has_less_than_60_lines(page: ModuleType) -> None:
    assert page.LINES < 60


def test_it_learns_quantiles_and_the_effect_of_a_known_covariate(page: ModuleType) -> None:
    rng = np.random.default_rng(0)
    effects = rng.integers(0, 2, (2, 300))
    values = [np.stack([10 + 5 * e + rng.normal(0, 0.5, 300), e], axis=1) for e in effects]
    panel = Panel.of(values, channels=[Channel("y"), Channel("promotion", "known covariate")])
    task = Task("promotions", RollingOrigin(4, windows=10), quantile_levels=(0.1, 0.5, 0.9))

    run = evaluate(page.QuantileNetwork(), task, panel)
    blind = evaluate("mean", task, panel)

    assert run.status == "completed", run.reason
    assert run.scores["MAE"] < 0.4 * blind.scores["MAE"]
    assert 0.6 < run.scores["coverage"] <= 0.95
