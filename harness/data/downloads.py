"""Downloads: pooch transfers; this module continues a transfer that was cut, and keeps what was received.

`<name>.part` holds the bytes received so far. `<name>.part.json` names their address and the version of the file that
they are of (its ETag or date), so that the rest is requested only if the file is still the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.data.storage import read_json, write_json
from harness.errors import DataUnavailable

CHUNK = 1 << 13  # bytes; an incomplete chunk is lost when the connection is cut
TIMEOUT = 30  # seconds without a byte


class Changed(Exception):
    """The server does not continue a part: the file has changed, or has no more bytes."""


def download(url: str, path: Path, sha256: str | None, headers: Mapping[str, str] | None = None) -> None:
    """Download a file completely, and verify its checksum; `headers` are those of an HTTP request.

    Raises DataUnavailable with the reason. The bytes received are kept: as the part to continue if the connection was
    cut, under a name that the message states if the checksum is wrong.
    """
    part = path.with_name(f"{path.name}.part")
    before = _size(part)
    try:
        _transfer(url, part, sha256, headers or {})
        if sha256 is not None:
            _verify(part, path, sha256)
        os.replace(part, path)
    except (OSError, ValueError) as error:
        raise DataUnavailable(_reason(error, _size(part) if _size(part) > before else None)) from error
    finally:
        if _size(part) == 0:
            part.unlink(missing_ok=True)
            _note_path(part).unlink(missing_ok=True)


def _transfer(url: str, part: Path, sha256: str | None, headers: Mapping[str, str]) -> None:
    """Receive a file into a part, by the protocols that pooch knows."""
    import pooch

    if url.startswith(("http://", "https://")):
        try:
            _receive(url, part, _rest_headers(url, part, sha256), headers)
        except Changed:
            _receive(url, part, {}, headers)
    else:
        pooch.choose_downloader(url)(url, str(part), None)


def _rest_headers(url: str, part: Path, sha256: str | None) -> dict[str, str]:
    """The headers that request the rest of a part; none if its version is unknown and no checksum would verify it."""
    note = read_json(_note_path(part)) or {}
    version = note.get("version")
    if _size(part) == 0 or note.get("url") != url or (version is None and sha256 is None):
        return {}
    return {"Range": f"bytes={_size(part)}-"} | ({} if version is None else {"If-Range": version})


def _receive(url: str, part: Path, rest: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Append the rest of a file to its part, if `rest` requests it and the server sends it; else replace the part."""
    import pooch

    with part.open("ab") as file, ExitStack() as responses:

        def begin(response: Any, **_: object) -> None:  # called before the first byte is written
            responses.callback(response.close)
            if rest and response.status_code in (206, 416):
                _check_continuation(response.headers, part, rest.get("If-Range"))
            elif response.status_code == 200:
                file.truncate(0)
                write_json(_note_path(part), {"url": url, "version": _version(response.headers)})

        headers = {**given, "Accept-Encoding": "identity", **rest}
        transfer = pooch.HTTPDownloader(chunk_size=CHUNK, timeout=TIMEOUT, headers=headers, hooks={"response": begin})
        transfer(url, file, None)


def _check_continuation(headers: Mapping[str, str], part: Path, version: str | None) -> None:
    """Raise Changed unless a response begins where the part ends, and is of its version."""
    continues = headers.get("Content-Range", "").startswith(f"bytes {_size(part)}-")
    if not continues or _version(headers) not in (version, None):
        raise Changed


def _version(headers: Mapping[str, str]) -> str | None:
    """The validator by which a server recognises a version of a file; a weak ETag does not promise equal bytes."""
    tag = headers.get("ETag", "W/")
    return headers.get("Last-Modified") if tag.startswith("W/") else tag


def _verify(part: Path, path: Path, sha256: str) -> None:
    """Rename a part with a wrong checksum, so that the next download begins anew, and raise DataUnavailable."""
    import pooch

    found = pooch.file_hash(str(part))
    if found != sha256.lower():
        aside = path.with_name(f"{path.name}.sha256-{found[:12]}")
        os.replace(part, aside)
        raise DataUnavailable(f"the sha256 of the download is {found}, not {sha256}; it is kept as {aside}")


def _reason(error: OSError | ValueError, received: int | None) -> str:
    """The cause of a failed transfer as part of a sentence; `received` bytes came before it was cut."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    if not isinstance(error, OSError):
        return str(error).partition(". ")[0]  # pooch adds advice
    if error.strerror is not None:
        return f"{error.filename} cannot be written: {error.strerror}" if error.filename else error.strerror
    if received is not None:
        return f"the connection was cut after {received} bytes"
    return f"no connection ({type(error).__name__})"


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
