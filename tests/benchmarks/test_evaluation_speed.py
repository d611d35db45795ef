"""Rolling-origin evaluation against plain NumPy, in CPU time and in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from floors import compare, seasonal_naive_scores

from harness import Panel, RollingOrigin, Task
from harness.data.files import load
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS
from harness.plugins.catalog import load_catalog

FOUR = [metric for metric in METRICS if metric.name in ("MAE", "RMSE", "MASE", "sMAPE")]
HORIZON, SEASON = 24, 24


def panel_of(dataset: str, home: Path) -> Panel:
    return load(load_catalog().datasets[dataset].spec, home)


def univariate(panel: Panel, times: int) -> Panel:
    """The last channel alone (ETTh1's is OT), all series so many times."""
    return Panel.of([series[:, -1] for series in panel] * times, season_length=panel.season_length)


CASES = {
    "ETTh1 OT, 1,000 windows": ("etth1", 1, 1000, 1, 3.5, 60),
    "M4 Hourly, 8,280 windows": ("m4-hourly", 1, 20, 24, 2.0, 30),
    "M4 Hourly twelve times, 99,360 windows": ("m4-hourly", 12, 20, 24, 1.5, 7),
}


@pytest.mark.parametrize("case", CASES)
def test_evaluation_costs_little_more_than_numpy(case, benchmark, tmp_path, record_ratio) -> None:
    dataset, times, windows, stride, bound, rounds = CASES[case]
    panel = univariate(panel_of(dataset, tmp_path), times)
    task = Task(dataset, RollingOrigin(HORIZON, windows=windows, stride=stride), season_length=SEASON)
    flat = np.ascontiguousarray(panel.values[:, 0])
    forecaster = load_catalog().forecasters["seasonal-naive"].spec.make({})

    def ours() -> object:
        return evaluate(forecaster, task, panel, metrics=FOUR, audited_windows=0)

    def floor() -> object:
        return seasonal_naive_scores(flat, panel.offsets, windows, stride, HORIZON, SEASON)

    run, expected = ours(), floor()
    for name, (_, overall) in expected.items():
        assert run.scores[name] == pytest.approx(
            overall, rel=1e-6
        )  # the floor runs one sum over the whole panel, which loses digits
    compared = compare(ours, floor, rounds)
    record_ratio(case, compared, bound)
    benchmark.pedantic(ours, rounds=3, iterations=1)


MEMORY = """
import numpy as np
from harness import Panel, RollingOrigin, Task
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS
from harness.plugins.catalog import load_catalog
panel = Panel.of([np.random.default_rng(0).normal(size=101_100)], season_length=24)
task = Task("x", RollingOrigin(24, windows=100_000, stride=1, max_context=1000, min_context=1000))
forecaster = load_catalog().forecasters["seasonal-naive"].spec.make({})
run = evaluate(forecaster, task, panel, metrics=METRICS)
assert run.windows == 100_000
status = open("/proc/self/status").read()  # the peak of getrusage would hold that of the process we came from
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_grows_with_forecasts_not_with_contexts(record_ratio) -> None:
    finished = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    megabytes = int(finished.stdout)
    record_ratio("100,000 windows of context 1,000, MB", megabytes, 500)

    assert megabytes < 500
