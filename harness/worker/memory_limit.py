"""The limit of the writable memory of a process, which the system enforces: allocations beyond it fail at once."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


def limit_data(size: int) -> None:
    """Allow so many bytes more than this process has now."""
    present = present_data()
    if present is not None:
        _set(present + size)


@contextmanager
def limited_data(size: int | None) -> Iterator[None]:
    """Allow so many bytes more than this process has now in a block, or any if None."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    if size is not None:
        limit_data(size)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


class Allowances:
    """What is allowed beyond the limit: mapped files, which are counted as writable memory without being used.

    Of each name two are allowed for: a file and the one that it replaced, which may be in use still.
    """

    def __init__(self) -> None:
        self._sizes: dict[str, tuple[int, int]] = {}

    def allow(self, name: str, size: int) -> None:
        """Raise the limit for what is about to be allocated."""
        oldest, replaced = self._sizes.get(name, (0, 0))
        self._sizes[name] = (replaced, size)
        if has_limit():
            _set(resource.getrlimit(resource.RLIMIT_DATA)[0] + size - oldest)


def has_limit() -> bool:
    """Whether the writable memory of this process has a limit."""
    return resource.getrlimit(resource.RLIMIT_DATA)[0] != resource.RLIM_INFINITY


def _set(limit: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def present_data() -> int | None:
    """The bytes of writable memory of this process that are its own; None where the system does not tell them."""
    try:
        with open("/proc/self/status", "rb") as file:
            return int(file.read().partition(b"VmData:")[2].split(maxsplit=1)[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None
