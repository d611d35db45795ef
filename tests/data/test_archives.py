"""Archives: unpacked whole, and never outside of their folder."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import archives
from harness.data.archives import MARK, unpack
from harness.errors import DataUnavailable

NAMES = st.text(st.sampled_from("./\\ab:C \u2025\u2215~$*?") | st.characters(codec="utf-8"))
SUM, OTHER = "a" * 64, "b" * 64
Make = Callable[[Path, dict[str, bytes]], Path]


def made_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # as it is: ZipInfo itself would tidy it
            archive.writestr(info, content)
    return path


def made_tar(path: Path, members: dict[str, bytes], compression: str = "gz") -> Path:
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def tar_of(path: Path, *members: tuple[str, bytes, str]) -> Path:
    """A tar of (name, type, what it links to); every file holds its own name."""
    with tarfile.open(path, "w") as archive:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            content = name.encode() if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def zip_link(path: Path, name: str, target: str, mode: int = stat.S_IFLNK) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", b"1")
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, (mode | 0o644) << 16
        archive.writestr(info, target)
    return path


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


both = pytest.mark.parametrize("make", [made_zip, made_tar], ids=["zip", "tar"])


class TestUnpacking:
    @both
    def test_members_lie_in_the_folder(self, tmp_path: Path, make: Make) -> None:
        archive = make(tmp_path / "archive", {"a.csv": b"1", "deep/er/b.csv": b"2", "./c.csv": b"3", "e/": b""})

        folder = unpack(archive, tmp_path / "new" / "out", SUM)

        assert everything(folder) == {"a.csv", "deep", "deep/er", "deep/er/b.csv", "c.csv", "e", MARK}
        assert (folder / "deep/er/b.csv").read_bytes() == b"2"
        assert everything(tmp_path / "new") == {"out"} | {f"out/{name}" for name in everything(folder)}

    @pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
    def test_tars_may_be_compressed(self, tmp_path: Path, compression: str) -> None:
        archive = made_tar(tmp_path / "archive", {"a.csv": b"1"}, compression)

        assert (unpack(archive, tmp_path / "out", SUM) / "a.csv").read_bytes() == b"1"

    def test_an_archive_is_unpacked_once(self, tmp_path: Path) -> None:
        archive = made_zip(tmp_path / "archive", {"a.csv": b"1"})
        unpack(archive, tmp_path / "out", SUM)
        archive.unlink()

        assert unpack(archive, tmp_path / "out", SUM) == tmp_path / "out"

    def test_an_archive_that_changed_is_unpacked_anew(self, tmp_path: Path) -> None:
        unpack(made_zip(tmp_path / "archive", {"a.csv": b"1", "old.csv": b""}), tmp_path / "out", SUM)

        folder = unpack(made_zip(tmp_path / "archive", {"a.csv": b"2"}), tmp_path / "out", OTHER)

        assert everything(folder) == {"a.csv", MARK}
        assert (folder / "a.csv").read_bytes() == b"2"
        assert everything(tmp_path) == {"archive", "out", "out/a.csv", f"out/{MARK}"}

    def test_a_folder_of_someone_else_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "precious").touch()

        with pytest.raises(DataUnavailable, match="out is in the way"):
            unpack(made_zip(tmp_path / "archive", {"a.csv": b"1"}), tmp_path / "out", SUM)

        assert everything(tmp_path / "out") == {"precious"}

    def test_a_folder_that_another_process_unpacked_meanwhile_is_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = made_zip(tmp_path / "archive", {"a.csv": b"1"})
        extract = archives._extract

        def slow(*given: Path) -> None:
            monkeypatch.setattr(archives, "_extract", extract)
            unpack(archive, tmp_path / "out", SUM)
            extract(*given)

        monkeypatch.setattr(archives, "_extract", slow)
        unpack(archive, tmp_path / "out", SUM)

        assert everything(tmp_path) == {"archive", "out", "out/a.csv", f"out/{MARK}"}

    @both
    def test_of_two_members_of_one_name_the_last_counts(self, tmp_path: Path, make: Make) -> None:
        archive = make(tmp_path / "archive", {"x/a.csv": b"1", "x//a.csv": b"2"})

        assert (unpack(archive, tmp_path / "out", SUM) / "x/a.csv").read_bytes() == b"2"


class TestRefusing:
    def refused(self, archive: Path) -> str:
        """What is said of an archive of which nothing is unpacked."""
        home = archive.parent
        before = everything(home)
        with pytest.raises(DataUnavailable) as raised:
            unpack(archive, home / "data" / "out", SUM)
        after = everything(home)
        assert after - before <= {"data"}
        assert str(archive) in str(raised.value)
        return str(raised.value)

    @both
    @pytest.mark.parametrize(
        "name",
        [
            *("../evil", "a/../../evil", "a/..", "..", "/evil", "//host/share/evil", "/", "a/../b"),
            *("..\\evil", "a\\..\\..\\evil", "\\evil", "\\\\host\\share\\evil", "C:\\evil", "C:evil", "c:/evil"),
            "./../evil",
        ],
    )
    def test_a_name_that_may_lead_out(self, tmp_path: Path, make: Make, name: str) -> None:
        said = self.refused(make(tmp_path / "archive", {"good.csv": b"1", name: b"evil"}))

        assert said.endswith(f"member {name!r} would be outside the folder")

    @both
    @given(
        names=st.lists(st.text(st.sampled_from("./\\ab:C \u2025\u2215~$*?") | st.characters(codec="utf-8")), max_size=4)
    )
    def test_no_name_whatsoever_leaves_the_folder(
        self, tmp_path_factory: pytest.TempPathFactory, make: Make, names: list[str]
    ) -> None:
        home = tmp_path_factory.mktemp("home")
        archive = make(home / "archive", dict.fromkeys(names, b"evil"))

        try:
            unpack(archive, home / "x" / "y" / "out", SUM)
        except DataUnavailable:
            assert everything(home / "x") <= {"y"}

        outside = {path for path in home.rglob("*") if not path.is_relative_to(home / "x" / "y" / "out")}
        assert outside <= {archive, home / "x", home / "x" / "y"}

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symlink", "hardlink"])
    @pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "..", "a.csv"])
    def test_a_link(self, tmp_path: Path, kind: bytes, target: str) -> None:
        archive = tar_of(tmp_path / "archive", ("a.csv", tarfile.REGTYPE, ""), ("x/link", kind, target))

        assert self.refused(archive).endswith("member 'x/link' is a link")

    def test_a_link_in_a_zip(self, tmp_path: Path) -> None:
        said = self.refused(zip_link(tmp_path / "archive", "link", "/etc/passwd"))

        assert said.endswith("member 'link' is a link")

    def test_a_member_behind_a_link(self, tmp_path: Path) -> None:
        self.refused(
            tar_of(
                tmp_path / "archive",
                ("out", tarfile.SYMTYPE, "."),
                ("out/evil", tarfile.REGTYPE, ""),
            )
        )

    @pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
    def test_a_device(self, tmp_path: Path, kind: bytes) -> None:
        assert self.refused(tar_of(tmp_path / "archive", ("tty", kind, ""))).endswith("'tty' is a special file")

    def test_a_device_in_a_zip(self, tmp_path: Path) -> None:
        archive = zip_link(tmp_path / "archive", "tty", "", stat.S_IFCHR)

        assert self.refused(archive).endswith("member 'tty' is a special file")

    @both
    def test_a_file_that_is_a_folder_too(self, tmp_path: Path, make: Make) -> None:
        self.refused(make(tmp_path / "archive", {"a": b"1", "a/b": b"2"}))

    def test_a_damaged_zip(self, tmp_path: Path) -> None:
        archive = made_zip(tmp_path / "archive", {"a.csv": b"precious"})
        archive.write_bytes(archive.read_bytes().replace(b"precious", b"falsified"[:8]))

        assert "Bad CRC-32" in self.refused(archive)

    def test_a_tar_that_was_cut(self, tmp_path: Path) -> None:
        archive = made_tar(tmp_path / "archive", {"a.csv": os.urandom(5000)})
        archive.write_bytes(archive.read_bytes()[:2000])

        assert "cannot be unpacked" in self.refused(archive)

    @pytest.mark.parametrize("content", [b"", b"neither"])
    def test_something_else(self, tmp_path: Path, content: bytes) -> None:
        archive = tmp_path / "archive"
        archive.write_bytes(content)

        assert self.refused(archive).endswith("it is neither a zip nor a tar archive")
