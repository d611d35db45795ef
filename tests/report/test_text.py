"""Names, titles and reasons are shown as they are: in the terminal, in CSV and in Markdown."""

from __future__ import annotations

import ast
import csv
import io
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness import RollingOrigin, Run, Standings, Status, Task
from harness.cli.console import print_lines, print_standings
from harness.efficiency.runner import BenchStarted
from harness.evaluation.run import Cell
from harness.execution.events import Finished, Refused, Started
from harness.plugins.check_results import CheckResult
from harness.report.catalog.listings import listing
from harness.report.checks.verdicts import verdict_heading, verdict_row
from harness.report.console import PlainConsole
from harness.report.progress.bench_progress import BenchProgress
from harness.report.progress.run_progress import RunProgress
from harness.report.standings.csv_text import standings_csv
from harness.report.standings.markdown import readme
from harness.report.tables import csv_table, markdown_line, markdown_list, markdown_text
from harness.report.text import sentence, visible
from harness.results.standings import Row

HARNESS = Path(__file__).parents[2] / "harness"
NAMES = {  # and how a terminal shows them
    "Load [kW]": "Load [kW]",
    "Price [/MWh]": "Price [/MWh]",
    "[red]hot[/red]": "[red]hot[/red]",
    "[link=https://a.b]c": "[link=https://a.b]c",
    "back\\slash \\[x]": "back\\slash \\[x]",
    ":smile: {braces}": ":smile: {braces}",
    "\x1b[2J\x1b]0;t\x07": "\\x1b[2J\\x1b]0;t\\x07",
    "two\nlines\r\n": "two\\nlines\\r\\n",
    "half \ud800": "half \\ud800",
    "\u202eevil\u2069": "\\u202eevil\\u2069",
    "\x9b31m": "\\x9b31m",
}


def board(name: str) -> Standings:
    """A board on which everything has this name."""
    row = Row(
        forecaster=name,
        rank=1,
        skill=0.5,
        relative_error=0.5,
        win_rate=1.0,
        mean_rank=1.0,
        median_relative_error=0.5,
        intervals={},
        mcs_p_value=1.0,
        tied_for_first=False,
        seeds=1,
        skill_std=0.0,
        close_to_next=False,
        scores={name: 1.0},
        score_stds={},
        metrics={name: 1.0},
        fit_seconds=1.0,
        predict_seconds=1.0,
        windows=1,
        completed=1,
        failed_windows=0,
        missing={"failed": 1},
        reasons=(name,),
        training_overlap=(name,),
    )
    other = replace(row, forecaster="naive", rank=2, reasons=())
    return Standings(name, name, name, name, (name,), (row, other), notes=(name,), unavailable={name: name})


def console(width: int = 200) -> tuple[PlainConsole, io.StringIO]:
    file = io.StringIO()
    return PlainConsole(file=file, width=width, force_terminal=False), file


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=range(len(NAMES)))
class TestTerminal:
    def test_standings(self, name: str, shown: str) -> None:
        terminal, file = console()

        print_standings(board(name), terminal)

        text = file.getvalue()
        assert f"{shown} ({shown})" in text
        assert text.count(shown) >= (4 if "\n" in name else 10)
        assert not set(text) & set("\x1b\x07\r\x9b\ud800\u202e")

    def test_every_other_console_shows_a_table_so_too(self, name: str, shown: str) -> None:
        file = io.StringIO()

        Console(file=file, width=200).print(verdict_heading(name, 200), verdict_row(CheckResult(name, True, name), 200))

        assert file.getvalue().count(shown) == 3

    def test_progress(self, name: str, shown: str) -> None:
        planned = Planned(name)
        file = io.StringIO()
        terminal = PlainConsole(file=file, width=300, force_terminal=True, color_system=None)

        with RunProgress(terminal, 2) as progress:
            progress.show(Started(planned))  # type: ignore[arg-type]
            progress._view.bar.refresh()  # type: ignore[attr-defined]
            progress.show(Finished(planned, failed(name), ran_here=True))  # type: ignore[arg-type]
            progress.show(Refused(planned, name))  # type: ignore[arg-type]

        text = file.getvalue()
        assert f"1 running ({shown} on {shown})" in text
        assert f"{shown} on {shown}: failed: {sentence(name)}" in text
        assert f"error: {sentence(f'{name}: {name}')}" in text

    def test_progress_of_measurements(self, name: str, shown: str) -> None:
        file = io.StringIO()
        terminal = PlainConsole(file=file, width=300, force_terminal=True, color_system=None)

        with BenchProgress(terminal, (), 2) as progress:
            progress.show(BenchStarted(1, name, name))

        assert f"{shown}: {shown}" in file.getvalue()

    def test_lines_and_listings(self, name: str, shown: str) -> None:
        terminal, file = console()

        print_lines([name], terminal)

        assert file.getvalue() == sentence(name) + "\n"
        assert listing("t", ("name", "description", "by"), [(name, name, name)]).count(shown) >= 2


class Planned:
    """A planned cell, all of whose names are one."""

    def __init__(self, name: str) -> None:
        self.key = self.title = self.task = name


