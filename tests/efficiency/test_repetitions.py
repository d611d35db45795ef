"""Repetitions of `harness bench`: fresh processes, shuffled rounds, history, several tasks, and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.efficiency.circumstances import Conditions
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench
from harness.efficiency.request import BenchRequest, jobs
from harness.efficiency.runner import BenchFinished, BenchStarted, measure, time_limit
from harness.efficiency.store import stored_benches
from harness.plugins.catalog import load_catalog

BOARD = "toy-board"
ROUNDS, SEED = 2, 0
TASKS = """
title = "Two tasks"
metric = "MAE"
baseline = "flat"

[[tasks]]
dataset = "ramp"
name = "near"
protocol = { kind = "rolling-origin", horizon = 1, windows = 2 }

[[tasks]]
dataset = "ramp"
name = "far"
protocol = { kind = "rolling-origin", horizon = 4, windows = 2 }

[[forecasters]]
name = "flat"
"""


class TestRounds:
    @pytest.fixture(scope="class")
    def events(self, toys: Path, tmp_path_factory: pytest.TempPathFactory) -> list[BenchStarted | BenchFinished]:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(toys))
            patch.setenv("PYTHONPATH", str(toys))
            home = tmp_path_factory.mktemp("home")
            asked = BenchRequest(home, ("flat", "learns", "raises"), str(toys / BOARD), seconds=0.2, repetitions=ROUNDS)
            return list(measure(jobs(asked, load_catalog()), 60.0, asked.repetitions, SEED))

    @pytest.fixture(scope="class")
    def benches(self, events) -> list[Bench]:
        return [event.bench for event in events if isinstance(event, BenchFinished)]

    def test_forecasters_are_measured_in_turn_and_failed_ones_once(self, benches) -> None:
        rounds = [
            {bench.subject.title for bench in benches if bench.repetition.number == number}
            for number in range(1, ROUNDS + 1)
        ]

        assert rounds == [{"flat", "learns", "raises"}, {"flat", "learns"}]

    def test_the_order_of_each_round_is_drawn_by_the_seed_and_recorded(self, benches) -> None:
        names = np.array(["flat", "learns", "raises"])
        orders = [names[np.random.default_rng([SEED, number]).permutation(3)] for number in range(1, ROUNDS + 1)]

        assert [
            bench.subject.title == orders[bench.repetition.number - 1][bench.repetition.position - 1]
            for bench in benches
        ] == [True] * 5
        assert list(orders[0]) != list(orders[1])
        assert {bench.repetition.seed for bench in benches} == {SEED}
        assert len({bench.repetition.run for bench in benches}) == 1

    def test_each_repetition_measures_everything_in_its_share_of_the_time(self, benches) -> None:
        complete = [bench for bench in benches if not bench.failures]

        assert len(complete) == 2 * ROUNDS
        assert all(bench.latency and bench.start and bench.memory and bench.throughput for bench in complete)
        assert all(bench.conditions.seconds == pytest.approx(0.2 / ROUNDS) for bench in complete)

    def test_the_time_limit_leaves_room_for_a_single_stream_that_takes_longest(self) -> None:
        assert time_limit(Conditions(2.0, 1, "auto")) == 620
        assert time_limit(Conditions(2.0, 1, "auto", longest=3600.0)) == 4220

    def test_progress_names_the_round(self, events) -> None:
        started = [event for event in events if isinstance(event, BenchStarted)]

        assert {event.round for event in started} == {1, 2}
        assert started[0].scenario == "start"


class TestHistory:
    def bench(self, shell: Callable[..., Any], *more: str) -> str:
        return str(
            shell(
                "bench", "flat", "--board", BOARD, "--seconds", "0.1", "--repetitions", "1", "--home", "kept", *more
            ).flat
        )

    def repetitions(self, toys: Path) -> tuple[int, int]:
        (found,) = stored_benches(toys / "kept", this_machine().id)
        return found.combination.repetitions + found.combination.left_out, found.combination.runs

    def test_a_second_run_adds_its_repetitions_and_fresh_forgets_them(self, toys, shell) -> None:
        first = self.bench(shell)
        assert "1 repetition, which shows no variation between processes" in first
        assert self.repetitions(toys) == (1, 1)

        second = self.bench(shell)
        combined = "2 repetitions of up to 2 runs in fresh processes" in second
        assert combined or "1 earlier repetition left out, since the machine was slower or faster" in second
        assert self.repetitions(toys)[0] == 2

        self.bench(shell, "--fresh")
        assert self.repetitions(toys) == (1, 1)


class TestTasks:
    @pytest.fixture(scope="class")
    def board(self, toys: Path) -> str:
        (toys / "two-tasks").mkdir()
        (toys / "two-tasks" / "leaderboard.toml").write_text(TASKS, encoding="utf-8")
        return "two-tasks"

    def bench(self, shell: Callable[..., Any], board: str, *more: str) -> str:
        return str(
            shell("bench", "--board", board, "--seconds", "0.02", "--repetitions", "1", "--home", "tasks", *more).flat
        )

    def test_one_is_measured_by_default_and_the_output_says_which(self, shell, board) -> None:
        said = self.bench(shell, board)

        assert "What a forecast costs: near (two-tasks)" in said
        assert "measured on 1 of 2 tasks, the first whose data is available" in said
        assert "--all-tasks measures all" in said

    def test_all_may_be_measured(self, shell, board) -> None:
        said = self.bench(shell, board, "--all-tasks")

        assert re.findall(r"What a forecast costs: (\w+)", said) == ["near", "far"]
        assert "measured on" not in said

    def test_some_may_be_named(self, toys, board, tmp_path, monkeypatch) -> None:
        monkeypatch.syspath_prepend(str(toys))
        asked = BenchRequest(tmp_path, ("flat",), str(toys / board), tasks=("far", "near", "far"))

        assert [job.bench.subject.task for job in jobs(asked, load_catalog())] == ["far", "near"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_an_interrupt_keeps_what_is_finished_and_leaves_nothing_running(toys) -> None:
    environment = {**os.environ, "PYTHONPATH": str(toys)}
    command = [sys.executable, "-m", "harness", "bench", "flat", "--repetitions", "99", "--board", BOARD]
    process = subprocess.Popen(
        [*command, "--seconds", "5", "--home", "stopped"],
        cwd=toys,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    figures = toys / "stopped" / "bench" / this_machine().id
    deadline = time.monotonic() + 60
    while not list(figures.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)

    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    found = re.search(r"Stopped: (\d+) of 99 repetitions were measured.", out)
    (bench,) = stored_benches(toys / "stopped", this_machine().id)
    assert found is not None
    assert bench.repetitions == int(found[1]) >= 1
    assert "Traceback" not in out + err
