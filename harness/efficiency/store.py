"""Where figures lie, one file a forecaster, so that measuring again replaces them.

<home>/bench/<machine>/<key>.json                              the figures
<home>/bench/pytest-benchmark/<machine>/NNNN_<board>.json      a whole run, for `pytest-benchmark compare`
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
    """Where all figures lie."""
    return home / "bench"


def write_bench(home: Path, bench: Bench) -> Bench:
    """Store the figures of a forecaster; returns those stored, which where this run failed are earlier ones without."""
    path = bench_path(home, bench.machine.id, bench.key)
    earlier = _bench_in(path)
    if bench.failures and earlier is not None and not earlier.failures:
        return earlier
    write_json(path, bench.to_json())
    return bench


def bench_path(home: Path, machine: str, key: str) -> Path:
    """Where the figures of a forecaster lie."""
    return bench_folder(home) / machine / f"{key}.json"


def stored_bench(home: Path, costs: BenchCosts) -> Bench | None:
    """All figures behind the costs of a row; None where they are gone, or of another version."""
    return _bench_in(bench_path(home, costs.machine, costs.key))


def stored_benches(home: Path, machine: str) -> Iterator[Bench]:
    """All figures of a machine, the latest last; those of another version are left out."""
    found = [_bench_in(path) for path in sorted((bench_folder(home) / machine).glob("*.json"))]
    yield from sorted((one for one in found if one is not None), key=lambda one: one.measured)


def write_timings(home: Path, machine: str, board: str, parts: Iterable[Mapping[str, Any]]) -> Path | None:
    """The timings of a run as one file of pytest-benchmark, without single times; None where there are none."""
    parts = list(parts)
    if not parts:
        return None
    whole = dict(parts[0])
    whole["benchmarks"] = [_without_data(one) for part in parts for one in part["benchmarks"]]
    folder = bench_folder(home) / STORAGE / machine
    numbers = [int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.json")]
    name = re.sub(r"[^\w.-]+", "-", board)
    path = folder / f"{max(numbers, default=0) + 1:04}_{name}.json"
    write_json(path, whole)
    return path


def _bench_in(path: Path) -> Bench | None:
    told = read_json(path)
    try:
        return None if told is None else Bench.from_json(told)
    except (ValueError, TypeError, KeyError):
        return None


def _without_data(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    stats = {name: value for name, value in benchmark["stats"].items() if name != "data"}
    return {**benchmark, "stats": stats}
