"""Flipped bytes and truncation in every kind of file: never another value, and the cell is pending again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from harness import Run, Standings
from harness.analysis.lookup import find_standings
from harness.boards.fingerprints import stored_fingerprints
from harness.boards.pending import pending_cells
from harness.boards.selection import Selection, select_boards
from harness.boards.workspace import Workspace
from harness.data.storage import write_checked_json
from harness.efficiency.machine import this_machine
from harness.efficiency.record import Bench, Conditions, Subject
from harness.efficiency.store import stored_benches, write_bench
from harness.errors import HarnessError, LaterVersion
from harness.evaluation.run import Costs
from harness.execution.cells.evaluation import run_cell
from harness.fields.dumping import dump
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.journal import CachedJournal, prepare_home
from harness.results.standings import stored_standings
from harness.results.stored_plan import StoredCell, stored_plan

BOARD = """
title = "Small"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = { kind = "rolling-origin", horizon = 2, windows = 3 }

[[forecasters]]
name = "naive"

[[forecasters]]
name = "drift"
"""
ARRAYS_OF_CELLS = ("series", "cutoffs", "mean", "terms")
ARRAYS_OF_ACTUALS = ("series", "cutoffs", "numbers", "values", "scale1", "scale2")
FILES = [
    "journal/cells/*/record.json",
    *(f"journal/cells/*/*-{name}.npy" for name in ARRAYS_OF_CELLS),
    "journal/actuals/*/record.json",
    *(f"journal/actuals/*/*-{name}.npy" for name in ARRAYS_OF_ACTUALS),
    "journal/index.json",
    "boards/small/plan.json",
    "boards/small/standings.json",
    "boards/small/board.json",
    "fingerprints.json",
    "bench/*/*.json",
]
TRIES = 60  # flipped bytes of each kind of file
COSTLY_TRIES = 3  # of those after which the board is run again
Values = dict[str, Any]
CELLS: list[StoredCell] = []  # of the board


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    """A folder with a board and its home."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "small").mkdir()
    (folder / "small" / "leaderboard.toml").write_text(BOARD, encoding="utf-8")
    run(folder, catalog)
    plan = stored_plan(folder / "home", "small")
    assert plan is not None
    CELLS[:] = plan.cells
    subject = Subject("naive", "x", "nile", "nile", "nile naive")
    write_bench(folder / "home", Bench("key", subject, this_machine(), Conditions(1.0, 1, "auto"), "2026-01-02"))
    return folder


def run(folder: Path, catalog: Catalog) -> int:
    """Run the pending cells of the board, and store its standings; returns how many cells were pending."""
    workspace = Workspace(prepare_home(folder / "home"), catalog)
    (selected,), _ = select_boards(Selection((str(folder / "small"),)), workspace)
    selected.save(workspace.home)
    cells = pending_cells([selected.run], workspace.journal)
    for cell in cells:
        run_cell(cell, workspace.home)
    find_standings(str(folder / "small"), workspace, "MSE")
    find_standings(str(folder / "small"), workspace).save(workspace.home)
    return len(cells)


def values_of(folder: Path) -> Values:
    """Everything that can be read in a home, by place; what cannot be read is None."""
    home = folder / "home"
    journal, values = CachedJournal(home), dict[str, Any]()
    for cell in CELLS:
        run = journal.read_with_results(cell.key)
        values[f"run of {cell.forecaster}"] = run and json.dumps(
            dump(replace(run, started="", finished="", costs=Costs(), provenance={}, audit=None))
        )
        values[f"arrays of {cell.forecaster}"] = run and bytes_of(run)
        values[f"status of {cell.forecaster}"] = journal.state(cell.key).status
        for metric in ("MAE", "RMSE"):
            terms = journal.read_terms(cell.key, metric)
            values[f"{metric} of {cell.forecaster}"] = terms and (bytes(terms.numerators), bytes(terms.denominators))
        if run is not None:
            actuals = journal.read_actuals(cell.fingerprint, run.cell.task)
            values["actuals"] = actuals and b"".join(map(bytes, (actuals.values, actuals.series, actuals.cutoffs)))
            values["scales"] = actuals and b"".join(map(bytes, map(actuals.scale, (1, 2))))
            values["numbers"] = actuals and bytes(actuals.cutoff_index)
    plan, standings = stored_plan(home, "small"), stored_standings(home, "small")
    values["plan"] = plan and json.dumps(dump(plan))
    values["standings"] = standings and json.dumps(replace(standings, finished="", rows=()).to_json())
    values["rows"] = standings and numbers_of(standings)
    values["fingerprints"] = stored_fingerprints(home) or None
    values["measurements"] = [repr(bench) for bench in stored_benches(home, this_machine().id)] or None
    return values


def bytes_of(run: Run) -> bytes:
    results = run.results
    assert results is not None
    parts = [results.forecast.mean, results.series, results.cutoffs]
    parts += [part for terms in results.terms.values() for part in (terms.numerators, terms.denominators)]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def numbers_of(standings: Standings) -> str:
    """All numbers of the rows but times."""
    rows = [replace(row, fit_seconds=0.0, predict_seconds=0.0, costs=None) for row in standings.rows]
    return json.dumps([dump(row) for row in rows])


