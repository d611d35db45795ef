"""From `harness bench` to the board, end to end: measured costs in its views, and ranks within a budget."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BOARD = "toy-board"
QUICK = ("--seconds", "0.1", "--repetitions", "2")
ONCE = ("--seconds", "0.02", "--repetitions", "1")


@pytest.fixture(scope="module")
def home(toys: Path, shell: Callable[..., Any]) -> str:
    """A home in which the board was run, and then two of its forecasters measured."""
    shell("run", BOARD, "--jobs", "0", "--home", "boarded")
    assert "times are indicative" in shell("show", BOARD, "--home", "boarded").flat
    said = shell("bench", "sleeps, 2 ms", "learns", "--board", BOARD, *QUICK, "--home", "boarded")
    assert "Not on the board" not in said.out
    return "boarded"


def test_the_board_shows_them_with_their_machine(shell, home) -> None:
    said = shell("show", BOARD, "--home", home)

    assert "p99 ms" in said.out
    assert "cost: measured by harness bench on ramp" in said.flat
    assert "indicative" not in said.out


def test_csv_has_them_for_who_was_measured(shell, home) -> None:
    rows = {
        row["forecaster"]: row for row in csv.DictReader(shell("show", BOARD, "--csv", "--home", home).out.split("\n"))
    }

    assert float(rows["sleeps, 2 ms"]["latency_p50"]) >= 0.002
    assert rows["flat"]["latency_p50"] == ""


def test_another_run_and_another_metric_keep_them(shell, home) -> None:
    assert "p99 ms" in shell("run", BOARD, "--jobs", "0", "--home", home).out
    assert "p99 ms" in shell("show", BOARD, "--metric", "MSE", "--home", home).out


def test_within_a_budget_is_ranked_who_fits(shell, home) -> None:
    said = shell("show", BOARD, "--within", "latency_p50 < 10min, parameters > 5", "--home", home).flat

    assert "Toys, within latency_p50 < 10min, parameters > 5" in said
    assert "1 of 3 forecasters fit" in said
    assert re.search(r"latency_p50 \[95 %\]: learns [\d.]+ \w+ \[[\d.]+ \w+, [\d.]+ \w+\]", said)
    assert "1 forecaster was not measured on this machine: `harness bench --board toy-board` measures all" in said


def test_top_hides_no_reason(shell, home) -> None:
    said = shell("show", BOARD, "--within", "parameters > 5", "--top", "1", "--home", home).flat

    assert "left out sleeps, 2 ms: parameters was not measured" in said
    assert "1 forecaster was not measured" in said


def test_within_goes_with_the_other_views(shell, home, tmp_path) -> None:
    budget = ("--within", "parameters > 5", "--home", home)
    (baseline, fitting) = sorted(
        csv.DictReader(shell("show", BOARD, "--csv", *budget).out.split("\n")), key=lambda one: one["rank"]
    )
    shell("show", BOARD, "--html", str(tmp_path / "board.html"), *budget)

    assert (baseline["forecaster"], baseline["rank"]) == ("flat", "")
    assert (fitting["forecaster"], fitting["rank"]) == ("learns", "1")
    assert "within parameters &gt; 5" in (tmp_path / "board.html").read_text(encoding="utf-8")
    assert "| – | flat |" in shell("show", BOARD, "--markdown", *budget).out


def test_the_published_readme_has_them(toys, shell, home) -> None:
    shell("publish", BOARD, "published", "--home", home)

    assert "| p99 ms | /s | MB |" in (toys / "published" / "README.md").read_text(encoding="utf-8")


def test_where_nobody_fits_the_nearest_and_the_reason_of_each_measured_one_are_named(shell, home) -> None:
    said = shell("show", BOARD, "--within", "p50 < 1ns", "--home", home, code=1)

    assert said.out.startswith("No forecaster of toy-board fits latency_p50 < 1ns: the nearest is learns, whose")
    assert sorted(re.findall(r"^left out (.+): latency_p50 is .* not < 1ns", said.out, re.MULTILINE)) == [
        "learns",
        "sleeps, 2 ms",
    ]
    assert "1 forecaster was not measured on this machine" in said.out


def test_where_it_is_too_noisy_to_decide_the_output_says_what_would_help(toys, shell, home) -> None:
    rows = csv.DictReader(shell("show", BOARD, "--csv", "--home", home).out.split("\n"))
    (p99,) = (row["latency_p99"] for row in rows if row["forecaster"] == "learns")

    said = shell("show", BOARD, "--within", f"latency_p99 < {p99}s, parameters > 5", "--home", home, code=1)

    first, second, *others = said.out.splitlines()
    assert first == f"No forecaster of toy-board fits latency_p99 < {p99}s, parameters > 5."
    assert re.match(r"(too noisy to decide|measured on a busy machine): learns \(latency_p99 is ", second)
    assert len(others) == 2  # one that exceeds a limit, and how many were not measured


@pytest.mark.parametrize("arguments", [("--within", "speed < 5"), ("--within", "memory < 5MB", "--by", "step")])
def test_what_is_no_budget_is_refused_in_a_sentence(shell, home, arguments) -> None:
    said = shell("show", BOARD, *arguments, "--home", home, code=2)

    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 1


def test_figures_of_cells_that_are_not_on_the_board_are_said(toys, shell, home) -> None:
    shutil.copytree(toys / home, toys / "strange")

    said = shell("bench", "tires", "--board", BOARD, *ONCE, "--home", "strange")

    assert "Not on the board as it was last run: tires; `harness run toy-board` adds those" in said.flat


OTHER = """
title = "Others"
metric = "MSE"
baseline = "rests"

