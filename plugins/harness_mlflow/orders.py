"""The orders of the command that started the mirror, and the end of the mirror when that command is gone.

The command holds the other end of the mirror's standard input: its end means that the command was interrupted or has
died. Since processes that the command forked may hold that end too, the command's process is watched as well. On Linux
the system itself kills the mirror when the thread that started it dies, whatever the mirror is doing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

FINISH = b"finish\n"  # sent to the mirror when all cells are finished
LOOK = 1.0  # seconds between looks at the command's process
GRACE = 8  # seconds in which the mirror may end its present run when the command is gone
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


class Orders:
    """The orders of the command, read on separate threads."""

    def __init__(self) -> None:
        self.finish = threading.Event()  # send the rest, then end
        self.stop = threading.Event()  # end after the current run
        self.changed = threading.Event()  # one of them was given, or the following thread has ended

    def listen(self, file: int, parent: int) -> None:
        """Start to read a file descriptor, and to watch the process that started this one; 0: none is watched."""
        threading.Thread(target=self._read, args=[file], daemon=True).start()
        if parent and sys.platform != "win32":
            threading.Thread(target=self._watch, args=[parent], daemon=True).start()

    def wait(self, seconds: float | None) -> None:
        """Sleep until an order, or for so many seconds."""
        self.changed.wait(seconds)

    def _read(self, file: int) -> None:
        heard = b""
        with contextlib.suppress(OSError):
            while part := os.read(file, 1024):
                heard += part
                if FINISH in heard:
                    self.finish.set()
                    self.changed.set()
        self._end()

    def _watch(self, parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(LOOK)
        self._end()

    def _end(self) -> None:
        """End after the current run, or by the system's alarm, which no computation can hold up."""
        self.stop.set()
        self.changed.set()
        if sys.platform != "win32":
            signal.alarm(GRACE)


def die_with_parent(parent: int) -> None:
    """Let Linux kill this process when the thread that started it dies; ends at once if the parent is dead already."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
