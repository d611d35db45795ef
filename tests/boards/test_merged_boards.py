"""Boards of merged homes: what cannot be read is told and left, and the others are merged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import Journal, RollingOrigin, Run, Standings, Status, StoredCell, StoredPlan, Task, stored_standings
from harness.boards.board_files import store_file
from harness.boards.merging import BoardMerge, merge_boards
from harness.cli.main import cli
from harness.data.storage import write_checked_json
from harness.evaluation.run import Cell
from harness.results.journal import prepare_home
from harness.results.merging import merge_journals
from harness.results.selections import BoardSelection
from harness.results.stored_plan import PLAN, board_folder, planned_boards

KEYS = [f"{i:032x}" for i in range(3)]
BOARDS = ("early", "middle", "late")


def plan_of(name: str, keys: Sequence[str] = KEYS) -> StoredPlan:
    cells = tuple(StoredCell(key, "naive", key, "aa") for key in keys)
    return StoredPlan(name, name, "", "MAE", "naive", cells, ("naive",))


def home(path: Path, boards: Sequence[str] = BOARDS, *keys: str) -> Path:
    """A home with these boards, and with runs of these cells."""
    for name in boards:
        plan_of(name).save(prepare_home(path))
    for key in keys:
        run = Run(
            Cell(Task("toy", RollingOrigin(2)), "naive"), Status.FAILED, key, finished="2001-01-01T00:00:00+00:00"
        )
        Journal(prepare_home(path)).write(run)
    return prepare_home(path)


def spoil(path: Path, how: str) -> None:
    """Have a plan of a later version, of unknown content, or a damaged one in this file."""
    if how == "damaged":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        write_checked_json(path, {}, 99 if how == "later" else 1)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("how", ["later", "unknown", "damaged"])
def test_a_plan_of_a_source_that_cannot_be_read_is_left_out(tmp_path: Path, how: str) -> None:
    source, into = home(tmp_path / "source", BOARDS, KEYS[0]), home(tmp_path / "into", ())
    spoil(board_folder(source, "middle") / PLAN, how)
    before = content(source)

    ended = CliRunner(env={"COLUMNS": "400"}).invoke(cli, ["merge", str(source), str(into)])

    assert ended.exit_code == 2
    assert f"warning: board middle of {source} was left out: " in " ".join(ended.output.split())
    assert planned_boards(into) == ["early", "late"]
    assert content(source) == before


def test_a_board_of_which_the_home_has_a_later_plan_is_left(tmp_path: Path) -> None:
    source, into = home(tmp_path / "source", BOARDS, KEYS[0]), home(tmp_path / "into", ["middle"])
    path = board_folder(into, "middle") / PLAN
    spoil(path, "later")
    before = path.read_bytes()

    ended = CliRunner(env={"COLUMNS": "400"}).invoke(cli, ["merge", str(source), str(into)])

    assert ended.exit_code == 2
    said = " ".join(ended.output.split())
    assert "1 cell copied" in said
    assert "warning: board middle was left as it is: " in said
    assert planned_boards(into) == ["early", "late", "middle"]
    assert path.read_bytes() == before


def test_a_damaged_plan_of_the_home_is_replaced(tmp_path: Path) -> None:
    source, into = home(tmp_path / "source"), home(tmp_path / "into")
    spoil(board_folder(into, "middle") / PLAN, "damaged")

    assert merge_boards([source], into) == BoardMerge()

    assert content(into / "boards") == content(source / "boards") | content(into / "boards")
    assert len(list((into / "damaged").iterdir())) == 1


def test_damaged_files_of_a_board_are_left_where_they_are(tmp_path: Path) -> None:
    source, into = home(tmp_path / "source", ["early"]), home(tmp_path / "into", ())
    BoardSelection("--only naive", ("naive",)).save(source, "early")
    store_file(source, "early", tmp_path / "early.toml")
    for path in (board_folder(source, "early") / "board.json", *board_folder(source, "early").glob("selections/*")):
        path.write_bytes(path.read_bytes()[:-9])
    before = content(source)

    merge_boards([source], into)

    assert content(source) == before
    assert planned_boards(into) == ["early"]


def test_a_board_whose_file_a_later_version_named_does_not_end_the_merge(tmp_path: Path) -> None:
    source, into = home(tmp_path / "source"), home(tmp_path / "into", ())
    write_checked_json(board_folder(source, "early") / "board.json", {"file": "early.toml"}, 99)

    merge = merge_boards([source], into)

    assert [problem.partition(":")[0] for problem in merge.problems] == ["board early was left as it is"]
    assert planned_boards(into) == ["late", "middle"]


def test_only_standings_of_boards_with_changed_cells_are_removed(tmp_path: Path) -> None:
    source, into = home(tmp_path / "source", ["early"], *KEYS[:2]), home(tmp_path / "into", [], KEYS[0])
    for name, keys in {"changed": KEYS[:2], "unchanged": KEYS[:1]}.items():
        plan_of(name, keys).save(into)
        Standings(name, name, "MAE", "naive", ("toy",), ()).save(into)

    merge_journals([source], into, lambda run: 0.0)
    again = merge_journals([source], into, lambda run: 0.0)

    assert stored_standings(into, "changed") is None
    assert stored_standings(into, "unchanged") is not None
    assert again.present == 2
