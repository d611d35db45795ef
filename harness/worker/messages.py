"""Messages between a supervisor and a worker: a JSON header, and the bytes of arrays.

A message is the length of its header as four bytes (unsigned, little endian), the header as JSON in UTF-8, and the
bytes of its arrays in the order in which the header's `arrays` names them: `{"name", "dtype", "shape"}`, with elements
in C order. No object is ever rebuilt from bytes; what arrives is JSON values and arrays of the types in `DTYPES`.
"""

from __future__ import annotations

import json
import math
import os
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROTOCOL = 1  # the version, in the first message of a worker
DTYPES = ("<f8", "<i8", "|b1", "<M8[ns]", "<M8[us]", "<M8[ms]", "<M8[s]", "<M8[m]", "<M8[h]", "<M8[D]")
MOST_HEADER = 256 << 20  # bytes
MOST_AXES = 8
PART = 1 << 20  # bytes written at once
TICK = 0.05  # seconds between two calls of `on_wait`


class ProtocolError(HarnessError):
    """A message that is not one of the protocol."""


@dataclass(frozen=True, eq=False)
class Message:
    """A header, and arrays by name."""

    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class Connection:
    """One end of a connection, by its file descriptors for reading and writing, which may be the same.

    With `on_wait`, it is called at intervals as long as messages are sent and received, and may raise.
    """

    def __init__(self, reading: int, writing: int, on_wait: Callable[[], None] | None = None) -> None:
        self.reading, self.writing, self.on_wait = reading, writing, on_wait
        self.most_bytes = math.inf  # of the arrays of a message that is received
        self.most_header = MOST_HEADER  # bytes of its header
        self._last_call = time.monotonic()  # of `on_wait`
        if on_wait is not None:
            os.set_blocking(reading, False)
            os.set_blocking(writing, False)

    def send(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Send a message; raises ValueError for a header with NaN or infinity, which are no JSON.

        Raises BrokenPipeError or ConnectionError where the other end is closed.
        """
        parts = {name: _portable(array) for name, array in (arrays or {}).items()}
        described = [{"name": name, "dtype": part.dtype.str, "shape": part.shape} for name, part in parts.items()]
        text = json.dumps({**header, "arrays": described}, allow_nan=False, separators=(",", ":")).encode()
        self._write(memoryview(len(text).to_bytes(4, "little") + text))
        for part in parts.values():
            if part.size:
                self._write(memoryview(part.reshape(-1).view(np.uint8).data))

    def receive(self) -> Message:
        """The next message; raises EOFError where the other end is closed, ProtocolError for anything else."""
        size = int.from_bytes(self._read(4), "little")
        if not 2 <= size <= self.most_header:
            raise ProtocolError(f"the header of a message must have 2 to {self.most_header} bytes, not {size}")
        try:
            header = json.loads(bytes(self._read(size)))
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"the header of a message is no JSON: {error}") from error
        if not isinstance(header, dict):
            raise ProtocolError("the header of a message must be a JSON object")
        described = header.pop("arrays", [])
        if not isinstance(described, list):
            raise ProtocolError("`arrays` of a message must be a list")
        arrays: dict[str, NDArray[Any]] = {}
        size = 0
        for each in described:
            name, array = self._array(each, self.most_bytes - size)
            arrays[name] = array
            size += array.nbytes
        return Message(header, arrays)

    def _array(self, described: Any, most_bytes: float) -> tuple[str, NDArray[Any]]:
        try:
            name, dtype, shape = described["name"], described["dtype"], tuple(described["shape"])
        except (TypeError, KeyError) as error:
            raise ProtocolError("an array of a message needs name, dtype and shape") from error
        if not isinstance(name, str) or dtype not in DTYPES:
            raise ProtocolError(f"an array of a message has the dtype {dtype!r:.40}; allowed are {', '.join(DTYPES)}")
        if len(shape) > MOST_AXES or not all(type(length) is int and length >= 0 for length in shape):
            raise ProtocolError(f"array {name!r:.40} of a message has the shape {shape!r:.80}")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > most_bytes:
            raise ProtocolError(f"array {name!r:.40} of a message has {size} bytes, more than are expected")
        buffer = self._read(size)
        try:
            return name, np.frombuffer(buffer, dtype=dtype).reshape(shape)
        except (ValueError, OverflowError) as error:  # an empty array with a length that no array may have
            raise ProtocolError(f"array {name!r:.40} of a message has the shape {shape!r:.80}") from error

    def _read(self, size: int) -> bytearray:
        buffer = bytearray(size)
        view, received = memoryview(buffer), 0
        while received < size:
            self._wait(self.reading, write=False)
            try:
                count = os.readv(self.reading, [view[received:]])
            except BlockingIOError:
                continue
            except ConnectionError as error:
                raise EOFError(str(error)) from error
            if not count:
                raise EOFError("the connection was closed")
            received += count
        return buffer

    def _write(self, view: memoryview) -> None:
        while view:
            self._wait(self.writing, write=True)
            try:
                count = os.write(self.writing, view[:PART])
            except BlockingIOError:
                continue
            view = view[count:]

    def _wait(self, descriptor: int, *, write: bool) -> None:
        """Wait until the descriptor is ready, with calls of `on_wait`."""
        if self.on_wait is None:
            return
        ready = select.poll()  # unlike select, it takes any number of a descriptor
        ready.register(descriptor, select.POLLOUT if write else select.POLLIN)
        while True:  # also where each wait is short: a message may come byte by byte, and messages may be many
            if time.monotonic() - self._last_call >= TICK:
                self.on_wait()
                self._last_call = time.monotonic()
            if ready.poll(TICK * 1000):
                return


def _portable(array: NDArray[Any]) -> NDArray[Any]:
    """The array in C order and little endian."""
    array = np.asarray(array, order="C")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
