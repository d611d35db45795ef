"""Copies of a worker: a forked process with the same fitted forecaster, and a connection of its own."""

from __future__ import annotations

import contextlib
import os
import socket

from harness.worker.messages import Connection
from harness.worker.processes import children, has_ended, is_readable, kill

CONNECTING_SECONDS = 10.0


def copied(path: str) -> Connection | int | str:
    """Fork this process. The copy gets its connection to the socket at `path`, the original the pid of the copy.

    The original gets the reason instead, where it cannot be copied.
    """
    _reap()
    threads = threads_of_this_process()
    if threads > 1:
        return f"it has {threads} threads"
    alive = [child for child in children(os.getpid()) if not has_ended(child)]
    if alive and not _copies.issuperset(alive):
        return f"it has {len(alive)} child processes"
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reading)
            connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connected.connect(path)
            _copies.clear()
            os.write(writing, b"1")
            os.close(writing)
            descriptor = connected.detach()
            return Connection(descriptor, descriptor)
        except BaseException:
            os._exit(1)
    os.close(writing)
    try:
        has_connected = is_readable(reading, CONNECTING_SECONDS) and os.read(reading, 1) == b"1"
    finally:
        os.close(reading)
    if has_connected:
        _copies.add(pid)
        return pid
    kill([pid])
    with contextlib.suppress(OSError):
        os.waitpid(pid, 0)
    return "the copy did not connect to its supervisor"


_copies: set[int] = set()  # that this process made, and that have not ended


def _reap() -> None:
    """Wait for the copies that have ended."""
    for pid in tuple(_copies):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        except OSError:
            ended = True
        if ended:
            _copies.discard(pid)


def threads_of_this_process() -> int:
    """The number of threads of this process."""
    if os.path.exists("/proc/self/task"):
        return len(os.listdir("/proc/self/task"))
    import threading

    return threading.active_count()
