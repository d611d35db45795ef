"""A store of fsspec: S3, Google Cloud Storage, Azure, and what else it knows."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from harness.data.damage import warn
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
PAUSES = (0.5, 2.0, 5.0, 10.0)  # seconds before each further try; the libraries try several times themselves
REFUSED_TRIES = 2  # further tries where nothing listens at an address, or its host is not known
LONGEST = 20.0  # seconds after which a request that fails is not tried again
SILENCE = 5.0  # seconds without a first answer, until the user is told
AT_ONCE = 16  # requests
S3_TRIES = 2  # of s3fs for each request; an answer may take 15 seconds
S3_WRITE, S3_SLOWEST = 30.0, 100_000  # seconds that writing may take, and bytes per second beyond that
FINAL = "Credential|Auth|ProfileNotFound|ParamValidation"  # errors, by name, that another try would not mend
REFUSED = "EndpointConnection|ClientConnector|ConnectionRefused|gaierror|ServiceRequest"  # nobody answers there
UNREACHED = f"{REFUSED}|[Cc]onnect|Timeout|ServiceResponse"


class FsspecStore:
    """The objects below a URL. What is read is not remembered, since other machines write, too."""

    def __init__(self, url: str) -> None:
        protocol, _, path = url.partition("://")
        if not path.strip("/"):
            raise BadInput(f"{url!r} names no bucket; write {protocol}://bucket/folder")
        self.url, self.is_exclusive = url, protocol in EXCLUSIVE
        self._is_s3 = EXTRAS.get(protocol) == "s3"
        self._files, root = _file_system(url, protocol)
        self._root = root.rstrip("/")
        self._at_once = {"batch_size": AT_ONCE} if self._files.async_impl else {}
        self._fails = False  # whether the last request failed: then the next one is tried once
        self._has_answered = False
        self._problem = ""  # of the last request, if it failed

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

        found: dict[str, Any] = {}

        def read_rest() -> None:
            left, problems = [path for path in paths if path not in found], []
            for path, content in self._files.cat(left, on_error="return", **self._at_once).items():
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    problems.append(content)
                else:
                    found[path] = content
            if problems:
                raise problems[0]

        self._attempt("read", read_rest)
        return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

    def read_start(self, name: str, size: int) -> bytes:
        """The first bytes of an object."""
        with contextlib.suppress(FileNotFoundError):
            return bytes(self._attempt("read", lambda: self._files.cat_file(self._path(name), start=0, end=size)))
        return b""

    def create(self, name: str, content: bytes) -> bool:
        """Write an object, unless there is one."""
        try:
            self._write(name, content, mode="create")
        except FileExistsError:
            return False
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write an object, replacing one of that name."""
        self._write(name, content)

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

    def _write(self, name: str, content: bytes, **options: Any) -> None:
        if self._is_s3:  # whose library waits without a limit until a server asks for the content
            options["timeout"] = S3_WRITE + len(content) / S3_SLOWEST
        self._attempt("written", lambda: self._files.pipe_file(self._path(name), content, **options))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _name(self, path: str) -> str:
        return path[len(self._root) + 1 :]

    def _attempt(self, done: str, action: Callable[[], T]) -> T:
        """What a request returns; one that fails is tried again, and raises StoreUnavailable if it fails again.

        FileExistsError and FileNotFoundError are answers, but for a bucket that does not exist.
        """
        with self._told_if_silent():
            pauses, began = iter(() if self._fails else PAUSES), time.monotonic()
            for tried in range(len(PAUSES) + 1):
                try:
                    result = action()
                except FileExistsError:
                    self._note_answer()
                    raise
                except Exception as error:
                    if isinstance(error, FileNotFoundError) and "bucket" not in str(error).lower():
                        raise
                    found = _unavailable(self.url, done, error)
                    self._problem = found.problem
                    pause = next(pauses, None)
                    is_refused = tried >= REFUSED_TRIES and _is(REFUSED, error)
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


def _file_system(url: str, protocol: str) -> tuple[Any, str]:
    """The file system of a URL, which remembers no listings, and the path in it; BadInput where it is not installed."""
    try:
        from fsspec.core import url_to_fs

        is_s3 = EXTRAS.get(protocol) == "s3"
        files, root = url_to_fs(url, use_listings_cache=False, **(_s3_settings() if is_s3 else {}))
        if is_s3:
            files.retries = S3_TRIES
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
        raise _unavailable(url, "used", error) from error


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


def _s3_settings() -> dict[str, Any]:
    """Settings beside those of the user: a connection is tried once at a time, since harness tries again itself."""
    from fsspec.config import conf

    return {"config_kwargs": {"retries": {"total_max_attempts": 1}, **conf.get("s3", {}).get("config_kwargs", {})}}


def _is(kinds: str, error: Exception) -> bool:
    return re.search(kinds, type(error).__name__) is not None


def _unavailable(url: str, done: str, error: Exception) -> StoreUnavailable:
    """Why a store could not be used; addresses in the reason are those of servers, not of objects."""
    reason = re.sub(r"(\w+://[^/\s\"']+)[^\s\"']*", r"\1", " ".join(str(error).split()))
    address = re.search(r"\w+://[^/\s\"']+", reason)
    if _is(REFUSED, error) and address is not None:
        reason = f"cannot connect to {address[0]}"
    elif not reason and _is("Timeout", error):
        reason = "no answer"
    else:
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    is_final = isinstance(error, FileNotFoundError | PermissionError) or _is(FINAL, error)
    done = "reached" if _is(UNREACHED, error) else done
    remedy = "check its name, the credentials and the connection, and run the command again"
    return StoreUnavailable(f"the store {url} cannot be {done} ({reason})", remedy, may_pass=not is_final)
