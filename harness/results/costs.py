"""BenchCosts: the costs of a forecaster on a machine, in one row, for standings and budgets. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


def _field(source: str) -> Any:
    """A field whose value is at `source` in a `Bench`: attribute names, joined by dots."""
    return dataclasses.field(metadata={"source": source})


def _figure(
    source: str,
    unit: Literal["s", "1/s", "B", "J", "1"],
    better: Literal["lower", "higher"] | None = None,
    *,
    varies: bool = False,
) -> Any:
    """A measured figure, None where it was not measured; one that is `better` lower or higher can be in a budget.

    One that `varies` between repetitions has an interval.
    """
    metadata = {"source": source, "unit": unit, "better": better, "varies": varies}
    return dataclasses.field(default=None, metadata=metadata)


@dataclass(frozen=True)
class BenchCosts:
    """The costs of a forecast on a machine; None is a figure that was not measured.

    Each field's metadata say where it is in the full record, and a figure's unit and direction.
    """

    machine: str = _field("machine.id")
    processor: str = _field("machine.processor")
    measured: str = _field("measured")  # UTC, ISO 8601
    task: str = _field("subject.task")
    threads: int = _field("conditions.threads")
    device: str = _field("conditions.used_device")
    latency_p50: float | None = _figure("latency.p50.seconds", "s", "lower", varies=True)
    latency_p90: float | None = _figure("latency.p90.seconds", "s", "lower", varies=True)
    latency_p99: float | None = _figure("latency.p99.seconds", "s", "lower", varies=True)
    latency_p99_low: float | None = _figure("latency.p99.low", "s")  # its 95 % interval
    latency_p99_high: float | None = _figure("latency.p99.high", "s", "lower")  # None: unknown
    # at the best batch size:
    throughput: float | None = _figure("throughput.best.forecasts_per_second", "1/s", "higher", varies=True)
    points_per_second: float | None = _figure("throughput.best.points_per_second", "1/s", "higher", varies=True)
    training_seconds: float | None = _figure("training.seconds", "s", "lower", varies=True)
    training_samples_per_second: float | None = _figure("training.samples_per_second", "1/s", "higher", varies=True)
    memory: int | None = _figure("memory.peak", "B", "lower")  # peak memory of the process
    memory_increase: int | None = _figure("memory.increase", "B", "lower")  # over the state after the imports
    device_memory: int | None = _figure("memory.device_peak", "B", "lower")  # peak of memory allocated on the GPU
    parameters: int | None = _figure("size.parameters", "1", "lower")
    model_bytes: int | None = _figure("size.bytes", "B", "lower")
    energy: float | None = _figure("energy.joules", "J", "lower", varies=True)  # for 1,000 forecasts
    start_seconds: float | None = _figure("start.seconds", "s", "lower", varies=True)
    # the highest whose p99 is below the bound:
    server_rate: float | None = _figure("server.rate", "1/s", "higher", varies=True)
    server_bound: float | None = _figure("server.bound", "s")
    unrest: float | None = _figure("unrest", "1")  # variation of the machine's speed: slowest over fastest, less 1
    repetitions: int | None = _figure("repetitions", "1")  # in fresh processes
    failure: str = dataclasses.field(default="", metadata={"source": "failure"})
    key: str = dataclasses.field(default="", metadata={"source": "key"})  # of the full record
    runs: int | None = dataclasses.field(default=None, metadata={"source": "runs"})  # that the repetitions are from
    # at 95 %, of figures that vary between repetitions; None: an end that is unknown
    intervals: Mapping[str, tuple[float | None, float | None]] = dataclasses.field(
        default_factory=dict, metadata={"source": "intervals"}
    )

    def ends(self, figure: str) -> tuple[float | None, float | None]:
        """The ends of a figure's interval; None is an end that is unknown."""
        return self.intervals.get(figure, (None, None))
