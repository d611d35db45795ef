"""One forecaster from its job to its figures: what runs in a process of its own, scenario by scenario."""

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

from harness.attempt import Failure, attempt
from harness.data.storage import write_json
from harness.efficiency.calibration import SECONDS, calibrate
from harness.efficiency.cold_start import Fitted, measure_cold_start, measure_training
from harness.efficiency.energy import energy_meter
from harness.efficiency.environment import bound_cores
from harness.efficiency.record import Batch, Bench, Energy, Throughput
from harness.efficiency.scenarios import SIZES, Timer, offline, server, single_stream, too_large
from harness.efficiency.workload import RESULT, TIMINGS, Job, prepared
from harness.plugins.catalog import Catalog
from harness.results.provenance import provenance

T = TypeVar("T")
OPTIONS = (
    "-q -q --noconftest --assert=plain --capture=no --import-mode=importlib -p no:cacheprovider -p no:warnings "
    "-p pytest_benchmark.plugin --benchmark-disable-gc --benchmark-quiet"
)


@dataclass
class Measurement:
    """The figures so far, written down after each step, so that what comes later cannot take them along."""

    job: Job
    folder: Path
    bench: Bench
    here: Fitted | None = None
    services: Sequence[float] = ()  # seconds of single calls
    batches: list[Batch] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.meter = energy_meter()
        self.seconds = self.bench.conditions.seconds

    def begin(self, scenario: str) -> None:
        """Write down what there is, and what comes next."""
        write_json(self.folder / RESULT, {"scenario": scenario, "bench": self.bench.to_json()}, indent=None)

    def step(self, scenario: str, action: Callable[[], T]) -> T | Failure:
        """A scenario's figures; what it raises is its failure."""
        self.begin(scenario)
        outcome = attempt(action)
        if isinstance(outcome, Failure):
            self.failed(scenario, str(outcome))
        return outcome

    def failed(self, scenario: str, why: str) -> None:
        """A scenario has no figures."""
        self.bench = replace(self.bench, failures={**self.bench.failures, scenario: " ".join(why.split())})

    def calibrate(self, moment: str) -> None:
        """Time the fixed work."""
        made = calibrate(moment, min(SECONDS, self.seconds / 4))
        self.bench = replace(self.bench, calibrations=(*self.bench.calibrations, made))

    def run(self, catalog: Catalog) -> None:
        """Everything, in its order."""
        conditions = self.bench.conditions
        self.bench = replace(
            self.bench,
            measured=datetime.now(UTC).isoformat(timespec="seconds"),
            conditions=replace(conditions, cores=bound_cores(conditions.threads)),
        )
        work = self.step("data", lambda: prepared(self.job, catalog))
        if isinstance(work, Failure):
            return self.begin("end")
        self.calibrate("before")
        start = self.step("start", lambda: measure_cold_start(work, self.bench))
        if not isinstance(start, Failure):
            self.here, self.bench = here, _ = start
            training = self.step("training", lambda: measure_training(here, self.bench, self.meter))
            if not isinstance(training, Failure):
                self.bench = replace(self.bench, training=training)
            self.calibrate("after training")
            self._suite()
        plugin = catalog.forecasters[self.bench.subject.forecaster].plugin
        self.bench = replace(self.bench, provenance=provenance(plugin, conditions.threads))
        return self.begin("end")

    def single_stream(self, timer: Timer) -> None:
        """Measure the latency."""
        assert self.here is not None
        self.begin("single stream")
        latency, self.services = single_stream(self.here, self.seconds, timer)
        self.bench = replace(self.bench, latency=latency)
        self.calibrate("after single stream")

    def offline(self, timer: Timer, size: int) -> None:
        """Measure the throughput of one size of batch."""
        assert self.here is not None
        self.begin(f"offline, batch of {size}")
        each = self.batches[-1].seconds / self.batches[-1].size if self.batches else 0.0
        why = too_large(size, each, self.seconds)
        if why:
            self.left_out.append(why)
        else:
            self.batches.append(offline(self.here, size, self.seconds / len(SIZES), self.meter, timer))
        throughput = Throughput(tuple(self.batches), tuple(self.left_out))
        self.bench = replace(self.bench, throughput=throughput, energy=self._energy(throughput))
        if size == SIZES[-1]:
            self.calibrate("after offline")
        if why:
            pytest.skip(why)

    def server(self, timer: Timer) -> None:
        """Find the highest rate under the bound, if there is one."""
        assert self.here is not None
        if self.job.bound is None:
            pytest.skip("no bound was given")
        if not self.services:
            pytest.skip("the single stream failed")
        self.begin("server")
        found = server(self.here, self.services, self.job.bound, self.seconds, timer)
        self.bench = replace(self.bench, server=found)
        self.calibrate("after server")

    def _energy(self, throughput: Throughput) -> Energy:
        names = tuple(one.name for one in self.meter.counters)
        return Energy(throughput.best.joules, names, self.meter.unknown)

    def _suite(self) -> None:
        """The suite, through pytest's own interface, its results in the folder."""
        place = Path(__file__).with_name("suite.py")
        with tempfile.NamedTemporaryFile("w", suffix=".ini", delete=False) as settings:
            settings.write("[pytest]\n")
        try:
            options = [*OPTIONS.split(), "-c", settings.name, f"--rootdir={place.parent}"]
            options += [f"--benchmark-json={self.folder / TIMINGS}", f"--benchmark-storage={self.folder.as_uri()}"]
            outcome = attempt(partial(pytest.main, [*options, str(place)], [Plugin(self)]))
        finally:
            os.unlink(settings.name)
        if isinstance(outcome, Failure):
            self.failed("suite", str(outcome))
        elif outcome not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self.failed("suite", f"pytest ended with {outcome!r}")


class Plugin:
    """What the suite is given: the forecaster that is measured, and who listens when it fails."""

    def __init__(self, measuring: Measurement) -> None:
        self.measured = measuring

    @pytest.fixture
    def measuring(self) -> Measurement:
        """The figures so far, and the means to make more."""
        return self.measured

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Name each test after the forecaster, so that `pytest-benchmark compare` tells them apart."""
        title = self.measured.bench.subject.title
        if "size" in metafunc.fixturenames:
            metafunc.parametrize("size", SIZES, ids=[f"{title}, {size}" for size in SIZES])
        else:
            metafunc.fixturenames.append("title")
            metafunc.parametrize("title", [title], ids=[title])

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        """Keep why a scenario failed."""
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            scenario = str(getattr(item, "originalname", item.name)).removeprefix("test_").replace("_", " ")
            size = item.callspec.params.get("size") if hasattr(item, "callspec") else None
            where = scenario if size is None else f"{scenario}, batch of {size}"
            error = call.excinfo.value
            why = str(Failure(error)) if isinstance(error, Exception | SystemExit) else repr(error)
            self.measured.failed(where, why)

    @pytest.hookimpl(tryfirst=True)  # before the one that looks into the processor for a second
    def pytest_benchmark_generate_machine_info(self) -> dict[str, Any]:
        """The machine, as in our own figures."""
        machine = self.measured.bench.machine
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
        """The version that was measured."""
        return {"id": self.measured.bench.key, "time": self.measured.bench.measured}
