"""Stores by URL."""

from __future__ import annotations

from harness.results.remote.store import Store


def open_store(url: str) -> Store:
    """The store at a URL; a folder for file://, else what fsspec knows. Raises BadInput for an unknown kind of URL.

    Nothing is read yet.
    """
    if url.startswith("file://"):
        from harness.results.remote.folder_store import FolderStore

        return FolderStore(url)
    from harness.results.remote.fsspec_store import FsspecStore

    return FsspecStore(url)
