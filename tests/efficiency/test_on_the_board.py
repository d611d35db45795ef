"""From `harness bench` to the board, end to end: measured costs in its views, and ranks within a budget."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BOARD = "toy-board"


@pytest.fixture(scope="module")
def home(toys: Path, shell: Callable[..., Any]) -> str:
    """A home in which the board was run, and then two of its forecasters measured."""
    shell("run", BOARD, "--jobs", "0", "--home", "boarded")
    assert "costs are indicative" in shell("show", BOARD, "--home", "boarded").flat
    said = shell("bench", "sleeps, 2 ms", "learns", "--board", BOARD, "--seconds", "0.1", "--home", "boarded")
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
    assert "left out flat: not measured on this machine; run `harness bench`" in said


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


def test_where_nobody_fits_one_sentence_names_the_nearest(shell, home) -> None:
    said = shell("show", BOARD, "--within", "latency_p50 < 1ns", "--home", home)

    assert said.out.startswith("No forecaster of toy-board fits latency_p50 < 1ns: the nearest is learns, whose")
    assert len(said.out.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--within", "speed < 5"), ("--within", "memory < 5MB", "--by", "step")])
def test_what_is_no_budget_is_refused_in_a_sentence(shell, home, arguments) -> None:
    said = shell("show", BOARD, *arguments, "--home", home, code=2)

    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 1


def test_figures_of_cells_that_are_not_on_the_board_are_said(toys, shell, home) -> None:
    shutil.copytree(toys / home, toys / "strange")

    said = shell("bench", "tires", "--board", BOARD, "--seconds", "0.05", "--home", "strange")

    assert "Not on the board as it was last run: tires; `harness run toy-board` puts on the board" in said.flat
