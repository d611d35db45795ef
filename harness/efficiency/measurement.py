"""The measurement of one forecaster, scenario by scenario, in its own process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from harness.data.storage import write_json
from harness.efficiency.calibration import SECONDS, calibrate
from harness.efficiency.cold_start import Fitted, measure_cold_start, measure_training
from harness.efficiency.energy import energy_meter
from harness.efficiency.environment import bind_cores
from harness.efficiency.record import Batch, Bench, Energy, Throughput
from harness.efficiency.scenarios import SIZES, Timer, batch_too_slow, offline, server, single_stream
from harness.efficiency.workload import RESULT, TIMINGS, Job, prepare_workload
from harness.errors import Failure, attempt
from harness.plugins.catalog import Catalog
from harness.results.provenance import provenance

T = TypeVar("T")
OPTIONS = (
    "-q -q --noconftest --assert=plain --capture=no --import-mode=importlib -p no:cacheprovider -p no:warnings "
    "-p pytest_benchmark.plugin --benchmark-disable-gc --benchmark-quiet"
)


@dataclass
class Measurement:
    """The record of a forecaster, stored after each step, so that a later crash does not lose it."""

    job: Job
    folder: Path
    bench: Bench
    fitted: Fitted | None = None
    services: Sequence[float] = ()  # service times: seconds of single calls
    batches: list[Batch] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # why batches are

    def __post_init__(self) -> None:
        self.meter = energy_meter()
        self.seconds = self.bench.conditions.seconds

    def save(self, scenario: str) -> None:
        """Store the record, and the scenario that comes next."""
        write_json(self.folder / RESULT, {"scenario": scenario, "bench": self.bench.to_json()}, indent=None)

    def try_scenario(self, scenario: str, action: Callable[[], T]) -> T | Failure:
        """Run a scenario; what it raises is recorded as its failure."""
        self.save(scenario)
        result = attempt(action)
        if isinstance(result, Failure):
            self.record_failure(scenario, str(result))
        return result

    def record_failure(self, scenario: str, why: str) -> None:
        """Record why a scenario has no result."""
        self.bench = replace(self.bench, failures={**self.bench.failures, scenario: " ".join(why.split())})

    def calibrate(self, moment: str) -> None:
        """Record a calibration."""
        calibration = calibrate(moment, min(SECONDS, self.seconds / 8))
        self.bench = replace(self.bench, calibrations=(*self.bench.calibrations, calibration))

    def run(self, catalog: Catalog) -> None:
        """Measure everything, in order."""
        conditions = self.bench.conditions
        self.bench = replace(
            self.bench,
            measured=datetime.now(UTC).isoformat(timespec="seconds"),
            conditions=replace(conditions, cores=bind_cores(conditions.threads)),
        )
        work = self.try_scenario("data", lambda: prepare_workload(self.job, catalog))
        if isinstance(work, Failure):
            return self.save("end")
        self.calibrate("before")
        start = self.try_scenario("start", lambda: measure_cold_start(work, self.bench))
        if not isinstance(start, Failure):
            self.fitted, self.bench = fitted, _ = start
            training = self.try_scenario("training", lambda: measure_training(fitted, self.bench, self.meter))
            if not isinstance(training, Failure):
                self.bench = replace(self.bench, training=training)
            self.calibrate("after training")
            self._run_suite()
        circumstances = provenance(
            self.job.own_name, catalog.forecasters, conditions.threads, parameters=self.job.bench.subject.parameters
        )
        self.bench = replace(self.bench, provenance=circumstances)
        return self.save("end")

    def single_stream(self, timer: Timer) -> None:
        """Measure the latency."""
        assert self.fitted is not None
        self.save("single stream")
        latency, self.services = single_stream(self.fitted, self.seconds, timer, self.bench.conditions.longest)
        self.bench = replace(self.bench, latency=latency)
        self.calibrate("after single stream")

    def offline(self, timer: Timer, size: int) -> None:
        """Measure the throughput of one batch size."""
        assert self.fitted is not None
        self.save(f"offline, batch of {size}")
        each = self.batches[-1].seconds / self.batches[-1].size if self.batches else 0.0
        why = batch_too_slow(size, each, self.seconds)
        if why:
            self.left_out.append(why)
        else:
            self.batches.append(offline(self.fitted, size, self.seconds / len(SIZES), self.meter, timer))
        throughput = Throughput(tuple(self.batches), tuple(self.left_out))
        self.bench = replace(self.bench, throughput=throughput, energy=self._energy(throughput))
        if size == SIZES[-1]:
            self.calibrate("after offline")
        if why:
            pytest.skip(why)

    def server(self, timer: Timer) -> None:
        """Find the highest rate under the bound, if there is one."""
        assert self.fitted is not None
        if self.job.bound is None:
            pytest.skip("no bound was given")
        if not self.services:
            pytest.skip("the single stream failed")
        self.save("server")
        result = server(self.fitted, self.services, self.job.bound, self.seconds, timer)
        self.bench = replace(self.bench, server=result)
        self.calibrate("after server")

    def _energy(self, throughput: Throughput) -> Energy:
        names = tuple(counter.name for counter in self.meter.counters)
        return Energy(throughput.best.joules, names, self.meter.problem)

    def _run_suite(self) -> None:
        """Run the suite through pytest's own interface, with its results in the folder."""
        suite = Path(__file__).with_name("suite.py")
        with tempfile.NamedTemporaryFile("w", suffix=".ini", delete=False) as settings:
            settings.write("[pytest]\n")
        try:
            options = [*OPTIONS.split(), "-c", settings.name, f"--rootdir={suite.parent}"]
            options += [f"--benchmark-json={self.folder / TIMINGS}", f"--benchmark-storage={self.folder.as_uri()}"]
            result = attempt(partial(pytest.main, [*options, str(suite)], [SuitePlugin(self)]))
        finally:
            os.unlink(settings.name)
        if isinstance(result, Failure):
            self.record_failure("suite", str(result))
        elif result not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.record_failure("suite", f"pytest ended with {result!r}")


