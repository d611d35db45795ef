"""Results of a cell that differ from the one that counts, kept in the store: <url>/conflicts/<key>/<hash>."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.results.conflicts import CONFLICTS
from harness.results.folders import RECORD
from harness.results.remote.items import digest_of, read_files
from harness.results.remote.packing import pack
from harness.results.remote.store import Store


def store_conflict(store: Store, key: str, files: Mapping[str, bytes]) -> str:
    """Keep a result, given by its files with the record first; returns the name of its object."""
    name = f"{CONFLICTS}/{key}/{digest_of(next(iter(files.values())))}"
    store.create(name, pack(files))
    return name


def store_conflicts(store: Store, key: str, folder: Path) -> None:
    """Keep the results in the folders of a folder, as a merge leaves them."""
    for record in sorted(folder.glob(f"*/{RECORD}")):
        store_conflict(store, key, read_files(record))


def stored_conflicts(names: Iterable[str]) -> set[str]:
    """The keys of the cells of which a store with these objects keeps results that differ."""
    return {parts[1] for name in names if len(parts := name.split("/")) == 3 and parts[0] == CONFLICTS}
