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
from dataclasses import replace
from typing import NoReturn

from harness.worker.guardian import run_guardian
from harness.worker.models import model_text
from harness.worker.preload import preload
from harness.worker.processes import adopt_orphans, descendants, forbid_inspection, has_ended, is_readable, kill, pidfd
from harness.worker.requests import Incoming, Request
from harness.worker.start import BadStart, Start, read_start
from harness.worker.subtemplate import Key, SubTemplate, forked_subtemplate

IMPORT_SECONDS = 60.0  # after which workers import their libraries themselves
MODEL_SECONDS = 600.0  # after which workers load their model themselves
MOST_MODELS = 2  # in memory at once: that of the forecaster whose cells end, and of the one whose cells begin
MOST_DEATHS = 2  # of sub-templates of the same imports and model
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
    try:
        listener.bind(path)
    except FileNotFoundError:  # a command that has ended meanwhile removed the folder
        os._exit(1)
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
        self.subtemplates: dict[Key, SubTemplate] = {}  # the one that was asked last comes last
        self.failed: set[Key] = set()  # imports and models that no sub-template could do
        self.deaths: Counter[Key] = Counter()
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
            imports = tuple(map(str, header.get("imports") or ()))
            for key in ((imports, model_text(header.get("model"))), (imports, "")):
                self._forget(key)
        elif operation == "start" and len(request.descriptors) == 2:
            with contextlib.suppress(BadStart):
                self._start(read_start(header), request)
                return
        request.close()

    def _start(self, start: Start, request: Request) -> None:
        """Start a worker from the sub-template with its model, or of its imports, or from this process."""
        if start.model and (start.imports, start.model) in self.failed:
            start = replace(start, model="")
        key = (start.imports, start.model)
        if key == ((), "") or key in self.failed:
            self._start_here(start, request)
            return
        if key not in self.subtemplates:
            self._make_room(key)
            seconds = MODEL_SECONDS if start.model else self.import_seconds
            try:
                subtemplate = forked_subtemplate(start, self.registry, self.lifeline, time.monotonic() + seconds)
            except OSError as error:
                request.refuse(error)
                return
            self.subtemplates[key] = subtemplate
        self.subtemplates[key] = self.subtemplates.pop(key)
        self.subtemplates[key].ask(start, request)

    def _make_room(self, key: Key) -> None:
        """End the sub-templates with other models that were not asked for the longest time, before one is added."""
        with_models = [subtemplate for subtemplate in self.subtemplates.values() if subtemplate.key[1]]
        for subtemplate in with_models[: -(MOST_MODELS - 1) or None] if key[1] else ():
            self._give_up(subtemplate, for_ever=False)

    def _start_here(self, start: Start, request: Request) -> None:
        try:
            pid = os.fork()
        except OSError as error:  # such as too many processes
            request.refuse(error)
            return
        if not pid:
            run_guardian(start, request.descriptors, self.registry, self.lifeline)
        self._know_guardian(pid)
        request.close()

    def _attend(self, subtemplate: SubTemplate) -> None:
        """Send what waits for a sub-template, or go on without it where it has ended or takes too long."""
        if self.subtemplates.get(subtemplate.key) is not subtemplate:  # given up meanwhile, for another one
            return
        if not subtemplate.attend():
            self.deaths[subtemplate.key] += 1
            self._give_up(subtemplate, for_ever=not subtemplate.is_ready)
        elif not subtemplate.is_ready and time.monotonic() >= subtemplate.deadline:
            self._give_up(subtemplate, for_ever=True)

    def _forget(self, key: Key) -> None:
        """End the sub-template of these imports and this model, which did not start a worker in time."""
        if key in self.subtemplates:
            self.deaths[key] += 1
            self._give_up(self.subtemplates[key], for_ever=not self.subtemplates[key].is_ready)

    def _give_up(self, subtemplate: SubTemplate, *, for_ever: bool) -> None:
        """End a sub-template; workers that wait for it are started without its model, or from this process."""
        del self.subtemplates[subtemplate.key]
        if for_ever or self.deaths[subtemplate.key] >= MOST_DEATHS:
            self.failed.add(subtemplate.key)
        self.has_strays = True
        for start, request in subtemplate.end():
            if start.model:
                self._start(replace(start, model=""), request)
            else:
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
