"""A store that is a folder, such as one that several machines mount (file://)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness.data.storage import draft_id, remove_abandoned
from harness.errors import BadInput
from harness.results.remote.store import Entry, StoreUnavailable

DRAFTS = ".drafts"  # the folder of objects that are being written
TRIES = 5  # to put a file into a folder that another process removes, and to list one whose files it replaces
PASSING = (  # errors of a file system of the network that may answer later
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ENOTCONN,
    errno.ECONNREFUSED,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
)


class FolderStore:
    """The files of a folder. A file is written as a draft and linked to its name, which fails where there is one."""

    is_exclusive = True

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost") or not parts.path.strip("/"):
            raise BadInput(f"{url!r} names no folder; write file:///path/to/folder")
        self.folder = Path(unquote(parts.path))
        self._drafts = self.folder / DRAFTS
        self._was_there = os.path.isdir(self._drafts)
        remove_abandoned(self._drafts)

    def names(self, prefix: str = "") -> Mapping[str, int]:
        """The names of all files, or of those in a folder, with their sizes."""
        return {name: entry.size for name, entry in self.entries(prefix).items()}

    def entries(self, prefix: str = "") -> Mapping[str, Entry]:
        """What is listed of all files, or of those in a folder, by their names."""
        with self._available():
            return {os.path.relpath(path, self.folder): entry for path, entry in _files(str(self.folder / prefix))}

    def read(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """The contents of files."""
        found = {}
        with self._available():
            for name in names:
                with suppress(FileNotFoundError):
                    found[name] = (self.folder / name).read_bytes()
        return found

    def read_start(self, name: str, size: int) -> bytes:
        """The first bytes of a file."""
        with self._available(), suppress(FileNotFoundError), open(self.folder / name, "rb") as file:
            return file.read(size)
        return b""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file, unless there is one."""
        try:
            self._write(name, content, os.link)
        except FileExistsError:
            return False
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write a file, replacing one of that name."""
        self._write(name, content, os.replace)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and folders that are empty then."""
        with self._available():
            for name in names:
                with suppress(FileNotFoundError):
                    (self.folder / name).unlink()
                with suppress(OSError):  # there may be other files
                    (self.folder / name).parent.rmdir()

    def _write(self, name: str, content: bytes, place: Callable[[Path, Path], None]) -> None:
        """Write a draft, flushed to disk, and put it in its place; raises FileExistsError where that does."""
        draft, path = self._drafts / f".{draft_id()}", self.folder / name
        with self._available():
            self._make()
            try:
                with draft.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                for tried in range(TRIES):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    try:
                        place(draft, path)
                        return
                    except FileNotFoundError:  # the folder was empty, and was removed meanwhile
                        if tried == TRIES - 1:
                            raise
            finally:
                draft.unlink(missing_ok=True)

    def _make(self) -> None:
        """Make the folder, but not one that was there: it is no longer mounted, and nothing is written in its place."""
        if self._was_there and not self._drafts.is_dir():
            raise StoreUnavailable(
                f"the store {self.url} is not there any more", f"make {self.folder} accessible again", may_pass=True
            )
        self._drafts.mkdir(parents=True, exist_ok=True)
        self._was_there = True

    @contextmanager
    def _available(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in (errno.EPERM, errno.EOPNOTSUPP) and error.filename2:
                reason = "its file system has no hard links"
            raise StoreUnavailable(
                f"the store {self.url} cannot be used ({reason})",
                f"make {self.folder} accessible, or name another --home",
                may_pass=error.errno in PASSING,
            ) from error


def _files(folder: str) -> Iterator[tuple[str, Entry]]:
    """The files below a folder, with their paths, but drafts.

    A folder of which a file is gone before it was looked at is listed again: a later object may have replaced it.
    """
    for _ in range(TRIES):
        files, folders, is_whole = dict[str, Entry](), list[str](), True
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as found:
            for each in found:
                if each.is_dir():
                    folders += [] if each.name == DRAFTS or each.is_symlink() else [each.path]
                    continue
                try:
                    status = os.stat(each.path)
                except FileNotFoundError:
                    is_whole = False
                else:
                    files[each.path] = Entry(status.st_size, str(status.st_mtime_ns))
        if is_whole:
            break
    yield from files.items()
    for each_folder in folders:
        yield from _files(each_folder)
