"""Stored measurements: one file per machine and forecaster, to which each repetition is added.

<home>/bench/<machine>/<key>.json                              the repetitions of a forecaster
<home>/bench/pytest-benchmark/<machine>/NNNN_<board>.json      the timings of a round, for `pytest-benchmark compare`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.data.damage import set_aside, warn
from harness.data.storage import read_checked_json, write_checked_json, write_json
from harness.efficiency.combination import combine
from harness.efficiency.record import SCHEMA, UNCHECKED, Bench
from harness.errors import DamagedFile, HomeUnusable, LaterVersion
from harness.results.costs import BenchCosts

STORAGE = "pytest-benchmark"
MAX_REPETITIONS = 100  # in a file; the earliest are removed
SHARED = ("key", "subject", "machine")  # what all repetitions of a file have in common


def bench_folder(home: Path) -> Path:
    """The folder of all measurements."""
    return home / "bench"


def write_bench(home: Path, bench: Bench, *, fresh: bool = False) -> str:
    """Add a repetition to those that are stored; with `fresh`, repetitions of other runs are removed first.

    One whose latency could not be measured is not added to others, and is replaced by them; one in which another
    scenario failed counts for those that did not. Returns when the repetitions were measured that stay without the
    present one; empty where it was added. Raises LaterVersion where a later version of harness wrote the file, and
    HomeUnusable where the home cannot be written to.
    """
    path = bench_path(home, bench.machine.id, bench.key)
    with _lock(home):
        stored = _read_repetitions(path, home)
        measured = [earlier for earlier in stored if earlier.latency is not None]
        if bench.latency is None and measured:
            return measured[-1].measured
        kept = stored if bench.latency is None else measured
        if fresh:
            kept = [earlier for earlier in kept if earlier.run == bench.run]
        write_checked_json(path, _file([*kept, bench][-MAX_REPETITIONS:]), SCHEMA, indent=None)
    return ""


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Let one process at a time change the measurements of a home."""
    from filelock import FileLock

    folder = bench_folder(home)
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise HomeUnusable(f"cannot write to the folder {folder}: {error.strerror}; choose another --home") from error
    try:
        yield
    finally:
        lock.release()


def bench_path(home: Path, machine: str, key: str) -> Path:
    """The file of the measurements of a forecaster."""
    return bench_folder(home) / machine / f"{key}.json"


def stored_bench(home: Path, costs: BenchCosts) -> Bench | None:
    """The measurements that the costs of a row are from; None if they were removed, or are of another version."""
    return next(_readable([bench_path(home, costs.machine, costs.key)], home), None)


def stored_benches(home: Path, machine: str) -> Iterator[Bench]:
    """All measurements of a machine, those of each key combined, the latest last; without those of another version."""
    benches = _readable(sorted((bench_folder(home) / machine).glob("*.json")), home)
    yield from sorted(benches, key=lambda bench: bench.measured)


def write_timings(home: Path, machine: str, board: str, parts: Iterable[Mapping[str, Any]]) -> Path | None:
    """Write the timings of a round as one file of pytest-benchmark, without single times; None if there are none."""
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


def _readable(paths: Iterable[Path], home: Path) -> Iterator[Bench]:
    """The measurements in these files, without those of a later version of harness."""
    for path in paths:
        try:
            repetitions = _read_repetitions(path, home)
        except LaterVersion as error:
            warn(f"{error}; these measurements are left out")
            continue
        if repetitions:
            yield combine(repetitions)


def _read_repetitions(path: Path, home: Path) -> list[Bench]:
    """The repetitions in a file, the latest last; none where it cannot be read."""
    try:
        fields = read_checked_json(path, SCHEMA, UNCHECKED)
    except DamagedFile as error:
        set_aside(error, home, "these measurements are lost: run `harness bench` again")
        return []
    try:
        return [] if fields is None else _repetitions(fields)
    except (ValueError, TypeError, KeyError):
        return []


def _file(repetitions: Sequence[Bench]) -> dict[str, Any]:
    """The content of a file; the provenance, which is long, is stored once a run."""
    tables, runs = [bench.to_json() for bench in repetitions], set[str]()
    stored = []
    for bench, table in zip(repetitions, tables, strict=True):
        without = {"schema", "loops", *SHARED} | ({"provenance"} if bench.run in runs else set())
        stored.append({name: value for name, value in table.items() if name not in without and value not in (None, {})})
        runs.add(bench.run)
    return {**{name: tables[-1][name] for name in SHARED}, "repetitions": stored}


def _repetitions(fields: Mapping[str, Any]) -> list[Bench]:
    """The repetitions of a file; until schema 2, a file had one."""
    if fields["schema"] != SCHEMA:
        return [Bench.from_json(fields)]
    shared = {name: fields[name] for name in ("schema", *SHARED)}
    return [Bench.from_json({**table, **shared}) for table in fields["repetitions"]]


def _without_data(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    stats = {name: value for name, value in benchmark["stats"].items() if name != "data"}
    return {**benchmark, "stats": stats}
