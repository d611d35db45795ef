"""Archives unpacked: into a folder that appears whole or not at all, and never anywhere else.

Members are judged by name before the first is written, and only plain files and folders are ever made: a
link becomes a copy of what it leads to in the archive. So nothing on the disk can lead a member elsewhere.
"""

from __future__ import annotations

import lzma
import posixpath
import re
import shutil
import stat
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from harness.errors import DataUnavailable

MARK = ".unpacked-from"  # holds the sum of the archive; it is in every unpacked folder, and in no other
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError),  # zipfile's words for a compression it lacks, and for a password
)

Kind = Literal["file", "folder", "symbolic link", "hard link", "device"]


@dataclass(frozen=True)
class Member:
    """What an archive holds under one name."""

    name: str  # as the archive says it
    kind: Kind
    target: str  # of a link
    opened: Callable[[], IO[bytes]]


def unpacked(archive: Path, folder: Path, sha256: str) -> Path:
    """The folder with the members of a zip or tar archive; made anew if it is of an archive of another sum.

    Raises DataUnavailable, and leaves nothing behind, for an archive that is damaged, or of which a member
    would lie outside the folder or is neither file, folder nor link.
    """
    if _origin(folder) == sha256:
        return folder
    if folder.exists() and _origin(folder) is None:
        raise DataUnavailable(f"{archive} cannot be unpacked: {folder} is in the way; move it away")
    draft = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:12]}")
    try:
        with _members(archive) as members:
            files = _files(members, archive)
            draft.mkdir(parents=True)
            for place, member in files.items():
                _write(member, draft.joinpath(*place))
        (draft / MARK).write_text(sha256, "utf-8")
        _put_in_place(draft, folder, sha256)
    except DAMAGED as error:
        raise DataUnavailable(f"{archive} cannot be unpacked: {str(error) or type(error).__name__}") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise DataUnavailable(f"{archive} cannot be unpacked into {folder}: {reason}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _origin(folder: Path) -> str | None:
    """The sum of the archive that a folder was unpacked from."""
    try:
        return (folder / MARK).read_text("utf-8")
    except OSError:
        return None


def _put_in_place(draft: Path, folder: Path, sha256: str) -> None:
    older = draft.with_name(f"{draft.name}-older")
    try:
        if folder.exists():
            folder.rename(older)
        draft.rename(folder)
    except OSError:
        if _origin(folder) != sha256:  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(older, ignore_errors=True)


def _files(members: Iterator[Member], archive: Path) -> dict[tuple[str, ...], Member]:
    """The files and folders to make, by their parts below the folder; of two of one name the last."""
    named: dict[tuple[str, ...], Member] = {}
    for member in members:
        place = _place(member.name)
        if place is None or place[:1] == (MARK,):
            raise _refused(archive, member, "would lie outside of the folder" if place is None else "has a taken name")
        if member.kind == "device":
            raise _refused(archive, member, "is a device, or nothing that holds data")
        if place:
            named[place] = member
    return {place: _followed(place, named, archive) for place in named}


def _followed(place: tuple[str, ...], named: Mapping[tuple[str, ...], Member], archive: Path) -> Member:
    """The file or folder that a member is, or that it leads to."""
    first = member = named[place]
    for _ in named:
        if member.kind in ("file", "folder"):
            break
        base = "/".join(place[:-1]) if member.kind == "symbolic link" else ""
        to = _place(posixpath.normpath(posixpath.join(base, member.target.replace("\\", "/"))))
        if to is None:
            raise _refused(archive, first, f"is a {member.kind} that leads outside of the folder, to {member.target!r}")
        if to not in named:
            raise _refused(archive, first, f"is a {member.kind} to {member.target!r}, which is not in the archive")
        place, member = to, named[to]
    if first.kind not in ("file", "folder") and member.kind != "file":
        raise _refused(archive, first, "is a link that leads to no file")
    return member


def _refused(archive: Path, member: Member, why: str) -> DataUnavailable:
    return DataUnavailable(f"{archive} is not unpacked: its member {member.name!r} {why}")


def _place(name: str) -> tuple[str, ...] | None:
    """The parts of a name below the folder, by the rules of every system; None if it may lead out of it."""
    name = name.replace("\\", "/")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or any(re.match("[A-Za-z]:", part) or not part.strip(". ") for part in parts):
        return None  # Windows takes ".. " for "..", and "x:" for a drive
    return parts


def _write(member: Member, path: Path) -> None:
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.opened() as source, path.open("wb") as file:
        shutil.copyfileobj(source, file)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[Member]]:
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield (_of_tar(tar, info) for info in tar)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield (_of_zip(opened, info) for info in opened.infolist())
    else:
        raise DataUnavailable(f"{archive} cannot be unpacked: it is neither a zip nor a tar archive")


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    kinds: list[tuple[bool, Kind]] = [
        (info.isreg(), "file"),
        (info.isdir(), "folder"),
        (info.issym(), "symbolic link"),
        (info.islnk(), "hard link"),
    ]
    kind: Kind = next((kind for it_is, kind in kinds if it_is), "device")

    def opened() -> IO[bytes]:
        content = tar.extractfile(info)
        assert content is not None, "only files are opened"
        return content

    return Member(info.name, kind, info.linkname, opened)


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not made on Unix
    if mode == stat.S_IFLNK:
        return Member(info.filename, "symbolic link", archive.read(info).decode("utf-8", "surrogateescape"), _nothing)
    kind: Kind = "file" if mode in (0, stat.S_IFREG) else "device"
    if mode == stat.S_IFDIR or info.filename.endswith(("/", "\\")):
        kind = "folder"
    return Member(info.filename, kind, "", lambda: archive.open(info))


def _nothing() -> IO[bytes]:
    raise AssertionError("links are followed, not opened")
