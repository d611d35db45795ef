"""What `harness bench` says while it measures and when it is stopped, and what `harness status` shows meanwhile."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.efficiency.circumstances import Conditions, Machine, Subject
from harness.efficiency.record import Bench, Latency, Percentile
from harness.efficiency.runner import BenchFinished, BenchStarted
from harness.efficiency.workload import Job
from harness.execution.activity import REPETITION, activities
from harness.execution.recorder import Recorder
from harness.execution.status import HomeStatus
from harness.fields.dumping import dump
from harness.report.console import PlainConsole
from harness.report.progress import bench_progress as module
from harness.report.progress.bench_progress import BenchProgress, stop_lines
from harness.report.progress.status import status_lines

P99 = Percentile(0.1, 0.09, 0.11)


def job(title: str, task: str = "ramp") -> Job:
    subject = Subject(title, title, "toys", task, f"cell of {title}")
    bench = Bench(f"{title} {task}", subject, Machine("m", "CPU", 2, 1, "Linux"), Conditions(0.6, 1, "auto"))
    return Job(bench, {}, "", Path())


def finished(measured: Job, number: int, *, failed: bool = False) -> BenchFinished:
    latency = None if failed else Latency(P99, P99, P99, 0.1, 100, 3, 0.0)
    return BenchFinished(number, replace(measured.bench, latency=latency), None)


QUICK, SLOW = job("quick"), job("slow")


class TestLines:
    @pytest.fixture
    def log(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def progress(self, log: io.StringIO) -> BenchProgress:
        return BenchProgress(PlainConsole(file=log, width=100, force_terminal=False), [QUICK, SLOW], 2)

    def test_the_first_says_what_will_be_measured(self, progress, log) -> None:
        with progress:
            assert log.getvalue() == (
                "measuring 2 forecasters on ramp in 2 repetitions: 4 fresh processes, one after another\n"
            )

    def test_each_repetition_has_one_with_the_time_left_from_the_end_of_the_first_round(self, progress, log) -> None:
        with progress:
            for number, measured in enumerate([QUICK, SLOW, SLOW, QUICK], start=1):
                progress.show(BenchStarted(number, measured.bench.subject.title, "start"))
                progress.show(finished(measured, number))
        first, second, third, last = log.getvalue().splitlines()[1:]

        assert first.endswith("1 of 4 repetitions measured; last: quick")
        assert second.endswith("2 of 4 repetitions measured, about 0.0 s left; last: slow")
        assert "about 0.0 s left" in third
        assert last.endswith("4 of 4 repetitions measured; last: quick")

    def test_a_scenario_after_a_long_silence_has_one(self, progress, log, monkeypatch) -> None:
        monkeypatch.setattr(module, "MOST_SILENCE", 0.0)
        with progress:
            progress.show(BenchStarted(1, "slow", "single stream"))

        assert (
            log.getvalue()
            .splitlines()[1]
            .endswith("0 of 4 repetitions measured; running: slow: single stream, round 1")
        )

    def test_tasks_are_counted(self, log) -> None:
        console = PlainConsole(file=log, width=100, force_terminal=False)
        with BenchProgress(console, [QUICK, job("quick", "hills")], 1):
            pass

        assert log.getvalue().startswith("measuring 1 forecaster on 2 tasks in 1 repetition: 2 fresh processes")


class TestStopped:
    def test_rounds_and_repetitions_that_differ(self) -> None:
        events = [finished(QUICK, 1), finished(SLOW, 2), finished(QUICK, 3)]

        assert stop_lines([QUICK, SLOW], events, 5) == [
            "Stopped: 3 of 10 repetitions were measured, in 1 complete round of 5.",
            "Repetitions of this run: 2 of quick; 1 of slow.",
        ]

    def test_equal_repetitions_are_not_listed(self) -> None:
        assert stop_lines([QUICK, SLOW], [finished(SLOW, 1), finished(QUICK, 2)], 5) == [
            "Stopped: 2 of 10 repetitions were measured, in 1 complete round of 5."
        ]

    def test_one_that_failed_and_is_not_repeated_keeps_no_round_from_being_complete(self) -> None:
        events = [finished(QUICK, 1), finished(SLOW, 2, failed=True), finished(QUICK, 3)]

        assert "in 2 complete rounds of 5" in stop_lines([QUICK, SLOW], events, 5)[0]

    def test_before_the_first_repetition(self) -> None:
        assert stop_lines([QUICK], [], 5) == ["Stopped: 0 of 5 repetitions were measured, in 0 complete rounds of 5."]

    def test_tasks_are_named_where_there_are_several(self) -> None:
        hills = job("quick", "hills")

        assert stop_lines([QUICK, hills], [finished(QUICK, 1)], 5)[1] == (
            "Repetitions of this run: 1 of quick on ramp; 0 of quick on hills."
        )


def test_status_shows_repetitions(tmp_path) -> None:
    with Recorder(tmp_path, ["toys"], 4, REPETITION) as recorder:
        recorder.begin("a", "quick", "ramp")
        recorder.end("a", failed=False)
        recorder.begin("b", "slow", "ramp")
        recorder._write()  # the thread writes within a second
        (activity,) = activities(tmp_path)
    text = "\n".join(status_lines(HomeStatus("home", (activity,), (), ())))

    assert "measures forecasters of toys since" in text
    assert "1 of 4 repetitions done" in text
    assert "slow on ramp" in text
    assert json.loads(json.dumps(dump(activity)))["unit"] == "repetition"
    assert activities(tmp_path) == []
