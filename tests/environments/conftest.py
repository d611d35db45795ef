"""Tests of environments import `environment_packages`, which is beside them.

A home with two environments, in which two versions of one plugin are installed from wheels, without a network.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from environment_packages import Folder, copy_environment, own_wheels, plugin_module, plugin_wheel

BOARD = """
title = "Two versions"
metric = "MAE"
baseline = "naive"
forecasters = [
  { name = "naive" },
  { name = "shifted@old" },
  { name = "shifted@new" },
  { name = "shifted@new", label = "half", parameters = { factor = 0.5 } },
]

[[tasks]]
name = "river"
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 5, windows = 5 }
"""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a worker needs, as it is installed here, and plugins."""
    folder = tmp_path_factory.mktemp("wheels")
    own_wheels(folder, "numpy", "pandas", "pluggy", "threadpoolctl")
    plugin_wheel(folder, "1.0", plugin_module(1))
    plugin_wheel(folder, "2.0", plugin_module(5))
    plugin_wheel(folder, "1.0", plugin_module(3, "twin", "twin"), package="twin", point="shifting")
    plugin_wheel(folder, "1.0", "import absent_library\n", package="broken")
    plugin_wheel(folder, "1.0", plugin_module(0, "old", "outdated"), package="outdated", requires="numpy<1")
    return folder


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Folder:
    """The environment `new`, with version 2.0 of the plugin."""
    folder = Folder(tmp_path_factory.mktemp("project"), wheels)
    (folder.path / "versions").mkdir()
    (folder.path / "versions" / "leaderboard.toml").write_text(BOARD)
    folder.harness("env", "create", "new", "shifting==2.0")
    return folder


@pytest.fixture(scope="session")
def made(new: Folder) -> Folder:
    """The same with the environment `old`, with version 1.0 and other plugins."""
    (new.path / "created.txt").write_text(new.harness("env", "create", "old", "shifting==1.0", "twin", "broken"))
    return new


@pytest.fixture(scope="session")
def run(made: Folder) -> Folder:
    """The same, with results of a board that has both versions."""
    made.harness("run", "versions")
    return made


@pytest.fixture
def other_home(new: Folder, tmp_path: Path) -> Folder:
    """Another home with a copy of the environment `new`, which a test may damage; its packages are links."""
    copy_environment(new.environments / "new", tmp_path / "home" / "environments" / "new")
    (tmp_path / "versions").mkdir()
    board = BOARD.replace('  { name = "shifted@old" },\n', "")
    (tmp_path / "versions" / "leaderboard.toml").write_text(board)
    return Folder(tmp_path, new.wheels)
