"""The published errors of the weather networks beside those of the board `weather`, on a file of the same format."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness import RollingOrigin
from harness.boards.leaderboard import Entry, Leaderboard, load_board
from harness.boards.planning import plan_board
from harness.boards.workspace import Workspace
from harness.cli.main import cli
from harness.evaluation.run import Status
from harness.plugins.catalog import load_catalog
from harness.verification import cases as cases_module
from harness.verification import published
from harness.verification.cases import cases
from harness.verification.comparison import CaseResult, compare_cases
from harness.verification.context import VerificationContext
from harness_datasets.weather import HEADER, ROWS_PER_HOUR

HOURS = 700
ZIP = "jena_climate_2009_2016.csv.zip"
RUN = ("naive", "dense", "lstm, recurrent dropout")
Verify = Callable[[], dict[str, CaseResult]]


def write_weather(path: Path) -> None:
    """A zip of one CSV file with 14 variables every ten minutes: a daily wave and noise."""
    rng = np.random.default_rng(0)
    hours = np.arange(HOURS * ROWS_PER_HOUR) / ROWS_PER_HOUR
    values = 10 + 5 * np.sin(2 * np.pi * hours / 24)[:, None] + rng.normal(size=(len(hours), 14))
    rows = "\n".join(f"01.01.2009 00:10:00,{','.join(f'{value:.2f}' for value in row)}" for row in values)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("jena_climate_2009_2016.csv", f"{HEADER}\n{rows}\n")


def shortened(board: Leaderboard) -> Leaderboard:
    """The board with windows that a short file has, and networks that are trained for one epoch."""
    (task,) = board.tasks
    protocol = RollingOrigin(1, gap=23, stride=1, first_cutoff=650)
    entries = tuple(
        Entry(entry.name, entry.label, {**entry.parameters, **({"epochs": 1} if entry.parameters else {})})
        for entry in board.forecasters
    )
    return replace(board, tasks=(replace(task, protocol=protocol),), forecasters=entries)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the data, and with results of some forecasters of the board."""
    home = tmp_path_factory.mktemp("home")
    (home / "data").mkdir()
    write_weather(home / "data" / ZIP)
    workspace = Workspace(home, load_catalog())
    plan = plan_board("weather", shortened(load_board("weather", workspace.catalog)), workspace)
    plan.save(home)
    panel = workspace.catalog.datasets["weather"].spec.panel((home / "data" / ZIP,))
    for cell in plan.cells:
        if cell.title in RUN:
            spec = workspace.catalog.forecasters[cell.cell.forecaster].spec
            run = harness.evaluate(spec.make(cell.cell.parameters), cell.cell.task, panel, missing=spec.missing)
            assert run.status is Status.COMPLETED, run.reason
            workspace.journal.write(replace(run, key=cell.key))
    return home


@pytest.fixture
def verify(home: Path) -> Verify:
    """Compares the published errors, by forecaster."""

    def compare() -> dict[str, CaseResult]:
        weather = [case for case in cases() if case.source in (published.WEATHER_NAIVE, published.WEATHER_NETWORKS)]
        return {result.of: result for result in compare_cases(weather, VerificationContext(load_catalog(), home))}

    return compare


def publish(monkeypatch: pytest.MonkeyPatch, errors: dict[str, float]) -> None:
    """Change the published errors of forecasters, to two digits."""
    for name in ("WEATHER_NAIVE", "WEATHER_NETWORKS"):
        source = getattr(published, name)
        numbers = {of: {"MAE": f"{errors[of]:.2f}"} if of in errors else given for of, given in source.numbers.items()}
        monkeypatch.setattr(published, name, replace(source, numbers=numbers))


def test_ours_are_those_of_the_board(home: Path, verify: Verify) -> None:
    found = verify()

    scores = harness.standings("weather", home=home)["weather"]
    assert {of for of, result in found.items() if not result.reason} == set(RUN)
    for of in RUN:
        assert found[of].ours == pytest.approx(scores[of])


def test_what_was_not_run_is_skipped_with_the_command_that_runs_it(verify: Verify, home: Path) -> None:
    found = verify()["stacked gru"]

    assert (found.verdict, found.published) == ("skipped", 2.39)
    assert found.reason == f"'stacked gru' has no result on board 'weather'; run `harness run weather --home {home}`"


@pytest.mark.parametrize(
    ("off", "verdicts"),
    [
        (0.0, ("holds", "holds", "holds")),
        (0.14, ("fails", "holds", "holds")),  # naive is not trained: it has to have the digits
        (-0.14, ("fails", "holds", "holds")),
        (0.17, ("fails", "fails", "fails")),
    ],
)
def test_networks_have_a_tolerance_and_naive_has_none(
    verify: Verify, monkeypatch: pytest.MonkeyPatch, off: float, verdicts: tuple[str, ...]
) -> None:
    ours = {of: result.ours for of, result in verify().items() if of in RUN}
    publish(monkeypatch, {of: value + off for of, value in ours.items()})

    found = verify()

    assert tuple(found[of].verdict for of in RUN) == verdicts


def test_without_the_file_the_command_names_the_commands_that_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.setenv("COLUMNS", "100")
    weather = tuple(case for case in cases() if case.source is published.WEATHER_NETWORKS)
    monkeypatch.setattr(cases_module, "cases", lambda: weather)

    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()

    said = CliRunner().invoke(cli, ["verify", "--home", str(tmp_path / "home")])

    table = CliRunner().invoke(cli, ["verify", "--csv", "--home", str(tmp_path / "home")]).output
    assert {row["tolerance"] for row in csv.DictReader(io.StringIO(table))} == {"0.15"}
    text = " ".join(said.output.split())
    assert said.exit_code == 0, said.output
    assert "holds within 0.15" in text
    assert "run `harness data fetch weather`, then `harness run weather`" in text
    assert text.endswith("0 of 0 numbers hold to the digits given, 0 fail, 5 skipped, data or results not available")
