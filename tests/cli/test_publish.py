"""`harness publish` writes to the folder of a board in a checkout, and never to an installed package."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

PLUGIN = """
from pathlib import Path

import numpy as np
from harness import DatasetSpec, Panel, hookimpl


@hookimpl
def harness_leaderboards():
    return [Path(__file__).parent / "waves" / "leaderboard.toml"]


@hookimpl
def harness_datasets():
    return [DatasetSpec("tides", lambda: Panel.of([np.sin(np.arange(200.0))], season_length=6))]
"""
BOARD = """
title = "Waves"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "tides"
protocol = { kind = "rolling-origin", horizon = 20, windows = 2 }

[[forecasters]]
name = "naive"

[[forecasters]]
name = "drift"
"""
RECORD = """\
wavy_boards/__init__.py,sha256=abc,300
wavy_boards/waves/leaderboard.toml,sha256=abc,200
wavy_boards-1.0.dist-info/METADATA,,
wavy_boards-1.0.dist-info/RECORD,,
"""
EDITABLE_RECORD = "wavy_boards.pth,,\nwavy_boards-1.0.dist-info/METADATA,,\nwavy_boards-1.0.dist-info/RECORD,,\n"


def package(folder: Path) -> Path:
    """A package with a board; returns the folder of the board."""
    board = folder / "wavy_boards" / "waves"
    board.mkdir(parents=True)
    (board.parent / "__init__.py").write_text(PLUGIN, encoding="utf-8")
    (board / "leaderboard.toml").write_text(BOARD, encoding="utf-8")
    return board


def metadata(folder: Path, record: str) -> None:
    """What an installer writes beside the package."""
    information = folder / "wavy_boards-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: wavy-boards\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[harness]\nwavy-boards = wavy_boards\n", encoding="utf-8")
    (information / "RECORD").write_text(record, encoding="utf-8")


class Environment:
    """A virtual environment with no packages of its own but those of other environments: of this one by default."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        (self.site,) = [*folder.glob("lib/python*/site-packages"), *folder.glob("Lib/site-packages")]
        self.python = next(path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.exists())
        self.layer(*(path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")))

    def layer(self, *others: Path) -> None:
        """Add the packages of other environments, as layered environments do: by a .pth file."""
        lines = [f"import site; site.addsitedir({str(path)!r})\n" for path in others]
        name = f"layer-{len(list(self.site.glob('*.pth')))}.pth"
        (self.site / name).write_text("".join(lines), encoding="utf-8")

    def harness(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}
        return subprocess.run(
            [self.python, "-m", "harness", *arguments],
            cwd=folder,
            env=kept | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "layered")


def test_a_package_of_a_layer_below_is_not_written_to(environment: Environment, tmp_path: Path) -> None:
    below = Environment(tmp_path / "below")
    board = package(below.site)
    metadata(below.site, RECORD)
    environment.layer(below.site)

    refused = environment.harness("publish", "waves", folder=tmp_path)

    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert refused.stderr == (
        f"error: the folder of board 'waves', {board}, belongs to an installed package; "
        "name another: harness publish waves FOLDER\n"
    )
    assert [path.name for path in board.iterdir()] == ["leaderboard.toml"]


def test_a_package_in_a_folder_of_any_name_is_not_written_to(environment: Environment, tmp_path: Path) -> None:
    """As `pip install --target` makes it: the installer's RECORD lists the board."""
    board = package(tmp_path / "vendor")
    metadata(tmp_path / "vendor", RECORD)

    refused = environment.harness("publish", str(board), folder=tmp_path)

    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "belongs to an installed package" in refused.stderr


@pytest.mark.parametrize("named", [True, False])
def test_a_readme_that_somebody_wrote_is_kept(environment: Environment, tmp_path: Path, named: bool) -> None:
    board = package(tmp_path / "checkout")
    metadata(environment.site, EDITABLE_RECORD)
    (environment.site / "wavy_boards.pth").write_text(f"{tmp_path / 'checkout'}\n", encoding="utf-8")
    (environment.site / "harness_mlflow.py").touch()
    folder = tmp_path / "project" if named else board
    folder.mkdir(exist_ok=True)
    (folder / "README.md").write_text("# Mine\n", encoding="utf-8")

    ran = environment.harness("run", "waves", "--jobs", "0", folder=tmp_path)
    refused = environment.harness("publish", "waves", *([str(folder)] if named else []), folder=tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert refused.returncode == 2, refused.stdout + refused.stderr
    readme = folder / "README.md"
    assert refused.stderr == (
        f"error: {readme} was not written by `harness publish`; move it away, or name another folder\n"
    )
    assert readme.read_text(encoding="utf-8") == "# Mine\n"
    assert not (folder / "results.json").exists()


def test_a_checkout_that_is_installed_in_editable_mode_is_written_to(environment: Environment, tmp_path: Path) -> None:
    source = tmp_path / "checkout" / "src"
    board = package(source)
    (source / "wavy_boards.egg-info").mkdir()  # as setuptools leaves it in a checkout
    (source / "wavy_boards.egg-info" / "SOURCES.txt").write_text("wavy_boards/waves/leaderboard.toml\n", "utf-8")
    metadata(environment.site, EDITABLE_RECORD)
    (environment.site / "wavy_boards.pth").write_text(f"{source}\n", encoding="utf-8")
    (environment.site / "harness_mlflow.py").touch()  # no mirror: it takes seconds to start

    ran = environment.harness("run", "waves", "--jobs", "0", folder=tmp_path)
    published = environment.harness("publish", "waves", folder=tmp_path)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert published.returncode == 0, published.stdout + published.stderr
    assert {path.name for path in board.iterdir()} == {"leaderboard.toml", "README.md", "results.json", "terms.parquet"}


def test_a_board_that_was_run_by_its_path_is_published_and_measured_by_its_name(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "boards").mkdir()
    text = BOARD.replace('"tides"', '"elnino"').replace("horizon = 20", "horizon = 12")
    (tmp_path / "boards" / "ponds.toml").write_text(text, encoding="utf-8")
    (environment.site / "harness_mlflow.py").touch()

    ran = environment.harness("run", "boards/ponds.toml", "--jobs", "0", folder=tmp_path)
    beside = environment.harness("publish", "ponds", folder=tmp_path)
    elsewhere = environment.harness("publish", "ponds", "out", folder=tmp_path)
    measured = environment.harness(
        "bench", "--board", "ponds", "naive", "--seconds", "0.1", "--repetitions", "1", folder=tmp_path
    )

    for finished in (ran, beside, elsewhere, measured):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "harness run ./ponds.toml\n" in (tmp_path / "boards" / "README.md").read_text(encoding="utf-8")
    assert "harness run ponds\n" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
