"""Fetching weights: from the hub or from a folder, verified, with a lock; and removing them."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.data.checksums import checksum, computed_checksum
from harness.data.download_lock import download_lock
from harness.data.downloads import download
from harness.data.storage import atomic_file
from harness.errors import BadInput, DataUnavailable
from harness.forecasters.limits import size_text
from harness.forecasters.weights.declared import Weights
from harness.forecasters.weights.hub import HubFile, endpoint, file_url, find_revision, headers
from harness.forecasters.weights.paths import VARIABLE, lock_path, repository_folder, weights_root
from harness.forecasters.weights.store import LockedFile, WeightsLock, damage, read_lock, write_lock

Say = Callable[[str], object]
REMEDY = f"set {VARIABLE} to another folder"
COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch_weights(weights: Weights, say: Say, revision: str | None = None) -> WeightsLock:
    """Download the files of weights that are not fetched yet, verify them, and write the lock.

    `revision` is one to use instead of the declared one; without it, weights that are fetched are left as they are.
    `say` is called with a sentence for each download. Raises DataUnavailable if a file cannot be had or has another
    hash, and HomeUnusable if it cannot be written. A download that was interrupted continues.
    """
    with download_lock(weights_root(), REMEDY, say):
        if revision is None and not damage(weights):
            lock = read_lock(weights)
            assert lock is not None
            return lock
        wanted = revision or _fetched_commit(weights) or weights.revision
        found = find_revision(weights.repository, wanted, weights.files)
        files = {name: _file_of(weights, name, found.files, wanted) for name in weights.files}
        folder = repository_folder(weights) / found.commit
        missing = {name: file for name, file in files.items() if not _is_as_told(folder / name, file, weights, name)}
        _check_space(folder, sum(file.size or 0 for file in missing.values()))
        for name, file in missing.items():
            say(f"downloading {name} of {weights.repository}" + (f" ({size_text(file.size)})" if file.size else ""))
            _download(weights, name, file, found.commit, folder)
        return _locked(weights, revision or weights.revision, found.commit, found.commit, endpoint())


def take_weights(weights: Weights, source: Path, say: Say) -> WeightsLock:
    """Copy the files of weights from a folder, verify them, and write the lock.

    Raises BadInput for a folder without one of them, DataUnavailable for a file with another hash than the declared
    one.
    """
    absent = [name for name in weights.files if not (source / name).is_file()]
    if absent:
        raise BadInput(f"the folder {source} lacks {', '.join(absent)} of the weights {weights}")
    for name, declared in weights.sha256.items():
        if (found := checksum(source / name)) != declared:
            raise DataUnavailable(f"the sha256 of {source / name} is {found}, and {declared} is declared")
    commit = source.resolve().name if COMMIT.fullmatch(source.resolve().name) else None  # as the cache of the hub
    digests = "".join(checksum(source / name) for name in weights.files)
    folder_name = commit or f"local-{hashlib.sha256(digests.encode()).hexdigest()[:12]}"
    folder = repository_folder(weights) / folder_name
    with download_lock(weights_root(), REMEDY, say):
        missing = [name for name in weights.files if not _is_copy(folder / name, source / name)]
        _check_space(folder, sum((source / name).stat().st_size for name in missing))
        for name in missing:
            say(f"copying {name}")
            with atomic_file(folder / name) as draft:
                shutil.copyfile(source / name, draft)
        return _locked(weights, weights.revision, commit, folder_name, str(source.resolve()))


def remove_weights(weights: Weights, say: Say) -> bool:
    """Remove the lock and the files of weights; returns whether there were any."""
    with download_lock(weights_root(), REMEDY, say):
        lock, folder = lock_path(weights), repository_folder(weights)
        was_fetched = lock.exists()
        lock.unlink(missing_ok=True)
        _remove_unused(folder)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return was_fetched


def _file_of(weights: Weights, name: str, files: Mapping[str, HubFile], revision: str) -> HubFile:
    if name not in files:
        raise DataUnavailable(
            f"{weights.repository} has no file {name!r} at revision {revision!r}; it has {', '.join(sorted(files))}"
        )
    declared, told = weights.sha256.get(name), files[name].sha256
    if declared is not None and told is not None and told != declared:
        raise DataUnavailable(
            f"the sha256 of {name!r} of {weights.repository} at revision {revision!r} is {told}, and {declared} is "
            "declared; fetch another revision by --revision"
        )
    return files[name]


def _is_as_told(path: Path, file: HubFile, weights: Weights, name: str) -> bool:
    """Whether a file is there already, whole."""
    if not path.is_file():
        return False
    expected = weights.sha256.get(name) or file.sha256
    if expected is not None:
        return computed_checksum(path) == expected
    return file.blob is not None and _git_hash(path) == file.blob


def _download(weights: Weights, name: str, file: HubFile, commit: str, folder: Path) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    url = file_url(weights.repository, commit, name)
    try:
        download(url, path, weights.sha256.get(name) or file.sha256, headers())
    except DataUnavailable as error:
        raise DataUnavailable(
            f"cannot download {name!r} of the weights {weights} from {url}: {error}; run the command again, which "
            "continues, or get the files another way and use --from FOLDER"
        ) from error
    size = path.stat().st_size
    wrong_size = file.size is not None and size != file.size
    if wrong_size or (file.sha256 is None and file.blob is not None and _git_hash(path) != file.blob):
        path.unlink()
        what = f"has {size:,} bytes instead of {file.size:,}" if wrong_size else "has another hash than the hub tells"
        raise DataUnavailable(f"the file {name!r} that {url} gives {what}; run the command again")


def _locked(weights: Weights, revision: str, commit: str | None, folder_name: str, source: str) -> WeightsLock:
    """Write the lock of files that are in their folder, and remove those of former commits."""
    folder = repository_folder(weights) / folder_name
    files = {}
    for name in weights.files:
        state = (folder / name).stat()
        files[name] = LockedFile(state.st_size, state.st_mtime_ns, computed_checksum(folder / name))
    before = _readable_lock(weights)
    if before is not None and before.folder == folder_name:  # files that another forecaster declares
        files = {**{name: file for name, file in before.files.items() if name not in files}, **files}
    lock = WeightsLock(weights.repository, revision, commit, folder_name, source, files)
    write_lock(weights, lock)
    _remove_unused(repository_folder(weights))
    return lock


def _fetched_commit(weights: Weights) -> str | None:
    """The commit of weights that were fetched, so that missing files are those of the same commit."""
    lock = _readable_lock(weights)
    declared = weights.sha256.items()
    if lock is None or any(name in lock.files and lock.files[name].sha256 != sha256 for name, sha256 in declared):
        return None
    return lock.commit


def _readable_lock(weights: Weights) -> WeightsLock | None:
    try:
        return read_lock(weights)
    except DataUnavailable:
        return None


def _remove_unused(folder: Path) -> None:
    """Remove the folders of commits that no lock of a repository names."""
    from harness.data.storage import read_json

    named = {(read_json(lock) or {}).get("folder") for lock in folder.glob("*.json")}
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir() and entry.name not in named:
            shutil.rmtree(entry, ignore_errors=True)


def _is_copy(path: Path, source: Path) -> bool:
    return (
        path.is_file() and path.stat().st_size == source.stat().st_size and computed_checksum(path) == checksum(source)
    )


def _git_hash(path: Path) -> str:
    """The hash that git gives the content of a file."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _check_space(folder: Path, needed: int) -> None:
    """Raise DataUnavailable if the disk of a folder, which need not exist, has less space than needed."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise DataUnavailable(
            f"the weights need {size_text(needed)}, and {existing} has {size_text(free)} left; {REMEDY}"
        )
