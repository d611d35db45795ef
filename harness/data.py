"""Where the files of a dataset lie: found in the data folders and checked; downloaded only by `fetch`."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.attempt import Failure, attempt
from harness.errors import BadData, DataUnavailable, HarnessError, HomeUnusable
from harness.specs import DataFile, DatasetSpec

if TYPE_CHECKING:
    from harness.panel import Panel


def load(spec: DatasetSpec, home: Path) -> Panel:
    """The panel of a dataset, from files that are here.

    Raises DataUnavailable if one is not, BadData if a file or the panel is malformed, or cannot be loaded.
    """
    from harness.panel import Panel

    panel = attempt(partial(spec.panel, data_paths(spec, home)))
    if isinstance(panel, Failure):
        if isinstance(panel.error, HarnessError):
            raise panel.error
        raise BadData(f"dataset {spec.name!r} cannot be loaded: {panel}") from panel.error
    if not isinstance(panel, Panel):
        raise BadData(f"dataset {spec.name!r} cannot be loaded: its loader returned {type(panel).__name__}, not Panel")
    panel.check_observed()
    return panel


def data_paths(spec: DatasetSpec, home: Path) -> tuple[Path, ...]:
    """The paths of a dataset's files, in their order, each checked against its sum.

    Looked up in HARNESS_DATA_DIR, which is never written to, then in `<home>/data`. Raises
    DataUnavailable for a file that is in neither, or is not what it should be.
    """
    return tuple(_checked_path(spec, file, home) for file in spec.files)


def available(spec: DatasetSpec, home: Path) -> bool:
    """Whether all files of a dataset are here, and are what they should be."""
    try:
        data_paths(spec, home)
    except DataUnavailable:
        return False
    return True


def fetch(spec: DatasetSpec, home: Path) -> tuple[Path, ...]:
    """The paths of a dataset's files; those that are not here are downloaded into `<home>/data`.

    A file without a known sum is trusted the first time, and its sum is kept in
    `<home>/data/checksums.json`. Raises DataUnavailable if a download fails, HomeUnusable if it
    cannot be stored.
    """
    for file in spec.files:
        if _found(file, home) is None:
            _download(spec, file, home)
    return data_paths(spec, home)


def _checked_path(spec: DatasetSpec, file: DataFile, home: Path) -> Path:
    path = _found(file, home)
    if path is None:
        places = " and ".join(str(folder) for folder in _folders(home))
        raise DataUnavailable(
            f"file {file.name!r} of dataset {spec.name!r} is missing, looked for in {places}; "
            f"run `harness data fetch {spec.name}`"
        )
    expected = file.sha256 or _recorded_sums(home).get(file.name)
    if expected is None:
        return path
    try:
        state = path.stat()
        found = _sha256(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise DataUnavailable(f"{path} of dataset {spec.name!r} cannot be read: {error.strerror}") from error
    if found != expected.lower():
        raise DataUnavailable(
            f"{path} is not the file that dataset {spec.name!r} was made for: its sha256 is {found}, "
            f"not {expected}; move it away and run `harness data fetch {spec.name}`"
        )
    return path


def _found(file: DataFile, home: Path) -> Path | None:
    paths = (folder / file.name for folder in _folders(home))
    return next((path for path in paths if path.is_file()), None)


def _folders(home: Path) -> tuple[Path, ...]:
    given = os.environ.get("HARNESS_DATA_DIR")
    return (Path(given), home / "data") if given else (home / "data",)


@lru_cache(maxsize=1024)
def _sha256(path: Path, size: int, modified: int) -> str:
    """The sum of a file; size and time of change are asked for so that it is computed once a state."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(spec: DatasetSpec, file: DataFile, home: Path) -> None:
    import pooch

    folder = home / "data"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(f"cannot make the folder {folder}: {error.strerror}; choose another --home") from error
    recorded = _recorded_sums(home)
    expected = file.sha256 or recorded.get(file.name)
    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(file.url, known_hash=expected, fname=file.name, path=folder, progressbar=False)
    except (OSError, ValueError) as error:
        raise DataUnavailable(
            f"cannot download file {file.name!r} of dataset {spec.name!r} from {file.url}: {_reason(error)}"
        ) from error
    if expected is None:
        found = hashlib.sha256((folder / file.name).read_bytes()).hexdigest()
        _record_sums(home, {**recorded, file.name: found})


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        response.close()  # pooch leaves it open
        return f"the server answered {response.status_code} {response.reason}"
    if isinstance(error, OSError):
        return f"no connection ({type(error).__name__})" if error.strerror is None else error.strerror
    return str(error).partition(". ")[0]  # pooch's sentence on a wrong sum; advice follows


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _recorded_sums(home: Path) -> dict[str, str]:
    path = home / "data" / "checksums.json"
    try:
        return {str(name): str(found) for name, found in json.loads(path.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise HomeUnusable(f"cannot read {path}: {error}; delete it if it is damaged") from error


def _record_sums(home: Path, sums: dict[str, str]) -> None:
    path = home / "data" / "checksums.json"
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(sums, indent=2, sort_keys=True) + "\n", "utf-8")
    os.replace(draft, path)
