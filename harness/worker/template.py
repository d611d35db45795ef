"""The template server: a process with the light core loaded, from which workers are forked in milliseconds.

Workers whose forecasters need heavy libraries are forked from sub-templates, which are forked from the server and have
imported them. The server itself imports nothing of a plugin and waits for nobody, so that no plugin can stop it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import time
from collections import Counter
from typing import NoReturn

from harness.worker.guardian import run_guardian
from harness.worker.preload import preload
from harness.worker.processes import adopt_orphans, descendants, forbid_inspection, has_ended, is_readable, kill, pidfd
from harness.worker.requests import Incoming, Request
from harness.worker.start import BadStart, Start, read_start
from harness.worker.subtemplate import SubTemplate, forked_subtemplate

IMPORT_SECONDS = 60.0  # after which workers import their libraries themselves
MOST_DEATHS = 2  # of sub-templates of the same imports
STRAY_SECONDS = 0.01  # between two looks for processes whose guardian was killed


def run_server(path: str, import_seconds: float = IMPORT_SECONDS) -> NoReturn:
    """Serve at the socket `path` until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody is waited for
    forbid_inspection()  # of guardians too; workers are forked from this process
    preload()
    adopt_orphans()
    gc.collect()
    gc.freeze()
    gc.disable()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(128)
    listener.setblocking(False)
    try:
        _Server(listener, import_seconds).serve()
    finally:
        kill(descendants(os.getpid()))
        os._exit(0)


class _Server:
    def __init__(self, listener: socket.socket, import_seconds: float) -> None:
        self.listener, self.import_seconds = listener, import_seconds
        self.births, self.registry = os.pipe()  # guardians write their pids to it
        self.lifeline, self._alive = os.pipe()  # its end tells guardians that this process is gone
        os.set_blocking(self.births, False)
        self.incoming: dict[int, Incoming] = {}  # by descriptor
        self.subtemplates: dict[tuple[str, ...], SubTemplate] = {}
        self.failed: set[tuple[str, ...]] = set()  # imports that no sub-template could do
        self.deaths: Counter[tuple[str, ...]] = Counter()
        self.guardians: dict[int, int | None] = {}  # pids, and their pidfds
        self.has_strays = False
        self.known_births = b""

    def serve(self) -> None:
        """Answer until the standard input ends."""
        while True:
            ready = {descriptor for descriptor, _ in self._poll()}
            if 0 in ready:
                return
            self._read_births()
            if self.listener.fileno() in ready:
                with contextlib.suppress(OSError):
                    connection, _ = self.listener.accept()
                    self.incoming[connection.fileno()] = Incoming(connection)
            for descriptor in [number for number in ready if number in self.incoming]:
                self._read(self.incoming[descriptor])
            for subtemplate in tuple(self.subtemplates.values()):
                self._attend(subtemplate)
            self._forget_ended_guardians()
            if self.has_strays:
                self._kill_strays()

    def _poll(self) -> list[tuple[int, int]]:
        poll = select.poll()
        pidfds = [descriptor for descriptor in self.guardians.values() if descriptor is not None]
        for descriptor in (0, self.listener.fileno(), self.births, *self.incoming, *pidfds):
            poll.register(descriptor, select.POLLIN)
        for subtemplate in self.subtemplates.values():
            subtemplate.register(poll)
        waits = [STRAY_SECONDS] if self.has_strays else []
        now = time.monotonic()
        waits += [max(0.0, each.deadline - now) for each in self.subtemplates.values() if not each.is_ready]
        return poll.poll(min(waits) * 1000 + 1 if waits else None)

    def _read(self, incoming: Incoming) -> None:
        """Read what a client sent; its connection ends with its request."""
        request = incoming.read()
        if request is None and not incoming.has_ended:
            return
        del self.incoming[incoming.connection.fileno()]
        if request is not None:
            self._answer(request, incoming.connection)
        incoming.connection.close()

    def _answer(self, request: Request, connection: socket.socket) -> None:
        header = request.header
        operation = header.get("op")
        if operation == "ping":
            with contextlib.suppress(OSError):
                connection.send(b"pong\n")
        elif operation == "forget":
            self._forget(tuple(map(str, header.get("imports") or ())))
        elif operation == "start" and len(request.descriptors) == 2:
            with contextlib.suppress(BadStart):
                self._start(read_start(header), request)
                return
        request.close()

    def _start(self, start: Start, request: Request) -> None:
        """Start a worker from the sub-template of its imports, or from this process."""
        imports = start.imports
        if not imports or imports in self.failed:
            self._start_here(start, request)
            return
        if imports not in self.subtemplates:
            deadline = time.monotonic() + self.import_seconds
            try:
                subtemplate = forked_subtemplate(imports, self.registry, self.lifeline, deadline)
            except OSError:
                request.close()
                return
            self.subtemplates[imports] = subtemplate
        self.subtemplates[imports].ask(start, request)

    def _start_here(self, start: Start, request: Request) -> None:
        with contextlib.suppress(OSError):  # too many processes: the client is told by the end of its connection
            pid = os.fork()
            if not pid:
                run_guardian(start, request.descriptors, self.registry, self.lifeline)
            self._know_guardian(pid)
        request.close()

    def _attend(self, subtemplate: SubTemplate) -> None:
        """Send what waits for a sub-template, or go on without it where it has ended or takes too long."""
        if not subtemplate.attend():
            self.deaths[subtemplate.imports] += 1
            self._give_up(subtemplate, for_ever=not subtemplate.is_ready)
        elif not subtemplate.is_ready and time.monotonic() >= subtemplate.deadline:
            self._give_up(subtemplate, for_ever=True)

    def _forget(self, imports: tuple[str, ...]) -> None:
        """End the sub-template of these imports, which did not start a worker in time."""
        if imports in self.subtemplates:
            self.deaths[imports] += 1
            self._give_up(self.subtemplates[imports], for_ever=not self.subtemplates[imports].is_ready)

    def _give_up(self, subtemplate: SubTemplate, *, for_ever: bool) -> None:
        """End a sub-template; workers that wait for it are started from this process."""
        del self.subtemplates[subtemplate.imports]
        if for_ever or self.deaths[subtemplate.imports] >= MOST_DEATHS:
            self.failed.add(subtemplate.imports)
        self.has_strays = True
        for start, request in subtemplate.end():
            self._start_here(start, request)

    def _read_births(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.births, 1 << 16):
                *lines, self.known_births = (self.known_births + part).split(b"\n")
                for line in lines:
                    self._know_guardian(int(line))

    def _know_guardian(self, pid: int) -> None:
        if pid not in self.guardians:
            self.guardians[pid] = pidfd(pid)

    def _forget_ended_guardians(self) -> None:
        # each is looked at again: what was closed since the poll may have left its number to another descriptor
        for pid, descriptor in tuple(self.guardians.items()):
            if has_ended(pid) if descriptor is None else is_readable(descriptor, 0):
                if descriptor is not None:
                    os.close(descriptor)
                del self.guardians[pid]
                self.has_strays = True

    def _kill_strays(self) -> None:
        """Kill what a guardian that was itself killed left, and what sub-templates left."""
        self._read_births()
        known = {*self.guardians, *(subtemplate.pid for subtemplate in self.subtemplates.values())}
        # a sub-template that is about to end still has its guardians as children: they are spared there, too
        strays = descendants(os.getpid(), spared=known)
        self.has_strays = bool(strays)
        kill(strays)
