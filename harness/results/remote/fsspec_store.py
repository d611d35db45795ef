"""A store of fsspec, as those of S3, Google Cloud Storage and Azure are, and what else it knows."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, TypeVar

from harness.data.damage import warn
from harness.errors import BadInput, HarnessError
from harness.results.remote.store import Entry, StoreUnavailable

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
FINAL = "Credential|Auth|ProfileNotFound|ParamValidation"  # errors, by name, that another try would not mend
REFUSED = "EndpointConnection|ClientConnector|ConnectionRefused|gaierror|ServiceRequest"  # nobody answers there
UNREACHED = f"{REFUSED}|[Cc]onnect|Timeout|ServiceResponse"


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
            left, problems = [path for path in paths if path not in found], []
            for path, content in self._each("cat_file", left).items():
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
            raise _unavailable(url, "used", error) from error

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
        """What a method returns or raises for each path, which is done many at a time where the library can."""
        if not self._files.async_impl:
            return {path: _end_of(getattr(self._files, action), path) for path in paths}
        from fsspec.asyn import _run_coros_in_chunks, sync

        async def ends() -> list[Any]:
            actions = [getattr(self._files, f"_{action}")(path) for path in paths]
            return list(await _run_coros_in_chunks(actions, batch_size=AT_ONCE, nofiles=True, return_exceptions=True))

        return dict(zip(paths, sync(self._files.loop, ends), strict=True))

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


def _entry(found: Mapping[str, Any]) -> Entry:
    """What a listing of fsspec tells of an object."""
    return Entry(int(found["size"]), next((str(found[name]) for name in VERSIONS if found.get(name)), ""))


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


def _is(kinds: str, error: Exception) -> bool:
    return re.search(kinds, type(error).__name__) is not None


def _unavailable(url: str, done: str, error: Exception) -> StoreUnavailable:
    """Why a store could not be used; addresses in the reason are those of servers, not of objects."""
    text = str(error).partition("\nRequestId:")[0]  # what Azure adds for its support
    if isinstance(error, FileNotFoundError) and "bucket" not in text.lower():
        text = f"there is no such bucket, {text}"
    reason = re.sub(r"(\w+://[^/\s\"']+)[^\s\"']*", r"\1", " ".join(text.split()))
    address = re.search(r"\w+://[^/\s\"']+", reason)
    if _is(REFUSED, error) and address is not None:
        reason = f"cannot connect to {address[0]}"
    elif not reason and _is("Timeout", error):
        reason = "no answer"
    else:
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    code = getattr(error, "status_code", None) or getattr(error, "code", None)  # of Azure, of Google
    is_forbidden = code in (400, 401, 403, 404) or text.startswith("Forbidden")
    is_invalid = isinstance(error, ValueError) and not isinstance(error, JSONDecodeError | UnicodeError)
    is_final = is_forbidden or is_invalid or isinstance(error, FileNotFoundError | PermissionError) or _is(FINAL, error)
    done = "reached" if _is(UNREACHED, error) else done
    remedy = "check its name, the credentials and the connection, and run the command again"
    if is_invalid and (address := re.search(r"[Ii]nvalid endpoint: (\S+)", text)) and "://" not in address[1]:
        remedy = f"write the address of the server as http://{address[1]} or https://{address[1]}"
    return StoreUnavailable(f"the store {url} cannot be {done} ({reason})", remedy, may_pass=not is_final)
