"""Texts that others chose, in every place of a board at once, through every view: they stay texts."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from harness import Row, Standings
from harness.analysis.comparison.results import Comparison, ConditionResult, PairResult
from harness.analysis.slicing.slices import Slices, TaskSlices
from harness.report.page.examples import Example, Examples, Lines
from harness.report.page.render import page
from harness.report.standings.comparison import comparison_csv, comparison_tables
from harness.report.standings.csv_text import standings_csv
from harness.report.standings.markdown import readme
from harness.report.standings.slices import slices_csv, slices_markdown, slices_tables
from harness.report.standings.terminal import legend, remarks, standings_table
from harness.report.tables import FORMULA
from harness.report.text import sentence

ESCAPES = "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"  # what a terminal obeys, and halves of pairs
DIRECTIONS = "[\u202a-\u202e\u2066-\u2069]"
PARTS = (
    *("\x1b[2J", "\x1b]0;t\x07", "\x9b31m", "\r", "\x00", "\ud800", "\u202e", "\u2028", "<script>", "</script>"),
    *("<!--", "&lt;", "'", '"', "=", "+", "-", "@", "\t", "=HYPERLINK(1)", "|", "`", "[a](b)", "[red]", "{{ 1 }}"),
    *("\\", "ä", "a"),
)
NAMES = st.one_of(st.text(min_size=1), st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join))


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
        strict=True,
        batch_differences={name: 0.25},
    )
    texts = {"notes": (name,), "unavailable": {name: name}, "machines": (name,), "unsure": name, "cost_notes": (name,)}
    return Standings(name, name, name, name, (name,), (row,), description="Made for a test.", **texts)  # type: ignore[arg-type]


def examples(name: str) -> Examples:
    lines = Lines(name, (1.0,), (2.0,), (3.0,), (2.0,), (4.0,))
    return Examples(name, name, {name: {name: (1.0, 2.0)}}, {name: {name: (Example(name, 5, name, 0.5, (lines,)),)}})


def slices(name: str) -> Slices:
    one = np.ones((1, 1))
    part = TaskSlices((name,), np.array([1]), np.array([1]), one, one)
    return Slices(name, name, name, "series", name, (name,), {name: part}, (name,), False)


def comparison(name: str) -> Comparison:
    pair = PairResult(name, name, name, 1.0, 2.0, 100.0, 0.5, "", reason=name)
    return Comparison(name, name, (ConditionResult(None, (pair,)),), {name: (f"{name} on {name}",)})


class Elements(HTMLParser):
    """The elements of a document and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[Any, ...]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag != "wbr":  # names are broken at other places
            self.found.append((tag, *sorted(name for name, _ in attrs)))


def printed(*renderables: Any) -> str:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=False, markup=False)
    for renderable in renderables:
        console.print(renderable)
    return file.getvalue()


@given(NAMES)
@example("\x1b[2J\x1b]0;t\x07")
def test_a_terminal_obeys_none_of_them(name: str) -> None:
    tables = printed(standings_table(board(name)), *slices_tables(slices(name)), *comparison_tables(comparison(name)))
    lines = "\n".join(sentence(line) for line in [*legend(board(name)), *remarks(board(name))])

    for text in (tables, lines):
        assert re.findall(ESCAPES, text) == []
        assert re.findall(DIRECTIONS, text) == []


@given(NAMES)
@example("</script><script>")
def test_a_page_has_the_same_elements_with_any_of_them(name: str) -> None:
    text = page(board(name), examples(name))

    assert Elements(text).found == Elements(page(board("plain"), examples("plain"))).found
    assert re.findall(ESCAPES, text) == []
    assert "\\u001b" not in text
    assert "\\u0000" not in text


@given(NAMES)
@example("<b>\n# heading")
def test_markdown_has_the_same_lines_with_any_of_them(name: str) -> None:
    for write, made in ((lambda made: readme(made, [], name), board), (slices_markdown, slices)):
        text, plain = write(made(name)), write(made("plain"))  # type: ignore[operator]

        assert re.findall(ESCAPES, text) == []
        assert re.findall(DIRECTIONS, text) == []
        assert len(text.splitlines()) == len(plain.splitlines())
        assert "<" not in text.partition("## Reproduce")[0]


@pytest.mark.parametrize("write", [standings_csv, slices_csv, comparison_csv], ids=lambda write: write.__name__)
@given(name=NAMES)
@example(name="=HYPERLINK(1)")
@example(name="\t@SUM(A1)")
def test_no_cell_of_csv_is_a_formula(write: Any, name: str) -> None:
    made = {standings_csv: board, slices_csv: slices, comparison_csv: comparison}[write]

    text = write(made(name))

    assert re.findall(ESCAPES, text) == []
    rows = list(csv.reader(io.StringIO(text)))
    assert {len(row) for row in rows} == {len(rows[0])}
    for cell in {cell for row in rows for cell in row}:
        assert not cell.lstrip().startswith(FORMULA) or is_number(cell)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
