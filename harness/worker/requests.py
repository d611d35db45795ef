"""Requests to a template: a JSON object in one line, with open descriptors attached."""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PART = 1 << 16  # bytes received at once
MOST_REQUEST = 16 << 20  # bytes
DESCRIPTORS = 2  # of a request for a worker
NOT_STARTED = 70  # the exit code of a worker that could not be prepared, or for which there is no process
REFUSED = "not started"  # the reason in the line of control for a worker for which there is no process


@dataclass(frozen=True)
class Request:
    """A request, and the descriptors that came with it."""

    header: Mapping[str, Any]
    descriptors: tuple[int, ...]

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def refuse(self, error: OSError) -> None:
        """Tell the client of a request for a worker why there is no process for it, and close the descriptors."""
        refuse(self.descriptors[-1], error)
        self.close()


def refuse(control: int, error: OSError) -> None:
    """Tell the client, over the control of its worker, why there is no process for that, such as too many others."""
    line = {"exit": NOT_STARTED, "reason": REFUSED, "output": error.strerror or str(error), "left": 0}
    with contextlib.suppress(OSError):
        os.write(control, json.dumps(line).encode() + b"\n")


class Incoming:
    """The requests that arrive on a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.setblocking(False)
        self.has_ended = False
        self._received = b""
        self._descriptors: list[int] = []

    def read(self) -> Request | None:
        """The next request; None where it is not complete yet, or the connection has ended."""
        if b"\n" not in self._received and not self._receive():
            return None
        line, found, rest = self._received.partition(b"\n")
        if not found:
            return None
        self._received = rest
        descriptors, self._descriptors = self._descriptors[:DESCRIPTORS], self._descriptors[DESCRIPTORS:]
        with contextlib.suppress(ValueError, RecursionError):
            header = json.loads(line)
            if isinstance(header, dict):
                return Request(header, tuple(descriptors))
        self._descriptors += descriptors
        self._end()
        return None

    def _receive(self) -> bool:
        """Receive what there is; returns whether there was something."""
        try:
            # descriptors that do not fit are closed by the system
            size = socket.CMSG_SPACE(DESCRIPTORS * array.array("i").itemsize)
            data, ancillary, _, _ = self.connection.recvmsg(PART, size)
        except BlockingIOError:
            return False
        except OSError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                self._descriptors += numbers
                for number in numbers:
                    os.set_inheritable(number, False)
        self._received += data
        if not data or len(self._received) > MOST_REQUEST:
            self._end()
        return bool(data)

    def _end(self) -> None:
        self.has_ended = True
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()


class Outgoing:
    """A request on its way to a process that may not read."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._rest = json.dumps(request.header).encode() + b"\n"
        self._is_begun = False

    @property
    def is_begun(self) -> bool:
        """Whether the other process has a part of it, and the descriptors."""
        return self._is_begun

    def send(self, connection: socket.socket) -> bool:
        """Send what the other process takes; returns whether that was the whole."""
        while self._rest:
            try:
                if self._is_begun:
                    sent = connection.send(self._rest)
                else:
                    sent = socket.send_fds(connection, [self._rest], list(self.request.descriptors))
            except BlockingIOError:
                return False
            self._is_begun = True
            self._rest = self._rest[sent:]
        return True
