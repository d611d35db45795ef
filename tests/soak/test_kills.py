"""A run whose processes are killed or stopped at random moments loses nothing, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from pathlib import Path
from typing import Any, get_args

import pytest
from faulty_home import kill
from soak_home import WITH_TORCH, Role, SoakHome, Undisturbed, kill_and_wait, left_problems

Table = Any
KILLS = 5  # of the same home, until a run completes it


def test_the_command_is_killed_and_resumed(
    tmp_path: Path, undisturbed: Undisturbed, moments: random.Random, tries: int, table: Table
) -> None:
    found: list[str] = []
    for first in range(0, tries, KILLS):
        home = SoakHome(tmp_path / str(first), mirror=True)
        for _ in range(min(KILLS, tries - first)):
            process = home.start_board()
            time.sleep(moments.uniform(0.2, 1.5 * undisturbed.seconds))
            kill_and_wait(process)
            problems = left_problems(home, after_kill=True)
            problems += ["torn cells"] * any(result[0] == "torn" for result in home.results().values())
            table.add("SIGKILL of the command, with the mirror", problems)
            found += problems
        code, text = home.run_board()
        problems = undisturbed.problems(home, code, text) + home.mirror_problems()
        table.add("the run after up to 5 of them", problems)
        found += problems
        home.kill_all()
    assert found == []


@pytest.mark.parametrize(
    ("name", "numbers", "code"),
    [
        ("SIGTERM", [signal.SIGTERM], 143),
        ("SIGHUP", [signal.SIGHUP], 129),
        ("Ctrl-C", [signal.SIGINT], 130),
        ("Ctrl-C twice", [signal.SIGINT, signal.SIGINT], 130),
        ("SIGQUIT", [signal.SIGQUIT], -signal.SIGQUIT),
    ],
)
def test_the_command_is_ended_by_a_signal_and_resumed(
    tmp_path: Path,
    undisturbed: Undisturbed,
    moments: random.Random,
    tries: int,
    table: Table,
    name: str,
    numbers: list[int],
    code: int,
) -> None:
    found: list[str] = []
    for attempt in range(max(tries // 5, 1)):
        home = SoakHome(tmp_path / str(attempt))
        process = home.start_board()
        time.sleep(moments.uniform(1.5, undisturbed.seconds + 1.5))
        for number in numbers[:-1]:
            process.send_signal(number)
            time.sleep(moments.uniform(0.0, 0.3))
        text = kill_and_wait(process, numbers[-1])
        in_order = name != "SIGQUIT"
        problems = left_problems(home, after_kill=not in_order)
        if process.returncode not in (code, 0):  # 0: it was done before
            problems.append(f"exit code {process.returncode}")
        problems += ["a traceback"] * ("Traceback" in text)
        problems += undisturbed.problems(home, *home.run_board())
        table.add(name, problems)
        found += problems
        home.kill_all()
    assert found == []


@pytest.mark.parametrize("role", get_args(Role))
def test_a_process_of_the_run_is_killed(
    tmp_path: Path, moments: random.Random, tries: int, table: Table, undisturbed: Undisturbed, role: Role
) -> None:
    """The run goes on, and completes all cells by itself; the next one completes the mirror."""
    mirror, cells = role == "mirror", WITH_TORCH if role == "sub-template" else None
    expected = undisturbed if cells is None else Undisturbed.run(SoakHome(tmp_path / "undisturbed", cells=cells))
    found: list[str] = []
    for attempt in range(max(tries // 5, 1)):
        home = SoakHome(tmp_path / str(attempt), mirror=mirror, **({} if cells is None else {"cells": cells}))
        process = home.start_board()
        kills = 0
        end = time.monotonic() + moments.uniform(1.0, 1.2 * expected.seconds)
        while process.poll() is None and (time.monotonic() < end or (kills == 0 and time.monotonic() < end + 20)):
            time.sleep(moments.uniform(0.0, 0.2))
            victims = home.find(role, process.pid)
            if victims and time.monotonic() > end - 0.5:
                kill(moments.choice(victims), signal.SIGKILL)
                kills += 1
                break
        with contextlib.suppress(Exception):
            text = process.communicate(timeout=300)[0]
        if process.poll() is None:
            problems = ["it hung"]
            process.kill()
        elif mirror:
            problems = expected.problems(home, *home.run_board()) + home.mirror_problems()
        else:
            problems = expected.problems(home, process.returncode, text)
        if kills:
            table.add(f"SIGKILL of a {role}", problems)
        found += problems
        home.kill_all()
    assert found == []


@pytest.mark.parametrize("role", ["command", "supervisor", "worker", "template"])
def test_a_process_is_stopped_for_a_while(
    tmp_path: Path, moments: random.Random, tries: int, table: Table, undisturbed: Undisturbed, role: Any
) -> None:
    found: list[str] = []
    for attempt in range(max(tries // 10, 1)):
        home = SoakHome(tmp_path / str(attempt))
        process = home.start_board()
        time.sleep(moments.uniform(1.0, undisturbed.seconds))
        victims = [process.pid] if role == "command" else home.find(role, process.pid)
        for victim in victims[:1]:
            kill(victim, signal.SIGSTOP)
            time.sleep(moments.uniform(0.5, 3.0))
            kill(victim, signal.SIGCONT)
        text = process.communicate(timeout=300)[0]
        problems = undisturbed.problems(home, process.returncode, text)
        if victims:
            table.add(f"SIGSTOP and SIGCONT of the {role}", problems)
        found += problems
        home.kill_all()
    assert found == []
