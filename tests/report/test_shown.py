"""Tables of standings in terminals of any width: which columns they have, and that numbers stay whole."""

from __future__ import annotations

import csv
import io
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from harness import Row, Standings
from harness.cli.console import LEAST_WIDTH, print_standings
from harness.errors import UnknownName
from harness.report.console import PlainConsole
from harness.report.standings.csv_text import standings_csv
from harness.report.standings.shown import EVERYTHING, Shown

TASKS = ("sunspots", "co2", "a-task-with-a-long-name", "nile", "macrodata")


def row(rank: int, name: str = "", **changes: object) -> Row:
    fields = {
        "forecaster": name or f"forecaster-{rank}",
        "rank": rank,
        "skill": 0.3 - rank / 100,
        "relative_error": 0.7 + rank / 100,
        "win_rate": 1 / rank,
        "mean_rank": float(rank),
        "median_relative_error": 0.7,
        "intervals": {"skill": (-1.25, 0.375)},
        "mcs_p_value": 1 / rank,
        "tied_for_first": rank < 20,
        "seeds": 1,
        "skill_std": math.nan,
        "close_to_next": False,
        "scores": dict.fromkeys(TASKS, 12.345 + rank),
        "score_stds": {},
        "metrics": {"MASE": 1.5},
        "fit_seconds": 5.25,
        "predict_seconds": 0.25,
        "windows": 10,
        "completed": 5,
        "missing": {},
        "failed_windows": 0,
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


def board(*rows: Row) -> Standings:
    return Standings("toys", "Toys", "MASE", "forecaster-2", TASKS, rows or tuple(map(row, range(1, 31))))


def lines_of(standings: Standings, width: int, shown: Shown = EVERYTHING) -> list[str]:
    file = io.StringIO()
    print_standings(standings, PlainConsole(file=file, width=width), shown)
    return file.getvalue().splitlines()


def rows_of(lines: list[str]) -> list[str]:
    """The lines of the table's body."""
    rule = next(i for i, line in enumerate(lines) if "──" in line)
    return [line for line in lines[rule + 1 :] if re.match(r" {1,4}\d+=? +\S", line)]


class TestWidths:
    @pytest.mark.parametrize("width", [LEAST_WIDTH, 60, 80, 100, 120, 200])
    def test_rank_forecaster_and_skill_are_always_there_on_one_line(self, width: int) -> None:
        rows = rows_of(lines_of(board(), width))

        assert len(rows) == 30
        for rank, line in enumerate(rows, start=1):
            assert line.split()[:3] == [
                f"{rank}{'=' if rank < 20 else ''}",
                f"forecaster-{rank}",
                f"{0.3 - rank / 100:.3f}",
            ]
            assert cell_len(line.rstrip()) <= width

    def test_the_most_important_columns_stay(self) -> None:
        narrow, wide = "\n".join(lines_of(board(), 80)), "\n".join(lines_of(board(), 200))

        assert "-1.25…0.38" in narrow
        assert "13.345" in narrow
        assert all(task in wide for task in TASKS if len(task) <= 10)
        assert "not shown" not in wide

    def test_the_legend_has_the_width_of_the_terminal_not_of_a_narrow_table(self) -> None:
        shown = Shown(columns=("skill",))

        lines = lines_of(board(row(1, "a"), row(2, "b")), 120, shown)

        legend = "MASE by task; #: rank by skill; skill: 1 − geometric mean of errors relative to forecaster-2"
        assert any(legend in line for line in lines)
        assert max(map(cell_len, rows_of(lines))) < 60

    def test_a_line_names_what_is_left_out(self) -> None:
        text = " ".join(" ".join(lines_of(board(), 60)).split())

        assert 'not shown: 4 of 5 tasks and the columns "wins", "fit s", "ms" (see --columns' in text

    @given(st.integers(LEAST_WIDTH, 250), st.integers(1, 40), st.booleans())
    def test_no_number_is_broken(self, width: int, length: int, failing: bool) -> None:
        missing = {"timed_out": 3, "failed": 1} if failing else {}
        rows = [row(rank, "x" * length + str(rank), missing=missing) for rank in range(1, 4)]

        shown = rows_of(lines_of(board(*rows), width))

        assert [line.split()[0] for line in shown] == ["1=", "2=", "3="]
        whole = {text for rank in (1, 2, 3) for text in _numbers(rank)}
        for line in shown:
            numbers = [part for part in line.split()[2:] if part[0] in "-0123456789" and part not in ("3", "1")]
            assert set(numbers) <= whole

    def test_a_wide_terminal_shows_long_names_in_full(self) -> None:
        name = "a-forecaster-with-a-name-of-44-characters-xx"

        assert name in "\n".join(lines_of(board(row(1, name)), 200))
        assert name not in "\n".join(lines_of(board(row(1, name)), 80))


def _numbers(rank: int) -> list[str]:
    skill, p = f"{0.3 - rank / 100:.3f}", f"{1 / rank:.2f}"
    return [skill, p, "-1.25…0.38", f"{12.345 + rank:.3f}", "5.25", "25.000"]


class TestChoice:
    def test_top_and_only_show_either_at_their_ranks_on_the_board(self) -> None:
        lines = lines_of(board(), 100, Shown(only=("forecaster-30",), top=2))

        assert [line.split()[:2] for line in rows_of(lines)] == [
            ["1=", "forecaster-1"],
            ["2=", "forecaster-2"],
            ["30", "forecaster-30"],
        ]
        assert "not shown: 27 of 30 forecasters and " in "\n".join(lines)

    def test_only_takes_several_names_between_commas(self) -> None:
        several, each = Shown(only=("forecaster-30,forecaster-2",)), Shown(only=("forecaster-2", "forecaster-30"))

        assert lines_of(board(), 100, several) == lines_of(board(), 100, each)

    def test_the_legend_is_that_of_the_whole_board(self) -> None:
        lines = "\n".join(lines_of(board(), 200, Shown(only=("forecaster-30",))))

        assert "= not significantly worse than the best" in lines

    def test_columns_are_shown_in_their_order(self) -> None:
        lines = lines_of(board(), 100, Shown(columns=("co2", "mean_rank", "95 %", "win_rate", "pool"), top=1))

        heading = next(line for line in lines if "forecaster" in line)
        assert re.split(r" {2,}", heading.strip()) == ["#", "forecaster", "co2", "mean_rank", "95 %", "wins", "pool"]
        assert rows_of(lines)[0].split() == ["1=", "forecaster-1", "13.345", "1.000", "-1.25…0.38", "1.00", "–"]

    def test_csv_has_the_same_choice(self) -> None:
        text = standings_csv(board(), Shown(only=("forecaster-30",), top=1, columns=("co2", "p", "skill_low")))

        assert list(csv.reader(io.StringIO(text))) == [
            ["forecaster", "MASE[co2]", "mcs_p_value", "skill_low"],
            ["forecaster-1", "13.345", "1.0", "-1.25"],
            ["forecaster-30", "42.345", repr(1 / 30), "-1.25"],
        ]

    @pytest.mark.parametrize("shown", [Shown(only=("forecaster-31",)), Shown(columns=("skil",))])
    def test_unknown_names_are_errors(self, shown: Shown) -> None:
        for show in (lambda: lines_of(board(), 80, shown), lambda: standings_csv(board(), shown)):
            with pytest.raises(UnknownName, match=r"did you mean '(forecaster-3|skill)"):
                show()
