"""Stored measurements: one file per machine and forecaster, which a new measurement replaces.

<home>/bench/<machine>/<key>.json                              the measurements of a forecaster
<home>/bench/pytest-benchmark/<machine>/NNNN_<board>.json      the timings of a run, for `pytest-benchmark compare`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.data.storage import read_json, write_json
from harness.efficiency.record import Bench
from harness.results.costs import BenchCosts

STORAGE = "pytest-benchmark"


def bench_folder(home: Path) -> Path:
    """The folder of all measurements."""
    return home / "bench"


def write_bench(home: Path, bench: Bench) -> Bench:
    """Store measurements, unless they failed and earlier ones did not; returns the stored ones."""
    path = bench_path(home, bench.machine.id, bench.key)
    earlier = _read_bench(path)
    if bench.failures and earlier is not None and not earlier.failures:
        return earlier
    write_json(path, bench.to_json())
    return bench


def bench_path(home: Path, machine: str, key: str) -> Path:
    """The file of the measurements of a forecaster."""
    return bench_folder(home) / machine / f"{key}.json"


def stored_bench(home: Path, costs: BenchCosts) -> Bench | None:
    """The measurements that the costs of a row are from; None if they were removed, or are of another version."""
    return _read_bench(bench_path(home, costs.machine, costs.key))


def stored_benches(home: Path, machine: str) -> Iterator[Bench]:
    """All measurements of a machine, the latest last, without those of another version."""
    benches = [_read_bench(path) for path in sorted((bench_folder(home) / machine).glob("*.json"))]
    yield from sorted((bench for bench in benches if bench is not None), key=lambda bench: bench.measured)


def write_timings(home: Path, machine: str, board: str, parts: Iterable[Mapping[str, Any]]) -> Path | None:
    """Write the timings of a run as one file of pytest-benchmark, without single times; None if there are none."""
    parts = list(parts)
    if not parts:
        return None
    benchmarks = [_without_data(benchmark) for part in parts for benchmark in part["benchmarks"]]
    folder = bench_folder(home) / STORAGE / machine
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.json")]
    name = re.sub(r"[^\w.-]+", "-", board)
    path = folder / f"{max(numbers, default=0) + 1:04}_{name}.json"
    write_json(path, {**parts[0], "benchmarks": benchmarks})
    return path


def _read_bench(path: Path) -> Bench | None:
    fields = read_json(path)
    try:
        return None if fields is None else Bench.from_json(fields)
    except (ValueError, TypeError, KeyError):
        return None


def _without_data(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    stats = {name: value for name, value in benchmark["stats"].items() if name != "data"}
    return {**benchmark, "stats": stats}
