"""CapturedOutput: what a process writes to a pipe, of which the end is kept."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

KEPT = 64 << 10  # bytes
PART = 64 << 10  # bytes read at once
END = 2.0  # seconds to read what is left, where a process that was not killed has the pipe still


class CapturedOutput:
    """The output of a process, which is read as it comes, so that the process never waits."""

    def __init__(self) -> None:
        self.size = 0  # bytes so far
        self._kept = b""
        self._reading, self._writing = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)

    @contextlib.contextmanager
    def writing(self) -> Iterator[int]:
        """The descriptor to write to, for the time in which the process is started."""
        try:
            yield self._writing
        finally:
            os.close(self._writing)
            self._reader.start()  # it ends when no process has the other end any more

    def last(self) -> str:
        """The last of the output, when its process has ended."""
        self._reader.join(END)
        return self._kept.decode(errors="replace")

    def _read(self) -> None:
        while part := os.read(self._reading, PART):
            self.size += len(part)
            self._kept = (self._kept + part)[-KEPT:]
        os.close(self._reading)
