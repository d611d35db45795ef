"""WorkerProcess: the process of a forecaster as its supervisor sees it: its messages, its limits, and its end."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from harness.errors import ForecasterError, HarnessError
from harness.execution import process_usage
from harness.execution.workers.ends import CLOSED, Ended, much_output, reason_of
from harness.execution.workers.errors import error_of
from harness.execution.workers.usage import Usage
from harness.forecasters.limits import Limits, size_text
from harness.worker.messages import MOST_HEADER, PROTOCOL, Connection, Message, ProtocolError
from harness.worker.requests import REFUSED

if TYPE_CHECKING:
    from numpy.typing import NDArray

END = 10.0  # seconds that a killed worker and all its processes have to be gone
LOOK = 0.2  # seconds between two looks at the memory of a worker
MOST_ANSWER = 16 << 20  # bytes of the header of an answer
MOST_WAIT = 5.0  # seconds that count between two looks at the clock; a supervisor that was stopped counts no more


class WorkerProcess:
    """A worker, from its start to its end.

    Its requests raise ForecasterError for what is the forecaster's fault, with the kind of the status, and
    InfrastructureFault where the process was killed by others. After either the worker is gone.
    """

    def __init__(self, messages: socket.socket, control: socket.socket, limits: Limits) -> None:
        self.limits = limits
        self.failure: HarnessError | None = None  # why the worker is gone
        self.ended: Ended | None = None
        self.doing = "starting"
        self._messages, self._control = messages, control
        self._lines = b""
        self._connection = Connection(messages.fileno(), messages.fileno(), self._look)
        self._connection.most_bytes, self._connection.most_header = 0, MOST_ANSWER
        self.used, self._last_look, self._last_memory = 0.0, time.monotonic(), 0.0  # seconds that count, and times
        self._is_timed = True
        self._is_prepared = False  # it runs something of the forecaster only after it has greeted
        self._runs_on = False  # it did not end when its connection was closed
        self._kills = process_usage.kills_for_memory()
        self._process = self._guardian = 0
        self.shown = 0  # bytes of the files that it was given to map, which do not count
        self.latency = 0.0  # seconds of a message to the worker and back
        self.usage = Usage()

    def wait_until_ready(self) -> None:
        """Wait for the first message, and measure how long messages take."""
        self.receive_hello()
        pids = self._control_line(END)
        if pids is None:
            self._fail()
        self._process, self._guardian = int(pids["pid"]), int(pids["guardian"])
        self.usage.begin(self._process, self._guardian, loaded=int(pids.get("loaded", 0)))
        self.measure_latency()

    def measure_latency(self) -> None:
        """Measure how long a message to the worker and back takes."""
        self.latency = math.inf
        for _ in range(3):
            begin = time.perf_counter()
            self.request({"op": "ping"}, doing="starting")
            self.latency = min(self.latency, time.perf_counter() - begin)

    def receive_hello(self) -> None:
        """Receive the first message; raises ForecasterError for another version of the protocol."""
        version = self._receive().header.get("hello")
        self._is_prepared = True
        if version != PROTOCOL:
            self.broken(f"it speaks version {version!r:.20}, not {PROTOCOL}")

    def request(
        self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None, *, doing: str
    ) -> Message:
        """The answer to a request; raises what the forecaster raised."""
        self.doing = doing
        self._send(header, arrays)
        return self.checked(self._receive())

    def call(
        self, header: Mapping[str, Any], *, doing: str, most_bytes: int = 0, more_header: int = 0
    ) -> tuple[Message, float, float | None]:
        """The answer to a request that calls the forecaster, unchecked, and the seconds and CPU seconds of the call.

        The arrays of the answer may have so many bytes, and its header so many more than that of other answers.
        """
        self.doing = doing
        cpu, begin = process_usage.cpu_seconds(self._process), time.perf_counter()
        self._send(header)
        done = self._receive()
        seconds = max(time.perf_counter() - begin - self.latency, 0.0)
        cpu_end = process_usage.cpu_seconds(self._process)
        spent = None if cpu is None or cpu_end is None else cpu_end - cpu
        if done.header.get("done") is not True:
            self.broken("an answer came before the forecaster was done")
        self._connection.most_bytes = most_bytes
        self._connection.most_header = min(MOST_ANSWER + more_header, MOST_HEADER)
        try:
            return self._receive(), seconds, spent
        finally:
            self._connection.most_bytes, self._connection.most_header = 0, MOST_ANSWER

    def peak_memory(self) -> int | None:
        """The peak of the worker's resident set size in bytes."""
        return process_usage.peak_memory(self._process)

    def processes(self) -> set[int]:
        """The processes that the worker started, such as its copies."""
        return {*self.usage.started(with_copies=True)}

    def begin_cell(self) -> None:
        """Begin another cell with the same worker, and the count of its time and its output anew."""
        self.used, self._last_look, self._last_memory = 0.0, time.monotonic(), 0.0
        self._kills, self.shown = process_usage.kills_for_memory(), 0
        self._control.sendall(b"cell\n")
        self.request({"op": "cell"}, doing="beginning another cell")

    def wait_until_closed(self, seconds: float) -> None:
        """Wait until the other end of the messages is closed, for some seconds at most."""
        closed, deadline = select.poll(), time.monotonic() + seconds
        closed.register(self._messages.fileno(), 0)  # only that it is closed is told
        closed.poll(max(deadline - time.monotonic(), 0) * 1000)

    def count_time_of(self, former: WorkerProcess) -> None:
        """Let the time of a worker that this one replaces count against its limit."""
        self.used += former.used

    def count_time(self) -> None:
        """Count the time since this was last called."""
        now = time.monotonic()
        self.used += min(now - self._last_look, MOST_WAIT)
        self._last_look = now

    def kill(self) -> Ended:
        """Kill the worker and all its processes, if it is not gone, and wait for them."""
        if self.ended is None:
            with contextlib.suppress(OSError):
                self._control.sendall(b"kill\n")
            self.ended = self._await_end()
        return self.ended

    def finish(self) -> Ended:
        """End the worker, and all processes that it left behind."""
        if self.ended is None:
            with contextlib.suppress(HarnessError, OSError, EOFError):
                self._is_timed = False  # the limit of time does not count any more
                self._connection.on_wait = _Deadline(END)
                self._connection.send({"op": "end"})
                self._connection.receive()
        return self.kill()

    def close(self) -> None:
        """Kill what runs, and close the sockets."""
        self.kill()
        self._messages.close()
        self._control.close()

    def _send(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        if self.failure is not None:
            raise self.failure
        try:
            self._connection.send(header, arrays)
        except OSError:
            self._fail()

    def _receive(self) -> Message:
        if self.failure is not None:
            raise self.failure
        try:
            return self._connection.receive()
        except EOFError:
            self._fail()
        except ProtocolError as error:
            self.broken(str(error))

    def checked(self, answer: Message) -> Message:
        """The answer; raises what the forecaster raised."""
        if answer.header.get("ok") is True:
            return answer
        error = answer.header.get("error")
        if not isinstance(error, dict):
            self.broken("an answer has no error")
        raise error_of(error)

    def broken(self, problem: str) -> NoReturn:
        """End the worker since it broke the protocol; raises ForecasterError."""
        self.end_with(ForecasterError(f"its process broke the protocol: {problem}", "crashed"))

    def _look(self) -> None:
        """Look at the limits while the worker is busy; raises where one is exceeded."""
        self.count_time()
        limit = self.limits.seconds
        if limit is not None and self._is_timed and self.used > limit:
            self.end_with(ForecasterError(f"it took more than {limit:g} s, while {self.doing}", "timed_out"))
        if self._process and self._last_look - self._last_memory > LOOK:
            self._last_memory = self._last_look
            self._look_at_processes()

    def _look_at_processes(self) -> None:
        most, tasks = self.limits.memory, self.limits.tasks
        if most is not None and (used := self.usage.memory(self.shown, most)) > most:
            text = f"it used {size_text(used)} of memory, more than {size_text(most)}, while {self.doing}"
            self.end_with(ForecasterError(text, "out_of_memory"))
        if tasks is not None and self.usage.tasks() > tasks:
            self.end_with(ForecasterError(f"it started more than {tasks} threads and processes", "failed"))

    def end_with(self, error: HarnessError) -> NoReturn:
        """Kill the worker, and raise the error with its last output."""
        ended = self.kill()
        if isinstance(error, ForecasterError):
            error = ForecasterError(f"{error}{ended.quoted}", error.kind)
        self.failure = error
        raise error

    def _fail(self) -> NoReturn:
        """Raise why the worker is gone without an answer."""
        ended = self.kill() if self.ended is not None else self._ended_by_itself()
        self.failure = reason_of(ended, self.doing, self.limits, self._kills, is_prepared=self._is_prepared)
        raise self.failure

    def end_for_output(self) -> NoReturn:
        """Kill the worker since it printed too much."""
        self.end_with(ForecasterError(much_output(self.doing, self.limits), "failed"))

    def _ended_by_itself(self) -> Ended:
        self.ended = self._await_end()
        return self.ended

    def _await_end(self) -> Ended:
        """What the guardian says when all is gone; it kills what does not end by itself."""
        line = self._control_line(END)
        if line is None:
            self._runs_on = True
            with contextlib.suppress(OSError):
                self._control.sendall(b"kill\n")
            line = self._control_line(END)
        if line is not None and "exit" not in line:  # the line before
            self._process, self._guardian = int(line.get("pid", 0)), int(line.get("guardian", 0))
            return self._await_end()
        if line is None:
            self._kill_without_guardian()
            return Ended(None, "" if self._guardian else REFUSED)
        left = max(line["left"] - len(self.usage.copies), 0)
        reason = CLOSED if self._runs_on and line["reason"] == "killed" else line["reason"]
        return Ended(int(line["exit"]), reason, line["output"], left)

    def _kill_without_guardian(self) -> None:
        for process in (self._process, self._guardian):
            if process:
                members = list(process_usage.process_tree(process))
                for member in members:
                    with contextlib.suppress(OSError):
                        os.kill(member, signal.SIGKILL)

    def _control_line(self, seconds: float) -> dict[str, Any] | None:
        """The next line of the guardian; None if it closed the connection, or said nothing in time."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._lines:
            ready = select.poll()
            ready.register(self._control.fileno(), select.POLLIN)
            if not ready.poll(max(deadline - time.monotonic(), 0) * 1000):
                return None
            try:
                received = self._control.recv(1 << 16)
            except OSError:
                return None
            if not received:
                return None
            self._lines += received
        line, _, self._lines = self._lines.partition(b"\n")
        try:
            fields = json.loads(line)
        except ValueError:
            return None
        return fields if isinstance(fields, dict) else None


class _Deadline:
    """Raises EOFError when called after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def __call__(self) -> None:
        if time.monotonic() > self.end:
            raise EOFError
