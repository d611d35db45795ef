"""The page docs/lectures.md: what it says of each system is right, and the code writes its tables and figures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

import harness
from harness.boards.collections import Part, read_collection
from harness.boards.leaderboard import Leaderboard, load_board
from harness.cli.main import cli
from harness.errors import BadInput
from harness.plugins.catalog import Catalog, load_catalog
from harness_mlflow.plots import GIVEN
from lecture_figures import FIGURES
from lecture_page import Section, figure_paths, read_page, write_page

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "lectures.md").read_text(encoding="utf-8")
SOURCE = read_page(DOCS / "lectures" / "lectures.toml")
SVG = "{http://www.w3.org/2000/svg}"
LARGEST, ALL = 100_000, 1_200_000  # bytes of a figure, and of all
# by board and forecaster: the numbers that the lectures state, or that follow from their layers
PARAMETERS = {
    ("sine", "seq2seq"): "405,701",
    ("sine", "seq2seq-autoregressive"): "405,701",
    ("sine-generation", "rnn, recipe of the tutorial"): f"{128 + 128 * 128 + 2 * 128 + 129:,}",
    ("weather", "dense"): "26,913",
    ("weather", "cnn"): "3,873",
    ("weather", "lstm"): "2,001",
    ("weather", "lstm, recurrent dropout"): "6,049",
    ("weather", "stacked gru"): "10,977",
    ("weather", "bidirectional lstm"): "4,001",
    ("long-memory", "lstm"): "4,641 / 4,484",
}
NETWORKS = {"RNN", "LSTM", "GRU", "Seq2Seq", "CNN", "dense", "bidirectional"}
PUBLISHED = {"dense": "2.62", "cnn": "3.10", "lstm": "2.53", "lstm, recurrent dropout": "2.45", "stacked gru": "2.39"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def rows() -> dict[tuple[str, str], list[str]]:
    """The cells of each row of the page's tables, by the board and the forecaster that its command names."""
    found = {}
    for line in PAGE.splitlines():
        if line.startswith("| ") and "`harness run " in line:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            _, run, board, only, forecaster = shlex.split(cells[1].strip("`"))
            assert (run, only) == ("run", "--only")
            found[board, forecaster] = cells
    return found


class TestPage:
    def test_it_has_a_row_for_each_system_and_the_prose_of_its_source(self) -> None:
        expected = [(section.board, system.forecaster) for section in SOURCE.sections for system in section.systems]

        assert list(rows()) == expected
        for section in SOURCE.sections:
            assert f"## {section.title}\n\n{section.text.strip()}\n" in PAGE

    def test_its_commands_name_boards_and_forecasters(self, catalog: Catalog) -> None:
        for board, forecaster in rows():
            assert forecaster in {entry.title for entry in load_board(board, catalog).entries(catalog)}
        for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.S | re.M):
            for line in block.replace(" && ", "\n").splitlines():
                program, *arguments = shlex.split(line)
                if program == "harness":
                    command = cli.commands[arguments[0]]
                    assert CliRunner().invoke(command, [*arguments[1:], "--help"], obj=catalog).exit_code == 0
                else:
                    assert (program, arguments) == ("python", ["docs/lectures"])

    def test_its_numbers_of_parameters_are_those_of_the_lectures(self) -> None:
        found = rows()

        assert {key: found[key][2] for key in PARAMETERS} == PARAMETERS

    def test_each_system_has_a_plot_and_each_network_a_curve(self) -> None:
        for (board, _), cells in rows().items():
            if board != "weather":
                assert "](lectures/" in cells[-1]
                assert ("[curve]" in cells[-1]) == (cells[0].partition(" ")[0].strip(",") in NETWORKS)

    def test_the_figures_of_the_lectures_are_the_published_ones(self) -> None:
        found = rows()

        assert found["sine-generation", "rnn, recipe of the tutorial"][3] == "0.9695"
        assert {name: found["weather", name][3] for name in PUBLISHED} == PUBLISHED

    def test_its_figures_are_small_and_all_are_used(self) -> None:
        linked = re.findall(r"!\[[^\]]*\]\((lectures/[^)]+)\)", PAGE)
        files = sorted(DOCS.glob("lectures/*.svg"))

        assert sorted(linked) == [f"lectures/{path.name}" for path in files]
        assert max(path.stat().st_size for path in files) < LARGEST
        assert sum(path.stat().st_size for path in files) < ALL

    def test_generated_waves_follow_the_given_steps_in_another_colour(self) -> None:
        figures = {"sine-generation-2": 4, "sine-generation-3": 4, "cosine-2": 2, "cosine-3": 4}  # and their waves
        for name, count in figures.items():
            root = ElementTree.parse(DOCS / "lectures" / f"{name}-generation.svg").getroot()
            given = [path for path in root.iter(f"{SVG}path") if path.get("stroke") == GIVEN]
            assert len(given) == 1 + count  # one in the legend
            assert {text.text for text in root.iter(f"{SVG}text")} >= {"given", "actual", "forecast"}


class TestSource:
    @pytest.mark.parametrize("section", SOURCE.sections, ids=lambda section: section.board)
    def test_a_section_shows_systems_of_its_board(self, section: Section, catalog: Catalog) -> None:
        part = Part(section.board, tuple(system.forecaster for system in section.systems), section.tasks)

        board = part.of(load_board(section.board, catalog), catalog)  # raises for an unknown name

        assert isinstance(board, Leaderboard)
        for shown in section.figures:
            assert set(shown.forecasters) <= set(part.forecasters)
            assert shown.kind in FIGURES

    def test_the_collection_runs_what_the_page_shows(self, catalog: Catalog) -> None:
        collection = read_collection(catalog.collections["lectures"].spec, catalog)
        parts = {part.board: part.of(load_board(part.board, catalog), catalog) for part in collection.boards}

        assert {section.board for section in SOURCE.sections} == {*parts, "weather"}
        for section in SOURCE.sections:
            if section.board in parts:
                board = parts[section.board]
                shown = {system.forecaster for system in section.systems}
                assert {entry.title for entry in board.entries(catalog)} == shown
                labels = tuple(task.label for task in board.tasks)
                assert section.tasks in ((), labels)


