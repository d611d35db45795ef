"""The page on own data as a reader walks through it: every command and every example, pasted in their order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "own-data.md"
COMMAND = """#!/bin/sh
case "$1" in run) set -- "$@" --only ridge ;; esac
exec "{python}" -m harness "$@"
"""  # a few forecasters: the page runs all of them, which takes longer than a test should


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder after all examples in their order, and what they printed; each must end with 0."""
    folder = tmp_path_factory.mktemp("walk")
    program = folder / "bin" / "harness"
    program.parent.mkdir()
    program.write_text(COMMAND.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("HARNESS_")}
    environment = {**outside, "PATH": f"{program.parent}:{os.environ['PATH']}", "HARNESS_MLFLOW": "off"}
    printed = []
    for language, example in re.findall(r"^```(sh|python)\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M):
        command = ["sh", "-e", "-c", example] if language == "sh" else [sys.executable, "-W", "error", "-c", example]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{example}\n{done.stdout}{done.stderr}"
        printed.append(done.stdout + done.stderr)
    return folder, "\n".join(printed)


def test_standings_are_printed(walked: tuple[Path, str]) -> None:
    _, printed = walked

    assert re.search(r"^2 series of 400 observations, frequency D, season length 7", printed, re.M)
    assert re.search(r"^ *1 +ridge ", printed, re.M)
    assert "wrote sales/leaderboard.toml" in printed
    assert "ridge was fitted to 800 observed values of 2 series" in printed


def test_the_forecast_follows_the_last_actual(walked: tuple[Path, str]) -> None:
    folder, _ = walked

    forecast = pd.read_csv(folder / "forecast.csv", parse_dates=["time"])

    sales = pd.read_csv(folder / "sales.csv", parse_dates=["date"])
    ahead = sales[sales["sales"].isna()]
    assert forecast["time"].tolist() == ahead["date"].tolist()
    assert forecast["series"].tolist() == ahead["store"].tolist()
    assert "<svg" in (folder / "forecast.html").read_text(encoding="utf-8")


def test_the_check_finds_nothing_to_be_mended(walked: tuple[Path, str]) -> None:
    _, printed = walked

    assert "rows ahead     48 after the last actuals, which are not evaluated" in printed
    assert "TO BE MENDED FIRST" not in printed
