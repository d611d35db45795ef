"""Board files with any value at any key: a board, or one sentence that names the key."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.boards.leaderboard import Leaderboard, load_board, read_leaderboard
from harness.errors import BadBoard
from harness.plugins.catalog import load_catalog
from harness.tasks.task import Task

FIELDS = {
    "title": '"Rivers"',
    "metric": '"MAE"',
    "baseline": '"naive"',
    "description": '""',
    "every_forecaster": "false",
    "without": "[]",
    "seeds": "2",
    "clip": "[0.01, 100.0]",
    "in_all": "true",
}
TASK = {
    "dataset": '"nile"',
    "name": '"nile"',
    "targets": '["volume"]',
    "season_length": "1",
    "quantile_levels": "[0.1, 0.9]",
    "standardise": "false",
    "split": '{ kind = "time", training = 0.5 }',
    "protocol": '{ kind = "rolling-origin", horizon = 5, windows = 2 }',
}
FORECASTER = {"name": '"naive"', "label": '"naive"', "parameters": "{}"}
ROLLING = ("horizon", "windows", "first_cutoff", "stride", "gap", "train_length", "min_context", "max_context", "refit")
ODD = [
    *(
        '""',
        '"a"',
        '"a\\nb"',
        '"3"',
        '"2020-01-01"',
        '"20200101"',
        '"every"',
        "3",
        "-1",
        "0",
        "7.0",
        "0.5",
        "nan",
        "inf",
    ),
    *("true", "1e400", str(10**30), "2020-01-01", "2020-01-01T00:00:00Z", "12:00:00", "[]", "[1, 2]", '["a", "a"]'),
    *('["a"]', "[0.9, 0.1]", "[0.5]", "[nan, 1.0]", "[[1], 2]", "{}", "{ kind = 3 }", '{ kind = "time" }', "{ a = 1 }"),
    *('{ kind = "generation" }', '{ kind = "series", training = true }', '{ kind = "time", training = "2020-02-30" }'),
]


def board_text(table: str = "", key: str = "", value: str = "") -> str:
    """A board file with another value at one key of one table."""
    fields, task, forecaster = (
        {**defaults, key: value} if key and table == name else defaults
        for name, defaults in (("", FIELDS), ("task", TASK), ("forecaster", FORECASTER))
    )
    if table == "protocol":
        protocol = {"kind": '"rolling-origin"', "horizon": "5", "windows": "2", key: value}
        task = {**task, "protocol": "{ " + ", ".join(f"{name} = {text}" for name, text in protocol.items()) + " }"}
    lines = [f"{name} = {text}" for name, text in fields.items()]
    lines += ["[[tasks]]", *(f"{name} = {text}" for name, text in task.items())]
    lines += ["[[forecasters]]", *(f"{name} = {text}" for name, text in forecaster.items())]
    return "\n".join(lines) + "\n"


def board_or_refusal(path: Path, content: str | bytes) -> Leaderboard | str:
    """The board of a file; the message where it is refused."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        return read_leaderboard(path)
    except BadBoard as error:
        return str(error)


def assert_board_or_sentence(path: Path, content: str | bytes) -> None:
    result = board_or_refusal(path, content)
    if isinstance(result, str):
        assert "\n" not in result
        assert str(path) in result
    else:
        for task in result.tasks:
            again = Task.from_json(json.loads(json.dumps(task.to_json(), allow_nan=False)))
            assert dataclasses.replace(again, name=task.name) == task


PLACES = [
    *(("", key) for key in FIELDS),
    *(("task", key) for key in TASK),
    *(("protocol", key) for key in ROLLING),
    *(("forecaster", key) for key in FORECASTER),
]


@pytest.mark.parametrize(("table", "key"), PLACES)
def test_any_value_at_any_key(table: str, key: str, tmp_path: Path) -> None:
    for value in ODD:
        assert_board_or_sentence(tmp_path / "leaderboard.toml", board_text(table, key, value))


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_content(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"

    assert_board_or_sentence(path, content)
    assert_board_or_sentence(path, board_text().encode() + content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a = " + "[" * 5000, "any"),
        ("seeds = " + "9" * 5000, "any"),
        ("title = '\x00'", "any"),
        (board_text("", "seeds", "1000000"), "seeds must be at most 1,000, not 1000000"),
        (board_text("task", "season_length", "365.25"), "season_length must be a whole number, not 365.25"),
        (
            board_text("protocol", "first_cutoff", "2020-01-31"),
            "first_cutoff must be a whole number or a text, not datetime.date(2020, 1, 31); "
            'put a date in quotes: "2020-01-31"',
        ),
        (board_text("forecaster", "parameters", "{ start = 2020-01-31 }"), 'put a date in quotes: "2020-01-31"'),
        (board_text("task", "targets", '"volume"'), "targets must be a list, not 'volume'"),
    ],
)
def test_a_mistake_is_one_sentence(content: str, problem: str, tmp_path: Path) -> None:
    message = board_or_refusal(tmp_path / "leaderboard.toml", content)

    assert isinstance(message, str)
    assert "\n" not in message
    assert problem == "any" or problem in message


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    plain = board_or_refusal(tmp_path / "leaderboard.toml", board_text())
    marked = board_or_refusal(tmp_path / "leaderboard.toml", b"\xef\xbb\xbf" + board_text().encode())

    assert isinstance(plain, Leaderboard)
    assert marked == plain


def test_lines_are_counted_after_a_byte_order_mark(tmp_path: Path) -> None:
    message = board_or_refusal(tmp_path / "leaderboard.toml", b"\xef\xbb\xbf" + board_text("", "title", "3").encode())

    assert message == f"{tmp_path / 'leaderboard.toml'}, line 1 (title): title must be a text, not 3"


@pytest.mark.parametrize(("levels", "asked"), [("[0.5]", "1"), ("[]", "none")])
def test_an_interval_needs_two_levels(levels: str, asked: str, tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.toml"
    path.write_text(board_text("task", "quantile_levels", levels).replace('"MAE"', '"coverage"'))

    with pytest.raises(
        BadBoard, match=f"coverage needs at least two quantile_levels, and task 'nile' asks for {asked}"
    ):
        load_board(str(path), load_catalog())
