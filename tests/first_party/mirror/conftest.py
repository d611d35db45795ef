"""Homes with the boards of `mlflow_boards`, and their MLflow stores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_boards import HILLS, WAVES, fill
from mlflow_homes import copy_with_artifacts, mirror, own_store  # noqa: F401


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments(max_results=1)
    return path


@pytest.fixture(scope="session")
def full_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two boards that were run, and nothing in MLflow."""
    home = tmp_path_factory.mktemp("full")
    fill(home, "hills", HILLS)
    fill(home, "waves", WAVES)
    return home


@pytest.fixture
def home(full_journal: Path, empty_store: Path, tmp_path: Path) -> Path:
    """That home, with an MLflow store that is empty."""
    return with_store(full_journal, empty_store, tmp_path / "home")


@pytest.fixture(scope="session")
def mirrored(full_journal: Path, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose boards are in MLflow; for tests that only look."""
    home = with_store(full_journal, empty_store, tmp_path_factory.mktemp("mirrored") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        mirror(home)
    return home


@pytest.fixture
def sent(mirrored: Path, tmp_path: Path) -> Path:
    """A copy of that home, for tests that change it."""
    return copy_with_artifacts(mirrored, tmp_path / "home")


def with_store(journal: Path, store: Path, home: Path) -> Path:
    shutil.copytree(journal, home, copy_function=shutil.copy2)
    (home / "mlflow").mkdir()
    shutil.copy(store, home / "mlflow" / "mlflow.db")
    return home
