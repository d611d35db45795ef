"""The guardian of one worker: it watches it, keeps its output, and leaves none of its processes behind.

It is forked by a template and forks the worker. It runs nothing of a forecaster, and is in another session than all
others, so that a signal to a group of processes reaches either the supervisor or the worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from harness.worker.processes import (
    adopt_orphans,
    close_others,
    descendants,
    detach_standard_streams,
    has_ended,
    kill,
    pidfd,
)
from harness.worker.requests import refuse
from harness.worker.start import Start, run_worker

KEPT_OUTPUT = 64 << 10  # bytes, the last ones
PART = 64 << 10  # bytes read at once
KILLING_SECONDS = 5.0
SENDING_SECONDS = 10.0
PAUSE = 0.0005  # seconds between two looks at processes that were killed
TICK = 0.05  # seconds between two looks at a worker, where the system has no pidfd


def run_guardian(
    start: Start,
    supervisor: tuple[int, ...],
    registry: int,
    lifeline: int,
    kept: frozenset[int] = frozenset(),
    loaded: int = 0,
) -> NoReturn:
    """Start a worker in a process that was just forked, and watch it until nothing of it is left.

    `supervisor` are the descriptors for messages and control, `registry` is that to which guardians write their pid.
    `lifeline` reaches its end when the template server ends. `kept` are descriptors that libraries opened when they
    were imported, and `loaded` the bytes of the model that the template has loaded.
    """
    messages, control = supervisor
    worker = 0
    try:
        os.setsid()
        adopt_orphans()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # templates ignore it; the worker has to be waited for
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        close_others(kept | {messages, control, registry, lifeline})
        os.write(registry, b"%d\n" % os.getpid())
        os.close(registry)
        reading, writing = os.pipe()
        me = os.getpid()
        worker = os.fork()
        if not worker:
            run_worker(start, messages, writing, me, kept, loaded)
        close_others({control, lifeline, reading})
        detach_standard_streams()
        _Guard(worker, control, lifeline, reading, start.output).watch(loaded)
    except OSError as error:  # such as too many processes
        if not worker:
            refuse(control, error)
    finally:
        os._exit(0)


class _Guard:
    def __init__(self, worker: int, control: int, lifeline: int, output: int, most_output: int | None) -> None:
        self.worker, self.control, self.lifeline, self.output = worker, control, lifeline, output
        self.most_output = most_output
        self.kept = b""
        self.output_bytes = 0
        self.reason = ""
        self.status: int | None = None  # of the worker, after it ended
        self.commands = b""
        for descriptor in (control, output):
            os.set_blocking(descriptor, False)

    def watch(self, loaded: int) -> None:
        """Watch the worker until it ends or has to, and send the result."""
        self._send({"pid": self.worker, "guardian": os.getpid(), "loaded": loaded})
        ended = pidfd(self.worker)
        ready = select.poll()
        for descriptor in (self.control, self.lifeline, self.output, *(() if ended is None else (ended,))):
            ready.register(descriptor, select.POLLIN)
        while not self.reason and not self._has_ended():
            for descriptor, _ in ready.poll(TICK * 1000 if ended is None else None):
                if descriptor == self.output and not self._read_output():
                    ready.unregister(self.output)  # the worker closed it
                elif descriptor == self.lifeline or (descriptor == self.control and self._is_told_to_kill()):
                    self.reason = "killed"
        left = self._kill_all()
        while self._read_output():
            pass
        self._send(self._last_line(left))

    def _has_ended(self) -> bool:
        """Whether the worker has ended; it is not waited for yet, so that no other process gets its number."""
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self.worker, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        self._reap()
        return self.status is not None

    def _read_output(self) -> bool:
        """Read a part of the output; returns whether there was some."""
        try:
            part = os.read(self.output, PART)
        except BlockingIOError:
            return False
        self.output_bytes += len(part)
        self.kept = (self.kept + part)[-KEPT_OUTPUT:]
        if self.most_output is not None and self.output_bytes > self.most_output and self.status is None:
            self.reason = self.reason or "output"
        return bool(part)

    def _is_told_to_kill(self) -> bool:
        """Whether the supervisor sent the command, or is gone; at the command `cell`, what was printed is forgotten."""
        try:
            part = os.read(self.control, 1024)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self.commands = (self.commands + part)[-1024:]
        if b"cell\n" in self.commands:
            self.commands, self.kept, self.output_bytes = self.commands.replace(b"cell\n", b""), b"", 0
        return not part or b"kill\n" in self.commands

    def _kill_all(self) -> int:
        """Kill the worker and all of its descendants; returns how many of these there were."""
        killed = {pid for pid in descendants(os.getpid()) if pid != self.worker and not has_ended(pid)}
        end = time.monotonic() + KILLING_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if self.status is None:
                    os.killpg(self.worker, signal.SIGKILL)
            present = descendants(os.getpid())
            killed |= {pid for pid in present if pid != self.worker and not has_ended(pid)}
            kill(present)
            if self._reap() or time.monotonic() > end:
                return len(killed)
            time.sleep(PAUSE)

    def _reap(self) -> bool:
        """Wait for all processes that have ended; returns whether no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if not pid:
                return False
            if pid == self.worker:
                self.status = status

    def _last_line(self, left: int) -> dict[str, Any]:
        return {
            "exit": -signal.SIGKILL if self.status is None else os.waitstatus_to_exitcode(self.status),
            "reason": self.reason,
            "output": self.kept.decode(errors="replace"),
            "left": left,
        }

    def _send(self, line: Mapping[str, Any]) -> None:
        """Send a line to the supervisor, unless it is gone or does not read."""
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        ready = select.poll()
        ready.register(self.control, select.POLLOUT)
        end = time.monotonic() + SENDING_SECONDS
        with contextlib.suppress(OSError):
            while text and ready.poll(max(0.0, end - time.monotonic()) * 1000):
                text = text[os.write(self.control, text) :]
