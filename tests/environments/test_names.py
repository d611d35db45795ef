"""Names of forecasters of environments: which one is meant, and what follows if it is none or cannot be told."""

from __future__ import annotations

import csv
import shutil

import pytest
from environment_packages import Folder, copy_environment

AMBIGUOUS = "several environments provide a forecaster called 'shifted'; write shifted@new or shifted@old"


@pytest.fixture
def bare(other_home: Folder) -> Folder:
    """A home with the environment `new`, and a board that names its forecaster without it."""
    path = other_home.path / "versions" / "leaderboard.toml"
    path.write_text(path.read_text().replace("shifted@new", "shifted"))
    return other_home


def _rows(said: str) -> set[str]:
    return {row["forecaster"] for row in csv.DictReader(said.splitlines())}


def test_the_same_environment_under_two_names_leaves_no_choice(bare: Folder) -> None:
    copy_environment(bare.environments / "new", bare.environments / "again")

    bare.harness("run", "versions")
    listed = bare.harness("list", "forecasters")

    assert _rows(bare.harness("show", "versions", "--csv")) == {"naive", "shifted", "half"}
    assert "shifting 2.0, environment again" in listed
    assert "shifted@" not in listed


def test_a_row_whose_environment_is_open_is_left_out_and_the_others_run(made: Folder, bare: Folder) -> None:
    bare.harness("run", "versions")
    copy_environment(made.environments / "old", bare.environments / "old")

    said = bare.harness("run", "versions")
    named = bare.harness("run", "versions", "--only", "shifted", code=2)
    labelled = bare.harness("bench", "--board", "versions", "half", code=2)

    assert f"left out: shifted, half ({AMBIGUOUS})" in " ".join(said.split())
    assert _rows(bare.harness("show", "versions", "--csv")) == {"naive"}
    assert AMBIGUOUS in named
    assert AMBIGUOUS in labelled


def test_making_an_environment_says_which_names_are_ambiguous_now(made: Folder) -> None:
    said = (made.path / "created.txt").read_text()

    assert "several environments provide the name 'shifted' now: boards and commands must write shifted@new or" in said


def test_a_row_whose_environment_is_gone_is_left_out_with_the_command_that_makes_it(run: Folder, bare: Folder) -> None:
    shutil.copytree(run.path / "home" / "journal", bare.path / "home" / "journal")
    shutil.copytree(run.path / "home" / "boards", bare.path / "home" / "boards")
    board = str(run.path / "versions")
    reason = "environment 'old' does not exist; make it by `harness env create old shifting==1.0 twin broken`"

    first, second = (bare.harness("run", board) for _ in range(2))
    named = bare.harness("run", board, "--only", "shifted@old", code=2)

    for said in (first, second):  # the second run knows it of the plan of the first
        assert f"left out: shifted@old ({reason})" in " ".join(said.split())
    assert _rows(bare.harness("show", board, "--csv")) == {"naive", "shifted@new", "half"}
    assert f"forecaster 'shifted@old' is left out of the board: {reason}" in named


@pytest.mark.parametrize(
    "command",
    [
        "run versions --only shifted@older",
        "check shifted@older",
        "bench shifted@older --board versions",
        "forecast versions --with shifted@older",
        "list forecasters --card shifted@older",
    ],
)
def test_no_other_version_is_suggested_where_the_environment_does_not_exist(made: Folder, command: str) -> None:
    said = made.harness(*command.split(), code=2)

    assert "no forecaster called 'shifted@older': environment 'older' does not exist; make it by" in said
    assert "`harness env create older REQUIREMENT…`" in said
    assert "did you mean" not in said


def test_a_misspelt_name_is_compared_with_those_of_its_environment(made: Folder) -> None:
    assert "did you mean 'shifted@old'?" in made.harness("check", "shfted@old", code=2)


def test_an_environment_that_plugins_leave_out_is_no_missing_one(made: Folder) -> None:
    said = made.harness("--plugins", "@new", "check", "shifted@old", code=2)

    assert "environment 'old' is left out by --plugins or HARNESS_PLUGINS; name it there as @old" in said


def test_a_run_is_replayed_in_the_environment_with_the_recorded_hash(made: Folder, bare: Folder) -> None:
    bare.harness("run", "versions")
    rows = csv.DictReader(bare.harness("runs", "versions", "--csv").splitlines())
    (key,) = (row["key"] for row in rows if row["forecaster"] == "shifted")
    copy_environment(bare.environments / "new", bare.environments / "renamed")
    shutil.rmtree(bare.environments / "new")
    copy_environment(made.environments / "old", bare.environments / "old")

    replayed = bare.harness("replay", key)
    shutil.rmtree(bare.environments / "renamed")
    with_another = bare.harness("replay", key, code=1)
    shutil.rmtree(bare.environments / "old")
    with_none = bare.harness("replay", key, code=2)

    assert "equal to the record, bit by bit" in replayed
    assert "changed: its result version is shifting==1.0" in " ".join(with_another.split())
    assert "make it again by `harness env create new shifting==2.0`" in with_none


@pytest.mark.parametrize(("given", "meant"), [("twinn", "twin"), ("shifted@older", ""), ("shftd@new", "shifted@new")])
def test_only_suggests_names_of_environments_that_are_not_on_the_board(made: Folder, given: str, meant: str) -> None:
    said = made.harness("run", "versions", "--only", given, code=2)

    assert (f"called {given!r}; did you mean {meant!r}?" in said) is bool(meant)
    assert ("did you mean" in said) is bool(meant)


def test_only_adds_those_of_environments_to_boards_of_every_forecaster(made: Folder) -> None:
    text = (made.path / "versions" / "leaderboard.toml").read_text()
    start, end = text.index("forecasters = ["), text.index("[[tasks]]")
    (made.path / "every").mkdir()
    (made.path / "every" / "leaderboard.toml").write_text(f"{text[:start]}every_forecaster = true\n{text[end:]}")

    made.harness("run", "every", "--only", "naive@old,twin@old")

    shown = made.harness("show", "every", "--csv").splitlines()
    assert {"naive@old", "twin@old"} <= {field for line in shown for field in line.split(",")}
