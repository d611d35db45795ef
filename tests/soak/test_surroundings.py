"""Full disks, homes that several runs share or that cannot be written to, and clocks that jump."""

from __future__ import annotations

import random
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from soak_home import SoakHome, Undisturbed, left_problems

from harness import Journal

Table = Any
CLOCK = """
import random
import time

real, drawn = time.time, random.Random()
time.time = lambda: real() + drawn.choice([-1, 0, 1]) * 10.0 ** drawn.uniform(0, 8)
time.time_ns = lambda: int(time.time() * 1e9)
"""


@contextmanager
def file_system(folder: Path, size: int) -> Iterator[None]:
    """A small file system at a folder; skips where it must not be mounted."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("file systems must not be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def no_results_of_it(home: SoakHome) -> list[str]:
    """A fault of the machine must never be in the journal as a result."""
    journal = Journal(home.home)
    runs = [journal.read(key) for key in list(journal.keys())]
    return [f"recorded as {run.status.value}: {run.reason:.80}" for run in runs if run is None or run.reason]


@pytest.mark.parametrize("place", ["home", "temporary"])
def test_the_disk_is_full(
    tmp_path: Path, moments: random.Random, tries: int, table: Table, undisturbed: Undisturbed, place: str
) -> None:
    found: list[str] = []
    for attempt in range(max(tries // 10, 1)):
        home = SoakHome(tmp_path / str(attempt))
        folder = home.home if place == "home" else home.temporary
        with file_system(folder, 64 << 20):
            filler = folder / "filler"
            with filler.open("wb") as file:
                left = int(moments.choice([0, 4, 16, 64, 128])) << 10
                file.write(b"\0" * ((64 << 20) - left - (8 << 10)))
            code, text = home.run_board()
            problems = ["a traceback"] * ("Traceback" in text) + no_results_of_it(home)
            problems += [f"exit code {code}"] * (code not in (0, 2))
            filler.unlink()
            problems += undisturbed.problems(home, *home.run_board())
        table.add(f"no space in the folder of {'the home' if place == 'home' else 'temporary files'}", problems)
        found += problems
        home.kill_all()
    assert found == []


def test_files_must_not_grow(
    tmp_path: Path, moments: random.Random, tries: int, table: Table, undisturbed: Undisturbed
) -> None:
    found: list[str] = []
    for attempt in range(max(tries // 10, 1)):
        home = SoakHome(tmp_path / str(attempt))
        most = moments.choice([0, 512, 1024, 4096, 16384])
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            process = home.start_board(PYTHONDONTWRITEBYTECODE="1")  # which Python up to 3.13 truncates unnoticed
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        text = process.communicate(timeout=300)[0]
        problems = ["a traceback"] * ("Traceback" in text) + no_results_of_it(home)
        problems += [f"exit code {process.returncode}"] * (process.returncode not in (0, 2))
        problems += undisturbed.problems(home, *home.run_board())
        table.add("a limit of the size of files", problems)
        found += problems
        home.kill_all()
    assert found == []


@pytest.mark.parametrize("count", [2, 4])
def test_several_runs_share_a_home(
    tmp_path: Path, tries: int, table: Table, undisturbed: Undisturbed, count: int
) -> None:
    found: list[str] = []
    for attempt in range(max(tries // 10, 1)):
        home = SoakHome(tmp_path / str(attempt))
        processes = [home.start_board() for _ in range(count)]
        ended = [(process.communicate(timeout=600)[0], process.returncode) for process in processes]
        problems = [problem for text, code in ended for problem in undisturbed.problems(home, code, text)]
        table.add(f"{count} runs on one home", problems)
        found += problems
        home.kill_all()
    assert found == []


def test_a_home_cannot_be_written_to(tmp_path: Path, table: Table, undisturbed: Undisturbed) -> None:
    home = SoakHome(tmp_path)
    with file_system(home.home, 64 << 20):
        assert home.run_board()[0] == 0
        before = home.results()
        subprocess.run(["mount", "-o", "remount,ro", home.home], check=True)
        problems = []
        for arguments in (("run", "./board", "--rerun"), ("run", "./board"), ("show", "board"), ("status",)):
            code, text = home.run(*arguments)
            problems += [f"a traceback of {arguments[0]}"] * ("Traceback" in text)
            problems += [f"exit code {code} of {arguments[0]}"] * (code != 0 if arguments[0] != "run" else code > 2)
        problems += ["changed results"] * (before != home.results()) + left_problems(home)
    table.add("a home that is read-only", problems)
    assert problems == []


def test_clocks_jump(tmp_path: Path, tries: int, table: Table, undisturbed: Undisturbed) -> None:
    found: list[str] = []
    for attempt in range(max(tries // 10, 1)):
        home = SoakHome(tmp_path / str(attempt))
        (home.site / "sitecustomize.py").write_text(CLOCK)
        processes = [home.start_board() for _ in range(2)]
        ended = [(process.communicate(timeout=600)[0], process.returncode) for process in processes]
        problems = [problem for text, code in ended for problem in undisturbed.problems(home, code, text)]
        table.add("clocks that jump by up to three years, in two runs on one home", problems)
        found += problems
        home.kill_all()
    assert found == []
