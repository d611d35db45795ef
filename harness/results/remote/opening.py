"""Stores by URL."""

from __future__ import annotations

from harness.results.remote.store import Store


def open_store(url: str) -> Store:
    """The store at a URL; a folder for file://, else what fsspec knows. Raises BadInput for an unknown kind of URL.

    Nothing is read yet.
    """
    protocol = url.partition("://")[0]
    if protocol == "file":
        from harness.results.remote.folder_store import FolderStore

        return FolderStore(url)
    from harness.results.remote.azure_store import AzureStore
    from harness.results.remote.fsspec_store import EXTRAS, FsspecStore
    from harness.results.remote.google_store import GoogleStore
    from harness.results.remote.s3_store import S3Store

    kinds: dict[str, type[FsspecStore]] = {"s3": S3Store, "azure": AzureStore, "gcs": GoogleStore}
    return kinds.get(EXTRAS.get(protocol, ""), FsspecStore)(url)
