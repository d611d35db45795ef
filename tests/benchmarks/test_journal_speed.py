"""What it costs to write a run down."""

from __future__ import annotations

import os
import time

import numpy as np

from harness import Forecast, RollingOrigin, Task
from harness.evaluation.metrics import METRICS
from harness.evaluation.run import Cell, Results, Run, Status
from harness.evaluation.scoring import Terms
from harness.results.journal import Journal

ROUNDS = 20


def run_of(windows: int, horizon: int, number: int) -> Run:
    rng = np.random.default_rng(number)
    ones = np.ones((windows, 1))
    return Run(
        Cell(Task("trial", RollingOrigin(horizon, windows=windows)), "naive"),
        Status.COMPLETED,
        key=f"{number:032x}",
        scores={metric.name: 1.0 for metric in METRICS},
        windows=windows,
        results=Results(
            Forecast(rng.normal(size=(windows, horizon, 1))),
            {metric.name: Terms(ones, ones) for metric in METRICS},
            np.zeros(windows, dtype=np.int64),
            np.arange(windows),
        ),
    )


def test_a_record_costs_little(tmp_path, record_ratio, benchmark) -> None:
    journal = Journal(tmp_path)
    runs = iter([run_of(20, 12, number) for number in range(10 * ROUNDS)])

    benchmark.pedantic(lambda: journal.write(next(runs)), rounds=ROUNDS, warmup_rounds=2)

    record_ratio("a journal record, ms", round(benchmark.stats["median"] * 1e3, 2), "5 ms, a goal")


def test_arrays_go_as_fast_as_the_disk_takes_bytes(tmp_path, record_ratio) -> None:
    journal, run = Journal(tmp_path), run_of(100_000, 96, 1)
    size = run.results.forecast.mean.nbytes

    start = time.perf_counter()
    journal.write(run)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    with (tmp_path / "floor").open("wb") as file:
        file.write(run.results.forecast.mean.data)
        file.flush()
        os.fsync(file.fileno())
    floor = time.perf_counter() - start
    record_ratio(
        "journal arrays, MB/s", f"{size / ours / 1e6:.0f} (bare write {size / floor / 1e6:.0f})", "100, a goal"
    )

    back = journal.read_with_results(run.key)
    assert back is not None
    assert np.array_equal(back.results.forecast.mean, run.results.forecast.mean)
