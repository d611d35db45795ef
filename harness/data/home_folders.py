"""Homes by name: a folder, or the URL of a home in an object store, of which there is a local copy."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

VARIABLE = "HARNESS_CACHE_DIR"  # the folder of local copies
URL = "store-url"  # the file of a local copy that names its store
IDENTIFIER = "store-id"  # a file of a local copy: what tells the home in the store from another one; empty: it has none
DEFAULT = ".harness"
ONE_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")  # at the start of a URL that lacks one
IN_STORE = "home.json"  # an object of every home in a store: results.remote.identity


def is_url(home: str) -> bool:
    """Whether a home is in a store, such as "s3://bucket/run"."""
    return "://" in home


def home_folder(home: str) -> Path:
    """The folder of a home; that of the local copy, which is made if necessary, where a URL is given.

    Raises HomeUnusable if it cannot be made, and BadInput for a folder that is named as the other kind of home, and for
    a URL with one slash.
    """
    check_slashes(home)
    if not is_url(home):
        if os.path.isfile(os.path.join(home, IN_STORE)):
            from harness.errors import BadInput

            raise BadInput(f"{home} is the store of a home; name it file://{os.path.abspath(home)}")
        return Path(home)
    import hashlib

    from harness.errors import HomeUnusable

    url = home.rstrip("/")
    _check_no_journal(url)
    folder = _cache_folder() / "homes" / hashlib.blake2b(url.encode(), digest_size=8).hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if store_url(folder) != url:
            (folder / URL).write_text(url, encoding="utf-8")
    except OSError as error:
        raise HomeUnusable(
            f"the folder {folder} for the local copy of {url} cannot be made ({error.strerror}); name another one by "
            f"{VARIABLE}"
        ) from error
    return folder


def _check_no_journal(url: str) -> None:
    """Raise BadInput for the file:// of a folder that is a home itself, not a store."""
    if url.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        from harness.errors import BadInput

        folder = unquote(urlsplit(url).path)
        if os.path.isdir(os.path.join(folder, "journal")):
            raise BadInput(f"{url} is a home in a folder, and no store; name it {folder}")


def check_slashes(home: str) -> None:
    """Raise BadInput for a URL with one slash, such as "s3:/bucket", which would be a folder."""
    if found := ONE_SLASH.match(home):
        from harness.errors import BadInput

        kind = found.group(1)
        url = f"{kind}://{'/' if kind == 'file' else ''}{home[found.end() :]}"
        raise BadInput(f"{home!r} has one slash after the colon; write {url} for a store, or ./{home} for a folder")


def home_exists(folder: Path) -> bool:
    """Whether there is a home: a folder; in a store, whether it had one when it was last read."""
    if store_url(folder) is None:
        return folder.is_dir()
    try:
        return bool((folder / IDENTIFIER).read_bytes())
    except OSError:
        return False


def home_option(folder: Path) -> str:
    """The option that names the home to a command, after a space; empty for the one that is used without it."""
    import shlex

    name = home_name(folder)
    default = (os.environ.get("HARNESS_HOME") or DEFAULT).rstrip("/")
    return "" if name == default else f" --home {shlex.quote(name)}"


def store_url(folder: Path) -> str | None:
    """The URL of the store whose local copy the folder is; None for any other folder."""
    try:
        return (folder / URL).read_text(encoding="utf-8") or None
    except (OSError, ValueError):
        return None


def home_name(folder: Path) -> str:
    """How a home is named: by the URL of its store, or else by its folder."""
    return store_url(folder) or str(folder)


def _cache_folder() -> Path:
    if given := os.environ.get(VARIABLE):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "harness"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "harness"