def flipped(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= random.randrange(1, 256)
    path.write_bytes(content)


def copy_of(whole: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    return folder


def assert_no_other_value(whole: Values, folder: Path, what: object) -> None:
    """Assert that each value is the same or lost, and that something was lost where something was moved away."""
    found = values_of(folder)
    other = [place for place, value in found.items() if value is not None and value != whole[place]]
    assert other == [], what
    moved = list((folder / "home" / "damaged").glob("*"))
    assert len(moved) <= 1, (what, moved)
    assert moved or found == whole, what


@pytest.fixture(scope="module")
def values(whole: Path) -> Values:
    found = values_of(whole)
    assert None not in found.values()
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_never_another_value(whole: Path, values: Values, tmp_path: Path, name: str) -> None:
    random = Random(name)
    for attempt in range(TRIES):
        folder = copy_of(whole, tmp_path)
        path = random.choice(sorted((folder / "home").glob(name)))

        flipped(path, random)

        assert_no_other_value(values, folder, attempt)
        if name != "journal/index.json":  # all cells are known to this version by their files
            assert list((folder / "home" / "damaged").glob("*")) != [] or "board.json" in name


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_never_another_value(whole: Path, values: Values, tmp_path: Path, name: str) -> None:
    size = sorted(whole.glob(f"home/{name}"))[0].stat().st_size
    for length in sorted({0, 1, 2, 10, 60, 127, 128, size // 2, size - 8, size - 1} & set(range(size))):
        folder = copy_of(whole, tmp_path)
        path = sorted((folder / "home").glob(name))[0]

        path.write_bytes(path.read_bytes()[:length])

        assert_no_other_value(values, folder, length)


@pytest.mark.parametrize("name", FILES)
def test_what_was_damaged_comes_back_with_the_next_run(
    whole: Path, values: Values, tmp_path: Path, catalog: Catalog, name: str
) -> None:
    random, board = Random(name), str(tmp_path / "copy" / "small")
    for attempt in range(COSTLY_TRIES):
        folder = copy_of(whole, tmp_path)
        flipped(random.choice(sorted((folder / "home").glob(name))), random)

        try:
            shown = find_standings(board, Workspace(folder / "home", catalog))
        except HarnessError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert numbers_of(shown) == values["rows"] or any(row.missing for row in shown.rows), attempt
        values_of(folder)  # forecasts are not needed for standings: their damage is noticed when they are read
        try:
            run(folder, catalog)
        except HarnessError as error:
            assert "\n" not in str(error)  # noqa: PT017
        run(folder, catalog)

        found = values_of(folder)
        del found["measurements"]
        assert found == {place: value for place, value in values.items() if place != "measurements"}, attempt
        assert run(folder, catalog) == 0


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_later_version_is_left_as_it_is(whole: Path, tmp_path: Path, catalog: Catalog, name: str) -> None:
    if name.endswith(".npy"):
        pytest.skip("it has no version of its own")
    folder = copy_of(whole, tmp_path)
    path = sorted((folder / "home").glob(name))[0]
    fields = json.loads(path.read_bytes())
    write_checked_json(path, {name: value for name, value in fields.items() if name not in ("checksum", "schema")}, 99)
    later = path.read_bytes()

    for command in (lambda: find_standings(str(folder / "small"), Workspace(folder / "home", catalog), "MSE"),) * 2 + (
        lambda: run(folder, catalog),
        lambda: list(stored_benches(folder / "home", this_machine().id)),
    ):
        try:
            command()
        except LaterVersion as error:
            assert "was written by a later version of harness" in str(error)  # noqa: PT017

    assert path.read_bytes() == later
    assert not (folder / "home" / "damaged").exists()


@pytest.mark.parametrize("kind", ["a folder", "a link to nowhere", "a link to itself", "a pipe"])
@pytest.mark.parametrize("name", [name for name in FILES if "*-" not in name] + ["journal/cells/*/*-terms.npy"])
def test_what_is_no_file_is_moved_away(
    whole: Path, values: Values, tmp_path: Path, catalog: Catalog, name: str, kind: str
) -> None:
    folder = copy_of(whole, tmp_path)
    path = sorted((folder / "home").glob(name))[0]
    path.unlink()
    make: dict[str, Callable[[], object]] = {
        "a folder": lambda: (path / "mine").mkdir(parents=True),
        "a link to nowhere": lambda: path.symlink_to("nowhere"),
        "a link to itself": lambda: path.symlink_to(path.name),
        "a pipe": lambda: os.mkfifo(path),
    }
    make[kind]()

    assert_no_other_value(values, folder, kind)
    run(folder, catalog)
    run(folder, catalog)

    found = values_of(folder)
    del found["measurements"]
    assert found == {place: value for place, value in values.items() if place != "measurements"}
