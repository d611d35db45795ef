"""`harness bench`, end to end: processes of their own, figures, files, costs, and what may be asked."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.data.storage import write_checked_json
from harness.efficiency import request as requests
from harness.efficiency.board_costs import BoardCosts, board_costs
from harness.efficiency.environment import usable_cores
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench
from harness.efficiency.request import BenchRequest, jobs
from harness.efficiency.store import bench_path, stored_benches, write_bench
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.stored_plan import StoredCell, StoredPlan

BOARD = "toy-board"


@pytest.fixture(scope="module")
def home(toys: Path, shell: Callable[..., Any]) -> Path:
    """A home in which two forecasters were measured."""
    said = shell(
        "bench",
        "sleeps, 2 ms",
        "learns",
        "--board",
        BOARD,
        "--seconds",
        "0.4",
        "--repetitions",
        "2",
        "--bound",
        "100ms",
    )
    assert "What a forecast costs: ramp (toy-board)" in said.out
    return toys / ".harness"


@pytest.fixture(scope="module")
def benches(home: Path) -> dict[str, Bench]:
    return {bench.subject.title: bench for bench in stored_benches(home, this_machine().id)}


@pytest.fixture
def catalog(toys: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The catalog with the toys, in this process and those that it starts."""
    monkeypatch.syspath_prepend(str(toys))
    monkeypatch.setenv("PYTHONPATH", str(toys))
    return load_catalog()


def request(toys: Path, home: Path, *names: str, **more: Any) -> BenchRequest:
    return BenchRequest(home, names, str(toys / BOARD), **{"seconds": 0.1, **more})


class TestFigures:
    def test_latency_is_that_of_the_forecaster(self, benches) -> None:
        latency = benches["sleeps, 2 ms"].latency

        assert 0.002 <= latency.p50.seconds < 0.02
        assert latency.p50.low <= latency.p50.seconds <= latency.p50.high
        assert latency.p50.seconds <= latency.p90.seconds <= latency.p99.seconds
        assert 6 <= latency.calls <= 200  # of two repetitions, each of 100 calls if there is time
        assert latency.checking < 0.002

    def test_many_windows_in_a_call_are_more_a_second(self, benches) -> None:
        throughput = benches["sleeps, 2 ms"].throughput

        assert [batch.size for batch in throughput.batches] == [1, 8, 64, 512, 4096][: len(throughput.batches)]
        assert throughput.best.size > 1
        assert throughput.best.points_per_second == pytest.approx(3 * throughput.best.forecasts_per_second)

    def test_a_server_holds_the_bound_at_some_rate(self, benches) -> None:
        server = benches["sleeps, 2 ms"].server

        assert server.bound == pytest.approx(0.1)
        assert server.guess > 0
        assert server.trials
        if server.rate is not None:  # a busy machine may keep none
            assert server.p99.seconds <= 0.1
            assert server.rate < 500

    def test_training_is_measured_where_something_is_learned(self, benches) -> None:
        bench = benches["learns"]

        assert 0.01 <= bench.training.seconds < 0.2
        assert bench.training.samples == 2 * (20 - 6)
        assert bench.training.samples_per_second < 2 * 14 / 0.01
        assert bench.size.parameters == 12
        assert bench.size.bytes == 96

    def test_memory_and_start(self, benches) -> None:
        for bench in benches.values():
            memory = bench.memory
            assert 2**20 < memory.before_import <= memory.peak
            assert memory.increase <= memory.increase_with_imports
            assert 0 < bench.start.seconds < 60

    def test_controlled_conditions_are_recorded(self, benches) -> None:
        bench = benches["learns"]

        assert bench.conditions.threads == 1
        assert len(bench.conditions.cores) == (1 if hasattr(os, "sched_setaffinity") else 0)
        assert not bench.conditions.collector
        moments = ["before", "after training", "after single stream", "after offline", "after server"]
        assert [calibration.moment for calibration in bench.calibrations] == 2 * moments  # two repetitions
        assert bench.provenance["threads"] == 1
        assert bench.machine == this_machine()

    def test_latencies_are_multiples_of_the_calibration_loop_too(self, benches) -> None:
        told = benches["learns"].to_json()

        loop = benches["learns"].loop
        assert told["loops"]["p50"] == pytest.approx(told["latency"]["p50"]["seconds"] / loop)
        assert told["loops"]["training"] == pytest.approx(told["training"]["seconds"] / loop)
        best = max(batch["forecasts_per_second"] for batch in told["throughput"]["batches"])
        assert told["loops"]["forecast"] == pytest.approx(1 / best / loop)

    def test_energy_is_known_or_has_a_reason(self, benches) -> None:
        energy = benches["learns"].energy

        assert (energy.joules is None) == bool(energy.unknown)

    def test_a_record_is_read_as_it_was_written(self, benches) -> None:
        for bench in benches.values():
            assert Bench.from_json(json.loads(json.dumps(bench.to_json(), allow_nan=False))) == bench


