"""The scenarios as a pytest-benchmark suite. `harness bench` runs it; no other pytest run collects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.efficiency.measurement import Measurement
    from harness.efficiency.scenarios import Timer


@pytest.mark.benchmark(group="single stream")
def test_single_stream(benchmark: Timer, measurement: Measurement) -> None:
    """One window per call."""
    measurement.single_stream(benchmark)


def test_offline(benchmark: Timer, measurement: Measurement, size: int) -> None:
    """A batch of windows per call."""
    benchmark.group = f"offline, batch of {size}"
    measurement.offline(benchmark, size)


@pytest.mark.benchmark(group="server")
def test_server(benchmark: Timer, measurement: Measurement) -> None:
    """Windows that arrive at random."""
    measurement.server(benchmark)
