"""Shards on a real Slurm, by the script that `harness plan` prints: the results are those of a local run.

`tox -e slurm` runs it: it needs root, and Slurm and MUNGE (Debian: slurmctld, slurmd, slurm-client, munge).
"""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import S3Server
from slurm_cluster import missing_programs, slurm_cluster
from ways import make_bucket

TASK = """[[tasks]]
dataset = "nile"
name = "nile-{h}"
protocol = {{ kind = "rolling-origin", horizon = {h}, windows = 3 }}
"""
BOARD = 'title = "Rivers"\nmetric = "MAE"\nbaseline = "naive"\n' + "".join(TASK.format(h=h) for h in (1, 2, 3, 4))
BOARD += "".join(f'[[forecasters]]\nname = "{name}"\n' for name in ("naive", "drift", "mean", "ridge"))
HOME = "the cluster's #1 %A"  # a path that shells and Slurm read otherwise unless it is quoted
SLOW = """[[forecasters]]
name = "slow"
"""
PLUGIN = '''
import time
from dataclasses import dataclass

import numpy as np

from harness import Forecast, ForecasterSpec, hookimpl


@dataclass
class Slow:
    """Takes half a minute."""

    def fit(self, train):
        time.sleep(30)

    def predict(self, contexts):
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, len(contexts.targets))))


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("slow", Slow, "takes its time")]
'''
pytestmark = pytest.mark.skipif(
    os.environ.get("HARNESS_TEST_SLURM") != "1", reason="it starts daemons; HARNESS_TEST_SLURM=1 runs it"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if missing_programs() or os.getuid():
        pytest.fail(f"this test needs root and {', '.join(missing_programs()) or 'nothing else'}")
    with slurm_cluster(tmp_path_factory.mktemp("slurm")) as variables:
        yield variables


@pytest.fixture
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def command(tmp_path: Path, cluster: dict[str, str]) -> Callable[..., str]:
    site, board = tmp_path / "site", tmp_path / "rivers"
    information = site / "slow_plugin-0.1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-plugin\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text("[harness]\nslow = slow_plugin\n")
    (site / "slow_plugin.py").write_text(PLUGIN)
    board.mkdir()
    (board / "leaderboard.toml").write_text(BOARD)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**kept, **cluster, "HARNESS_MLFLOW": "off", "PYTHONPATH": paths}

    def run(
        *arguments: str,
        program: tuple[str, ...] = (sys.executable, "-m", "harness"),
        text: str = "",
        folder: Path = tmp_path,
        **variables: str,
    ) -> str:
        ended = subprocess.run(
            [*program, *arguments],
            cwd=folder,
            env={**environment, **variables},
            input=text,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
        return ended.stdout

    return run


def wait_for_jobs(command: Callable[..., str], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while queue := command("-h", program=("squeue",)):
        assert time.monotonic() < end, queue
        time.sleep(1)


def results(command: Callable[..., str], home: str, board: str = "rivers", **variables: str) -> list[tuple[str, ...]]:
    rows = csv.DictReader(io.StringIO(command("runs", board, "--csv", "--home", home, **variables)))
    return sorted((row["key"], row["status"], row["score"]) for row in rows)


@pytest.mark.parametrize("separate", [False, True], ids=["one home", "a home for each shard"])
def test_four_shards_have_the_results_of_a_local_run(
    command: Callable[..., str], tmp_path: Path, separate: bool
) -> None:
    command("run", "./rivers", "--home", "local", "--jobs", "1")

    options = ["--separate-homes"] if separate else []
    script = command("plan", "./rivers", "--slurm", "4", "--home", HOME, "--from", "local", *options)
    command(program=("sh",), text=script)
    wait_for_jobs(command)

    logs = [path.read_text() for path in sorted((tmp_path / HOME / "logs").glob("cpu-*.log"))]
    assert [f"shard {i} of 4 (SLURM_ARRAY_TASK_ID={i})" in log for i, log in enumerate(logs, start=1)] == [True] * 4
    assert results(command, HOME) == results(command, "local")
    assert {status for _, status, _ in results(command, HOME)} == {"completed"}


def test_nothing_is_submitted_where_arrays_are_too_large(command: Callable[..., str], tmp_path: Path) -> None:
    script = tmp_path / "submit.sh"
    script.write_text(command("plan", "./rivers", "--slurm", "8", "--home", "cluster"))

    told = command("-c", "sh submit.sh 2>&1 || true", program=("sh",))

    assert told.startswith("nothing was submitted: group cpu has 8 shards, and an array of this cluster has at most 7 ")
    assert not command("-h", program=("squeue",))


@pytest.mark.skipif(not S3Server.is_there(), reason="needs s3fs and moto, of the extra `test`")
def test_shards_with_a_home_in_a_store_need_no_shared_folder(
    command: Callable[..., str], tmp_path: Path, s3_server: S3Server
) -> None:
    make_bucket(s3_server.variables())
    board, home = ("classics", "--only", "naive,drift"), ("--home", "s3://bucket/run")
    variables = {**s3_server.variables(), "HARNESS_CACHE_DIR": str(tmp_path / "cache")}
    lost = tmp_path / "lost"  # a folder that the nodes do not have
    lost.mkdir()
    command("run", *board, "--home", "local", "--jobs", "1")

    script = command("plan", *board, "--slurm", "3", *home, "--from", str(tmp_path / "local"), folder=lost, **variables)
    lost.rmdir()
    submitted = command(program=("sh",), text=script, **variables)
    wait_for_jobs(command)

    (job,) = re.findall(r"submitted array (\d+): 3 shards", submitted)
    paths = sorted(Path("/tmp").glob(f"harness-*-cpu-{job}-*.log"))
    logs = [path.read_text() for path in paths]
    assert [f"shard {i} of 3 (SLURM_ARRAY_TASK_ID={i})" in log for i, log in enumerate(logs, start=1)] == [True] * 3
    assert all(f"this node has no folder {lost}: name files in full" in log for log in logs)
    in_store = results(command, "s3://bucket/run", "classics", **variables)
    assert in_store == results(command, "local", "classics")
    assert [status for _, status, _ in in_store].count("completed") == 15  # of these forecasters and the baseline
    for path in paths:
        path.unlink()


def test_a_cancelled_shard_is_resumed_by_the_same_script(command: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "rivers" / "leaderboard.toml").write_text(BOARD + SLOW)
    script = command("plan", "./rivers", "--slurm", "2", "--home", "cluster")
    command(program=("sh",), text=script)
    records = tmp_path / "cluster" / "journal" / "cells"
    end = time.monotonic() + 300
    while len(list(records.glob("*/record.json"))) < 4:
        assert time.monotonic() < end
        time.sleep(0.5)
    command("--batch", "--signal=TERM", "--name=harness-cpu", program=("scancel",))
    wait_for_jobs(command)
    done = len(list(records.glob("*/record.json")))

    command(program=("sh",), text=script)
    wait_for_jobs(command)

    logs = "".join(path.read_text() for path in (tmp_path / "cluster" / "logs").glob("cpu-*.log"))
    assert "the same command resumes the run" in logs
    assert 4 <= done < 20
    assert [status for _, status, _ in results(command, "cluster")] == ["completed"] * 20
