"""Signals: a run ends in order, once, and leaves neither locks nor processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from harness.cli.signals import STOPPING, Stopped, StopSignals, exit_code, stop_signals


@pytest.fixture
def running(slow_board: Any) -> Iterator[subprocess.Popen[str]]:
    """A run of which the baseline is done, and two cells take for ever."""
    slow_board.set_seconds(60, 60, 60)
    process = slow_board.start("run", "slow", "--jobs", "2")
    slow_board.wait_for(lambda: slow_board.done() == 1 and len(slow_board.begun()) == 2)
    yield process
    family = descendants(process)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for each in family:
        assert not alive(each) or each.kill() is None


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", STOPPING)
def test_the_signals_end_a_run_in_order(slow_board: Any, running: subprocess.Popen[str], number: int) -> None:
    family = descendants(running)

    running.send_signal(number)
    ended = slow_board.end(running)

    assert ended.returncode == 128 + number
    assert "Stopped: 1 of 4 pending cells are done; the same command resumes the run." in ended.stdout
    assert slow_board.locks() == []
    slow_board.wait_for(lambda: not any(map(alive, family)))
    slow_board.set_seconds(0, 0, 0)
    assert slow_board("run", "slow", "--jobs", "2").returncode == 0


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
def test_a_second_one_during_the_end_leaves_nothing(
    slow_board: Any, running: subprocess.Popen[str], delay: float
) -> None:
    family = descendants(running)

    running.send_signal(signal.SIGINT)
    time.sleep(delay)
    running.send_signal(signal.SIGINT)
    ended = slow_board.end(running)

    assert ended.returncode == 130
    assert slow_board.locks() == []
    slow_board.wait_for(lambda: not any(map(alive, family)))


def test_a_run_goes_on_after_it_was_suspended(slow_board: Any) -> None:
    slow_board.set_seconds(1.0, 0)
    process = slow_board.start("run", "slow", "--jobs", "2")
    slow_board.wait_for(slow_board.begun)

    process.send_signal(signal.SIGSTOP)
    time.sleep(2.0)
    assert process.poll() is None
    process.send_signal(signal.SIGCONT)
    ended = slow_board.end(process)

    assert ended.returncode == 0
    assert slow_board.done() == 3
    assert slow_board.locks() == []


def send(number: int) -> None:
    """Send a signal to this process, and give it the time to arrive."""
    os.kill(os.getpid(), number)
    time.sleep(1)


class TestBlock:
    def test_the_handlers_are_restored(self) -> None:
        before = [signal.getsignal(number) for number in STOPPING]

        with stop_signals():
            assert [signal.getsignal(number) for number in STOPPING] != before
            with pytest.raises(Stopped, match="SIGTERM"):
                send(signal.SIGTERM)

        assert [signal.getsignal(number) for number in STOPPING] == before

    def test_an_ignored_signal_stays_ignored(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        try:
            with stop_signals():
                os.kill(os.getpid(), signal.SIGHUP)
                assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_a_first_one_while_closing_is_raised_at_the_end(self) -> None:
        closed = []

        def close(stop: StopSignals) -> None:
            with stop.closing():
                os.kill(os.getpid(), signal.SIGTERM)
                closed.append(True)

        with stop_signals() as stop, pytest.raises(Stopped):
            close(stop)

        assert closed

    def test_a_second_one_while_closing_is_ignored_and_a_later_one_is_not(self) -> None:
        with stop_signals() as stop:
            with pytest.raises(Stopped):
                send(signal.SIGTERM)
            with stop.closing():
                os.kill(os.getpid(), signal.SIGINT)
            with pytest.raises(Stopped) as raised:
                send(signal.SIGINT)

        assert exit_code(raised.value) == 130
        assert exit_code(Stopped(signal.SIGTERM)) == 143
