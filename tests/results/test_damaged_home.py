"""Files of a home that are damaged or no files: one sentence, or they are computed again, and never a traceback."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.lookup import find_standings
from harness.analysis.slicing.boards import find_slices
from harness.analysis.slicing.slices import SliceRequest
from harness.boards.pending import pending_cells
from harness.boards.selection import Selection, select_boards
from harness.boards.workspace import Workspace
from harness.errors import HarnessError
from harness.execution.cells.evaluation import run_cell
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.journal import Journal
from harness.results.standings import stored_standings
from harness.results.stored_plan import stored_plan, stored_plans

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


def written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: written(path, b""),
    "truncated": lambda path: written(path, path.read_bytes()[: path.stat().st_size // 2]),
    "a list": lambda path: written(path, b"[1]"),
    "a number": lambda path: written(path, b"3"),
    "an empty object": lambda path: written(path, b"{}"),
    "wrong types": lambda path: written(
        path, b'{"schema": 1, "arrays": 3, "cells": 3, "cell": "x", "file": 3, "a": []}'
    ),
    "nulls": lambda path: written(path, re.sub(rb": ([\[{])", rb': null, "z": \1', path.read_bytes())),
    "texts": lambda path: written(path, re.sub(rb": -?[0-9][0-9.e+-]*", b': "x"', path.read_bytes())),
    "a byte order mark": lambda path: written(path, b"\xef\xbb\xbf" + path.read_bytes()),
    "not UTF-8": lambda path: written(path, b"\xff\xfe\x00"),
    "another version": lambda path: written(path, re.sub(rb'"schema": \d+', b'"schema": 99', path.read_bytes())),
    "deep": lambda path: written(path, b"[" * 100_000),
    "long number": lambda path: written(path, b'{"values": 1' + b"0" * 5000 + b"}"),
    "a folder": replaced_by(lambda path: (path / "inside").mkdir(parents=True)),
    "a link to nowhere": replaced_by(lambda path: path.symlink_to("nowhere")),
    "a link to itself": replaced_by(lambda path: path.symlink_to(path.name)),
}
DAMAGE_OF_ARRAYS: dict[str, Callable[[Path], object]] = {
    **{kind: DAMAGE[kind] for kind in ("empty", "truncated", "not UTF-8", "a folder", "a link to nowhere")},
    "another shape": lambda path: np.save(path, np.arange(7)),
    "other values": lambda path: np.save(path, np.array([["a"]])),
    "no array": lambda path: np.save(path, np.float64(1)),
}
FILES = [
    "fingerprints.json",
    "boards/small/board.json",
    "boards/small/plan.json",
    "boards/small/standings.json",
    "journal/cells/*/record.json",
    "journal/cells/*/*-mean.npy",
    "journal/cells/*/*-series.npy",
    "journal/cells/*/*-cutoffs.npy",
    "journal/cells/*/*-terms.npy",
    "journal/actuals/*/record.json",
    *(f"journal/actuals/*/*-{name}.npy" for name in ("series", "cutoffs", "numbers", "values")),
]


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
    return folder


def run(folder: Path, catalog: Catalog) -> int:
    """Run the pending cells of the board, and store its standings; returns how many cells were pending."""
    workspace = Workspace(folder / "home", catalog)
    (selected,), _ = select_boards(Selection((str(folder / "small"),)), workspace)
    selected.save(workspace.home)
    cells = pending_cells([selected.run], workspace.journal)
    for cell in cells:
        run_cell(cell, workspace.home)
    find_standings(str(folder / "small"), workspace, "MSE").save(workspace.home)
    return len(cells)


def error_of(command: Callable[[], object]) -> Exception | None:
    """The error that the command line prints as one sentence; any other is raised."""
    try:
        command()
    except (HarnessError, OSError) as error:
        return error
    return None


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_sentence_or_computed_again(
    whole: Path, tmp_path: Path, catalog: Catalog, name: str
) -> None:
    for kind, damage in (DAMAGE_OF_ARRAYS if name.endswith(".npy") else DAMAGE).items():
        folder = tmp_path / kind
        shutil.copytree(whole, folder)
        path = sorted((folder / "home").glob(name))[0]
        others = {other: other.read_bytes() for other in (folder / "home" / "journal").rglob("*.npy") if other != path}
        damage(path)
        board, workspace = str(folder / "small"), Workspace(folder / "home", catalog)

        for command in (
            partial(find_standings, board, workspace, "MSE"),
            partial(find_slices, board, SliceRequest("step"), workspace),
            partial(run, folder, catalog),
        ):
            error = error_of(command)
            assert error is None or "\n" not in str(error), (kind, error)
            assert error is None or isinstance(error, HarnessError) or kind == "a folder", (kind, error)
        lost = [other for other, content in others.items() if other.exists() and other.read_bytes() != content]
        assert lost == [], (kind, lost)


def test_a_home_without_anything_that_can_be_read_is_as_an_empty_one(tmp_path: Path) -> None:
    for name in ("boards/small/plan.json", "boards/small/standings.json", "journal/cells/00/record.json"):
        (tmp_path / name).mkdir(parents=True)

    assert stored_plan(tmp_path, "small") is None
    assert stored_plans(tmp_path) == []
    assert stored_standings(tmp_path, "small") is None
    assert Journal(tmp_path).read("00") is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "boards" / "small" / "plan.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    path.chmod(0)

    assert stored_plan(tmp_path, "small") is None
