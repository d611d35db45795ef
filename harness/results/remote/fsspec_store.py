"""A store of fsspec, as those of S3, Google Cloud Storage and Azure are, and what else it knows."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from harness.data.damage import warn
from harness.errors import BadInput, HarnessError
from harness.results.remote.store import Entry
from harness.results.remote.store_errors import REFUSED, UNREACHED, is_of, unavailable

T = TypeVar("T")
EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "azure"),
}
MODULES = {"s3": "s3fs", "gcs": "gcsfs", "azure": "adlfs"}  # by extra
EXCLUSIVE = ("memory", *EXTRAS)  # protocols that create an object only if there is none, in one request
PAUSES = (0.5, 2.0, 5.0, 10.0)  # seconds before each further try; the libraries try several times themselves
REFUSED_TRIES = 2  # further tries where nothing listens at an address, or its host is not known
LONGEST = 20.0  # seconds after which a request that fails is not tried again
SILENCE = 5.0  # seconds without a first answer, until the user is told
AT_ONCE = 16  # requests
VERSIONS = ("ETag", "etag", "mtime", "modificationTime", "created")  # what listings have that tells objects apart


class FsspecStore:
    """The objects below a URL. What is read is not remembered, since other machines write, too."""

    tries_itself = False  # whether the library tries for some seconds

    def __init__(self, url: str) -> None:
        protocol, _, path = url.partition("://")
        if not path.strip("/"):
            protocol = protocol.rstrip(":/")  # of a URL that was made a path
            raise BadInput(f"'{protocol}://' names no bucket; write {protocol}://bucket/folder")
        self.url, self.is_exclusive = url, protocol in EXCLUSIVE
        self._files, root = self._open(url, protocol)
        self._root = root.rstrip("/")
        self._fails = False  # whether the last request failed: then the next one is tried once
        self._has_answered = False
        self._problem = ""  # of the last request, if it failed

    def names(self, prefix: str = "") -> Mapping[str, int]:
        """The names of all objects, or of those in a folder, with their sizes."""
        return {name: entry.size for name, entry in self.entries(prefix).items()}

    def entries(self, prefix: str = "") -> Mapping[str, Entry]:
        """What is listed of all objects, or of those in a folder, by their names."""
        folder = f"{self._root}/{prefix}".rstrip("/")
        return {self._name(path): entry for path, entry in self._attempt("listed", lambda: self._list(folder)).items()}

    def read(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """The contents of objects, many at a time."""
        paths = {self._path(name): name for name in names}
        if not paths:
            return {}

        found: dict[str, Any] = {}

        def read_rest() -> None:
            while left := [path for path in paths if path not in found]:  # again as long as some of them are read
                problems, before = list[Exception](), len(found)
                for path, content in self._each("cat_file", left).items():
                    if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                        problems.append(content)
                    else:
                        found[path] = content
                if len(found) == before:
                    raise problems[0]

        self._attempt("read", read_rest)
        return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

    def read_start(self, name: str, size: int) -> bytes:
        """The first bytes of an object."""
        path = self._path(name)
        with contextlib.suppress(FileNotFoundError):
            return bytes(
                self._attempt("read", lambda: self._files.cat_file(path, start=0, end=size), FileNotFoundError)
            )
        return b""

    def create(self, name: str, content: bytes) -> bool:
        """Write an object, unless there is one."""
        try:
            self._attempt("written", lambda: self._write(self._path(name), content, mode="create"), FileExistsError)
        except FileExistsError:
            return False
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write an object, replacing one of that name."""
        self._attempt("written", lambda: self._write(self._path(name), content))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        if paths := [self._path(name) for name in names]:
            self._attempt("written", lambda: self._delete(paths))

    def _open(self, url: str, protocol: str) -> tuple[Any, str]:
        """The file system of a URL, and the path in it; BadInput where it is not installed."""
        try:
            files, root = self._file_system(url)
            if files.async_impl:
                files.loop.call_soon_threadsafe(files.loop.set_exception_handler, _without_lost_connections)
            return files, root
        except ImportError as error:
            raise BadInput(f"{url} needs a library that is not installed; {_installation(protocol, error)}") from error
        except ValueError as error:
            raise BadInput(
                f"{url!r} is no URL of a store ({error}); known are s3://, gs://, abfs://, file:// and others of fsspec"
            ) from error
        except HarnessError:
            raise
        except Exception as error:  # of a library that looks for credentials
            raise unavailable(url, "used", error) from error

    def _file_system(self, url: str, **options: Any) -> tuple[Any, str]:
        """A file system, and the path in it."""
        from fsspec.core import url_to_fs

        files, root = url_to_fs(url, **options)
        return files, str(root)

    def _list(self, folder: str) -> dict[str, Entry]:
        """The objects below a folder, by path; raises FileNotFoundError if there is no such bucket."""
        self._files.invalidate_cache()
        return {path: _entry(found) for path, found in self._files.find(folder, detail=True).items()}

    def _write(self, path: str, content: bytes, **options: Any) -> None:
        try:
            self._files.pipe_file(path, content, **options)
        except FileNotFoundError:
            if self._files.async_impl:
                raise
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)  # of a file system with folders
            self._files.pipe_file(path, content, **options)

    def _delete(self, paths: list[str]) -> None:
        """Remove objects; those that are not there are ignored."""
        for end in self._each("rm_file", paths).values():
            if isinstance(end, Exception) and not isinstance(end, FileNotFoundError):
                raise end

    def _each(self, action: str, paths: list[str]) -> dict[str, Any]:
        """What a method returns or raises for each path, which is done many at a time where the library can.

        Once the server does not answer, the paths that are left are not tried.
        """
        ends: dict[str, Any] = {}
        if not self._files.async_impl:
            for path in paths:
                ends[path] = _end_of(getattr(self._files, action), path)
                if is_of(UNREACHED, ends[path]):
                    break
            return ends
        from fsspec.asyn import sync

        sync(self._files.loop, _end_all, getattr(self._files, f"_{action}"), paths, ends)
        return ends

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _name(self, path: str) -> str:
        return path[len(self._root) + 1 :]

    def _attempt(self, done: str, action: Callable[[], T], *answers: type[Exception]) -> T:
        """What a request returns; one that fails is tried again, and raises StoreUnavailable if it fails again.

        Exceptions that are answers are raised as they are.
        """
        with self._told_if_silent():
            pauses, began = iter(() if self._fails or self.tries_itself else PAUSES), time.monotonic()
            for tried in range(len(PAUSES) + 1):
                try:
                    result = action()
                except answers:
                    self._note_answer()
                    raise
                except Exception as error:
                    found = unavailable(self.url, done, error)
                    self._problem = found.problem
                    pause = next(pauses, None)
                    is_refused = tried >= REFUSED_TRIES and is_of(REFUSED, error)
                    if pause is None or is_refused or not found.may_pass or time.monotonic() - began > LONGEST:
                        self._fails = True
                        raise found from error
                    time.sleep(pause)
                else:
                    self._note_answer()
                    return result
        raise AssertionError

    def _tell(self) -> None:
        warn(f"{self._problem or f'the store {self.url} does not answer'}; waiting for it")

    def _note_answer(self) -> None:
        self._fails, self._has_answered = False, True

    @contextmanager
    def _told_if_silent(self) -> Iterator[None]:
        """A block in which the user is told if the store does not give a first answer for some seconds."""
        if self._has_answered or self._fails:
            yield
            return
        timer = threading.Timer(SILENCE, self._tell)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _entry(found: Mapping[str, Any]) -> Entry:
    """What a listing of fsspec tells of an object."""
    return Entry(int(found["size"]), next((str(found[name]) for name in VERSIONS if found.get(name)), ""))


async def _end_all(action: Callable[[str], Awaitable[Any]], paths: Iterable[str], ends: dict[str, Any]) -> None:
    """Note what an action returns or raises for each path, until the server does not answer."""
    import asyncio

    limit = asyncio.Semaphore(AT_ONCE)

    async def end(path: str) -> None:
        async with limit:
            try:
                ends[path] = await action(path)
            except Exception as error:
                ends[path] = error
                if is_of(UNREACHED, error):
                    raise

    tasks = [asyncio.ensure_future(end(path)) for path in paths]
    _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in left:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _end_of(action: Callable[[str], T], path: str) -> T | Exception:
    """What an action returns or raises."""
    try:
        return action(path)
    except Exception as error:
        return error


def _without_lost_connections(loop: Any, context: dict[str, Any]) -> None:
    """Report what goes wrong in the background, but for connections that were lost: their requests raise that."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


def _installation(protocol: str, error: ImportError) -> str:
    """The end of a sentence on how to install what a kind of store needs."""
    from harness.fields.libraries import install_command

    extra = EXTRAS.get(protocol)
    command = install_command([MODULES[extra]], f"forecast-harness[{extra}]") if extra else ""
    return f"run `{command}`" if command else " ".join(str(error).split())
