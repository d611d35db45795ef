"""The files of a dataset: found in the data folders and verified; downloaded only by `fetch`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.archives import unpack
from harness.data.checksums import checksum
from harness.data.dataset import DataFile, DatasetSpec
from harness.data.download_lock import download_lock
from harness.data.downloads import download
from harness.data.storage import write_json
from harness.errors import BadData, DataUnavailable, Failure, HarnessError, HomeUnusable, UnusableFile, attempt
from harness.fields.dumping import dump
from harness.fields.reading import load as load_fields

if TYPE_CHECKING:
    from harness.data.panel import Panel


@dataclass(frozen=True)
class DownloadRecord:
    """Where a file in `<home>/data` was downloaded from, and its checksum then."""

    sha256: str
    url: str | None = None


def load(spec: DatasetSpec, home: Path) -> Panel:
    """The panel of a dataset, from files that are available.

    Raises DataUnavailable if one is not, BadData if a file or the panel is malformed, or cannot be loaded.
    """
    from harness.data.panel import Panel

    panel = attempt(partial(spec.panel, data_paths(spec, home)))
    if isinstance(panel, Failure):
        if isinstance(panel.error, HarnessError) and not isinstance(panel.error, BadData):
            raise panel.error
        raise BadData(f"dataset {spec.name!r} cannot be loaded: {panel}") from panel.error
    if not isinstance(panel, Panel):
        raise BadData(f"dataset {spec.name!r} cannot be loaded: its loader returned {type(panel).__name__}, not Panel")
    try:
        panel.check_observed()
    except BadData as error:
        raise BadData(f"dataset {spec.name!r}: {error}") from error
    return panel


def data_paths(spec: DatasetSpec, home: Path) -> tuple[Path, ...]:
    """The paths of a dataset's files, in their order, each verified by its checksum.

    Looked up in HARNESS_DATA_DIR, which is never written to, then in `<home>/data`. An archive with `unpack` is
    unpacked into `<home>/data/<name>.unpacked`, and that folder is its path. Raises DataUnavailable for a file that
    is in neither folder or cannot be unpacked, UnusableFile for one that has another checksum or cannot be read.
    """
    paths = [_verified_path(spec, file, home) for file in spec.files]
    return tuple(
        unpack(path, home / "data" / f"{file.name}.unpacked", checksum(path)) if file.unpack else path
        for file, path in zip(spec.files, paths, strict=True)
    )


def available(spec: DatasetSpec, home: Path) -> bool:
    """Whether all files of a dataset exist and have the right checksums; unpacks nothing."""
    try:
        for file in spec.files:
            _verified_path(spec, file, home)
    except DataUnavailable:
        return False
    return True


def downloaded(spec: DatasetSpec, home: Path) -> bool:
    """Whether all files of a dataset exist; their checksums are not compared."""
    return all(_find(file, home) is not None for file in spec.files)


def fetch(spec: DatasetSpec, home: Path, say: Callable[[str], object] | None = None) -> tuple[Path, ...]:
    """The paths of a dataset's files; those that are not available are downloaded into `<home>/data`.

    `say` is called with a sentence if another process is awaited.

    A download that was cut continues where it ended. Each file's address and checksum are recorded in
    `<home>/data/checksums.json`: a file without a known checksum is trusted the first time, and must have that
    checksum from then on. Raises DataUnavailable if a download fails, HomeUnusable if it cannot be stored.
    """
    if any(_find(file, home) is None for file in spec.files):
        with download_lock(home / "data", "choose another --home", say):
            for file in spec.files:
                if _find(file, home) is None:  # otherwise another process has downloaded it meanwhile
                    _download(spec, file, home)
    return data_paths(spec, home)


def _verified_path(spec: DatasetSpec, file: DataFile, home: Path) -> Path:
    path = _find(file, home)
    if path is None:
        raise DataUnavailable(
            f"file {file.name!r} of dataset {spec.name!r} is missing, looked for in "
            f"{' and '.join(str(folder) for folder in _folders(home))}; run `harness data fetch {spec.name}`, "
            f"or put {file.url} there"
        )
    record = _read_records(home).get(file.name)
    if file.sha256 is not None or record is not None:
        try:
            found = checksum(path)
        except OSError as error:
            raise UnusableFile(f"{path} of dataset {spec.name!r} cannot be read: {error.strerror}") from error
        problem = _problem(file, record, found, downloaded=path == home / "data" / file.name)
        if problem is not None:
            raise UnusableFile(
                f"{path} is not the file of dataset {spec.name!r}: {problem}; "
                f"move it away and run `harness data fetch {spec.name}`"
            )
    return path


def _problem(file: DataFile, record: DownloadRecord | None, found: str, downloaded: bool) -> str | None:
    """Why a file with a checksum is not the expected one; None if it is, or nothing is known of it."""
    expected = file.sha256 or _recorded_checksum(file, record)
    if expected is not None and found != expected.lower():
        return f"its sha256 is {found}, not {expected}"
    if expected is None and downloaded and record is not None and record.sha256 == found:
        return f"it was downloaded from {record.url}, not from {file.url}"
    return None


def _recorded_checksum(file: DataFile, record: DownloadRecord | None) -> str | None:
    """The checksum of the file when it was downloaded, unless that was another file of the same name."""
    return record.sha256 if record is not None and record.url in (None, file.url) else None


def _find(file: DataFile, home: Path) -> Path | None:
    paths = (folder / file.name for folder in _folders(home))
    return next((path for path in paths if path.is_file()), None)


def _folders(home: Path) -> tuple[Path, ...]:
    given = os.environ.get("HARNESS_DATA_DIR")
    return (Path(given), home / "data") if given else (home / "data",)


def _download(spec: DatasetSpec, file: DataFile, home: Path) -> None:
    path = home / "data" / file.name
    records = _read_records(home)
    try:
        download(file.url, path, file.sha256 or _recorded_checksum(file, records.get(file.name)))
    except DataUnavailable as error:
        raise DataUnavailable(
            f"cannot download file {file.name!r} of dataset {spec.name!r} from {file.url}: {error}; "
            f"run `harness data fetch {spec.name}` again, or get the file another way and put it into "
            f"{_folders(home)[0]}"
        ) from error
    _write_records(home, {**records, file.name: DownloadRecord(checksum(path), file.url)})


def _read_records(home: Path) -> dict[str, DownloadRecord]:
    """The record of each download, by the name of its file; records of older versions hold only the checksum."""
    path = home / "data" / "checksums.json"
    try:
        found = json.loads(path.read_text("utf-8").removeprefix("\ufeff"))
        return {
            str(name): DownloadRecord(fields) if isinstance(fields, str) else load_fields(DownloadRecord, fields)
            for name, fields in found.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise HomeUnusable(f"cannot read {path}: {error}; delete it if it is damaged") from error


def _write_records(home: Path, records: Mapping[str, DownloadRecord]) -> None:
    fields = {name: dump(record) for name, record in sorted(records.items())}
    write_json(home / "data" / "checksums.json", fields, indent=2)
