"""`harness new`: packages that pass their own tests once they are installed, and a board that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.boards.leaderboard import load_board
from harness.cli.new import new_command
from harness.errors import BadInput
from harness.plugins.catalog import load_catalog

PACKAGES = {"forecaster": "trial-model", "dataset": "trial-data", "metric": "Trial-Metric"}


def new(*arguments: object) -> str:
    """The output of the command; raises what it raises."""
    done = CliRunner().invoke(new_command, list(map(str, arguments)), obj=load_catalog(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of each kind, which are installed into its folder `site`."""
    folder = tmp_path_factory.mktemp("new")
    for kind, name in PACKAGES.items():
        new(kind, name, "--into", folder)
    options = [
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--no-compile",
        "--target",
        folder / "site",
    ]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, *(folder / name for name in PACKAGES.values())], check=True
    )
    return folder


def test_each_package_passes_its_tests(packages: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PACKAGES.values()],
        cwd=packages,
        env={**os.environ, "PYTHONPATH": str(packages / "site"), "HARNESS_HOME": str(packages / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert ran.returncode == 0, ran.stdout
    assert re.search(rf"\b{20 + 7 + 19} passed", ran.stdout), ran.stdout
    assert "skipped" not in ran.stdout


def test_packages_are_complete(packages: Path) -> None:
    for name in PACKAGES.values():
        files = [path for path in (packages / name).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        texts = {path.relative_to(packages / name).as_posix(): path.read_text(encoding="utf-8") for path in files}

        assert {"pyproject.toml", "README.md", ".gitignore", ".github/workflows/tests.yml"} <= texts.keys()
        assert tomllib.loads(texts["pyproject.toml"])["project"]["name"] == name
        assert [path for path, text in texts.items() if re.search(r"<<|>>|TODO|FIXME", text)] == []
        assert "${{ matrix.python }}" in texts[".github/workflows/tests.yml"]


def test_packages_have_the_style_that_ruff_checks(packages: Path) -> None:
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--line-length", "120"]

    for name in PACKAGES.values():
        ran = subprocess.run(
            [*command, "--select", "E,F,I,B,UP,N"], cwd=packages / name, capture_output=True, text=True
        )

        assert ran.returncode == 0, ran.stdout


def test_a_board_is_a_file_that_can_be_run(tmp_path: Path) -> None:
    output = new("board", "trial-board", "--into", tmp_path / "boards")

    board = load_board(str(tmp_path / "boards" / "trial-board"), load_catalog())

    assert board.title == "Trial board"
    assert len(board.tasks) == 2
    assert f"harness run {tmp_path / 'boards' / 'trial-board'}" in output


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        ("forecaster", "class", "is a keyword of Python"),
        ("forecaster", "ridge", "there is a forecaster called 'ridge' already"),
        ("dataset", "nile", "there is a dataset called 'nile' already"),
        ("metric", "MAE", "there is a metric called 'MAE' already"),
        ("board", "classics", "there is a board called 'classics' already"),
        ("forecaster", "models", "there is a module or plugin called 'models' already"),
        ("dataset", "numpy", "there is a module or plugin called 'numpy' already"),
        ("metric", "json", "there is a module or plugin called 'json' already"),
        ("forecaster", "../up", "cannot be the name of a forecaster"),
        ("forecaster", "my model", "cannot be the name of a forecaster"),
        ("forecaster", "none", "its class would be None"),
        ("forecaster", "true", "its class would be True"),
        ("forecaster", "forecast", "its class would be Forecast"),
        ("forecaster", "local-forecaster", "its class would be LocalForecaster"),
        ("forecaster", "unsupported", "its class would be Unsupported"),
        ("dataset", "tests", "its tests are in the folder tests"),
        ("board", "-x", "cannot be the name of a board"),
        ("forecaster", "é", "cannot be the name of a forecaster"),
        ("forecaster", "a" * 61, "at most 60 letters"),
    ],
)
def test_bad_names_are_refused(tmp_path: Path, kind: str, name: str, wrong: str) -> None:
    with pytest.raises(BadInput, match=re.escape(wrong)):
        new("--into", tmp_path, "--", kind, name)

    assert list(tmp_path.iterdir()) == []


def test_a_name_may_begin_as_hidden_files_of_templates_do(tmp_path: Path) -> None:
    new("forecaster", "dot-product", "--into", tmp_path)

    folder = tmp_path / "dot-product"
    assert (folder / "dot_product" / "forecaster.py").is_file()
    assert (folder / "tests" / "test_dot_product.py").is_file()
    assert (folder / ".gitignore").is_file()


def test_commands_can_be_copied_from_a_folder_with_a_space(tmp_path: Path) -> None:
    output = new("board", "trial-board", "--into", tmp_path / "my boards")

    assert f"harness run '{tmp_path / 'my boards' / 'trial-board'}'" in output


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "trial-model").mkdir()

    with pytest.raises(BadInput, match="exists already; choose another name, or another folder by --into"):
        new("forecaster", "trial-model", "--into", tmp_path)

    assert list((tmp_path / "trial-model").iterdir()) == []


def test_templates_are_rendered_only_when_they_are_used() -> None:
    script = "import sys; from harness.cli.main import main; print('jinja2' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"