class TestFiles:
    def test_pytest_benchmark_compares_the_runs(self, home) -> None:
        storage = (home / "bench" / "pytest-benchmark").as_uri()

        command = [sys.executable, "-m", "pytest_benchmark", "--storage", storage, "compare", "--csv"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=60)

        assert done.returncode == 0, done.stderr
        assert "test_single_stream[learns]" in done.stdout
        assert "test_offline[sleeps, 2 ms, 8]" in done.stdout

    def test_runs_are_numbered_and_tell_the_machine(self, home) -> None:
        folder = home / "bench" / "pytest-benchmark" / this_machine().id

        told = json.loads((folder / "0001_toy-board.json").read_text(encoding="utf-8"))

        assert told["machine_info"]["node"] == this_machine().id
        assert not any("data" in benchmark["stats"] for benchmark in told["benchmarks"])
        assert len(list(folder.glob("*.json"))) == 2  # a file for each round

    def test_figures_of_another_version_are_left_out(self, home, tmp_path, benches) -> None:
        bench = benches["learns"]
        write_bench(tmp_path, bench)
        write_checked_json(bench_path(tmp_path, bench.machine.id, bench.key), bench.to_json(), 99)

        assert list(stored_benches(tmp_path, this_machine().id)) == []


class TestCosts:
    def plan(self, *cells: StoredCell) -> StoredPlan:
        return StoredPlan("toy-board", "Toys", "", "MAE", "flat", cells)

    def test_costs_belong_to_the_cells_of_a_board(self, home, benches) -> None:
        cell = StoredCell(benches["learns"].subject.cell, "learner", "ramp", "")

        costs = board_costs(self.plan(cell, StoredCell("other", "flat", "ramp", "")), home).by_forecaster

        assert list(costs) == ["learner"]
        assert costs["learner"].latency_p50 == benches["learns"].latency.p50.seconds
        assert costs["learner"].machine == this_machine().id
        assert costs["learner"].parameters == 12

    def test_costs_of_other_machines_are_ignored(self, home, benches) -> None:
        cell = StoredCell(benches["learns"].subject.cell, "learner", "ramp", "")

        assert board_costs(self.plan(cell), home, machine="another") == BoardCosts()

    def test_the_latest_costs_are_used(self, tmp_path, benches) -> None:
        bench = benches["learns"]
        for key, when, threads in (("a", "2030", 1), ("b", "2031", 2), ("c", "2029", 4)):
            conditions = replace(bench.conditions, threads=threads)
            write_bench(tmp_path, replace(bench, key=key, measured=when, conditions=conditions))

        costs = board_costs(self.plan(StoredCell(bench.subject.cell, "learner", "ramp", "")), tmp_path).by_forecaster

        assert costs["learner"].threads == 2


