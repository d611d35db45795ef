"""The scenarios as a suite of pytest-benchmark. `harness bench` runs it; no other run of pytest collects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.efficiency.measurement import Measurement
    from harness.efficiency.scenarios import Timer


@pytest.mark.benchmark(group="single stream")
def test_single_stream(benchmark: Timer, measuring: Measurement) -> None:
    """One window at a time."""
    measuring.single_stream(benchmark)


def test_offline(benchmark: Timer, measuring: Measurement, size: int) -> None:
    """Many windows in a call."""
    benchmark.group = f"offline, batch of {size}"
    measuring.offline(benchmark, size)


@pytest.mark.benchmark(group="server")
def test_server(benchmark: Timer, measuring: Measurement) -> None:
    """Windows that arrive at random."""
    measuring.server(benchmark)
