"""A home that is copied or moved keeps its MLflow store: nothing is sent again, and nothing is left behind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow_homes import LABELS, client_of, fill, mirror

from harness import Journal, stored_plans
from harness_mlflow.index import backlog
from harness_mlflow.place import Place


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a board that is in MLflow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        home = tmp_path_factory.mktemp("original") / "home"
        fill(home, "toy")
        mirror(home)
    return home


@pytest.fixture
def copied(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, whose files have times of their own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Path(shutil.copytree(original, tmp_path / "copy", copy_function=shutil.copy))


def test_a_copy_has_nothing_to_send(copied: Path) -> None:
    before = run_numbers(copied)

    assert not backlog(Place(copied))
    mirror(copied)

    assert run_numbers(copied) == before


def test_a_record_that_changed_in_the_copy_is_sent_and_the_former_artifacts_go(copied: Path) -> None:
    journal, key = Journal(copied), stored_plans(copied)[0].cells[0].key
    run = journal.read_with_results(key)
    assert run is not None
    journal.write(replace(run, notes=("another",)))

    assert backlog(Place(copied)).cells == 1
    mirror(copied)

    folders = {path.parent.parent.name for path in (copied / "mlflow" / "artifacts").rglob("record.json")}
    assert len(folders) == len(LABELS)
    assert folders <= run_numbers(copied)


def test_files_of_the_original_stay(original: Path, copied: Path) -> None:
    before = sorted(original.rglob("*.svg"))
    journal, key = Journal(copied), stored_plans(copied)[0].cells[0].key
    run = journal.read_with_results(key)
    assert run is not None
    journal.write(replace(run, notes=("another",)))

    mirror(copied)

    assert sorted(original.rglob("*.svg")) == before


def run_numbers(home: Path) -> set[str]:
    """The numbers of the active runs in the store of a home."""
    client = client_of(home)
    experiments = [each.experiment_id for each in client.search_experiments()]
    return {run.info.run_id for run in client.search_runs(experiments)}
