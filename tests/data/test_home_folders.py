"""Homes by name: a folder, or the URL of a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.home_folders import home_folder
from harness.errors import BadInput
from harness.results.journal import prepare_home


def test_a_folder_is_named_by_its_path(tmp_path: Path) -> None:
    assert home_folder(str(tmp_path)) == tmp_path
    assert home_folder(str(tmp_path / "new")) == tmp_path / "new"


def test_a_store_that_is_named_by_its_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text("{}")

    with pytest.raises(BadInput, match=rf"is the store of a home; name it file://{tmp_path}$"):
        home_folder(str(tmp_path))


def test_a_folder_that_is_named_as_a_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    prepare_home(tmp_path / "my home")

    for url in (f"file://{tmp_path}/my%20home/", f"file://localhost{tmp_path}/my home"):
        with pytest.raises(BadInput, match=rf"is a home in a folder, and no store; name it {tmp_path}/my home$"):
            home_folder(url)
    assert home_folder(f"file://{tmp_path}/store").parent == tmp_path / "cache" / "homes"
