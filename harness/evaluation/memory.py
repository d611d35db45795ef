"""Memory of this process: resident now, and at its peak."""

from __future__ import annotations

import os
import sys


def resident_memory() -> int | None:
    """The resident set size in bytes; None where the system does not tell it."""
    resident = _status(b"VmRSS:")
    if resident is not None:
        return resident
    import psutil

    return int(psutil.Process().memory_info().rss)


def reset_peak() -> bool:
    """Restart the measurement of `peak_memory`; False where the system cannot."""
    try:
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)  # bare calls: a quick cell takes a millisecond
    except OSError:
        return False
    try:
        return os.write(file, b"5") == 1
    except OSError:
        return False
    finally:
        os.close(file)


def peak_memory() -> int | None:
    """The peak of the resident set size in bytes since `reset_peak`, or else since the process began."""
    peak = _status(b"VmHWM:")
    return quick_peak() if peak is None else peak


def quick_peak() -> int | None:
    """The same from `getrusage`, in a microsecond; of a process that was executed anew, at least its parent's peak."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _status(name: bytes) -> int | None:
    """A line of /proc/self/status in bytes."""
    try:
        file = os.open("/proc/self/status", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(file, 1 << 16)
    finally:
        os.close(file)
    _, found, rest = text.partition(name)
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else None
