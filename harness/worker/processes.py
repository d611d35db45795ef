"""Processes of the operating system: what ends with its parent, who descends from whom, and open descriptors.

Linux offers all of it. On macOS a process is not told when its parent ends and cannot adopt orphans: what a forecaster
started is found as long as its parent lives.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

LINUX = sys.platform.startswith("linux")
PARENT_DEATH_SIGNAL, DUMPABLE, CHILD_SUBREAPER = 1, 4, 36  # options of prctl
MOST_DESCRIPTORS = 1 << 20  # where the system does not close ranges at once


@lru_cache(maxsize=1)
def libc() -> Any:
    """The C library of this process; loaded before a fork, so that the copies need not."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends; it ends at once where that has happened already."""
    if LINUX:
        libc().prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Make this process the parent of all its descendants whose own parents end."""
    if LINUX:
        libc().prctl(CHILD_SUBREAPER, 1, 0, 0, 0)


def forbid_inspection() -> None:
    """Let no other process read or change the memory of this one, or of those that are forked from it.

    Those of root, and others that may trace every process, can.
    """
    if LINUX:
        libc().prctl(DUMPABLE, 0, 0, 0, 0)


def allow_inspection() -> None:
    """Let processes of the same user see what this one uses again, as they see of others."""
    if LINUX:
        libc().prctl(DUMPABLE, 1, 0, 0, 0)


def pidfd(pid: int) -> int | None:
    """A descriptor that can be read when the process has ended; None where the system has none or it is gone."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def children(pid: int) -> list[int]:
    """The children of a process, those that have ended and were not waited for too."""
    if not os.path.exists("/proc/self/task"):
        return _children_elsewhere(pid)
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    return found


def _children_elsewhere(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def descendants(pid: int, spared: Collection[int] = ()) -> list[int]:
    """The children of a process, theirs, and so on, without those that are spared and what descends from them."""
    found: list[int] = []
    pending = [pid]
    while pending:
        new = [child for child in children(pending.pop()) if child not in spared]
        found += new
        pending += new
    return found


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or has ended and was not waited for."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return os.path.exists("/proc/self/stat") or _has_ended_elsewhere(pid)


def _has_ended_elsewhere(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def kill(pids: Iterable[int]) -> None:
    """Kill processes at once; those that are gone already are left out."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def descriptors() -> frozenset[int]:
    """The open descriptors of this process."""
    folder = "/proc/self/fd" if os.path.exists("/proc/self/fd") else "/dev/fd"
    return frozenset(int(name) for name in os.listdir(folder))


def close_others(kept: Iterable[int]) -> None:
    """Close all descriptors except for 0, 1, 2 and these."""
    first = 3
    for descriptor in sorted(kept):
        if descriptor >= first:
            os.closerange(first, descriptor)
            first = descriptor + 1
    os.closerange(first, MOST_DESCRIPTORS if LINUX else os.sysconf("SC_OPEN_MAX"))


def detach_standard_streams() -> None:
    """Read nothing, and write nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def is_readable(descriptor: int, seconds: float) -> bool:
    """Whether a descriptor can be read, or is closed at the other end, within a time."""
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    return bool(ready.poll(seconds * 1000))
