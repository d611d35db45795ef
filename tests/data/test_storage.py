"""Atomic writes: a file or folder is there whole or not at all."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from harness.data.storage import atomic_file, atomic_folder, read_json, write_json, write_text


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
