"""A download that goes on where it was cut.

What has come so far lies beside the file, as `<name>.part`, with what the server said of it in
`<name>.part.json`; the next download asks for the rest, on the condition that the file is still the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

from harness.errors import DataUnavailable

CHUNK = 1 << 13  # bytes; of one that is cut nothing is kept
TIMEOUT = 30  # seconds without a byte


def download(url: str, path: Path, sha256: str | None) -> None:
    """Put what an address serves at a path, whole and with that sum.

    Raises DataUnavailable, which says why. What has come is kept: if the connection was cut as the part
    to go on from, and if the sum is wrong under a name that the message says.
    """
    import pooch

    part = path.with_name(f"{path.name}.part")
    with _alone(part), _quiet(pooch.get_logger()):
        get = partial(_into, part=part, checked=sha256 is not None)
        try:
            if not path.exists():  # otherwise another process was faster
                pooch.retrieve(url, known_hash=sha256, fname=path.name, path=path.parent, downloader=get)
        except ValueError as error:
            if sha256 is None or part.stat().st_size == 0:
                raise DataUnavailable(str(error).partition(". ")[0]) from error  # advice follows
            raise DataUnavailable(_set_aside(part, path, sha256)) from error
        except OSError as error:
            raise DataUnavailable(_reason(error)) from error
        finally:
            if path.exists() or not part.exists() or part.stat().st_size == 0:
                part.unlink(missing_ok=True)
                _note_of(part).unlink(missing_ok=True)


def _set_aside(part: Path, path: Path, expected: str) -> str:
    """Move a download with a wrong sum out of the way, so that the next begins anew; the sentence on it."""
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    aside = path.with_name(f"{path.name}.sha256-{found[:12]}")
    os.replace(part, aside)
    return f"the sha256 of what came is {found}, not {expected}; it is kept as {aside}"


def _into(url: str, output: str, _: object, *, part: Path, checked: bool) -> None:
    """What pooch calls to have an address downloaded to a path."""
    import pooch

    if url.startswith(("http://", "https://")):
        _go_on(url, part, checked)
    else:
        pooch.choose_downloader(url)(url, str(part), None)
    shutil.copyfile(part, output)


def _go_on(url: str, part: Path, checked: bool) -> None:
    """Get the rest of a part, or all of it where that cannot be done."""
    import requests

    size, note = part.stat().st_size, _read_note(part)
    same = note.get("ETag") or note.get("Last-Modified")  # by which the server knows the file again
    headers = {"Accept-Encoding": "identity"}
    if size and note.get("url") == url and (same or checked):
        headers |= {"Range": f"bytes={size}-"} | ({"If-Range": same} if same else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if "Range" in headers and response.status_code in (206, 416):
            first, whole = _range(response.headers)
            if response.status_code == 416 and whole == size:
                return  # it was whole already
            if first != size or _validators(response.headers, note) != _validators(note, response.headers):
                _note_of(part).unlink()
                _go_on(url, part, checked)
                return
        response.raise_for_status()
        if response.status_code != 206:
            size = 0
            os.truncate(part, size)  # before its note is of another file
            _write_note(part, url, response.headers)
        with part.open("ab") as file:
            _receive(response, file, size)


def _receive(response: Any, file: IO[bytes], size: int) -> None:
    """Append what comes to a file of `size` bytes; raises ConnectionError if less comes than was said."""
    import requests

    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    length = response.headers.get("Content-Length") if plain else None
    whole = None if length is None else size + int(length)
    try:
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
        cut = whole is not None and file.tell() < whole
    except requests.RequestException:
        cut = True
    if cut:
        of = "" if whole is None else f" of {whole}"
        raise ConnectionError(f"the connection was cut after {file.tell()}{of} bytes")


def _range(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """The first byte of what a server sends, and the size of the whole file, as far as it says them."""
    found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", headers.get("Content-Range", ""))
    first, whole = found.groups() if found else (None, None)
    return None if first is None else int(first), None if whole is None else int(whole)


def _validators(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """By what a server knows a file again, of those that both name."""
    return [one[name] for name in ("ETag", "Last-Modified") if name in one and name in other]


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_note(part: Path) -> dict[str, str]:
    try:
        found = json.loads(_note_of(part).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _write_note(part: Path, url: str, headers: Mapping[str, str]) -> None:
    """Say where a part is from, unless its bytes are not those of the file."""
    said = {name: headers[name] for name in ("ETag", "Last-Modified") if name in headers}
    if said.get("ETag", "").startswith("W/"):
        del said["ETag"]  # a weak one promises no equal bytes
    plain = headers.get("Content-Encoding", "identity") == "identity"
    _note_of(part).write_text(json.dumps({"url": url, **said} if plain else {}), "utf-8")


def _reason(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    if type(error) is ConnectionError:
        return str(error)
    return f"no connection ({type(error).__name__})" if error.strerror is None else error.strerror


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Hold a part, which is made if need be, so that two processes do not write to it at once."""
    try:
        file = part.open("ab")
    except OSError as error:
        raise DataUnavailable(f"{part} cannot be written: {error.strerror}") from error
    with file:
        if sys.platform == "win32":
            file.close()  # it could not be moved otherwise
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DataUnavailable("another process is downloading it") from error
            except OSError:
                pass  # a file system without locks
        yield


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
