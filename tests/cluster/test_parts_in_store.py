"""A cell of 5,000 series in parts, by two commands at once: in a home in a folder, and in one at s3://.

The results are the same to the last bit. `tox -e parts` runs it, and prints the times of each repetition.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from servers import S3Server
from ways import forecaster_seconds, make_bucket, records, start

from harness import Journal

pytestmark = pytest.mark.skipif(
    os.environ.get("HARNESS_TEST_PARTS") != "1", reason="slow; HARNESS_TEST_PARTS=1 runs it"
)
SERIES, LENGTH = int(os.environ.get("HARNESS_PARTS_SERIES", "5000")), 200
REPETITIONS = int(os.environ.get("HARNESS_PARTS_REPETITIONS", "3"))
BOARD = """title = "Many"
metric = "MASE"
baseline = "theta"

[[forecasters]]
name = "theta"

[[tasks]]
dataset = "many"
protocol = { kind = "rolling-origin", horizon = 12, windows = 1 }
quantile_levels = [0.1, 0.5, 0.9]
"""
PLUGIN = f"""
import numpy as np

from harness import DatasetSpec, Panel, hookimpl


def many():
    rng = np.random.default_rng(0)
    season = 3 * np.sin(2 * np.pi * np.arange({LENGTH}) / 12)
    return Panel.of(list(50 + season + rng.normal(size=({SERIES}, {LENGTH})).cumsum(axis=1)), season_length=12)


@hookimpl
def harness_datasets():
    return [DatasetSpec("many", many)]
"""


@dataclass(frozen=True)
class Times:
    """What two commands took together."""

    seconds: float  # until the last one ended
    forecasters: float  # CPU seconds
    others: float  # CPU seconds of the commands and of the processes that evaluate
    server: float = 0.0  # CPU seconds of the server of S3

    @property
    def cpu_seconds(self) -> float:
        return self.forecasters + self.others


@pytest.fixture
def server() -> Iterator[S3Server]:
    made = S3Server()
    make_bucket(made.variables())
    yield made
    made.stop()


def write_board(folder: Path) -> None:
    (folder / "many").mkdir()
    (folder / "many" / "leaderboard.toml").write_text(BOARD)
    (folder / "many" / "harness_plugin.py").write_text(PLUGIN)


def run_twice(folder: Path, name: str, server: S3Server | None) -> tuple[Times, dict[str, str], str]:
    """Two commands with one job each at the same time; the times, the results, and the note on parts."""
    home = f"s3://bucket/{name}" if server else str(folder / name)
    copies = [folder / f"{name}-{machine}" for machine in "ab"]
    before = cpu_seconds(server)
    commands = [
        start(
            folder,
            *("run", "./many", "--jobs", "1", "--home", home),
            variables={**(server.variables() if server else {}), "HARNESS_CACHE_DIR": str(copy)},
        )
        for copy in copies
    ]
    ends = [command.end() for command in commands]
    of_server = cpu_seconds(server) - before
    found = next((copies[0] / "homes").iterdir()) if server else Path(home)
    (key,) = Journal(found).keys()
    run = Journal(found).read(key)
    assert run is not None
    (note,) = (note.partition(":")[0] for note in run.notes if "parts" in note)
    times = Times(
        max(seconds for seconds, _ in ends), forecaster_seconds(found), sum(cpu for _, cpu in ends), of_server
    )
    return times, records(found), note


def cpu_seconds(server: S3Server | None) -> float:
    return 0.0 if server is None else sum(psutil.Process(server.process.pid).cpu_times()[:2])


def test_parts_in_a_store_take_about_as_long_as_in_a_folder(
    tmp_path: Path, server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    write_board(tmp_path)
    lines = ["", "| Home | Seconds | CPU seconds: forecasters | others | S3 server |", "|---|---|---|---|---|"]
    ratios: dict[str, list[float]] = {"CPU seconds": [], "seconds": []}
    first: dict[str, str] = {}

    for repetition in range(REPETITIONS):
        times = {}
        for kind in ("folder", "s3")[:: 1 if repetition % 2 else -1]:
            took, found, note = run_twice(tmp_path, f"{kind}-{repetition}", server if kind == "s3" else None)
            first = first or found
            assert found == first, lines
            times[kind] = took
            lines.append(
                f"| {kind}, {note} | {took.seconds:.1f} | {took.forecasters:.1f} | {took.others:.1f} "
                f"| {took.server:.1f} |"
            )
        ratios["CPU seconds"].append(times["s3"].cpu_seconds / times["folder"].cpu_seconds)
        ratios["seconds"].append(times["s3"].seconds / times["folder"].seconds)

    for name, values in ratios.items():
        text = ", ".join(f"{value:.2f}" for value in values)
        lines.append(f"{name}, s3 / folder: median {statistics.median(values):.2f} of {text}")
    with capsys.disabled():
        sys.stdout.write("\n".join([*lines, ""]))
