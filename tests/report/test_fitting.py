"""Tables that fit a width: names that are shortened stay different where there is room, or take several lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.analysis.comparison.results import Comparison, ConditionResult, PairResult
from harness.report.standings.column import Cell
from harness.report.standings.comparison import comparison_tables
from harness.report.standings.fitting import ShownColumn, fitted_table, fitting_columns
from harness.report.text import plain_text

NAMES = ("damped-seasonal (damping=0.9, gamma=0.1)", "damped-seasonal (damping=0.95, gamma=0.1)", "naive")


def printed(names: tuple[str, ...], width: int, numbers: int = 8) -> list[str]:
    """The rows of a table of names and columns of numbers, of which those that do not fit are left out."""
    name = Cell("forecaster", lambda row: "", style="name", most=28, least=10, priority=0)
    number = [Cell(f"number {i}", lambda row: "", style="number", priority=i + 1) for i in range(numbers)]
    columns = [ShownColumn(name, names), *(ShownColumn(cell, ("0.125",) * len(names)) for cell in number)]
    shown = fitting_columns(columns, width)
    table = fitted_table("table", shown, width)
    for k in range(len(names)):
        table.add_row(*(plain_text(column.texts[k]) for column in shown))
    output = io.StringIO()
    Console(file=output, width=width).print(table)
    rows = output.getvalue().splitlines()
    assert max(map(len, rows)) <= width
    return [row for row in rows if "0.125" in row]


def test_names_are_shortened_no_further_than_where_they_differ() -> None:
    first, second, third = printed(NAMES, 80)

    assert "damping=0.9," in first
    assert "damping=0.95" in second
    assert "naive" in third


def test_names_that_differ_early_leave_room_to_numbers() -> None:
    names = tuple(f"{letter}{'-' * 60}" for letter in "abc")

    assert [row.count("0.125") for row in printed(names, 80)] == [
        row.count("0.125") for row in printed(("a" * 28,) * 3, 80)
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_long_equal_beginnings_do_not_make_a_table_wider_than_the_terminal(width: int) -> None:
    names = tuple("x" * 200 + letter for letter in "abc")

    assert len(printed(names, width)) == 3


@pytest.mark.parametrize("width", [80, 100])
def test_a_comparison_shows_names_in_full(width: int) -> None:
    names = ("neuralforecast:VanillaTransformer", "neuralforecast:VanillaTransformer@nf")
    pairs = tuple(PairResult(name, "daily maxima", "MASE", 1.0, 2.0, 100.0, 0.5, "") for name in names)
    console = Console(width=width, record=True, file=io.StringIO())

    for table in comparison_tables(Comparison("a", "b", (ConditionResult(None, pairs),), {}), width):
        console.print(table)

    lines = console.export_text().splitlines()
    start = next(line.index("task") for line in lines if "task" in line)
    column = "".join(line[:start].strip() for line in lines)
    assert all(name in column for name in names)
    assert sum("100.00" in line for line in lines) == 2  # no number is broken


def test_the_headings_of_a_comparison_are_not_broken() -> None:
    pairs = (PairResult("naive", "elnino", "MASE", 1.0, 2.0, 100.0, 0.5, ""),)
    console = Console(width=80, record=True, file=io.StringIO())

    for table in comparison_tables(Comparison("a", "b", (ConditionResult(None, pairs),), {}), 80):
        console.print(table)

    headings = next(line for line in console.export_text().splitlines() if "metric" in line)
    assert headings.split() == ["forecaster", "task", "metric", "A", "B", "difference", "%", "p"]