[[tasks]]
dataset = "ramp"
name = "the same ramp"
protocol = { kind = "rolling-origin", horizon = 3, windows = 2 }

[[forecasters]]
name = "flat"
label = "rests"

[[forecasters]]
name = "learns"
"""
NOTES = """
from harness import hookimpl


@hookimpl
def harness_standings_changed(leaderboard, standings, home):
    with (home / "heard").open("a") as heard:
        measured = sorted(row.forecaster for row in standings.rows if row.costs is not None)
        print("changed", standings.board, leaderboard.title, *measured, sep=", ", file=heard)


@hookimpl
def harness_finished(home):
    with (home / "heard").open("a") as heard:
        print("finished", file=heard)
    return ["the notes are taken"]
"""


class TestOtherBoards:
    """Boards that share measured cells, and plugins that hear of it."""

    @pytest.fixture(scope="class")
    def shared(self, toys: Path, shell: Callable[..., Any]) -> Any:
        """What the command said in a home where the board, another one and a third were run before."""
        for name, text in (("others", OTHER), ("strangers", OTHER.replace("windows = 2", "windows = 1"))):
            (toys / name).mkdir()
            (toys / name / "leaderboard.toml").write_text(text, encoding="utf-8")
        information = toys / "notes-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: notes\nVersion: 1.0\n", encoding="utf-8")
        (information / "entry_points.txt").write_text("[harness]\nnotes = notes\n", encoding="utf-8")
        (toys / "notes.py").write_text(NOTES, encoding="utf-8")
        shell("run", BOARD, "others", "strangers", "--jobs", "0", "--home", "shared")
        (toys / "shared" / "heard").unlink()
        said = shell("bench", "flat", "learns", "--board", BOARD, *ONCE, "--home", "shared")
        yield said
        shutil.rmtree(information)

    def measured(self, shell: Callable[..., Any], name: str) -> list[str]:
        rows = csv.DictReader(shell("show", name, "--csv", "--home", "shared").out.splitlines())
        return sorted(row["forecaster"] for row in rows if row.get("latency_p50"))

    def test_show_what_was_measured_for_one_of_them(self, shell, shared) -> None:
        assert self.measured(shell, "others") == ["learns", "rests"]
        assert "cost: measured by harness bench on the same ramp" in shell("show", "others", "--home", "shared").flat
        assert self.measured(shell, "strangers") == []  # windows differ, and so does the work

    def test_are_named(self, shared) -> None:
        assert "Shown on other boards with these cells too: others." in shared.flat

    def test_plugins_hear_of_each_and_then_of_the_end(self, toys, shared) -> None:
        heard = (toys / "shared" / "heard").read_text(encoding="utf-8").splitlines()

        assert heard == [
            "changed, others, Others, learns, rests",
            "changed, toy-board, Toys, flat, learns",
            "finished",
        ]
        assert "the notes are taken" in shared.out

    def test_whose_files_are_gone_are_left_to_what_is_stored(self, toys, shell, shared) -> None:
        shutil.copytree(toys / "shared", toys / "moved")
        (toys / "moved" / "heard").unlink()
        shutil.move(toys / "others", toys / "elsewhere")

        said = shell("bench", "rests", "--board", "elsewhere", *ONCE, "--home", "moved")

        shutil.move(toys / "elsewhere", toys / "others")
        heard = (toys / "moved" / "heard").read_text(encoding="utf-8").splitlines()
        assert heard == ["changed, toy-board, Toys, flat, learns", "finished"]
        assert "Not on the board as it was last run: rests" in said.flat
        assert "Shown on other boards with these cells too: others, toy-board." in said.flat
