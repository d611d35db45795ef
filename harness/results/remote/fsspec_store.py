"""A store of fsspec: S3, Google Cloud Storage, Azure, and what else it knows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from harness.errors import BadInput
from harness.results.remote.store import StoreUnavailable

T = TypeVar("T")
EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "azure"),
}
MODULES = {"s3": "s3fs", "gcs": "gcsfs", "azure": "adlfs"}  # by extra
EXCLUSIVE = ("memory", *EXTRAS)  # protocols that create an object only if there is none, in one request
PAUSES = (0.5, 2.0)  # seconds before each further try; the libraries try several times themselves
AT_ONCE = 16  # requests


class FsspecStore:
    """The objects below a URL. What is read is not remembered, since other machines write, too."""

    def __init__(self, url: str) -> None:
        protocol, _, path = url.partition("://")
        if not path.strip("/"):
            raise BadInput(f"{url!r} names no bucket; write {protocol}://bucket/folder")
        self.url, self.is_exclusive = url, protocol in EXCLUSIVE
        self._files, root = _file_system(url, protocol)
        self._root = root.rstrip("/")
        self._at_once = {"batch_size": AT_ONCE} if self._files.async_impl else {}
        self._fails = False  # whether the last request failed: then the next one is tried once

    def names(self, prefix: str = "") -> Mapping[str, int]:
        """The names of all objects, or of those in a folder, with their sizes."""
        folder = f"{self._root}/{prefix}".rstrip("/")
        found = self._attempt("listed", lambda: self._files.find(folder, detail=True))
        return {self._name(path): int(information["size"]) for path, information in found.items()}

    def read(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """The contents of objects, many at a time."""
        paths = {self._path(name): name for name in names}
        if not paths:
            return {}

        def contents() -> dict[str, Any]:
            found: dict[str, Any] = self._files.cat(list(paths), on_error="return", **self._at_once)
            for content in found.values():
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    raise content
            return found

        found = self._attempt("read", contents)
        return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

    def read_start(self, name: str, size: int) -> bytes:
        """The first bytes of an object."""
        with contextlib.suppress(FileNotFoundError):
            return bytes(self._attempt("read", lambda: self._files.cat_file(self._path(name), start=0, end=size)))
        return b""

    def create(self, name: str, content: bytes) -> bool:
        """Write an object, unless there is one."""
        try:
            self._attempt("written", lambda: self._files.pipe_file(self._path(name), content, mode="create"))
        except FileExistsError:
            return False
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write an object, replacing one of that name."""
        self._attempt("written", lambda: self._files.pipe_file(self._path(name), content))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects."""
        paths = [self._path(name) for name in names]
        if not paths:
            return
        with contextlib.suppress(FileNotFoundError):
            self._attempt("written", lambda: self._files.rm(paths))
            return
        for path in paths:  # one was removed already, and the others may be there
            with contextlib.suppress(FileNotFoundError):
                self._attempt("written", lambda path=path: self._files.rm_file(path))  # type: ignore[misc]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _name(self, path: str) -> str:
        return path[len(self._root) + 1 :]

    def _attempt(self, done: str, action: Callable[[], T]) -> T:
        """What a request returns; one that fails is tried again, and raises StoreUnavailable if it fails again.

        FileExistsError and FileNotFoundError are answers, but for a bucket that does not exist.
        """
        pauses = () if self._fails else PAUSES
        for pause in (*pauses, None):
            try:
                result = action()
            except FileExistsError:
                self._fails = False
                raise
            except Exception as error:
                if isinstance(error, FileNotFoundError) and "bucket" not in str(error).lower():
                    raise
                if pause is None or isinstance(error, FileNotFoundError | PermissionError) or _is_final(error):
                    self._fails = True
                    raise StoreUnavailable(_sentence(self.url, done, error)) from error
                time.sleep(pause)
            else:
                self._fails = False
                return result
        raise AssertionError


def _file_system(url: str, protocol: str) -> tuple[Any, str]:
    """The file system of a URL, which remembers no listings, and the path in it; BadInput where it is not installed."""
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(url, use_listings_cache=False)
        if files.async_impl:
            files.loop.call_soon_threadsafe(files.loop.set_exception_handler, _without_lost_connections)
        return files, str(root)
    except ImportError as error:
        raise BadInput(f"{url} needs a library that is not installed; {_installation(protocol, error)}") from error
    except ValueError as error:
        raise BadInput(
            f"{url!r} is no URL of a store ({error}); known are s3://, gs://, abfs://, file:// and others of fsspec"
        ) from error
    except Exception as error:  # of a library that looks for credentials
        raise StoreUnavailable(_sentence(url, "used", error)) from error


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


def _is_final(error: Exception) -> bool:
    """Whether another try would not help: there are no credentials, or they are wrong."""
    return any(word in type(error).__name__ for word in ("Credential", "Auth", "ProfileNotFound", "ParamValidation"))


def _sentence(url: str, done: str, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return (
        f"the store {url} cannot be {done} ({type(error).__name__}: {reason}); check its name, the credentials and the "
        "connection, and run the command again"
    )
