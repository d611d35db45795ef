"""Objects of several files: what is packed comes back, and each changed byte is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DamagedFile, LaterVersion
from harness.results.remote import packing
from harness.results.remote.packing import pack, packed_names, unpack

FILES = {"record.json": b'{"a": 1}', "0-mean.npy": bytes(range(256)), "empty": b""}


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.binary(max_size=200)))
def test_what_is_packed_comes_back_in_its_order(files: dict[str, bytes]) -> None:
    assert list(unpack(pack(files), "name").items()) == list(files.items())


def test_names_are_in_the_start_of_an_object() -> None:
    files = {f"cells/{i:032x}/1": b"x" * 1000 for i in range(1000)}

    assert packed_names(pack(files)[: packing.START], "name") == list(files)


def test_each_changed_byte_is_noticed() -> None:
    content = pack(FILES)
    for i in range(len(content)):
        changed = content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]

        with pytest.raises(DamagedFile, match="cells/a/1 is damaged"):
            unpack(changed, "cells/a/1")


@pytest.mark.parametrize("size", [0, 1, 8, 100, -1])
def test_a_truncated_object_is_noticed(size: int) -> None:
    with pytest.raises(DamagedFile):
        unpack(pack(FILES)[:size], "cells/a/1")


def test_a_longer_object_is_noticed() -> None:
    with pytest.raises(DamagedFile, match="longer"):
        unpack(pack(FILES) + b"x", "cells/a/1")


def test_an_object_of_a_later_version_is_not_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "SCHEMA", packing.SCHEMA + 1)
    content = pack(FILES)
    monkeypatch.undo()

    with pytest.raises(LaterVersion):
        unpack(content, "cells/a/1")
