"""Where the files of a dataset lie: found in the data folders and checked; downloaded only by `fetch`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.attempt import Failure, attempt
from harness.data.archives import unpacked
from harness.data.dataset import DataFile, DatasetSpec
from harness.data.downloads import download
from harness.data.storage import write_json
from harness.errors import BadData, DataUnavailable, HarnessError, HomeUnusable

if TYPE_CHECKING:
    from harness.data.panel import Panel


@dataclass(frozen=True)
class Origin:
    """What is known of a file in `<home>/data` since it was downloaded."""

    sha256: str
    url: str | None = None


def load(spec: DatasetSpec, home: Path) -> Panel:
    """The panel of a dataset, from files that are here.

    Raises DataUnavailable if one is not, BadData if a file or the panel is malformed, or cannot be loaded.
    """
    from harness.data.panel import Panel

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

    Looked up in HARNESS_DATA_DIR, which is never written to, then in `<home>/data`. An archive that is to be
    unpacked is so, into `<home>/data/<name>.unpacked`, and that folder is its path. Raises DataUnavailable
    for a file that is in neither, is not what it should be, or cannot be unpacked.
    """
    paths = [_checked_path(spec, file, home) for file in spec.files]
    return tuple(
        unpacked(path, home / "data" / f"{file.name}.unpacked", _sum_of(path)) if file.unpack else path
        for file, path in zip(spec.files, paths, strict=True)
    )


def available(spec: DatasetSpec, home: Path) -> bool:
    """Whether all files of a dataset are here, and are what they should be; unpacks nothing."""
    try:
        for file in spec.files:
            _checked_path(spec, file, home)
    except DataUnavailable:
        return False
    return True


def fetch(spec: DatasetSpec, home: Path) -> tuple[Path, ...]:
    """The paths of a dataset's files; those that are not here are downloaded into `<home>/data`.

    A download that was cut goes on where it ended. Each file's address and sum are kept in
    `<home>/data/checksums.json`: a file without a known sum is trusted the first time and held to that sum.
    Raises DataUnavailable if a download fails, HomeUnusable if it cannot be stored.
    """
    for file in spec.files:
        if _found(file, home) is None:
            _download(spec, file, home)
    return data_paths(spec, home)


def _checked_path(spec: DatasetSpec, file: DataFile, home: Path) -> Path:
    path = _found(file, home)
    if path is None:
        raise DataUnavailable(
            f"file {file.name!r} of dataset {spec.name!r} is missing, looked for in "
            f"{' and '.join(str(folder) for folder in _folders(home))}; run `harness data fetch {spec.name}`, "
            f"or put {file.url} there"
        )
    origin = _origins(home).get(file.name)
    if origin is None and file.sha256 is None:
        return path
    try:
        found = _sum_of(path)
    except OSError as error:
        raise DataUnavailable(f"{path} of dataset {spec.name!r} cannot be read: {error.strerror}") from error
    again = f"move it away and run `harness data fetch {spec.name}`"
    expected = file.sha256 or _recorded_sum(file, origin)
    if expected is not None and found != expected.lower():
        raise DataUnavailable(
            f"{path} is not the file that dataset {spec.name!r} was made for: its sha256 is {found}, "
            f"not {expected}; {again}"
        )
    if expected is None and origin is not None and origin.sha256 == found and path == home / "data" / file.name:
        raise DataUnavailable(f"{path} came from {origin.url}, and dataset {spec.name!r} needs {file.url}; {again}")
    return path


def _recorded_sum(file: DataFile, origin: Origin | None) -> str | None:
    """The sum of the file when it was downloaded, unless that was another file of the same name."""
    return origin.sha256 if origin is not None and origin.url in (None, file.url) else None


def _found(file: DataFile, home: Path) -> Path | None:
    paths = (folder / file.name for folder in _folders(home))
    return next((path for path in paths if path.is_file()), None)


def _folders(home: Path) -> tuple[Path, ...]:
    given = os.environ.get("HARNESS_DATA_DIR")
    return (Path(given), home / "data") if given else (home / "data",)


def _sum_of(path: Path) -> str:
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _sha256(path: Path, size: int, modified: int) -> str:
    """The sum of a file; size and time of change are asked for so that it is computed once a state."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(spec: DatasetSpec, file: DataFile, home: Path) -> None:
    path = home / "data" / file.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(f"cannot make the folder {path.parent}: {error.strerror}; choose another --home") from error
    try:
        download(file.url, path, file.sha256 or _recorded_sum(file, _origins(home).get(file.name)))
    except DataUnavailable as error:
        raise DataUnavailable(
            f"cannot download file {file.name!r} of dataset {spec.name!r} from {file.url}: {error}; "
            f"run `harness data fetch {spec.name}` again, or get the file another way and put it into "
            f"{_folders(home)[0]}"
        ) from error
    _record(home, {**_origins(home), file.name: Origin(_sum_of(path), file.url)})


def _origins(home: Path) -> dict[str, Origin]:
    """What is recorded of each download, by the name of its file; older records hold nothing but the sum."""
    path = home / "data" / "checksums.json"
    try:
        found = json.loads(path.read_text("utf-8"))
        return {str(name): Origin(one) if isinstance(one, str) else Origin(**one) for name, one in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise HomeUnusable(f"cannot read {path}: {error}; delete it if it is damaged") from error


def _record(home: Path, origins: Mapping[str, Origin]) -> None:
    fields = {name: asdict(origin) for name, origin in sorted(origins.items())}
    write_json(home / "data" / "checksums.json", fields, indent=2)