class SuitePlugin:
    """The pytest plugin of the suite: provides the measurement, and records failures."""

    def __init__(self, measurement: Measurement) -> None:
        self._measurement = measurement

    @pytest.fixture
    def measurement(self) -> Measurement:
        """The measurement that the scenarios belong to."""
        return self._measurement

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Name each test after the forecaster, so that `pytest-benchmark compare` distinguishes them."""
        title = self._measurement.bench.subject.title
        if "size" in metafunc.fixturenames:
            metafunc.parametrize("size", SIZES, ids=[f"{title}, {size}" for size in SIZES])
        else:
            metafunc.fixturenames.append("title")
            metafunc.parametrize("title", [title], ids=[title])

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        """Record why a scenario failed."""
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            scenario = str(getattr(item, "originalname", item.name)).removeprefix("test_").replace("_", " ")
            size = item.callspec.params.get("size") if hasattr(item, "callspec") else None
            where = scenario if size is None else f"{scenario}, batch of {size}"
            error = call.excinfo.value
            why = str(Failure(error)) if isinstance(error, Exception | SystemExit) else repr(error)
            self._measurement.record_failure(where, why)

    @pytest.hookimpl(tryfirst=True)  # before the default, which inspects the processor for a second
    def pytest_benchmark_generate_machine_info(self) -> dict[str, Any]:
        """The machine, as in the record."""
        machine = self._measurement.bench.machine
        return {
            "node": machine.id,
            "processor": machine.processor,
            "machine": machine.system,
            "cores": machine.cores,
            "memory": machine.memory,
            "gpus": list(machine.gpus),
        }

    @pytest.hookimpl(tryfirst=True)
    def pytest_benchmark_generate_commit_info(self) -> dict[str, Any]:
        """The key and the time of the record, instead of a commit."""
        return {"id": self._measurement.bench.key, "time": self._measurement.bench.measured}
