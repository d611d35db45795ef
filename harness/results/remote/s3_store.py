"""A store of S3, or of a server that is compatible with it. s3fs sends several requests where S3 needs one."""

from __future__ import annotations

from typing import Any

from harness.results.remote.fsspec_store import FsspecStore
from harness.results.remote.store import Entry

TRIES = 1  # of s3fs, which takes its square to read an object; an answer may take 15 seconds
MOST = 1000  # objects that a request removes
WRITE, SLOWEST = 30.0, 100_000  # seconds that writing may take, and bytes per second beyond that


class S3Store(FsspecStore):
    """The objects below a URL such as "s3://bucket/folder"."""

    def _file_system(self, url: str, **options: Any) -> tuple[Any, str]:
        options |= {"max_concurrency": 1}  # with more it asks for the size of an object before it reads it
        files, root = super()._file_system(url, use_listings_cache=False, **options, **_settings())
        files.retries = TRIES
        return files, root

    def _list(self, folder: str) -> dict[str, Entry]:
        bucket, _, prefix = folder.partition("/")  # of a folder without objects it asks whether it is an object
        found = self._files.find(bucket, prefix=f"{prefix}/" if prefix else "", detail=True)
        return {path: Entry(int(each["size"]), each.get("ETag", "")) for path, each in found.items()}

    def _write(self, path: str, content: bytes, **options: Any) -> None:
        timeout = WRITE + len(content) / SLOWEST  # else it waits without a limit until a server asks for the content
        super()._write(path, content, timeout=timeout, **options)

    def _delete(self, paths: list[str]) -> None:
        for first in range(0, len(paths), MOST):  # `rm` of s3fs takes names for patterns, and drops what is refused
            keys = [self._files.split_path(path)[:2] for path in paths[first : first + MOST]]
            objects = {"Objects": [{"Key": key} for _, key in keys], "Quiet": True}
            answer = self._files.call_s3("delete_objects", Bucket=keys[0][0], Delete=objects)
            for error in answer.get("Errors", ()):
                if error.get("Code") != "NoSuchKey":
                    raise _exception_of(error)


def _exception_of(error: dict[str, str]) -> Exception:
    """The exception of an error that an answer lists."""
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    found: Exception = translate_boto_error(ClientError({"Error": error}, "DeleteObjects"))
    return found


def _settings() -> dict[str, Any]:
    """Settings beside those of the user: a connection is tried once at a time, since harness tries again itself."""
    from fsspec.config import conf

    return {"config_kwargs": {"retries": {"total_max_attempts": 1}, **conf.get("s3", {}).get("config_kwargs", {})}}
