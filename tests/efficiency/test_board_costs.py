"""The row of costs: every figure of the full record, from where its field says."""

from __future__ import annotations

from dataclasses import fields, replace

from harness.efficiency.board_costs import bench_costs
from harness.efficiency.record import (
    Batch,
    Bench,
    Calibration,
    Conditions,
    Energy,
    Latency,
    Machine,
    Memory,
    Percentile,
    Server,
    Start,
    Subject,
    Throughput,
    Training,
)
from harness.evaluation.model_size import ModelSize
from harness.results.costs import BenchCosts

EMPTY = Bench(
    "key",
    Subject("title", "name", "board", "task", "cell"),
    Machine("machine", "processor", 4, 1000, "Linux"),
    Conditions(3.0, 2, "auto", used_device="cuda"),
    "2026-01-01",
)
FULL = replace(
    EMPTY,
    start=Start(1.0, 2.0, 4.0, 8.0, 16.0),
    training=Training(0.5, 3, 50),
    memory=Memory(10, 20, 50, 60),
    size=ModelSize(7, 56),
    latency=Latency(Percentile(0.1, 0.09, 0.11), Percentile(0.2, 0.19), Percentile(0.3, 0.29, 0.31), 0.15, 400, 3, 0.0),
    throughput=Throughput((Batch(1, 0.1, 3, 10.0, 20.0), Batch(8, 0.1, 3, 80.0, 160.0))),
    server=Server(0.5, 12.0, Percentile(0.4, 0.3, 0.5), 13.0),
    energy=Energy(1.5),
    calibrations=(Calibration("before", 1.0, 1.1, 5), Calibration("after", 1.5, 1.6, 5)),
    failures={"server": "late"},
)


def test_every_figure_is_where_its_field_says() -> None:
    assert bench_costs(FULL) == BenchCosts(
        machine="machine",
        processor="processor",
        measured="2026-01-01",
        task="task",
        threads=2,
        device="cuda",
        latency_p50=0.1,
        latency_p90=0.2,
        latency_p99=0.3,
        latency_p99_low=0.29,
        latency_p99_high=0.31,
        throughput=80.0,
        points_per_second=160.0,
        training_seconds=0.5,
        training_samples_per_second=100.0,
        memory=50,
        memory_increase=30,
        device_memory=60,
        parameters=7,
        model_bytes=56,
        energy=1.5,
        start_seconds=11.0,
        server_rate=12.0,
        server_bound=0.5,
        unrest=0.5,
        repetitions=1,
        failure="server: late",
        key="key",
        runs=1,
    )


def test_what_was_not_measured_is_none() -> None:
    figures = [field.name for field in fields(BenchCosts) if "unit" in field.metadata and field.name != "repetitions"]

    costs = bench_costs(EMPTY)

    assert all(getattr(costs, name) is None for name in figures)
    assert costs.failure == ""