class TestRequests:
    def test_a_wrong_name_is_asked_back(self, toys, shell) -> None:
        assert (
            "no forecaster called 'lerns'; did you mean 'learns'?"
            in shell("bench", "lerns", "--board", BOARD, code=2).flat
        )

    def test_a_wrong_task_is_asked_back(self, toys, shell) -> None:
        assert "did you mean 'ramp'?" in shell("bench", "--board", BOARD, "--task", "rmap", code=2).flat

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--bound", "soon"),
            ("--bound", "0ms"),
            ("--seconds", "0"),
            ("--seconds", "nan"),
            ("--seconds", "inf"),
            ("--timeout", "0s"),
            ("--task", "ramp", "--all-tasks"),
        ],
    )
    def test_times_must_be_some(self, shell, arguments) -> None:
        said = shell("bench", "--board", BOARD, *arguments, code=2)

        assert said.err.startswith("error: ")
        assert "Traceback" not in said.err

    def test_more_threads_than_cores_are_refused(self, shell) -> None:
        cores = usable_cores()

        said = shell("bench", "flat", "--board", BOARD, "--threads", str(cores + 1), code=2)

        assert f"--threads {cores + 1} exceeds the {cores} cores that this process may use" in said.flat

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
    def test_one_core_will_do(self, toys, shell) -> None:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})  # those that we start have no other either
        try:
            said = shell(
                "bench",
                "flat",
                "--board",
                BOARD,
                "--seconds",
                "0.05",
                "--repetitions",
                "1",
                "--home",
                "single",
                "--csv",
            )
        finally:
            os.sched_setaffinity(0, before)

        (row,) = csv.DictReader(said.out.splitlines())
        assert row["failure"] == ""
        assert float(row["latency_p50"]) > 0

    def test_csv_has_a_row_a_forecaster_with_its_machine(self, shell) -> None:
        said = shell(
            "bench", "flat", "--board", BOARD, "--seconds", "0.1", "--repetitions", "2", "--csv", "--home", "other"
        )

        (row,) = csv.DictReader(said.out.splitlines())
        assert row["forecaster"] == "flat"
        assert row["machine"] == this_machine().id
        assert float(row["latency_p50"]) > 0
        assert row["server_rate"] == ""
        assert (row["repetitions"], "intervals" in row) == ("2", False)

    def test_a_forecaster_off_the_board_has_its_defaults(self, toys, catalog, tmp_path) -> None:
        (job,) = jobs(request(toys, tmp_path, "sleeps"), catalog)

        assert job.bench.subject.parameters == {}

    def test_a_name_that_is_given_twice_is_measured_once(self, toys, catalog, tmp_path) -> None:
        assert len(jobs(request(toys, tmp_path, "flat", "flat"), catalog)) == 1

    def test_hyperparameters_may_be_others(self, toys, catalog, tmp_path) -> None:
        asked = request(toys, tmp_path, "flat", "sleeps, 2 ms", settings={"sleeps, 2 ms": {"seconds": 0.004}})

        flat, sleeps = (job.bench.subject for job in jobs(asked, catalog))

        assert (flat.title, flat.parameters) == ("flat", {})
        assert (sleeps.title, sleeps.parameters) == ("sleeps, 2 ms (seconds=0.004)", {"seconds": 0.004})

    @pytest.mark.parametrize(
        ("setting", "said"),
        [
            ("learns.rate=1", "no measured forecaster called 'learns'"),
            ("flat.rate=1", "'flat'"),
            ("flat", "--set takes NAME.KEY=VALUE"),
        ],
    )
    def test_hyperparameters_that_nobody_has_are_asked_back(self, shell, setting, said) -> None:
        assert said in shell("bench", "flat", "--board", BOARD, "--set", setting, code=2).flat

    def test_threads_and_device_are_part_of_the_key(self, toys, catalog, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(requests, "usable_cores", lambda: 2)
        asked = [request(toys, tmp_path, "chooses", **more) for more in ({}, {"threads": 2}, {"device": "cpu"})]

        keys = {jobs(request, catalog)[0].bench.key for request in asked}

        assert len(keys) == 3
