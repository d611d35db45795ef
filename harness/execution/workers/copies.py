"""A copy of a worker: the same fitted forecaster in a process of its own, for the audit."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import ForecasterError, HarnessError, InfrastructureFault
from harness.execution.workers.ends import Ended
from harness.execution.workers.forecaster import WorkerForecaster
from harness.execution.workers.process import WorkerProcess
from harness.forecasters.limits import Limits
from harness.forecasters.remote import Description, Elapsed, RemoteForecaster
from harness.worker.processes import has_ended

if TYPE_CHECKING:
    from harness.forecasters.forecast import Forecast
    from harness.tasks.training import TrainingData
    from harness.tasks.windows import Contexts

GONE = 2.0  # seconds that a killed copy has to end
PAUSE = 0.0005  # seconds between two looks at it
CONNECT = 5.0  # seconds that a copy has to connect
LEAST_SECONDS = 10.0  # that all calls of a copy may take, or this many times those of the original
MANY_TIMES = 10


class CopiedProcess(WorkerProcess):
    """A process that a worker forked from itself; the guardian of the worker kills it too."""

    def __init__(self, messages: socket.socket, process: int, original: WorkerProcess, limits: Limits) -> None:
        super().__init__(messages, messages, limits)
        self._process, self.latency = process, original.latency
        self._original = original
        self.usage = replace(original.usage, worker=process, root=process, around=frozenset(), copies=set())
        original.usage.copies.add(process)

    def count_time(self) -> None:
        """Count the time, for the original too."""
        super().count_time()
        self._original.count_time()

    def kill(self) -> Ended:
        """Kill the process, if it is still one of the worker's: its number may be another one's by now."""
        if self.ended is None:
            is_ours = self._original.ended is None and self._process in self._original.processes()
            if is_ours:
                with contextlib.suppress(OSError):
                    os.kill(self._process, signal.SIGKILL)
            self.wait_until_closed(GONE)
            if is_ours:
                self._wait_until_ended()
            self.ended = Ended(None)
            self._original.usage.copies.discard(self._process)
        return self.ended

    def _wait_until_ended(self) -> None:
        """Wait for the end of the killed process, which closes its connection a moment before."""
        deadline = time.monotonic() + GONE
        while not has_ended(self._process) and time.monotonic() < deadline:
            time.sleep(PAUSE)

    def _await_end(self) -> Ended:
        return self.kill()


class WorkerCopy(RemoteForecaster):
    """A copy of a worker; where its process fails, since what it uses cannot be copied, the original is asked."""

    def __init__(self, copied: WorkerForecaster, original: WorkerForecaster) -> None:
        self.copied, self.original, self.is_lost = copied, original, False

    def fit(self, train: TrainingData) -> None:
        """Not needed: it is fitted."""
        raise TypeError("a copy is fitted already")

    def fit_contexts(self, contexts: Contexts) -> None:
        """Not needed: it is fitted."""
        raise TypeError("a copy is fitted already")

    def predict(self, contexts: Contexts) -> Forecast:
        """The forecast of these windows."""
        if not self.is_lost:
            try:
                return self.copied.predict(contexts)
            except (InfrastructureFault, ForecasterError):
                if self.copied.process.failure is None:
                    raise
                self.is_lost = True
        return self.original.predict(contexts)

    def describe(self) -> Description:
        """What the original tells of itself."""
        return self.original.describe()

    def elapsed(self) -> Elapsed:
        """The time of the calls since this was last asked."""
        return self.copied.elapsed()

    def copy(self) -> RemoteForecaster | None:
        """None: copies are not copied."""
        return None

    def close(self) -> None:
        """End the copy."""
        self.copied.close()


class CopyableForecaster(WorkerForecaster):
    """A forecaster in a worker that can be copied for the audit."""

    def copy(self) -> RemoteForecaster | None:
        """A copy of the process as it is now, which is asked in its place; None where it cannot be copied."""
        return _copy_of(self)


def _copy_of(original: WorkerForecaster) -> RemoteForecaster | None:
    """A copy of a worker as it is now; None where its process cannot be copied."""
    path = original.folder / "copy"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(1)
        listening.settimeout(CONNECT)
        try:
            answer = original.process.request({"op": "fork", "path": str(path)}, doing="being copied").header
            told = answer.get("pid")
            if type(told) is not int:
                return None
            messages, _ = listening.accept()
        except (ForecasterError, OSError):
            if original.process.failure is not None:
                raise
            return None
    process_id = _peer(messages, told)
    if process_id not in original.process.processes():
        messages.close()
        return None
    limits, seconds = original.process.limits, max(LEAST_SECONDS, MANY_TIMES * original.times.seconds)
    if limits.seconds is not None:
        seconds = min(seconds, max(limits.seconds - original.process.used, 0.0))
    process = CopiedProcess(messages, process_id, original.process, replace(limits, seconds=seconds))
    try:
        process.receive_hello()
    except (HarnessError, OSError):
        process.close()
        return None
    copied = WorkerForecaster(process, original.folder, "copy", missing=original.missing, strict=original.strict)
    return WorkerCopy(copied, original)


def _peer(messages: socket.socket, told: int) -> int:
    """The number of the process at the other end, as the system knows it here, or else as the worker told it.

    A worker's own number for it may be one of a sandbox, which is another process outside.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return told
    size = struct.calcsize("3i")  # process, user and group
    return int(struct.unpack("3i", messages.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[0])