def failed(reason: str) -> Run:
    """A failed run."""
    return Run(Cell(Task("ramp", RollingOrigin(1)), "level"), Status.FAILED, reason=reason)


class TestVisible:
    def test_letters_of_all_scripts_stay(self) -> None:
        text = "Größe µ²  日本語 עברית 👩\u200d🔬 é"

        assert visible(text) == text

    def test_the_lines_of_a_message_are_indented(self) -> None:
        assert sentence("it failed:\nerror: no\r\n") == "it failed:\n  error: no\\r"

    @given(st.text(st.characters(codec=None)))
    def test_the_result_can_be_printed(self, text: str) -> None:
        shown = visible(text)

        assert shown.encode("utf-8").decode("utf-8") == shown
        assert len(f"a{shown}b".splitlines()) == 1
        assert visible(shown) == shown


class TestCsv:
    @pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "=a|'b'!A0", "＝1"])
    def test_a_text_is_no_formula(self, text: str) -> None:
        ((heading,), (cell,)) = csv.reader(io.StringIO(csv_table([text], [[text]])))

        assert heading == cell == f"'{visible(text, keep=chr(9))}"

    @pytest.mark.parametrize("text", ["-1.5", "+2", "-1e-3", "-inf"])
    def test_a_number_stays_one(self, text: str) -> None:
        assert csv_table(["a", "b"], [[float(text), text]]) == f"a,b\n{float(text)!r},{text}\n"

    def test_quotes_and_line_feeds_stay(self) -> None:
        cells = ['say "yes", or no', "two\nlines", "a\\b"]

        assert list(csv.reader(io.StringIO(csv_table(cells, [cells])))) == [cells, cells]

    def test_a_board_whose_names_are_formulas(self) -> None:
        rows = list(csv.reader(io.StringIO(standings_csv(board("=HYPERLINK(1)")))))

        assert rows[1][0] == "'=HYPERLINK(1)"
        assert not [cell for row in rows for cell in row if cell.startswith("=")]


class Rendered(HTMLParser):
    """The text of a document and its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


MARKDOWN = (
    *("Load [kW]", "[a](https://b.c)", "![a](b)", "[x] done", "a|b", "`code`", "**bold** _it_ *it*", "~~no~~", "a_b_c"),
    *("<b>x</b>", "&lt; & &amp;", "# head", "- item", "+ item", "1. item", "2) item", "> quoted", "--- ", "***", "-5"),
    *("\\*", "$x$ $y$", "a\nb", "\x1b[1m", "```", "~~~", "#", "1.5 kW", "=", "_", "__init__", "[x]: y"),
)


@pytest.mark.parametrize("text", MARKDOWN)
class TestMarkdown:
    def test_an_item_is_a_text(self, text: str) -> None:
        parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])

        document = Rendered(parser.render(markdown_list([text])))

        assert document.elements == ["ul", "li"]
        assert "".join(document.texts).strip() == visible(text.replace("\n", " ")).strip()

    def test_a_heading_is_a_text(self, text: str) -> None:
        parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])

        document = Rendered(parser.render(f"# {markdown_line(text)}"))

        assert document.elements == ["h1"]
        assert "".join(document.texts).strip() == visible(text.replace("\n", " ")).strip()

    def test_a_cell_is_a_text(self, text: str) -> None:
        parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])

        document = Rendered(parser.render(f"| a |\n|---|\n| {markdown_text(text)} |\n"))

        assert document.elements == ["table", "thead", "tr", "th", "tbody", "tr", "td"]
        assert "".join(document.texts).split("a", 1)[1].strip() == visible(text.replace("\n", " ")).strip()


def test_the_readme_of_a_board_shows_its_names() -> None:
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    plain, odd = board("name"), board("[a](b) | <i> *x* `y`")

    known, found = (Rendered(parser.render(readme(standings, [], "toys"))) for standings in (plain, odd))

    assert found.elements == known.elements
    assert "".join(found.texts).count("[a](b) | <i> *x* `y`") == "".join(known.texts).count("name")


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", sorted(HARNESS.rglob("*.py")), ids=lambda path: str(path.relative_to(HARNESS)))
def test_rich_gets_texts_only_through_what_shows_them_as_they_are(path: Path) -> None:
    """A Console, a Text or a TextColumn of rich's own reads markup or lets control characters pass."""
    source = path.read_text(encoding="utf-8")
    if "rich" not in source and "click" not in source:
        return
    for call in calls(ast.parse(source)):
        name = ast.unparse(call.func)
        arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        where = f"{path.name}:{call.lineno}"
        if path.name not in ("text.py", "console.py"):
            assert name not in ("Console", "Text", "Text.from_markup", "rich.print", "Text.from_ansi"), where
            assert name != "click.echo" or path.parts[-2] == "plugins", where
        assert arguments.get("markup", "False") == "False", where
        if name == "TextColumn":
            assert arguments.get("markup") == "False", where
        if name == "Table":
            assert arguments.get("title", "title").startswith(("plain_text(", "title")), where
        if name.endswith(("add_row", "add_column")) and call.args:
            first = call.args[0]
            assert not isinstance(first, ast.JoinedStr), where
