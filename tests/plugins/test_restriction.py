"""HARNESS_PLUGINS and --plugins: which plugins are imported, in the command and in the processes that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.plugins.restriction import parse_restriction, restriction_text

PLUGIN = """
import os
with open(os.environ["IMPORTED"], "a") as log:
    print(__name__, file=log)

from harness import ForecasterSpec, hookimpl


@hookimpl
def harness_forecasters():
    return [ForecasterSpec("from-" + __name__, "harness_models.naive:Naive")]
"""
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


class Folder:
    """A folder with two plugins, each of which notes its import, and a board."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site, self.log = folder, folder / "site", folder / "log"
        for name in ("first_one", "second"):
            information = self.site / f"dist_{name}-1.0.dist-info"
            information.mkdir(parents=True)
            (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: Dist_{name}\nVersion: 1.0\n")
            (information / "entry_points.txt").write_text(f"[harness]\n{name} = plugin_{name}\n")
            (self.site / f"plugin_{name}.py").write_text(PLUGIN)
        (self.site / "harness_mlflow.py").touch()
        (folder / "small").mkdir()
        (folder / "small" / "leaderboard.toml").write_text(BOARD)

    def __call__(self, *arguments: str, variable: str = "") -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
        given = {"HARNESS_PLUGINS": variable} if variable else {}
        self.log.write_text("")
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            env={**kept, **given, "PYTHONPATH": str(self.site), "IMPORTED": str(self.log), "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )

    @property
    def imported(self) -> set[str]:
        """The plugins that were imported by the last command or by processes that it started."""
        return set(self.log.read_text().split())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    "names",
    ["first_one", "first-one", "FIRST.one", "dist_first_one", "Dist-First-One:first_one", " first_one , models"],
)
def test_only_the_named_plugins_are_imported(folder: Folder, names: str) -> None:
    for ended in (folder("--plugins", names, "list", "forecasters"), folder("list", "forecasters", variable=names)):
        assert ended.returncode == 0, ended.stderr
        assert "from-plugin_first_one" in ended.stdout
        assert "seasonal-naive" in ended.stdout  # the included ones stay
        assert folder.imported == {"plugin_first_one"}


def test_none_leaves_the_included_ones(folder: Folder) -> None:
    ended = folder("--plugins", "none", "list", "forecasters")

    assert "seasonal-naive" in ended.stdout
    assert folder.imported == set()


def test_the_option_replaces_the_variable(folder: Folder) -> None:
    folder("--plugins=second", "list", "metrics", variable="first_one")

    assert folder.imported == {"plugin_second"}


def test_without_names_all_are_imported(folder: Folder) -> None:
    folder("list", "metrics")

    assert folder.imported == {"plugin_first_one", "plugin_second"}


def test_those_left_out_are_listed(folder: Folder) -> None:
    listed = folder("--plugins", "second", "list", "plugins").stdout

    lines = {line.split()[0]: line for line in listed.splitlines() if line.strip()}
    assert "left out by --plugins or HARNESS_PLUGINS" in lines["first_one"]
    assert "Dist_first_one 1.0" in lines["first_one"]
    assert "left out" not in lines["second"]


def test_the_processes_of_a_run_import_no_other(folder: Folder) -> None:
    ended = folder("--plugins", "second", "run", "small", "--jobs", "1")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert folder.imported == {"plugin_second"}


def test_a_plugin_that_was_left_out_provides_nothing(folder: Folder) -> None:
    ended = folder("--plugins", "none", "list", "--card", "from-plugin_second")

    assert ended.returncode == 2
    assert "no forecaster called 'from-plugin_second'" in ended.stderr


@pytest.mark.parametrize(("names", "said"), [("frist_one", "'first-one'"), ("dist-secnd", "'dist-second'")])
def test_an_unknown_name_is_told_its_neighbour(folder: Folder, names: str, said: str) -> None:
    for ended in (folder("--plugins", names, "list"), folder("list", variable=names)):
        assert ended.returncode == 2
        assert ended.stderr.startswith("error: no installed plugin called ")
        assert f"did you mean {said}" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
        assert folder.imported == set()


@pytest.mark.parametrize("text", [" ", ",", " , ", "none,a"])
def test_a_text_without_names_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="names"):
        parse_restriction(text)


def test_names_as_a_text_for_another_process() -> None:
    assert restriction_text([]) == "none"
    assert restriction_text(["b", "a", "b"]) == "a,b"
