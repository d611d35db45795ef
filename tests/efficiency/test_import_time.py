"""The time of imports: measured by the bench, left alone by an evaluation."""

from __future__ import annotations

import builtins
import time

import numpy as np

from harness import Forecast, Panel, RollingOrigin, Task, evaluate
from harness.efficiency.import_time import measure_imports


def test_the_time_of_imports_is_measured(tmp_path, monkeypatch) -> None:
    (tmp_path / "slow_outer.py").write_text("import slow_inner")
    (tmp_path / "slow_inner.py").write_text("import time\ntime.sleep(0.05)")
    monkeypatch.syspath_prepend(str(tmp_path))
    original = builtins.__import__

    with measure_imports() as first:
        time.sleep(0.02)
        import slow_outer
    with measure_imports() as again:
        import slow_outer

    assert slow_outer.slow_inner
    assert 0.05 <= first.seconds < 0.5
    assert again.seconds < 0.02
    assert builtins.__import__ is original


def test_a_measurement_within_another_one_stays_zero() -> None:
    with measure_imports(), measure_imports() as inner:
        import json  # noqa: F401

    assert inner.seconds == 0.0


def test_an_evaluation_leaves_the_import_statement_alone() -> None:
    class Looks:
        def fit(self, train) -> None:
            self.import_ = builtins.__import__

        def predict(self, contexts) -> Forecast:
            return Forecast.point(np.zeros((len(contexts), contexts.horizon, 1)))

    forecaster, original = Looks(), builtins.__import__

    costs = evaluate(forecaster, Task("ramp", RollingOrigin(horizon=2, windows=2)), Panel.of([range(20)])).costs

    assert forecaster.import_ is original
    assert costs.import_seconds == 0.0
