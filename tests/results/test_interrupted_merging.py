"""A merge that is killed at any step: the same command continues it, and no standings are older than their cells."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness import Journal, RollingOrigin, Run, Standings, Status, StoredCell, StoredPlan, Task, stored_standings
from harness.boards.board_files import store_file
from harness.boards.leaderboard import BOARD_FILE
from harness.boards.merging import merge_boards
from harness.evaluation.run import Cell
from harness.results.journal import prepare_home
from harness.results.merging import Merge, merge_journals
from harness.results.selections import BoardSelection
from harness.results.stored_plan import board_folder

KEYS = [f"{i:032x}" for i in range(3)]
CELLS = tuple(StoredCell(key, f"f{i}", "toy", "aa") for i, key in enumerate(KEYS))
OPERATIONS = ("mkdir", "rename", "replace", "unlink", "rmdir")
KILLED = 99  # an exit code
Runs = dict[str, tuple[Status, int]]  # by key: status, and the second at which the run was finished


def home(path: Path, runs: Runs, cells: Sequence[StoredCell] = CELLS[:2]) -> Path:
    """A home with these runs, and a board with these cells, one of whose forecasters was selected."""
    for key, (status, second) in runs.items():
        finished = f"2001-01-01T00:00:0{second}.000+00:00"
        run = Run(Cell(Task("toy", RollingOrigin(2)), "naive"), status, key, finished=finished)
        Journal(prepare_home(path)).write(run)
    StoredPlan("toys", "Toys", "", "MAE", "f0", tuple(cells), tuple(cell.forecaster for cell in cells)).save(path)
    BoardSelection(f"--only {path.name}", (cells[-1].forecaster,)).save(path, "toys")
    (board_folder(path, "toys") / BOARD_FILE).write_text(path.name)
    store_file(path, "toys", path.with_name(f"{path.name}.toml"))
    return path


def merged(sources: Sequence[Path], into: Path, *, keep_own: bool) -> Merge:
    """Merge as the command does, into a home that is prepared."""
    merge = merge_journals(sources, into, lambda run: 0.0, keep_own=keep_own)
    merge.problems += merge_boards(sources, into).problems
    return merge


def content(folder: Path) -> dict[str, bytes]:
    """All files of a home but drafts of boards, which nobody reads."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not re.match(r"boards/.*/\.", name)}


def cells(folder: Path) -> dict[str, bytes]:
    """The files of the cells of a home."""
    return {name: data for name, data in content(folder).items() if name.startswith("journal/cells/0")}


def is_killed(step: int, work: Callable[[], object]) -> bool:
    """Have a process do this that is killed before one of its changes to files, by number; False if it has fewer."""
    process = os.fork()
    if process:
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert code in (0, KILLED)
        return code == KILLED
    steps, code = count(1), 1

    def killed(operation: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            if next(steps) == step:
                os._exit(KILLED)
            return operation(*arguments, **options)

        return called

    try:
        for name in OPERATIONS:
            setattr(os, name, killed(getattr(os, name)))
        work()
        code = 0
    finally:
        os._exit(code)


def interrupted(sources: Sequence[Path], into: Path, *, keep_own: bool) -> Iterator[Path]:
    """Copies of a home, each as a merge left it that was killed at one of its steps, until it has no more of them."""
    for step in count(1):
        place = into.with_name("killed")
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(into, place)
        if not is_killed(step, partial(merged, sources, place, keep_own=keep_own)):
            break
        yield place


@pytest.mark.parametrize("keep_own", [False, True])
@pytest.mark.parametrize(
    "own",
    [
        {KEYS[0]: (Status.FAILED, 5)},  # a result that is later than those of the sources
        {KEYS[0]: (Status.FAILED, 1)},
        {},
        {KEYS[0]: (Status.CRASHED, 1)},  # a result that does not count beside others, which differ
        {KEYS[1]: (Status.FAILED, 5), KEYS[2]: (Status.FAILED, 1)},  # of two equal runs, the earlier one is kept
    ],
)
def test_a_killed_merge_is_continued_to_the_same_result(tmp_path: Path, own: Runs, keep_own: bool) -> None:
    sources = [
        home(tmp_path / "a", {KEYS[0]: (Status.INVALID, 2), KEYS[1]: (Status.FAILED, 2)}),
        home(tmp_path / "b", {KEYS[0]: (Status.LEAKED, 4), KEYS[2]: (Status.FAILED, 2)}, CELLS),
    ]
    into, whole = home(tmp_path / "into", own), tmp_path / "whole"
    Standings("toys", "Toys", "MAE", "f0", ("toy",), ()).save(into)
    shutil.copytree(into, whole)
    first = merged(sources, whole, keep_own=keep_own)
    steps = 0
    for steps, place in enumerate(interrupted(sources, into, keep_own=keep_own), 1):
        has_standings = stored_standings(place, "toys") is not None
        is_unchanged = cells(place) == cells(into)

        again = merged(sources, prepare_home(place), keep_own=keep_own)

        assert is_unchanged or not has_standings, f"step {steps}"
        assert content(place) == content(whole), f"step {steps}"
        assert keep_own or len(again.conflicts) == 1, f"step {steps}"
    assert steps > 20
    assert len(first.conflicts) == 1
