"""Collections of boards: what their files may say, which cells they run, and what is shown and published of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness import hookimpl
from harness.analysis.lookup import find_standings
from harness.boards.collections import Collection, Part, parts_of, read_collection
from harness.boards.leaderboard import load_board
from harness.boards.selection import Selection, select_boards
from harness.boards.workspace import Workspace
from harness.cli.main import cli
from harness.errors import BadBoard, BadInput, UnknownName
from harness.plugins.catalog import Catalog, load_catalog

BOARD = """
title = "{}"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = {{ kind = "rolling-origin", horizon = 2, windows = 2 }}

[[tasks]]
dataset = "nile"
name = "longer"
protocol = {{ kind = "rolling-origin", horizon = 4, windows = 2 }}

[[forecasters]]
name = "naive"

[[forecasters]]
name = "mean"

[[forecasters]]
name = "drift"
"""
COLLECTION = """
title = "Rivers and hills"

[[boards]]
board = "../rivers"
forecasters = ["mean"]
tasks = ["longer"]

[[boards]]
board = "../hills"
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def workspace(tmp_path: Path, catalog: Catalog) -> Workspace:
    return Workspace(tmp_path / "home", catalog)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The folder of a collection of two boards beside it."""
    for name in ("rivers", "hills"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "leaderboard.toml").write_text(BOARD.format(name), encoding="utf-8")
    return written(tmp_path / "course", COLLECTION)


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "collection.toml").write_text(text, encoding="utf-8")
    return folder


def cells(selection: Selection, workspace: Workspace) -> dict[str, list[tuple[str, str]]]:
    """The cells that a selection runs: forecaster and task, by board."""
    boards, left_out = select_boards(selection, workspace)
    assert left_out == []
    return {board.run.name: [(cell.title, cell.task) for cell in board.run.cells] for board in boards}


class TestFile:
    def test_it_names_boards_and_what_belongs_to_them(self, course: Path, tmp_path: Path, catalog: Catalog) -> None:
        collection = read_collection(course / "collection.toml", catalog)

        rivers, hills = str(course / "../rivers"), str(course / "../hills")
        assert collection == Collection("Rivers and hills", (Part(rivers, ("mean",), ("longer",)), Part(hills)))

    @pytest.mark.parametrize(
        ("right", "wrong", "said"),
        [
            ('title = "Rivers and hills"\n', "", ", the collection: key 'title' is missing"),
            ("forecasters", "forecaster", ", line 6 (boards.0.forecaster): unknown key 'forecaster'; did you mean"),
            ('"../rivers"', '"rivres"', ": no board called 'rivres'; "),
            ('["mean"]', '["meen"]', ": no forecaster on the board called 'meen'; did you mean 'mean'?"),
            ('["longer"]', '["long"]', ": no task on board 'rivers' called 'long'; did you mean 'longer'?"),
            ('"../hills"', '"../rivers"', ", line 10 (boards.1.board): board '../rivers' is named twice; make one "),
        ],
    )
    def test_a_mistake_is_named_with_its_place(
        self, course: Path, catalog: Catalog, right: str, wrong: str, said: str
    ) -> None:
        assert right in COLLECTION
        file = written(course, COLLECTION.replace(right, wrong)) / "collection.toml"

        with pytest.raises(BadBoard) as caught:
            read_collection(file, catalog)

        assert str(caught.value).startswith(f"{file}{said}")

    def test_one_without_boards_is_refused(self, tmp_path: Path, catalog: Catalog) -> None:
        file = written(tmp_path / "empty", 'title = "Nothing"\nboards = []\n') / "collection.toml"

        with pytest.raises(BadBoard, match=r"line 2 \(boards\): a collection needs at least one board"):
            read_collection(file, catalog)


class TestSelection:
    def test_only_what_belongs_to_it_is_run_with_the_baselines(self, course: Path, workspace: Workspace) -> None:
        assert cells(Selection((str(course),)), workspace) == {
            "rivers": [("naive", "longer"), ("mean", "longer")],
            "hills": [(name, task) for task in ("nile", "longer") for name in ("naive", "mean", "drift")],
        }

    def test_the_plan_that_is_stored_is_that_of_the_whole_board(self, course: Path, workspace: Workspace) -> None:
        (rivers, _), _ = select_boards(Selection((str(course / "collection.toml"),)), workspace)

        assert len(rivers.stored.cells) == 6
        assert {cell.key for cell in rivers.run.cells} < {cell.key for cell in rivers.stored.cells}

    def test_a_board_that_is_named_besides_is_run_as_a_whole(self, course: Path, workspace: Workspace) -> None:
        rivers = str(course / "../rivers")

        assert len(cells(Selection((str(course), rivers)), workspace)["rivers"]) == 6

    def test_only_selects_from_what_belongs_to_it(self, course: Path, workspace: Workspace) -> None:
        assert cells(Selection((str(course),), only=("drift",)), workspace) == {
            "hills": [("naive", "nile"), ("drift", "nile"), ("naive", "longer"), ("drift", "longer")]
        }

    def test_only_refuses_what_does_not_belong_to_it(self, tmp_path: Path, course: Path, workspace: Workspace) -> None:
        rivers = written(tmp_path / "rivers only", COLLECTION.partition('\n[[boards]]\nboard = "../hills"')[0])

        with pytest.raises(BadInput, match="forecaster 'drift' is not on board 'rivers'"):
            select_boards(Selection((str(rivers),), only=("drift",)), workspace)

    def test_parts_of_one_board_are_joined(self) -> None:
        one, other = Part("b", ("x",), ("t",)), Part("b", ("y", "x"))

        assert one.joined(other) == Part("b", ("x", "y"))


class TestPlugin:
    def test_a_plugin_provides_collections_beside_boards(self, course: Path, workspace: Workspace) -> None:
        class Provider:
            @staticmethod
            @hookimpl
            def harness_leaderboards() -> list[Path]:
                return [course / "collection.toml", course.parent / "hills" / "leaderboard.toml"]

        catalog = load_catalog({"provider": Provider})

        assert "course" in catalog.collections
        assert "hills" in catalog.boards
        assert "course" not in catalog.boards
        assert len(parts_of(("course",), catalog)) == 2
        with pytest.raises(UnknownName, match=r"no board called 'coarse'; did you mean 'course'\?"):
            load_board("coarse", catalog)
        with pytest.raises(BadBoard, match="'course' is a collection of boards; name one of them"):
            load_board("course", catalog)

    def test_included_collections_name_boards_that_exist(self, catalog: Catalog) -> None:
        assert "lectures" in catalog.collections
        for entry in catalog.collections.values():
            collection = read_collection(entry.spec, catalog)
            assert collection.description


class TestCommands:
    @pytest.fixture
    def harness(self, tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> object:
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr(catalog, "finished", lambda home: [])

        def run(command: str, *arguments: str) -> Result:
            return CliRunner().invoke(cli, [command, *arguments, "--home", str(tmp_path / "home")], obj=catalog)

        return run

    def test_run_show_and_publish(self, harness, course: Path, tmp_path: Path, workspace: Workspace) -> None:
        before = harness("show", str(course))
        ran = harness("run", str(course), "--jobs", "0")
        shown = harness("show", str(course))
        published = harness("publish", str(course), str(tmp_path / "results"))

        assert isinstance(before.exception, BadInput)
        assert "has results" in str(before.exception)
        assert ran.exit_code == 0, ran.output
        for said in (ran, shown):
            assert said.exit_code == 0, said.output
            assert [line for line in map(str.strip, said.output.splitlines()) if line.endswith(")")][:2] == [
                "rivers (rivers)",
                "hills (hills)",
            ]
            rivers = said.output.partition("rivers (rivers)")[2].partition("hills (hills)")[0]
            assert "mean" in rivers
            assert "drift" not in rivers
            assert "nile" not in rivers
        assert published.exit_code == 0, published.output
        results = {folder.name for folder in (tmp_path / "results").iterdir()}
        assert results == {"rivers", "hills"}
        assert "drift" not in (tmp_path / "results" / "rivers" / "README.md").read_text(encoding="utf-8")
        whole = find_standings(str(tmp_path / "rivers"), workspace)
        assert {row.forecaster for row in whole.rows} == {"naive", "mean", "drift"}  # two of them in part

    def test_what_needs_one_board_says_so(self, harness, course: Path) -> None:
        as_csv, unnamed = harness("show", str(course), "--csv"), harness("publish", str(course))

        assert "is a collection of boards; name one of them" in str(as_csv.exception)
        assert "name a folder for them" in str(unnamed.exception)

    def test_they_are_listed_after_the_boards(self, harness, catalog: Catalog) -> None:
        said = CliRunner().invoke(cli, ["list", "boards"], obj=catalog).output

        assert "lectures" in said.partition("COLLECTIONS OF BOARDS")[2]
        assert "lectures" not in said.partition("COLLECTIONS OF BOARDS")[0]
