"""What is held fixed: cores, threads, the garbage collector; and how fast the machine is."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from harness.efficiency import suite
from harness.efficiency.calibration import calibrate, calibration_work
from harness.efficiency.device import DeviceClock, used_device
from harness.efficiency.environment import THREAD_VARIABLES, bind_cores, environment, garbage_collection_off
from harness.efficiency.machine import this_machine
from harness.execution.workers import template_server


def test_a_machine_with_one_core_will_do(monkeypatch) -> None:
    bound = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: bound.append(cores), raising=False)

    assert bind_cores(4) == (0,)
    assert bound == [[0]]


def test_a_system_that_binds_nothing_will_do(monkeypatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)

    assert bind_cores(1) == ()


def test_a_system_that_refuses_will_do(monkeypatch) -> None:
    def refused(_: int, cores: list[int]) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", refused, raising=False)

    assert bind_cores(1) == ()


def test_libraries_are_told_how_many_threads(monkeypatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")  # among whom pytest-benchmark measures nothing

    made = environment(3)

    assert {made[name] for name in THREAD_VARIABLES} == {"3"}
    assert not {"PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"} & set(made)
    assert template_server.THREAD_VARIABLES is THREAD_VARIABLES


def test_the_collector_is_off_meanwhile() -> None:
    with garbage_collection_off():
        meanwhile = gc.isenabled()

    assert not meanwhile
    assert gc.isenabled()


def test_the_calibration_loop_is_always_the_same_work() -> None:
    assert calibration_work()() == calibration_work()()
    made = calibrate("now", seconds=0.05)
    assert made.moment == "now"
    assert 0 < made.median <= made.p90


def test_a_machine_is_known_by_what_it_is() -> None:
    machine = this_machine()

    assert machine == this_machine()
    assert machine.cores >= 1
    assert set(machine.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


class Events:
    """What stands for torch.cuda: events that say when they were recorded."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def Event(self, *, enable_timing: bool) -> Events:  # noqa: N802
        return self

    def synchronize(self) -> None:
        self.said.append("synchronize")

    def record(self) -> None:
        self.said.append("record")

    def elapsed_time(self, end: Events) -> float:
        return 1.5


def test_a_call_on_a_gpu_ends_when_the_gpu_has_ended_it() -> None:
    clock = DeviceClock("cpu")
    clock.cuda = events = Events()

    result = clock.synchronise(lambda value: events.said.append("call") or value)(7)

    assert result == 7
    assert events.said == ["synchronize", "record", "call", "record", "synchronize"]
    assert clock.seconds == [0.0015]


def test_without_a_gpu_a_call_is_left_as_it_is() -> None:
    clock = DeviceClock(used_device(SimpleNamespace(device="cpu")))

    assert clock.synchronise(len) is len
    assert clock.peak() is None


def test_the_suite_is_collected_by_nobody_else() -> None:
    folder = Path(suite.__file__).parent
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(folder)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder)

    assert "test_single_stream" not in done.stdout
