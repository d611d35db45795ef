"""Checks in a copy of this process: whatever it does, each has a result, and nothing of it is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from harness.errors import Unsupported
from harness.execution.checks.forked_maker import ForkedMaker
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.check_results import CheckResult


@pytest.fixture
def maker() -> ForkedMaker:
    return ForkedMaker(ForecasterSpec("trial", "harness_models.naive:Naive"), seconds=30.0)


def test_results_are_those_of_the_action(maker: ForkedMaker) -> None:
    def refused() -> str:
        raise Unsupported("needs known covariates")

    def failed() -> str:
        raise AssertionError("x" * 300_000)

    assert maker.check("passes", lambda: "MAE 1") == CheckResult("passes", True, "MAE 1")
    assert maker.check("skipped", refused) == CheckResult("skipped", True, "needs known covariates", skipped=True)
    assert maker.check("fails", failed) == CheckResult("fails", False, "x" * 300_000)
    assert maker.contract().can_be_called


def test_the_process_of_the_check_is_a_copy(maker: ForkedMaker) -> None:
    changed: list[int] = []

    result = maker.check("changes", lambda: str(changed.append(1) or len(changed)))

    assert result.detail == "1"
    assert changed == []


@pytest.mark.parametrize(
    ("action", "end"),
    [
        (lambda: os._exit(3), "ended with exit code 3"),
        (lambda: os.kill(os.getpid(), 11), "was ended by the signal SIGSEGV"),
        (lambda: os.abort(), "was ended by the signal SIGABRT"),
    ],
)
def test_a_check_that_ends_its_process_has_failed(maker: ForkedMaker, action, end: str) -> None:
    result = maker.check("ends", action)

    assert not result.passed
    assert result.detail.startswith(f"crashed: its process {end} during this check")
    assert ("most recent call first" in result.detail) == ("signal" in end)
    assert not maker.exhausted


def test_a_check_that_does_not_end_is_ended_and_the_last_one(maker: ForkedMaker) -> None:
    maker.seconds = 0.5

    result = maker.check("hangs", lambda: time.sleep(600))

    assert result.detail == "timed_out: it took more than 0.5 s"
    assert "nothing more is checked" in maker.exhausted


def test_processes_that_a_check_starts_end_with_it(maker: ForkedMaker) -> None:
    def start() -> str:
        return str(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)

    process = int(maker.check("starts", start).detail)

    if psutil.pid_exists(process):  # killed, but not gone yet
        psutil.Process(process).wait(20)


def test_a_copy_of_the_copy_does_not_delay_the_result(maker: ForkedMaker) -> None:
    def leave() -> str:
        if not os.fork():
            os.setsid()
            time.sleep(3)  # with the pipe of the check open
            os._exit(0)
        os._exit(4)

    begin = time.monotonic()

    assert "ended with exit code 4" in maker.check("leaves", leave).detail
    assert time.monotonic() - begin < 20


def test_what_makes_no_result_is_a_failure_with_its_reason(maker: ForkedMaker) -> None:
    result = maker.check("has no text", lambda: object())  # type: ignore[arg-type,return-value]

    assert not result.passed
    assert result.name == "has no text"
    assert "object" in result.detail
