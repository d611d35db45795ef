"""The resident memory of a process and its peak."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from harness import Forecast, Panel, RollingOrigin, Task, evaluate
from harness.evaluation.memory import peak_memory, quick_peak, reset_peak, resident_memory

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@LINUX
def test_the_peak_is_that_since_it_was_reset() -> None:
    big = np.ones(30_000_000 // 8 * 8)
    del big
    assert reset_peak()
    before = peak_memory()

    kept = np.ones(10_000_000)
    after = peak_memory()

    assert before is not None
    assert after is not None
    assert before < (resident_memory() or 0) + 100_000_000
    assert 60_000_000 < after - before < 200_000_000
    assert len(kept)


@LINUX
def test_the_quick_peak_is_reset_too() -> None:
    """In a process that was forked, as workers are: one that was executed anew shows the peak of its parent."""
    code = """
import os, numpy as np
from harness.evaluation.memory import peak_memory, quick_peak, reset_peak
if os.fork() == 0:
    big = np.ones(30_000_000); del big
    reset_peak()
    os._exit(0 if quick_peak() < peak_memory() + 50_000_000 < 250_000_000 else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
    assert (quick_peak() or 0) >= (resident_memory() or 0) // 2


def test_a_run_has_the_peak_memory() -> None:
    class Zero:
        def fit(self, train) -> None: ...

        def predict(self, contexts) -> Forecast:
            return Forecast.point(np.zeros((len(contexts), contexts.horizon, 1)))

    costs = evaluate(Zero(), Task("ramp", RollingOrigin(horizon=2, windows=2)), Panel.of([range(20)])).costs

    assert costs.peak_memory is None or costs.peak_memory > 2**20
