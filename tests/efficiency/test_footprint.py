"""What a forecaster takes up: numbers that were learned, the peak of memory, the time of imports."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from harness import Forecast, Panel, RollingOrigin, Task, evaluate
from harness.evaluation.footprint import (
    ModelSize,
    forget_peak,
    imports_timed,
    model_size,
    peak_memory,
    quick_peak,
    resident_memory,
)

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@dataclass
class Holder:
    """A forecaster that learned something."""

    given: Any = field(default_factory=lambda: np.ones(99))
    learned_: Any = None

    def fit(self, train: Any) -> None:
        self.learned_ = np.zeros(7)

    def predict(self, contexts: Any) -> Forecast:
        return Forecast.point(np.repeat(contexts.last_targets(1), contexts.horizon, axis=1))


@pytest.mark.parametrize(
    ("learned", "size"),
    [
        (np.zeros((3, 4)), ModelSize(12, 96)),
        (np.zeros(5, dtype=np.float32), ModelSize(5, 20)),
        ({"a": [np.zeros(2)], "b": (1.5, np.float64(2.0))}, ModelSize(4, 32)),
        (torch.zeros(3, 3), ModelSize(9, 36)),
        (torch.nn.Linear(4, 3), ModelSize(15, 60)),
        ([torch.nn.BatchNorm1d(2)], ModelSize(4, 4 * 4 + 2 * 4 * 2 + 8)),  # buffers have bytes, and are no parameters
        (np.array([np.zeros(2), None], dtype=object), ModelSize(2, 16)),
        (np.array(["text"]), ModelSize()),
        ("text", ModelSize()),
        pytest.param(lambda: 1, ModelSize(), id="a function"),
        (None, ModelSize()),
    ],
    ids=str,
)
def test_what_counts(learned, size) -> None:
    assert model_size(Holder(learned_=learned)) == size


def test_an_estimator_counts_what_it_learned() -> None:
    inputs, outputs = np.random.default_rng(0).normal(size=(50, 6)), np.arange(100.0).reshape(50, 2)

    assert model_size(Holder(learned_=Ridge().fit(inputs, outputs))).parameters == 6 * 2 + 2


@pytest.mark.parametrize("made", [DecisionTreeRegressor(max_depth=3), HistGradientBoostingRegressor(max_iter=5)])
def test_trees_are_counted_too(made) -> None:
    inputs = np.random.default_rng(0).normal(size=(100, 2))

    small = model_size(Holder(learned_=made.fit(inputs[:60], inputs[:60, 0]))).parameters

    assert small is not None
    assert small > 20


def test_the_same_array_counts_once() -> None:
    array = np.zeros(5)

    assert model_size(Holder(learned_=[array, array])).parameters == 5


def test_data_that_is_kept_does_not_count() -> None:
    assert model_size(Holder(learned_=[Panel.of([range(10)])])) == ModelSize()


def test_what_leads_in_circles_ends() -> None:
    circle: list[Any] = [np.zeros(3)]
    circle.append(circle)

    assert model_size(Holder(learned_=circle)).parameters == 3


def test_what_cannot_be_looked_at_is_unknown() -> None:
    class Shy:
        @property
        def params(self) -> Any:
            raise RuntimeError("not yours")

    assert model_size(Holder(learned_=Shy())) == ModelSize()


def test_curves_and_remarks_are_not_the_model() -> None:
    forecaster = Holder()
    forecaster.curves_ = {"loss": np.zeros(100)}

    assert model_size(forecaster) == ModelSize()


@LINUX
def test_the_peak_is_that_since_it_was_forgotten() -> None:
    big = np.ones(30_000_000 // 8 * 8)
    del big
    assert forget_peak()
    before = peak_memory()

    kept = np.ones(10_000_000)
    after = peak_memory()

    assert before is not None
    assert after is not None
    assert before < (resident_memory() or 0) + 100_000_000
    assert 60_000_000 < after - before < 200_000_000
    assert len(kept)


@LINUX
def test_the_quick_peak_is_forgotten_too() -> None:
    """In a process that was forked, as workers are: one that was begun anew shows the peak of its parent."""
    code = """
import os, numpy as np
from harness.evaluation.footprint import forget_peak, peak_memory, quick_peak
if os.fork() == 0:
    big = np.ones(30_000_000); del big
    forget_peak()
    os._exit(0 if quick_peak() < peak_memory() + 50_000_000 < 250_000_000 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
    assert (quick_peak() or 0) >= (resident_memory() or 0) // 2


def test_the_time_of_imports_is_counted(tmp_path, monkeypatch) -> None:
    (tmp_path / "slow_outer.py").write_text("import slow_inner")
    (tmp_path / "slow_inner.py").write_text("import time\ntime.sleep(0.05)")
    monkeypatch.syspath_prepend(str(tmp_path))
    original = __builtins__["__import__"] if isinstance(__builtins__, dict) else __builtins__.__import__

    with imports_timed() as spent:
        time.sleep(0.02)
        import slow_outer
    once = spent.seconds
    with imports_timed() as spent:
        import slow_outer

    assert slow_outer.slow_inner
    assert 0.05 <= once < 0.5
    assert spent.seconds < 0.02
    assert (__builtins__["__import__"] if isinstance(__builtins__, dict) else __builtins__.__import__) is original


def test_one_counts_at_a_time() -> None:
    with imports_timed(), imports_timed() as inner:
        import json  # noqa: F401

    assert inner.seconds == 0.0


TASK = Task("ramp", RollingOrigin(horizon=2, windows=2))


def test_a_run_tells_parameters_and_memory() -> None:
    costs = evaluate(Holder(given=1), TASK, Panel.of([range(20)])).costs

    assert costs.parameters == 7
    assert costs.peak_memory is None or costs.peak_memory > 2**20


def test_imports_of_the_first_fit_are_no_part_of_its_time(tmp_path, monkeypatch) -> None:
    (tmp_path / "slow_library.py").write_text("import time\ntime.sleep(0.1)")
    monkeypatch.syspath_prepend(str(tmp_path))
    model = textwrap.dedent("""
        def fit(self, train):
            import slow_library
        """)
    made: dict[str, Any] = {}
    exec(model, made)
    forecaster = type("Importing", (Holder,), {"fit": made["fit"]})()

    costs = evaluate(forecaster, TASK, Panel.of([range(20)])).costs

    assert costs.fit_seconds < 0.09
    assert costs.import_seconds >= 0.1
