"""A folder with a plugin of its own and boards, in which commands run as a user's do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


class PluginFolder:
    """Runs `harness` in a folder whose `site` holds a plugin, without a mirror in MLflow, which takes seconds."""

    def __init__(self, folder: Path, module: str) -> None:
        self.folder, self.home, self.module = folder, folder / "home", folder / "site" / f"{module}.py"

    def install(self, source: str, boards: Mapping[str, str]) -> None:
        """Write the plugin, and a board file for each name."""
        name = self.module.stem.replace("_", "-")
        information = self.module.parent / f"{name}-0.1.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
        (information / "entry_points.txt").write_text(f"[harness]\n{name} = {self.module.stem}\n")
        (self.module.parent / "harness_mlflow.py").touch()
        self.module.write_text(source)
        for board, text in boards.items():
            (self.folder / board).mkdir()
            (self.folder / board / "leaderboard.toml").write_text(text)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command that has ended, without a traceback."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
        ended = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            env={**kept, "PYTHONPATH": str(self.module.parent), "HARNESS_HOME": str(self.home), "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in ended.stdout + ended.stderr
        return ended


@pytest.fixture(scope="session")
def plugin_folder() -> Callable[[Path, str], PluginFolder]:
    return PluginFolder
