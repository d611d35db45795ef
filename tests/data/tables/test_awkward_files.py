"""What `harness data check` says of awkward files, word for word, and that its remedies mend them."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.cli.main import main
from tests.data.tables.awkward_files import AwkwardFile, awkward_files

FILES = awkward_files()
MESSAGES = Path(__file__).with_name("awkward_files.txt")
LINES_OF_PANDAS = re.compile(r"in pandas: (.*?)(?:, where future has .*)?\.?$", re.MULTILINE)
FINDINGS = re.compile(r"^(TO BE MENDED FIRST|CHANGED WHILE READING|NOTES|The checks|error:).*", re.M | re.S)
CHECK = re.compile(r"^  ([a-z ]+): ", re.MULTILINE)
COVERED = set(
    """
constant series
dates as numbers
daylight saving time
ends of series
days of months
gaps
intermittent series
irregular steps
known covariates
lengths of series
longer season
missing values
no frequency
no time
numbers as texts
order of dates
outliers
repeated rows
repeated times
season
series without values
short series
target among covariates
time zone
unsorted rows
weeks
white noise
""".strip().splitlines()
)
NOTHING_TO_DO = {"repeated rows", "unsorted rows", "days of months", "time zone"}
Run = Callable[..., tuple[str, int]]


def expected_messages() -> dict[str, str]:
    """The message of each file."""
    _, *parts = re.split(r"^== (.*)\n", MESSAGES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Writes a file, and returns what `harness data check` finds in it and its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))

    def check(file: AwkwardFile, more: str = "") -> tuple[str, int]:
        quoting = csv.QUOTE_ALL if file.quoted else csv.QUOTE_MINIMAL
        file.frame.to_csv("sales.csv", index=False, quoting=quoting)
        command = f"data check sales.csv {file.options} {more}"
        monkeypatch.setattr(sys, "argv", ["harness", *command.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        text = output.err + output.out
        findings = re.search(
            r"^(TO BE MENDED FIRST|CHANGED WHILE READING|NOTES|The checks|error:).*", text, re.M | re.S
        )
        assert findings is not None, text
        assert isinstance(ended.value.code, int)
        return findings[0].strip(), ended.value.code

    return check


@pytest.mark.parametrize("name", FILES)
def test_messages_say_where_and_with_which_effect_and_remedy(run: Run, name: str) -> None:
    text, code = run(FILES[name])

    assert f"{text}\nexit {code}" == expected_messages()[name]


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if file.mended_by])
def test_the_option_of_a_remedy_mends_the_file(run: Run, name: str) -> None:
    before, _ = run(FILES[name])

    after, code = run(FILES[name], FILES[name].mended_by)

    assert code == 0
    assert before != after
    assert "error:" not in after
    if not FILES[name].mended_by.startswith(("--fill", "--aggregate")):  # which are reported as changes
        assert not set(CHECK.findall(before)[:1]) & set(CHECK.findall(after))


@pytest.mark.parametrize("name", [name for name, text in expected_messages().items() if "in pandas: frame" in text])
def test_the_lines_of_pandas_of_a_remedy_mend_the_file(run: Run, name: str) -> None:
    file = FILES[name]
    text, _ = run(file)
    frame = pd.read_csv("sales.csv")
    future = frame.tail(3).assign(time=pd.date_range("2024-03-01", periods=3).strftime("%Y-%m-%d"), y=np.nan)
    names = {"frame": frame, "future": future, "pd": pd, "np": np}

    exec(LINES_OF_PANDAS.findall(text)[0], names)

    after, code = run(AwkwardFile(names["frame"], file.options.replace("--known copied", "")))
    complaints = CHECK.findall(text.partition("in pandas")[0])
    assert code == 0, after
    assert not {*complaints[-1:]} & set(CHECK.findall(after))


def test_every_check_has_a_file() -> None:
    found = {check for text in expected_messages().values() for check in CHECK.findall(text)}

    assert found == COVERED


@pytest.mark.parametrize("name", FILES)
def test_findings_have_an_effect_and_a_remedy(name: str) -> None:
    if expected_messages()[name].startswith("error:"):
        return
    options = dict(re.findall(r"--(\w+) (\w+)", FILES[name].options))

    for finding in harness.check_data(FILES[name].frame, **options):
        assert finding.effect
        assert finding.remedy or finding.check in NOTHING_TO_DO
        assert re.search(r"row \d|series|column|times|'y'|steps", finding.problem)
