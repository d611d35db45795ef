"""A stranger's package: `pip install` makes it appear everywhere."""

from __future__ import annotations

import csv
import importlib
import math
import os
import subprocess
import sys
import sysconfig
import venv
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from harness import Panel, RollingOrigin, Task
from harness.boards.leaderboard import load_board
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.evaluation.evaluate import evaluate
from harness.plugins.catalog import Catalog, load_catalog
from harness.plugins.checks.contracts import check

FOLDER = Path(__file__).parent / "example_plugin"
ROOT = Path(__file__).parents[1]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delitem(sys.modules, "example_plugin", raising=False)
    return importlib.import_module("example_plugin")


@pytest.fixture
def catalog(module: ModuleType) -> Catalog:
    return load_catalog(extra={"example": module})


def test_everything_it_provides_is_in_the_catalog_as_its_own(catalog: Catalog) -> None:
    for shelf, name in (
        (catalog.forecasters, "moving-average"),
        (catalog.datasets, "tides"),
        (catalog.metrics, "log-cosh"),
        (catalog.boards, "tides"),
    ):
        assert shelf[name].plugin is catalog.plugins["example"]


def test_its_forecaster_repeats_the_mean_of_the_last_values(module: ModuleType) -> None:
    panel = Panel.of([[0.0, 100.0, 1.0, 2.0, 3.0, 5.0, 5.0]])

    run = evaluate(module.MovingAverage(length=3), Task("", RollingOrigin(2, windows=1)), panel)

    assert run.results is not None
    assert run.results.forecast.mean.ravel().tolist() == [2, 2]
    assert run.scores["MAE"] == 3


def test_its_metric_is_the_mean_of_log_cosh(module: ModuleType, catalog: Catalog) -> None:
    panel = Panel.of([[0.0, 0.0, 0.0, 1.0, 2.0, 1000.0]])
    metric = catalog.metrics["log-cosh"].spec

    run = evaluate(module.MovingAverage(3), Task("", RollingOrigin(3, windows=1)), panel, metrics=[metric])

    large = 1000 - math.log(2)  # cosh itself would overflow
    by_hand = (math.log(math.cosh(1)) + math.log(math.cosh(2)) + large) / 3
    assert run.scores["log-cosh"] == pytest.approx(by_hand)


@pytest.mark.parametrize("name", ["moving-average", "tides", "log-cosh"])
def test_each_of_its_parts_keeps_its_contract(catalog: Catalog, tmp_path: Path, name: str) -> None:
    verdicts = list(check(name, catalog, tmp_path))

    assert len(verdicts) > 3
    assert [verdict for verdict in verdicts if not verdict.passed] == []


def test_its_board_asks_for_its_forecaster_on_its_dataset(catalog: Catalog, tmp_path: Path) -> None:
    board = load_board("tides", catalog)

    plan = plan_board("tides", board, Workspace(tmp_path, catalog))

    assert [(cell.title, cell.task) for cell in plan.cells] == [
        ("naive", "tides"),
        ("moving-average", "tides"),
        ("moving average of a day", "tides"),
    ]


class TestInstalled:
    """Beside the wheel of harness, in an environment of its own that takes its dependencies from this one."""

    @pytest.fixture(scope="class")
    def bin(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("installed")
        given = os.environ.get("HARNESS_WHEEL")
        wheels = [Path(given) if given else wheel_of(ROOT, folder), wheel_of(FOLDER, folder)]
        environment = folder / "venv"
        venv.create(environment)
        scripts = environment / ("Scripts" if os.name == "nt" else "bin")
        said(sys.executable, "-m", "pip", "--python", environment, "install", "--quiet", "--no-deps", *wheels)
        own = sysconfig.get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)})
        present = [path for path in sys.path if Path(path).name == "site-packages"]
        Path(own, "dependencies.pth").write_text("\n".join([*present, ""]), encoding="utf-8")
        return scripts

    @pytest.mark.slow
    def test_it_is_listed_run_and_checked(self, bin: Path, tmp_path: Path) -> None:
        listed = said(bin / "harness", "list", cwd=tmp_path)
        for name in ("moving-average", "tides", "Tides", "log-cosh", "example (harness-example-plugin 1.0)"):
            assert name in listed

        said(bin / "harness", "run", "classics", "--only", "moving-average", cwd=tmp_path)
        rows = shown(bin, "classics", tmp_path)
        for name in ("moving-average", "seasonal-naive"):
            assert rows[name]["completed"] == "5"
            assert float(rows[name]["log-cosh"]) > 0
            assert float(rows[name]["skill"]) < 1

        said(bin / "harness", "run", "tides", cwd=tmp_path)
        rows = shown(bin, "tides", tmp_path)
        assert set(rows) == {"naive", "moving-average", "moving average of a day"}
        assert all(float(row["log-cosh[tides]"]) > 0 for row in rows.values())

        assert "FAILED" not in said(bin / "harness", "check", "moving-average", cwd=tmp_path)


def shown(bin: Path, board: str, folder: Path) -> dict[str, dict[str, str]]:
    """The standings of a board by forecaster."""
    text = said(bin / "harness", "show", board, "--csv", cwd=folder)
    return {row["forecaster"]: row for row in csv.DictReader(text.splitlines())}


def wheel_of(project: Path, folder: Path) -> Path:
    """The wheel of a project, with the build backend that is here, if it is."""
    out = folder / f"wheel of {project.name}"
    isolation = ["--no-isolation"] if find_spec("hatchling") else []
    said(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", out, project)
    (wheel,) = out.glob("*.whl")
    return wheel


def said(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command that succeeds prints; the mirror in MLflow, which takes seconds, is off."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "HARNESS_HOME")}
    environment["HARNESS_MLFLOW"] = "off"
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
