"""Boards of one name: none takes the place of another in a home unnoticed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from harness.analysis.lookup import find_standings
from harness.boards.board_files import check_file, store_file
from harness.boards.selection import Selection, select_boards
from harness.boards.workspace import Workspace
from harness.errors import BadBoard, BadInput
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.standings import Standings, stored_standings
from harness.results.stored_plan import board_folder, stored_plan

BOARD = """
title = "{}"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = {{ kind = "rolling-origin", horizon = 2, windows = 2 }}

[[forecasters]]
name = "naive"

[[forecasters]]
name = "ridge"

[[forecasters]]
name = "ridge"
label = "ridge (alpha=2.0)"
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def workspace(tmp_path: Path, catalog: Catalog) -> Workspace:
    return Workspace(tmp_path / "home", catalog)


def written(folder: Path, title: str = "A") -> Path:
    folder.mkdir(parents=True)
    path = folder / "leaderboard.toml"
    path.write_text(BOARD.format(title), encoding="utf-8")
    return path


def select(workspace: Workspace, *boards: Path, **more: object) -> None:
    """Select boards and store their plans, as `harness run` does."""
    selected, _ = select_boards(Selection(tuple(map(str, boards)), **more), workspace)  # type: ignore[arg-type]
    for board in selected:
        board.save(workspace.home)


class TestOneCommand:
    @pytest.mark.parametrize("other", ["retail", "Retail", "RETAIL"])
    def test_two_boards_of_one_name_are_refused(self, tmp_path: Path, workspace: Workspace, other: str) -> None:
        paths = [written(tmp_path / "a" / "retail"), written(tmp_path / "b" / other)]

        with pytest.raises(
            BadBoard, match=rf"the boards {paths[0]} and {paths[1]} have the same name.*rename"
        ) as caught:
            select(workspace, *paths)
        assert repr(other) in str(caught.value)

    def test_names_that_differ_in_the_form_of_an_accent_only_are_refused(
        self, tmp_path: Path, workspace: Workspace
    ) -> None:
        paths = [written(tmp_path / "a" / "caf\u00e9"), written(tmp_path / "b" / "cafe\u0301")]

        with pytest.raises(BadBoard, match="have the same name"):
            select(workspace, *paths)

    def test_one_board_named_twice_is_one_board(self, tmp_path: Path, workspace: Workspace) -> None:
        path = written(tmp_path / "retail")

        select(workspace, path, path.parent)

        assert [folder.name for folder in (workspace.home / "boards").iterdir()] == ["retail"]


class TestLaterCommands:
    def test_another_board_of_that_name_is_refused_and_nothing_is_overwritten(
        self, tmp_path: Path, workspace: Workspace
    ) -> None:
        first, second = written(tmp_path / "a" / "retail"), written(tmp_path / "b" / "retail", "B")
        select(workspace, first)

        for _ in range(2):
            with pytest.raises(
                BadBoard, match=rf"^{second}: the home .* another board called 'retail', which is {first}"
            ):
                select(workspace, second)

        plan = stored_plan(workspace.home, "retail")
        assert plan is not None
        assert plan.title == "A"

    def test_its_results_are_not_shown_as_those_of_another_board(self, tmp_path: Path, workspace: Workspace) -> None:
        first, second = written(tmp_path / "a" / "retail"), written(tmp_path / "b" / "retail", "B")
        select(workspace, first)

        with pytest.raises(BadBoard, match="another board called 'retail'"):
            find_standings(str(second), workspace)

    @pytest.mark.parametrize("change", ["edited", "moved", "copied", "linked"])
    def test_the_same_board_goes_on(self, tmp_path: Path, workspace: Workspace, change: str) -> None:
        path = written(tmp_path / "a" / "retail")
        select(workspace, path)
        other = tmp_path / "b" / "retail"
        other.parent.mkdir()

        if change == "edited":
            other = path.parent
            path.write_text(BOARD.format("Edited"), encoding="utf-8")
        elif change == "moved":
            os.rename(path.parent, other)
            (other / path.name).write_text(BOARD.format("Edited"), encoding="utf-8")
        elif change == "copied":
            shutil.copytree(path.parent, other)
        else:
            other.symlink_to(path.parent)
        select(workspace, other)

        check_file(workspace.home, "retail", other / path.name)

    def test_standings_of_another_plan_are_not_shown_while_the_board_is_run_again(
        self, tmp_path: Path, workspace: Workspace
    ) -> None:
        path = written(tmp_path / "retail")
        select(workspace, path)
        standings = Standings("retail", "A", "MAE", "naive", ("nile",), ())
        standings.save(workspace.home)

        select(workspace, path)
        same = stored_standings(workspace.home, "retail")
        path.write_text(BOARD.format("A").replace("windows = 2", "windows = 3"), encoding="utf-8")
        select(workspace, path)

        assert same is not None
        assert stored_standings(workspace.home, "retail") is None

    def test_a_changed_board_is_not_taken_for_one_of_that_name(self, tmp_path: Path, workspace: Workspace) -> None:
        select(workspace, written(tmp_path / "retail-changed", "B"))

        with pytest.raises(BadBoard, match="another board called 'retail-changed'"):
            select(workspace, written(tmp_path / "retail"), settings={"ridge": {"alpha": 3.0}})

    @pytest.mark.parametrize("content", ["", "[]", '{"file": 3}', "{}"])
    def test_a_damaged_file_is_written_again(self, tmp_path: Path, content: str) -> None:
        path, stored = written(tmp_path / "retail"), board_folder(tmp_path, "retail") / "board.json"
        stored.parent.mkdir(parents=True)
        stored.write_text(content, encoding="utf-8")

        check_file(tmp_path, "retail", path)
        store_file(tmp_path, "retail", path)

        assert str(path) in stored.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "n" * 201, "..toml"])
def test_a_name_that_cannot_be_that_of_a_folder_is_refused(tmp_path: Path, workspace: Workspace, name: str) -> None:
    path = tmp_path / name if name.endswith("toml") else written(tmp_path / name)
    if name.endswith("toml"):
        path.write_text(BOARD.format("A"), encoding="utf-8")

    with pytest.raises(BadBoard, match=r"cannot be the name of a board, which must be printable"):
        select(workspace, path)


def test_a_changed_forecaster_must_not_be_called_as_another_one(tmp_path: Path, workspace: Workspace) -> None:
    path = written(tmp_path / "retail")

    with pytest.raises(BadInput, match=r"--set makes a second forecaster called 'ridge \(alpha=2.0\)'"):
        select(workspace, path, settings={"ridge": {"alpha": 2.0}})
