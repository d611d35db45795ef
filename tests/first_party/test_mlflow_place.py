"""The identifier of a home in stores that several homes share: it stays the same, whatever happens to its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_mlflow.index import Index
from harness_mlflow.place import IDENTITY, Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A home that is mirrored to a server."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    return Place(tmp_path)


def test_it_is_made_once(place: Place) -> None:
    assert IDENTITY.fullmatch(place.identity())
    assert Place(place.home).identity() == place.identity()


def test_a_changed_digit_does_not_make_another_home(place: Place) -> None:
    identity = place.identity()
    Index(place).save()
    path = place.folder / "home.json"
    content = path.read_bytes()
    position = content.index(identity.encode())
    digit = b"0" if identity[0] != "0" else b"1"

    path.write_bytes(content[:position] + digit + content[position + 1 :])

    assert Place(place.home).identity() == identity
    assert Place(place.home).identity() == identity
    assert len(list(place.damaged.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_lost_or_damaged_file_is_made_again(place: Place, content: bytes) -> None:
    identity = place.identity()
    Index(place).save()

    (place.folder / "home.json").write_bytes(content)
    assert place.identity() == identity

    (place.folder / "home.json").unlink()
    assert place.identity() == identity


def test_that_of_an_earlier_version_is_kept(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "home").write_text("0123456789abcdef" * 2, encoding="utf-8")

    assert place.identity() == "0123456789abcdef" * 2
