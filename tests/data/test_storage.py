"""Atomic writes: a file or folder is there whole or not at all."""

from __future__ import annotations

import errno
import json
import logging
import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from harness.data import storage
from harness.data.damage import identity_of, set_aside
from harness.data.storage import (
    atomic_file,
    atomic_files,
    atomic_folder,
    read_checked_json,
    read_json,
    write_checked_json,
    write_json,
    write_text,
)
from harness.errors import DamagedFile, HomeUnusable, LaterVersion


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def has_mark(folder: Path) -> bool:
    return (folder / "mark").exists()


class TestFiles:
    def test_folders_above_are_made(self, tmp_path: Path) -> None:
        write_text(tmp_path / "deep" / "er" / "a.txt", "ä")

        assert (tmp_path / "deep" / "er" / "a.txt").read_text("utf-8") == "ä"

    def test_json_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        write_json(tmp_path / "a.json", {"a": [1, None, "ä"]})

        assert read_json(tmp_path / "a.json") == {"a": [1, None, "ä"]}

    @pytest.mark.parametrize("text", [None, "", "{", "[1]", "\0\0"])
    def test_an_absent_or_damaged_json_file_is_none(self, tmp_path: Path, text: str | None) -> None:
        if text is not None:
            (tmp_path / "a.json").write_text(text, "utf-8")

        assert read_json(tmp_path / "a.json") is None

    def test_a_value_that_is_not_json_leaves_the_file_unchanged(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "a.json"
        write_json(path, {"a": 1})

        with pytest.raises((TypeError, ValueError)):
            write_json(path, {"a": {2}})

        assert read_json(path) == {"a": 1}
        assert everything(path.parent) == {"a.json"}

    def test_an_interrupted_write_leaves_the_file_unchanged(self, tmp_path: Path) -> None:
        write_text(tmp_path / "a.txt", "old")

        with suppress(KeyboardInterrupt), atomic_file(tmp_path / "a.txt") as draft:
            draft.write_text("new")
            raise KeyboardInterrupt

        assert (tmp_path / "a.txt").read_text() == "old"
        assert everything(tmp_path) == {"a.txt"}


FIELDS = {"a": [1, None, "ä", 1.5], "b": {"c": True}}
NOT_OURS = [b"", b"[]", b"null", b"3", b'{"schema": "1"}', b'{"schema": true}', b'{"schema": null}', b"[" * 100_000]
NOT_OURS += [b'{"a": 1' + b"0" * 5000 + b"}", b"\xff\xfe", b'{"checksum": "0", "a": 1}']


class TestChecksums:
    @pytest.mark.parametrize("indent", [None, 1])
    def test_it_is_read_as_it_was_written(self, tmp_path: Path, indent: int | None) -> None:
        write_checked_json(tmp_path / "a.json", FIELDS, 2, indent)

        assert read_checked_json(tmp_path / "a.json", 2) == {"schema": 2, **FIELDS}
        assert json.loads((tmp_path / "a.json").read_bytes())["a"] == FIELDS["a"]

    def test_no_file_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        assert read_checked_json(tmp_path / "a.json", 1) is None
        assert read_checked_json(tmp_path / "file" / "a.json", 1) is None

    def test_every_flipped_bit_is_noticed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        write_checked_json(path, FIELDS, 1)
        content = path.read_bytes()
        for position in range(8 * len(content)):
            changed = bytearray(content)
            changed[position // 8] ^= 1 << position % 8
            path.write_bytes(changed)

            with pytest.raises(DamagedFile, match=r"a\.json is damaged: it"):
                read_checked_json(path, 1)

    def test_every_truncation_is_noticed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        write_checked_json(path, FIELDS, 1)
        content = path.read_bytes()
        for length in range(len(content)):
            path.write_bytes(content[:length])

            with pytest.raises(DamagedFile):
                read_checked_json(path, 1)

    def test_a_later_version_is_not_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        write_checked_json(path, FIELDS, 3)

        with pytest.raises(LaterVersion, match=r"a later version of harness \(schema 3, .* up to 2\)"):
            read_checked_json(path, 2)

    def test_a_later_version_may_check_its_files_in_another_way(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_text('{"schema": 3}', encoding="utf-8")

        with pytest.raises(LaterVersion):
            read_checked_json(path, 2)

    def test_an_earlier_version_without_checksums_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_text('{"schema": 1, "a": 2}', encoding="utf-8")

        assert read_checked_json(path, 2, unchecked=1) == {"schema": 1, "a": 2}
        with pytest.raises(DamagedFile, match="it has no checksum"):
            read_checked_json(path, 2)

    @pytest.mark.parametrize("content", NOT_OURS)
    def test_what_harness_does_not_write_is_damaged(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.json").write_bytes(content)

        with pytest.raises(DamagedFile):
            read_checked_json(tmp_path / "a.json", 1, unchecked=1)

    @pytest.mark.parametrize(
        "make", [Path.mkdir, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to(path.name)]
    )
    def test_what_is_no_file_is_damaged(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "a.json")

        with pytest.raises(DamagedFile, match=r"a.json is damaged: it cannot be read \("):
            read_checked_json(tmp_path / "a.json", 1)

    @pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE])
    def test_one_that_cannot_be_read_now_is_not_taken_for_damaged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        def failing(*_: object, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("builtins.open", failing)

        with pytest.raises(HomeUnusable, match=rf"cannot be read \({os.strerror(number)}\)"):
            read_checked_json(tmp_path / "a.json", 1)

    def test_the_error_can_be_sent_to_another_process(self, tmp_path: Path) -> None:
        error = pickle.loads(pickle.dumps(DamagedFile(tmp_path, "empty")))

        assert str(error) == f"{tmp_path} is damaged: empty"


class TestSetAside:
    @pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
    def test_it_is_moved_and_named_in_a_sentence(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None]
    ) -> None:
        make(tmp_path / "a")

        told = set_aside(DamagedFile(tmp_path / "a", "it is empty"), tmp_path)

        (place,) = (tmp_path / "damaged").iterdir()
        assert everything(tmp_path) == {"damaged", f"damaged/{place.name}"}
        assert told == f"{tmp_path / 'a'} is damaged: it is empty; it was moved to {place}, and it is computed again"
        assert caplog.record_tuples == [("harness.home", logging.WARNING, told)]

    def test_many_of_one_name_are_kept(self, tmp_path: Path) -> None:
        for _ in range(5):
            (tmp_path / "a").touch()
            set_aside(DamagedFile(tmp_path / "a", "it is empty"), tmp_path)

        assert len(os.listdir(tmp_path / "damaged")) == 5

    def test_what_another_process_moved_is_no_error(self, tmp_path: Path) -> None:
        assert "it is no longer there" in set_aside(DamagedFile(tmp_path / "a", "it is empty"), tmp_path)

    def test_what_another_process_has_replaced_stays(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "a").mkdir()
        found = identity_of(tmp_path / "a")
        (tmp_path / "a" / "array").touch()

        set_aside(DamagedFile(tmp_path / "a", "it is empty"), tmp_path, found=found)

        assert everything(tmp_path) == {"a", "a/array"}
        assert caplog.record_tuples == []

    def test_where_it_cannot_be_moved_it_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        (tmp_path / "damaged").touch()

        told = set_aside(DamagedFile(tmp_path / "a", "it is empty"), tmp_path)

        assert "it cannot be moved away (" in told
        assert (tmp_path / "a").is_file()


class TestSeveralFiles:
    def test_they_are_replaced_in_order(self, tmp_path: Path) -> None:
        with atomic_files([tmp_path / "a", tmp_path / "b"]) as drafts:
            for draft in drafts:
                draft.write_text("new", encoding="utf-8")

        assert everything(tmp_path) == {"a", "b"}

    def test_if_any_cannot_be_flushed_all_stay(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a").write_text("old", encoding="utf-8")
        (tmp_path / "b").write_text("old", encoding="utf-8")

        def full(path: Path) -> None:
            if path.name.startswith(".b"):
                raise OSError(errno.ENOSPC, "no space left on device")

        def write() -> None:
            with atomic_files([tmp_path / "a", tmp_path / "b"]) as drafts:
                for draft in drafts:
                    draft.write_text("new", encoding="utf-8")

        monkeypatch.setattr(storage, "sync", full)
        with pytest.raises(OSError, match="no space"):
            write()

        assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"a": "old", "b": "old"}


class TestFolders:
    def write(self, folder: Path, *names: str) -> None:
        with atomic_folder(folder, valid=has_mark) as draft:
            for name in names:
                (draft / name).touch()

    def test_it_holds_what_was_written(self, tmp_path: Path) -> None:
        self.write(tmp_path / "deep" / "folder", "mark", "a")

        assert everything(tmp_path) == {"deep", "deep/folder", "deep/folder/mark", "deep/folder/a"}

    def test_an_interrupted_write_leaves_nothing(self, tmp_path: Path) -> None:
        with suppress(KeyboardInterrupt), atomic_folder(tmp_path / "folder", valid=has_mark) as draft:
            (draft / "a").touch()
            raise KeyboardInterrupt

        assert everything(tmp_path) == set()

    def test_a_valid_folder_is_kept(self, tmp_path: Path) -> None:
        self.write(tmp_path / "folder", "mark", "first")

        self.write(tmp_path / "folder", "mark", "second")

        assert everything(tmp_path / "folder") == {"mark", "first"}

    def test_an_invalid_folder_is_replaced(self, tmp_path: Path) -> None:
        self.write(tmp_path / "folder", "damaged")

        self.write(tmp_path / "folder", "mark")

        assert everything(tmp_path) == {"folder", "folder/mark"}

    def test_many_writers_leave_one_valid_folder(self, tmp_path: Path) -> None:
        self.write(tmp_path / "folder", "damaged")
        writers = [threading.Thread(target=self.write, args=(tmp_path / "folder", "mark")) for _ in range(12)]

        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()

        assert everything(tmp_path) == {"folder", "folder/mark"}

    def test_a_file_in_its_place_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(OSError, match="file"):
            self.write(tmp_path / "file" / "folder", "mark")
