"""Values that no command can use: exit code 2, one sentence, no traceback, nothing written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.cli.options import check_arguments, one_line
from harness.errors import BadInput

LONG = "x" * 5000
NAMES = (
    "",
    " ",
    "a\nb",
    "[bold]x[/bold]",
    "%s%n{}",
    LONG,
    "a\0b",
    "../..",
    "\udcff",
    "-x",
    "nan",
    "no.such",
    "\u202ex",
)
BOARD = """
title = "Small"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 2 }

[[forecasters]]
name = "naive"
"""
ANYWHERE = [
    ("run", "@"),
    ("run", "small", "--only", "@"),
    ("run", "small", "--set", "@"),
    ("run", "small", "--set", "@.alpha=1"),
    ("run", "small", "--set", "naive.@=1"),
    ("run", "small", "--seeds", "@"),
    ("run", "small", "--jobs", "@"),
    ("run", "small", "--timeout", "@"),
    ("run", "small", "--memory", "@"),
    ("--plugins", "@", "list"),
    ("replay", "@"),
    ("replay", "small", "@", "nile"),
    ("replay", "small", "naive", "@", "--seed", "1"),
    ("show", "@"),
    ("show", "small", "--metric", "@"),
    ("show", "small", "--format", "@"),
    ("show", "small", "--by", "@"),
    ("show", "small", "--by", "step", "--task", "@"),
    ("show", "small", "--within", "@"),
    ("compare", "@", "small"),
    ("compare", "small", "@"),
    ("compare", "small", "small", "--fail-if", "@"),
    ("compare", "small", "small", "--metric", "@"),
    ("publish", "@", "out"),
    ("publish", "small", "out", "--metric", "@"),
    ("bench", "@", "--board", "small"),
    ("bench", "--board", "@"),
    ("bench", "--board", "small", "--task", "@"),
    ("bench", "--board", "small", "--set", "@"),
    ("bench", "--board", "small", "--seconds", "@"),
    ("bench", "--board", "small", "--threads", "@"),
    ("bench", "--board", "small", "--device", "@"),
    ("bench", "--board", "small", "--bound", "@"),
    ("bench", "--board", "small", "--timeout", "@"),
    ("check", "@"),
    ("list", "@"),
    ("data", "fetch", "@"),
    ("data", "@"),
    ("@",),
]
COMMANDS = [("run", "small"), ("bench", "--board", "small"), ("data", "fetch", "nile"), ("show", "small")]


@dataclass(frozen=True)
class Ended:
    code: object
    lines: list[str]  # on the standard error, without those on the usage


Call = Callable[..., Ended]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs `harness` in this process, in a folder with a board."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "leaderboard.toml").write_text(BOARD, encoding="utf-8")

    def called(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr().err.replace("\n  ", "\\n")  # a line break in an argument is indented
        lines = [line for line in printed.splitlines() if line]
        begin = next((i for i, line in enumerate(lines) if line.lower().startswith("error: ")), 0)
        return Ended(code, lines[begin:])

    return called


@pytest.mark.parametrize("value", NAMES, ids=lambda value: repr(value)[:20])
def test_a_value_that_means_nothing_is_refused_in_one_sentence(call: Call, tmp_path: Path, value: str) -> None:
    for arguments in ANYWHERE:
        ended = call(*(argument.replace("@", value) for argument in arguments))

        assert ended.code == 2, (arguments, ended)
        assert len(ended.lines) == 1, (arguments, ended)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "1e9", "inf", "nan", "١x"])
def test_numbers_that_are_none_are_refused(call: Call, number: str) -> None:
    for arguments in (("run", "small", "--seeds"), ("bench", "--board", "small", "--threads")):
        assert call(*arguments, number).code == 2
    if number != "0":
        assert call("run", "small", "--jobs", number).code == 2


@pytest.mark.parametrize(
    "home", ["", "file", "file/below", "/proc/none", "a\0b", LONG, "/dev/null", "a\nb/file/below"], ids=lambda h: h[:9]
)
def test_a_home_that_cannot_be_is_refused_in_one_sentence(call: Call, tmp_path: Path, home: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "a\nb").mkdir()
    (tmp_path / "a\nb" / "file").write_text("", encoding="utf-8")

    for arguments in COMMANDS:
        ended = call(*arguments, "--home", home)

        assert ended.code == 2, (arguments, ended)
        assert len(ended.lines) == 1, (arguments, ended)


def test_an_empty_variable_names_no_home(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_HOME", "")

    assert call("data", "fetch", "nile").code == 0
    assert (tmp_path / ".harness").is_dir()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", ""], "argument 2 is empty; give it a value, or leave it out"),
        (["show", "a", "--metric="], "option --metric is empty; give it a value, or leave it out"),
        (["show", "a\0b"], r"argument 2 contains a NUL character: 'a\\x00b'"),
    ],
)
def test_arguments_that_no_command_accepts(arguments: list[str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check_arguments(arguments)


def test_arguments_that_are_not_empty_are_accepted() -> None:
    check_arguments(["run", "b", "--set", "ridge.alpha=", "--set=ridge.alpha=", "-", "--", "=", "a="])


def test_an_error_is_one_line() -> None:
    assert one_line("é\n\x1b[1m\u202e") == r"é\n\x1b[1m\u202e"
