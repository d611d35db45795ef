"""Which cells of a board commands have asked for."""

from __future__ import annotations

from pathlib import Path

from harness.boards.merging import BoardMerge, merge_boards
from harness.results.selections import WHOLE, BoardSelection, copy_selections, selected_keys, selections_of
from harness.results.stored_plan import StoredCell, StoredPlan

CELLS = tuple(StoredCell(f"{name}-{task}", name, task, "f") for name in ("a", "b", "c") for task in ("s", "t"))
ALL = {cell.key for cell in CELLS}
PLAN = StoredPlan("board", "", "", "MAE", "a", CELLS, ("a", "b", "c"))
A, C_ON_T = BoardSelection("--only a", ("a",)), BoardSelection("a collection", ("c",), ("t",))


def keys(home: Path) -> set[str]:
    return selected_keys(selections_of(home, PLAN), PLAN)


def test_those_of_any_selection_are(tmp_path: Path) -> None:
    assert keys(tmp_path) == ALL

    A.save(tmp_path, "board")
    assert keys(tmp_path) == {"a-s", "a-t"}
    C_ON_T.save(tmp_path, "board")
    A.save(tmp_path, "board")

    assert keys(tmp_path) == {"a-s", "a-t", "c-t"}
    assert [each.options for each in selections_of(tmp_path, PLAN)] == ["--only a", "a collection"]
    assert selections_of(tmp_path, StoredPlan("other", "", "", "MAE", "a", CELLS)) == ()


def test_all_are_where_one_command_asked_for_all(tmp_path: Path) -> None:
    A.save(tmp_path, "board")
    WHOLE.save(tmp_path, "board")

    assert keys(tmp_path) == ALL


def test_all_are_where_several_commands_did(tmp_path: Path) -> None:
    A.save(tmp_path, "board")
    BoardSelection("--only b,c", ("b", "c")).save(tmp_path, "board")

    assert keys(tmp_path) == ALL


def test_a_damaged_file_is_moved_away(tmp_path: Path) -> None:
    A.save(tmp_path, "board")
    C_ON_T.save(tmp_path, "board")
    first = sorted((tmp_path / "boards" / "board" / "selections").iterdir())[0]
    first.write_bytes(first.read_bytes().replace(b"schema", b"schemb"))

    assert len(selections_of(tmp_path, PLAN)) == 1
    assert not first.exists()
    assert len([*(tmp_path / "damaged").rglob("*.json")]) == 1


def test_homes_are_merged(tmp_path: Path) -> None:
    A.save(tmp_path / "one", "board")
    C_ON_T.save(tmp_path / "two", "board")

    copy_selections(tmp_path / "one", tmp_path / "two", "board")
    assert keys(tmp_path / "two") == {"a-s", "a-t", "c-t"}
    copy_selections(tmp_path / "unknown", tmp_path / "two", "board")

    assert keys(tmp_path / "two") == ALL


def test_all_are_after_a_merge_into_a_home_that_knows_no_selections(tmp_path: Path) -> None:
    one, into = tmp_path / "one", tmp_path / "into"
    for home in (one, into):
        PLAN.save(home)
    A.save(one, "board")

    assert merge_boards([one], into) == BoardMerge()

    assert keys(into) == ALL
