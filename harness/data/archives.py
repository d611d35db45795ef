"""Zip and tar archives: unpacked into a folder, completely or not at all, and never outside of it.

`tarfile` and `zipfile` extract, but they rename some members whose names lead out of the folder; here, these are
refused. So are links, through which a later member could be written outside.
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PureWindowsPath

from harness.data.storage import atomic_folder
from harness.errors import DataUnavailable

MARK = ".unpacked-from"  # the archive's checksum; this file is in every unpacked folder, and in no other


class Refused(Exception):
    """A member of an archive must not be extracted."""


UNREADABLE = (
    *(Refused, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError),  # of zipfile: an unknown compression, an encrypted member
)


def unpack(archive: Path, folder: Path, sha256: str) -> Path:
    """Extract an archive with that checksum into a folder, unless this was done before; returns the folder.

    A folder of an archive with another checksum is replaced. Raises DataUnavailable, and leaves nothing behind,
    for an archive that is damaged, or has a member that would be outside the folder or is no file or folder.
    """
    if _source_checksum(folder) == sha256:
        return folder
    if folder.exists() and _source_checksum(folder) is None:
        raise DataUnavailable(f"{archive} cannot be unpacked: {folder} is in the way; move it away")
    try:
        with atomic_folder(folder, valid=lambda path: _source_checksum(path) == sha256) as draft:
            _extract(archive, draft)
            (draft / MARK).write_text(sha256, "utf-8")
    except UNREADABLE as error:
        raise DataUnavailable(f"{archive} cannot be unpacked: {str(error) or type(error).__name__}") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise DataUnavailable(f"{archive} cannot be unpacked into {folder}: {reason}") from error
    return folder


def _source_checksum(folder: Path) -> str | None:
    """The checksum of the archive that a folder was unpacked from."""
    try:
        return (folder / MARK).read_text("utf-8")
    except OSError:
        return None


def _extract(archive: Path, folder: Path) -> None:
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter=_tar_filter)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zip_file:
            for member in zip_file.infolist():
                _check_zip_member(member)
            zip_file.extractall(folder)
    else:
        raise Refused("it is neither a zip nor a tar archive")


def _tar_filter(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """tarfile's data filter, which refuses devices and resets owners and modes, without links."""
    _check_name(member.name)
    if member.issym() or member.islnk():
        raise Refused(f"member {member.name!r} is a link")
    return tarfile.data_filter(member, folder)


def _check_zip_member(member: zipfile.ZipInfo) -> None:
    _check_name(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive was not made on Unix
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refused(f"member {member.filename!r} is a {'link' if kind == stat.S_IFLNK else 'special file'}")


def _check_name(name: str) -> None:
    """Raise Refused for a name that may lead out of the folder on any system."""
    path = PureWindowsPath(name)  # knows both separators, and drives
    if not name or path.anchor or ".." in path.parts:
        raise Refused(f"member {name!r} would be outside the folder")
