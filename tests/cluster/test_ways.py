"""A board that is run in different ways has the same keys, scores and forecasts to the last bit.

It is run on this machine, in four shards with a home each, by two machines that share a home at s3://, and on Ray, also
by Ray Client and with a home at s3://. `tox -e ways` runs it, and prints a table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray_head import ray_head
from servers import S3Server
from ways import CELLS, forecaster_seconds, make_bucket, records, start, write_board

pytestmark = pytest.mark.skipif(os.environ.get("HARNESS_TEST_WAYS") != "1", reason="slow; HARNESS_TEST_WAYS=1 runs it")

Way = Callable[[], tuple[Path, float, float]]  # runs the board; returns the home, seconds and CPU seconds


@pytest.fixture
def s3() -> Iterator[dict[str, str]]:
    server = S3Server()
    make_bucket(server.variables())
    yield server.variables()
    server.stop()


def run_here(folder: Path, home: str, *options: str, **variables: str) -> tuple[Path, float, float]:
    """A run in a home in the folder."""
    command = start(folder, "run", "./ways", "--home", home, *options, variables=variables)
    return folder / home, *command.end()


def run_shards(folder: Path) -> tuple[Path, float, float]:
    """Four shards, two at a time, each in a home of its own; then their homes are merged."""
    measures = []
    for pair in ((1, 2), (3, 4)):
        started = [
            start(folder, "run", "./ways", "--shard", f"{i}/4", "--home", f"shard-{i}", "--jobs", "1", variables={})
            for i in pair
        ]
        ends = [command.end() for command in started]
        measures.append((max(seconds for seconds, _ in ends), sum(cpu for _, cpu in ends)))
    homes = [f"shard-{i}" for i in (1, 2, 3, 4)]
    measures.append(start(folder, "merge", *homes, "merged", variables={}).end())
    return folder / "merged", sum(seconds for seconds, _ in measures), sum(cpu for _, cpu in measures)


def run_in_store(folder: Path, s3: dict[str, str]) -> tuple[Path, float, float]:
    """Two machines at the same time with a home in a store; a third one reads the results."""
    started = [
        start(folder, "run", "./ways", "--jobs", "1", variables=of_machine(folder, name, "two", s3))
        for name in ("a", "b")
    ]
    ends = [command.end() for command in started]
    home = read_by_another(folder, of_machine(folder, "c", "two", s3))
    return home, max(seconds for seconds, _ in ends), sum(cpu for _, cpu in ends)


def run_by_ray_client(folder: Path) -> tuple[Path, float, float]:
    """On the cluster of a head node that `ray start` has started, which wants a token."""
    with ray_head() as variables:
        return run_here(folder, "client", "--on", variables["RAY_ADDRESS"], **variables)


def run_on_ray_in_store(folder: Path, s3: dict[str, str]) -> tuple[Path, float, float]:
    """On Ray with a home in a store, of which the nodes share the local copy; another machine reads the results."""
    command = start(folder, "run", "./ways", "--on", "ray", variables=of_machine(folder, "shared", "ray", s3))
    measures = command.end()
    return read_by_another(folder, of_machine(folder, "d", "ray", s3)), *measures


def of_machine(folder: Path, name: str, run: str, s3: dict[str, str]) -> dict[str, str]:
    """The environment of a machine with a local copy of its own."""
    return {**s3, "HARNESS_HOME": f"s3://bucket/{run}", "HARNESS_CACHE_DIR": str(folder / "copies" / name)}


def read_by_another(folder: Path, variables: dict[str, str]) -> Path:
    """The local copy of a machine that has run nothing; `harness status` shows all cells there."""
    shown = subprocess.run(
        [sys.executable, "-m", "harness", "status", "--json"],
        env={**os.environ, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    status = json.loads(shown.stdout)
    assert (status["running"], status["home"]) == ([], variables["HARNESS_HOME"])
    assert [(board["done"], board["cells"], board["failed"]) for board in status["boards"]] == [(CELLS, CELLS, [])]
    assert sum(machine["done"] for machine in status["machines"]) == CELLS
    (home,) = (Path(variables["HARNESS_CACHE_DIR"]) / "homes").iterdir()
    return home


def test_all_ways_have_the_same_results(tmp_path: Path, s3: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    write_board(tmp_path)
    ways: dict[str, Way] = {
        "this machine, two cells at a time": lambda: run_here(tmp_path, "local", "--jobs", "2"),
        "four shards in four homes, merged": lambda: run_shards(tmp_path),
        "two machines, a home at s3://": lambda: run_in_store(tmp_path, s3),
        "Ray": lambda: run_here(tmp_path, "ray", "--on", "ray"),
        "Ray Client": lambda: run_by_ray_client(tmp_path),
        "Ray, a home at s3://": lambda: run_on_ray_in_store(tmp_path, s3),
    }
    first: dict[str, str] = {}
    lines = [
        "",
        "| Way | Cells | Equal records | Seconds | CPU seconds: forecasters | others |",
        "|---|---|---|---|---|---|",
    ]

    for name, way in ways.items():
        home, seconds, cpu_seconds = way()
        found = records(home)
        first = first or found
        equal = sum(found.get(key) == record for key, record in first.items())
        of_forecasters = forecaster_seconds(home)
        lines.append(f"| {name} | {len(found)} | {equal} | {seconds:.0f} | {of_forecasters:.1f} | {cpu_seconds:.1f} |")
        assert len(found) == CELLS, lines
        assert found == first, lines

    with capsys.disabled():
        sys.stdout.write("\n".join([*lines, ""]))
    shutil.rmtree(tmp_path)
