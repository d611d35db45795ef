"""A store of Azure Blob Storage. adlfs sends several requests where Azure needs one."""

from __future__ import annotations

from typing import Any

from harness.errors import BadInput
from harness.results.remote.fsspec_store import FsspecStore
from harness.results.remote.store import Entry

BACKOFF = 1, 2  # seconds before the second of four tries, and what to the power of 1 and 2 is added before the others


class AzureStore(FsspecStore):
    """The objects below a URL such as "abfs://container/folder"."""

    tries_itself = True

    def _file_system(self, url: str, **options: Any) -> tuple[Any, str]:
        try:
            files, root = super()._file_system(url, use_listings_cache=False, **options)
        except ValueError as error:
            raise BadInput(
                f"{url} needs an account with credentials ({error}); set AZURE_STORAGE_ACCOUNT_NAME or "
                "AZURE_STORAGE_CONNECTION_STRING, or write abfs://container@account.dfs.core.windows.net/folder"
            ) from error
        retries: Any = getattr(getattr(files.service_client, "_config", None), "retry_policy", None)
        if hasattr(retries, "initial_backoff"):  # with 15 seconds each request to a server that is away takes a minute
            retries.initial_backoff, retries.increment_base = BACKOFF
        return files, root

    def _list(self, folder: str) -> dict[str, Entry]:
        from azure.core.exceptions import ResourceNotFoundError
        from fsspec.asyn import sync

        container, path, _ = self._files.split_path(f"{folder}/")

        async def listed() -> dict[str, Entry]:
            async with self._files.service_client.get_container_client(container) as client:
                blobs = client.list_blobs(include=["metadata"], name_starts_with=path)
                files = [blob async for blob in blobs if not _is_folder(blob.metadata)]
                return {f"{container}/{blob.name}": Entry(blob.size, blob.etag or "") for blob in files}

        try:
            return dict(sync(self._files.loop, listed))
        except ResourceNotFoundError as error:
            raise FileNotFoundError(f"container {container}") from error


def _is_folder(metadata: dict[str, str] | None) -> bool:
    """Whether an object stands for a folder, in accounts with a hierarchical namespace."""
    return any(name.lower() == "hdi_isfolder" for name in metadata or ())
