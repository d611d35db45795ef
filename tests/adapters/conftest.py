"""Tests of the adapters of other libraries import modules that are beside them, such as `hourly`.

And small pretrained models with random weights, of libraries that are imported when a test asks for them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def chronos_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with weights for each forecaster of Chronos."""
    from small_chronos import MODELS

    folders = {}
    for name, model in MODELS.items():
        folders[name] = tmp_path_factory.mktemp(name.partition(":")[2])
        model().save_pretrained(folders[name])
    return folders


@pytest.fixture
def chronos_weights(chronos_folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights of these forecasters are fetched from these folders."""
    from small_chronos import fetch

    monkeypatch.setenv("HARNESS_WEIGHTS_DIR", str(tmp_path / "weights"))
    fetch(chronos_folders)


@pytest.fixture
def timesfm_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The folders of small checkpoints of TimesFM, by the names of the forecasters.

    The size of TimesFM 2.5 is fixed in the class of the library, and is a small one during the test.
    """
    from small_timesfm import MODULE, save_checkpoints, small_2_5

    monkeypatch.setattr(MODULE, "config", small_2_5())
    return save_checkpoints(tmp_path)
