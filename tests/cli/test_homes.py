"""Homes that are not there, and names of homes that are mistaken."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.main import cli
from harness.errors import BadInput


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "copies"))
    monkeypatch.delenv("HARNESS_HOME", raising=False)


def error_of(*arguments: str) -> str:
    """The one sentence with which a command refuses what it is given."""
    ended: Result = CliRunner().invoke(cli, arguments)
    assert isinstance(ended.exception, BadInput), ended.output
    return str(ended.exception)


@pytest.fixture(params=["typo", "url"])
def missing(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder that is not there, and a store that has no home."""
    if request.param == "typo":
        return "typo"
    (tmp_path / "store").mkdir()
    return f"file://{tmp_path}/store/typo"


class TestNoHome:
    @pytest.mark.parametrize("command", ["status", "runs", "verify"])
    def test_commands_on_a_home_refuse_it(self, command: str, missing: str) -> None:
        said = error_of(command, "--home", missing)

        assert said == (
            f"there is no home {missing}; name another one by --home, or run a board, which makes it: "
            f"`harness run BOARD --home {missing}`"
        )
        assert not Path(missing).exists()

    @pytest.mark.parametrize("command", [("show", "sine", "--failures"), ("publish", "sine", "out"), ("runs", "sine")])
    def test_commands_on_a_board_name_it_as_it_was_given(self, command: tuple[str, ...], missing: str) -> None:
        said = error_of(*command, "--home", missing)

        assert missing in said
        assert f"harness run {'BOARD' if command[0] == 'runs' else 'sine'} --home {missing}`" in said
        assert "copies" not in said

    def test_a_comparison_with_one_refuses_it(self, tmp_path: Path) -> None:
        url = f"file://{tmp_path}/store/typo"

        assert f"there is no home {url}" in error_of("compare", f"sine@{url}", "sine")
        assert "'typo' is neither a home folder" in error_of("compare", "sine@typo", "sine")

    def test_a_plan_from_one_refuses_it(self, missing: str) -> None:
        assert f"there is no home {missing}" in error_of("plan", "sine", "--from", missing)

    def test_a_merge_of_one_refuses_it(self, missing: str) -> None:
        assert f"{missing} is no home" in error_of("merge", missing, "into")


class TestOneSlash:
    @pytest.mark.parametrize(
        "command",
        [
            ("status", "--home"),
            ("show", "sine", "--home"),
            ("run", "sine", "--home"),
            ("runs", "--home"),
            ("verify", "--home"),
            ("publish", "sine", "--home"),
            ("plan", "sine", "--from"),
            ("merge", "into"),
        ],
    )
    def test_it_is_no_folder(self, command: tuple[str, ...], tmp_path: Path) -> None:
        said = error_of(*command, "s3:/bucket/run")

        assert said == (
            "'s3:/bucket/run' has one slash after the colon; write s3://bucket/run for a store, or ./s3:/bucket/run "
            "for a folder"
        )
        assert list(tmp_path.iterdir()) == []

    def test_in_a_comparison(self) -> None:
        assert "write gs://bucket/run for a store" in error_of("compare", "sine@gs:/bucket/run", "sine")

    def test_of_a_file(self, tmp_path: Path) -> None:
        assert f"write file://{tmp_path} for a store" in error_of("status", "--home", f"file:{tmp_path}")

    def test_in_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HARNESS_HOME", "abfs:/container/run")

        assert "write abfs://container/run for a store" in error_of("status")

    def test_a_folder_of_such_a_name(self, tmp_path: Path) -> None:
        (tmp_path / "s3:" / "run").mkdir(parents=True)

        assert CliRunner().invoke(cli, ["status", "--home", "./s3:/run"]).exit_code == 0
