"""Sub-templates: processes forked from the template server, which have imported the libraries of some forecasters.

One of a forecaster with a pretrained model has also loaded that.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
from functools import partial
from importlib import import_module
from typing import NoReturn

from harness.worker.faults import caught
from harness.worker.guardian import run_guardian
from harness.worker.models import shared_model_bytes
from harness.worker.preload import numerical_libraries
from harness.worker.processes import (
    close_others,
    descriptors,
    detach_standard_streams,
    end_with_parent,
    is_readable,
    kill,
    pidfd,
)
from harness.worker.requests import Incoming, Outgoing, Request
from harness.worker.start import Start, read_start

READY = b"ready\n"
Key = tuple[tuple[str, ...], str]  # imports, and the forecaster whose model is loaded


class SubTemplate:
    """A sub-template as the server sees it, with the requests that wait for it."""

    def __init__(self, key: Key, pid: int, connection: socket.socket, deadline: float) -> None:
        self.key, self.pid, self.connection = key, pid, connection
        self.deadline = deadline  # by time.monotonic, of its imports and the loading of its model
        self.is_ready = False
        self._waiting: list[tuple[Start, Outgoing]] = []
        self._pidfd = pidfd(pid)
        connection.setblocking(False)

    def register(self, poll: select.poll) -> None:
        """Have a poll end when there is something to attend to."""
        writes = self.is_ready and self._waiting
        poll.register(self.connection, select.POLLIN | (select.POLLOUT if writes else 0))
        if self._pidfd is not None:
            poll.register(self._pidfd, select.POLLIN)

    def ask(self, start: Start, request: Request) -> None:
        """Have it start a worker, as soon as it can."""
        self._waiting.append((start, Outgoing(request)))

    def attend(self) -> bool:
        """Receive and send what is possible; returns whether the sub-template lives."""
        if self._pidfd is not None and is_readable(self._pidfd, 0):
            return False
        try:
            with contextlib.suppress(BlockingIOError):
                if not self.connection.recv(len(READY)):
                    return False
                self.is_ready = True
            while self.is_ready and self._waiting and self._waiting[0][1].send(self.connection):
                self._waiting.pop(0)[1].request.close()
        except OSError:
            return False
        return True

    def end(self) -> list[tuple[Start, Request]]:
        """Kill it; returns what it was not asked yet."""
        kill([self.pid])
        self.connection.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
        for _, begun in self._waiting:
            if begun.is_begun:
                begun.request.close()
        return [(start, outgoing.request) for start, outgoing in self._waiting if not outgoing.is_begun]


def forked_subtemplate(start: Start, registry: int, lifeline: int, deadline: float) -> SubTemplate:
    """A new sub-template, which imports the modules of a worker now, and loads its model."""
    server, other = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        _run(start, other.detach(), registry, lifeline, parent)
    other.close()
    return SubTemplate((start.imports, start.model), pid, server, deadline)


def _run(start: Start, connection: int, registry: int, lifeline: int, parent: int) -> NoReturn:
    """Import, load the model, and then start workers until the server ends; a model that cannot be shared ends it."""
    try:
        end_with_parent(parent)
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # imports may start programs and wait for them
        detach_standard_streams()
        close_others({connection, registry, lifeline})
        before = descriptors()
        gc.enable()
        for name in start.imports:
            caught(partial(import_module, name))  # a failed import fails again in the worker, where it is reported
        loaded = shared_model_bytes(start.model, start.memory) if start.model else 0
        numerical_libraries.cache_clear()
        numerical_libraries()
        gc.collect()
        gc.freeze()
        gc.disable()
        opened = descriptors() - before
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        _start_workers(socket.socket(fileno=connection), registry, lifeline, opened, loaded)
    finally:
        os._exit(0)


def _start_workers(
    connection: socket.socket, registry: int, lifeline: int, opened: frozenset[int], loaded: int
) -> None:
    connection.sendall(READY)
    incoming = Incoming(connection)
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    while not incoming.has_ended:
        poll.poll()
        while (request := incoming.read()) is not None:
            try:
                pid = os.fork()
            except OSError as error:  # such as too many processes
                request.refuse(error)
                continue
            if not pid:
                run_guardian(read_start(request.header), request.descriptors, registry, lifeline, opened, loaded)
            request.close()
