"""A store of Google Cloud Storage."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Any

from harness.results.remote.fsspec_store import FsspecStore
from harness.results.remote.store import Entry

TRIES = 4  # of a request, with pauses of about 1, 2 and 4 seconds; gcsfs has 6
SILENCE = 60.0  # seconds after which a connection is given up, as the libraries of the other stores do


class GoogleStore(FsspecStore):
    """The objects below a URL such as "gs://bucket/folder", by the JSON interface.

    The file system that gcsfs registers asks another interface for the kind of the bucket, with each request if that
    is not allowed, and writes to zonal buckets, which harness does not use.
    """

    tries_itself = True

    def _file_system(self, url: str, **options: Any) -> tuple[Any, str]:
        from aiohttp import ClientTimeout

        logging.getLogger("gcsfs").addHandler(logging.NullHandler())  # it logs exceptions that it also raises
        files = _files_class()(
            **options,
            use_listings_cache=False,
            requests_timeout=ClientTimeout(sock_connect=SILENCE, sock_read=SILENCE),
            token="anon" if os.environ.get("STORAGE_EMULATOR_HOST") else None,  # as in the libraries of Google
        )
        return files, files._strip_protocol(url)

    def _list(self, folder: str) -> dict[str, Entry]:
        bucket, _, prefix = folder.partition("/")
        asked = {"prefix": f"{prefix}/" if prefix else "", "fields": "items(name,size,generation),nextPageToken"}
        listed, page = dict[str, Entry](), None
        while True:
            found = self._files.call("GET", "b/{}/o", bucket, pageToken=page, json_out=True, **asked)
            for each in found.get("items", ()):
                listed[f"{bucket}/{each['name']}"] = Entry(int(each["size"]), str(each.get("generation", "")))
            page = found.get("nextPageToken")
            if not page:
                return listed


@cache
def _files_class() -> Any:
    from gcsfs.core import GCSFileSystem
    from gcsfs.retry import retry_request

    class GoogleFiles(GCSFileSystem):  # type: ignore[misc]
        cachable = False
        _request = retry_request(retries=TRIES)(GCSFileSystem._request.__wrapped__)

    return GoogleFiles
