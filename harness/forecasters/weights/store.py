"""The folder of weights: what is fetched, and whether it is as it was then. Nothing here uses the network.

The files of a commit are in `<organisation>--<name>/<commit>/`. The lock `<organisation>--<name>/<revision>.json` names
the commit of a revision, and has the size and the hash of each file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.data.checksums import checksum, computed_checksum
from harness.data.storage import read_checked_json, write_checked_json
from harness.errors import DamagedFile, DataUnavailable, HomeUnusable, LaterVersion
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.forecasters.weights.declared import Weights
from harness.forecasters.weights.paths import VARIABLE, lock_path, repository_folder, weights_root

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
SCHEMA = 1


@dataclass(frozen=True)
class LockedFile:
    """A file as it was fetched."""

    size: int  # bytes
    modified: int  # ns, when its hash was last compared
    sha256: str


@dataclass(frozen=True)
class WeightsLock:
    """The weights that are used: the commit, its folder, and its files."""

    repository: str
    revision: str  # that was asked for
    commit: str | None  # None: of files that were taken from a folder
    folder: str  # beside the lock
    source: str  # a URL, or the folder
    files: Mapping[str, LockedFile]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files.values())


def weights_variables(present: Mapping[str, str]) -> dict[str, str]:
    """Environment variables of a process that loads weights: where they are, and that libraries stay offline.

    A variable of libraries that is set already is kept.
    """
    return {VARIABLE: str(weights_root()), **{name: present.get(name, "1") for name in OFFLINE}}


def read_lock(weights: Weights) -> WeightsLock | None:
    """The lock of weights, None if they are not fetched; raises DataUnavailable for one that cannot be used."""
    path = lock_path(weights)
    try:
        fields = read_checked_json(path, SCHEMA)
        return None if fields is None else load(WeightsLock, _without_schema(fields))
    except (DamagedFile, LaterVersion, HomeUnusable) as error:
        raise DataUnavailable(str(error)) from error
    except ValueError as error:
        raise DataUnavailable(f"{path} is not a lock of weights: {error}") from error


def write_lock(weights: Weights, lock: WeightsLock) -> None:
    """Write the lock of weights; raises OSError."""
    write_checked_json(lock_path(weights), dump(lock), SCHEMA)


def weights_problem(weights: Weights) -> str:
    """Why weights cannot be used, as a phrase; empty if they can.

    The hash of a file is compared if its modification time is not that of the last comparison.
    """
    try:
        lock = read_lock(weights)
    except DataUnavailable as error:
        return str(error)
    if lock is None:
        return f"the weights {weights} are not fetched"
    problem = _problem(weights, lock)
    if not problem:
        _note_times(weights, lock)
    return problem


def unverified_source(weights: Weights, lock: WeightsLock) -> str:
    """The folder that weights were taken from, if nothing tells that they are the published ones; otherwise empty.

    That is told by the hub, by a hash of each file that the forecaster declares, and by a folder of the cache of the
    hub, which has the name of a commit.
    """
    is_known = lock.commit is not None or "://" in lock.source or set(weights.files) <= set(weights.sha256)
    return "" if is_known else lock.source


def unverified_text(source: str) -> str:
    """What lists, cards and notes of runs say of weights from such a folder."""
    return f"from {source}, not compared with the published weights"


def weights_folder(weights: Weights) -> Path:
    """The folder with the files of weights, which are verified; raises DataUnavailable with the command that fetches.

    It uses no network.
    """
    if problem := weights_problem(weights):
        raise DataUnavailable(
            f"{problem}; run `harness weights fetch` with the name of the forecaster, or set {VARIABLE} (now "
            f"{weights_root()})"
        )
    lock = read_lock(weights)
    assert lock is not None
    return repository_folder(weights) / lock.folder


def weights_digest(weights: Weights) -> str | None:
    """A hash of the declared files as they were fetched, the same wherever they came from; None without a lock."""
    try:
        lock = read_lock(weights)
    except DataUnavailable:
        return None
    if lock is None or any(name not in lock.files for name in weights.files):
        return None
    text = "\n".join(f"{lock.files[name].sha256} {name}" for name in sorted(weights.files))
    return hashlib.sha256(text.encode()).hexdigest()


def damage(weights: Weights) -> list[str]:
    """What is wrong with weights, as phrases: the hashes of all their files are computed."""
    if problem := weights_problem(weights):
        return [problem]
    lock = read_lock(weights)
    assert lock is not None
    folder = repository_folder(weights) / lock.folder
    hashes = {name: computed_checksum(folder / name) for name in weights.files}
    return [
        f"the sha256 of {folder / name} is {found} instead of {lock.files[name].sha256}"
        for name, found in hashes.items()
        if found != lock.files[name].sha256
    ]


def _problem(weights: Weights, lock: WeightsLock) -> str:
    folder = repository_folder(weights) / lock.folder
    for name in weights.files:
        if name not in lock.files:
            return f"the file {name!r} of the weights {weights} is not fetched"
        declared = weights.sha256.get(name)
        if declared is not None and declared != lock.files[name].sha256:
            return f"the sha256 of {folder / name} is {lock.files[name].sha256}, and {declared} is declared"
        if problem := _file_problem(folder / name, lock.files[name]):
            return problem
    return ""


def _file_problem(path: Path, file: LockedFile) -> str:
    """What is wrong with a file; its hash is compared only where it was modified."""
    try:
        state = path.stat()
        if state.st_size != file.size:
            return f"{path} has {state.st_size:,} bytes instead of {file.size:,}"
        if state.st_mtime_ns != file.modified and (found := checksum(path)) != file.sha256:
            return f"the sha256 of {path} is {found} instead of {file.sha256}"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    return ""


def _note_times(weights: Weights, lock: WeightsLock) -> None:
    """Note the modification times of files whose hashes were compared, if the folder can be written to."""
    folder = repository_folder(weights) / lock.folder
    times = {name: (folder / name).stat().st_mtime_ns for name in weights.files}
    if all(lock.files[name].modified == time for name, time in times.items()):
        return
    changed = {name: replace(lock.files[name], modified=time) for name, time in times.items()}
    with suppress(OSError):
        write_lock(weights, replace(lock, files={**lock.files, **changed}))


def _without_schema(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != "schema"}
