"""The store of panels: what was stored comes back, and what is damaged is moved away and never used."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from harness import Channel, Panel
from harness.data import panel_store
from harness.data.panel_store import is_stored, mapped_state, panel_folder, store_panel, stored_panel
from harness.errors import HomeUnusable, InfrastructureFault, LaterVersion

PANEL = Panel.of(
    [np.arange(12.0).reshape(6, 2), np.ones((3, 2))],
    ids=["a", "b"],
    season_length=3,
    channels=[Channel("y", "target"), Channel("x", "past covariate")],
)
FINGERPRINT = PANEL.fingerprint()


@pytest.fixture(params=[0, 64 << 20], ids=["mapped", "copied"])
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A home with a stored panel, which is memory-mapped or copied when it is read."""
    monkeypatch.setattr(panel_store, "LARGEST_COPIED", request.param)
    store_panel(PANEL, tmp_path)
    return tmp_path


def replaced(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def damaged(home: Path) -> list[str]:
    return os.listdir(home / "damaged") if (home / "damaged").exists() else []


def test_it_comes_back_as_it_was(home: Path) -> None:
    panel = stored_panel(home, FINGERPRINT)

    assert panel is not None
    assert panel.fingerprint() == FINGERPRINT
    assert panel.ids == ("a", "b")
    assert not panel.values.flags.writeable
    assert stored_panel(home, "0" * 32) is None


@pytest.mark.parametrize("name", ["panel.json", "values.bin", "offsets.bin", "start.bin"])
@pytest.mark.parametrize("kind", ["flipped", "truncated", "removed", "folder"])
def test_what_is_damaged_is_moved_away_and_can_be_stored_again(home: Path, name: str, kind: str) -> None:
    path = panel_folder(home, FINGERPRINT) / name
    content = path.read_bytes()
    if kind == "flipped":
        replaced(path, content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif kind == "truncated":
        replaced(path, content[:-1])
    else:
        path.unlink()
        if kind == "folder":
            path.mkdir()

    assert stored_panel(home, FINGERPRINT) is None

    store_panel(PANEL, home)
    assert len(damaged(home)) == 1
    again = stored_panel(home, FINGERPRINT)
    assert again is not None
    assert again.fingerprint() == FINGERPRINT


def test_one_of_a_later_version_is_left_as_it_is(home: Path) -> None:
    path = panel_folder(home, FINGERPRINT) / "panel.json"
    replaced(path, json.dumps({"schema": panel_store.SCHEMA + 1}).encode())

    with pytest.raises(LaterVersion):
        stored_panel(home, FINGERPRINT)
    store_panel(PANEL, home)
    assert json.loads(path.read_bytes()) == {"schema": panel_store.SCHEMA + 1}


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES])
def test_one_that_cannot_be_read_now_stays(home: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(panel_store, "_array", failing)

    with pytest.raises(HomeUnusable):
        stored_panel(home, FINGERPRINT)
    assert is_stored(home, FINGERPRINT)
    assert damaged(home) == []


def test_one_that_cannot_be_stored_is_a_fault_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(panel_store, "sync", full)

    with pytest.raises(InfrastructureFault, match="No space left"):
        store_panel(PANEL, tmp_path)
    assert list((tmp_path / "panels").iterdir()) == []


def test_who_writes_to_the_files_of_a_small_panel_changes_nothing_of_one_that_was_read(tmp_path: Path) -> None:
    store_panel(PANEL, tmp_path)
    panel = stored_panel(tmp_path, FINGERPRINT)
    assert panel is not None

    path = panel_folder(tmp_path, FINGERPRINT) / "values.bin"
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"\0" * 96)

    assert panel.fingerprint() == FINGERPRINT
    assert mapped_state(tmp_path, FINGERPRINT) is None
    assert stored_panel(tmp_path, FINGERPRINT) is None


def test_of_a_large_one_it_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_store, "LARGEST_COPIED", 0)
    store_panel(PANEL, tmp_path)
    before = mapped_state(tmp_path, FINGERPRINT)
    path = panel_folder(tmp_path, FINGERPRINT) / "values.bin"
    path.chmod(0o644)

    with path.open("r+b") as file:
        file.write(b"\0" * 96)

    assert before is not None
    assert mapped_state(tmp_path, FINGERPRINT) != before