BOARD = """
title = "Waves"
metric = "MSE"
baseline = "mean"
clip = [1e-30, 1e6]

[[tasks]]
dataset = "cosine"
covariates = []
split = { kind = "series", training = 1024, validation = 128, test = 1000 }
protocol = { kind = "generation", warm_up = 100, horizon = 200 }

[[forecasters]]
name = "mean"

[[forecasters]]
name = "autoreg"
label = "two lags, no trend"
parameters = { lags = 2, trend = "n" }

[[forecasters]]
name = "free-dense"
parameters = { scale = "panel", teach_iterations = 10, stretch_evaluations = 1, finish_evaluations = 1 }
"""
SMALL = """
title = "A page"
text = "Prose."

[[sections]]
title = "Waves"
board = "waves"
text = "What it is."
metrics = ["MAE"]
after = "The end."
systems = [
  { forecaster = "mean" },
  { forecaster = "two lags, no trend", name = "autoregression", lecture = "0.5" },
  { forecaster = "free-dense" },
]

[[sections.figures]]
kind = "training"
caption = "Curves."
forecasters = ["free-dense"]

[[sections.figures]]
kind = "generation"
caption = "Free runs."
forecasters = ["two lags, no trend", "free-dense"]
"""


class TestWriting:
    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder with a board, its results, and the source of a page about it."""
        folder = tmp_path_factory.mktemp("page")
        (folder / "waves").mkdir()
        (folder / "waves" / "leaderboard.toml").write_text(BOARD, encoding="utf-8")
        source = SMALL.replace('"waves"', f'"{folder / "waves"}"')
        (folder / "page.toml").write_text(source, encoding="utf-8")
        arguments = ["run", str(folder / "waves"), "--home", str(folder / "home"), "--jobs", "0"]
        catalog = load_catalog()
        catalog.finished = lambda home: []  # type: ignore[method-assign]
        ran = CliRunner().invoke(cli, arguments, obj=catalog)
        assert ran.exit_code == 0, ran.output
        return folder

    def test_the_table_is_that_of_the_results(self, folder: Path) -> None:
        write_page(folder / "page.toml", folder / "home", folder / "docs")
        text = (folder / "docs" / "lectures.md").read_text(encoding="utf-8")

        scores = harness.standings("waves", home=folder / "home")
        cells = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
        headings, mean, autoreg, dense = ([cell.strip() for cell in row] for row in cells)
        assert headings[3:7] == ["Lecture", "Ours: MSE", "Ours: MAE", "relative to mean (95 %)"]
        assert mean[0] == "mean"
        assert mean[2:4] == ["–", "–"]
        assert float(mean[4]) == pytest.approx(scores["cosine"]["mean"], rel=5e-3)
        assert mean[6] == "1"
        assert autoreg[0] == "autoregression"
        assert autoreg[1].endswith("waves --only 'two lags, no trend'`")
        assert autoreg[3] == "0.5"
        assert dense[2] == "897"  # 12 lags, 64 units: 13 * 64 + 65
        assert float(dense[4]) == pytest.approx(scores["cosine"]["free-dense"], rel=5e-3)
        absolute = harness.standings("waves", "MAE", home=folder / "home")["cosine"]
        assert float(dense[5]) == pytest.approx(absolute["free-dense"], rel=5e-3)
        low, high = scores.loc["free-dense", ["skill_low", "skill_high"]]
        assert [float(number) for number in re.findall(r"[\d.]+", dense[6])] == pytest.approx(
            [1 - scores["skill"]["free-dense"], 1 - high, 1 - low], rel=5e-3
        )
        assert text.startswith("# A page\n\nProse.\n\n## Waves\n\nWhat it is.\n\n| System")
        assert text.endswith("*Free runs.*\n\nThe end.\n")

    def test_the_same_results_give_the_same_files(self, folder: Path) -> None:
        (folder / "docs" / "lectures").mkdir(parents=True, exist_ok=True)
        (folder / "docs" / "lectures" / "waves-9-training.svg").touch()  # of an earlier page
        files = write_page(folder / "page.toml", folder / "home", folder / "docs")
        before = {path: path.read_bytes() for path in files}

        again = write_page(folder / "page.toml", folder / "home", folder / "docs")

        assert {path: path.read_bytes() for path in again} == before
        assert len(files) == 3
        assert set((folder / "docs" / "lectures").iterdir()) == set(files[1:])

    def test_figures_are_drawn_with_the_given_steps(self, folder: Path) -> None:
        write_page(folder / "page.toml", folder / "home", folder / "docs")
        (section,) = read_page(folder / "page.toml").sections
        training, generation = (folder / "docs" / path for path in figure_paths(section))

        assert "free-dense" in training.read_text(encoding="utf-8")
        text = generation.read_text(encoding="utf-8")
        assert text.count(f"stroke='{GIVEN}'") == 1 + 2
        assert ">free-dense: the last 120 steps<" in text

    def test_results_that_are_missing_are_named(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"board 'waves' has no results in .*; run `harness run .*` first"):
            write_page(folder / "page.toml", tmp_path / "empty", tmp_path / "docs")
