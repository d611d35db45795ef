"""Messages arrive as they were sent, and anything else is refused."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness.worker.messages import DTYPES, Connection, ProtocolError


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    first, second = socket.socketpair()
    with first, second:
        yield Connection(first.fileno(), first.fileno(), lambda: None), Connection(second.fileno(), second.fileno())


def pipe_with(data: bytes) -> Connection:
    reading, writing = os.pipe()
    threading.Thread(target=lambda: (os.write(writing, data), os.close(writing)), daemon=True).start()
    return Connection(reading, writing)


@given(
    st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0))),
    st.dictionaries(st.text().filter(lambda name: name != "arrays"), st.none() | st.integers() | st.text()),
)
def test_a_message_arrives_as_it_was_sent(array: np.ndarray, header: dict[str, object]) -> None:
    first, second = socket.socketpair()
    with first, second:
        Connection(first.fileno(), first.fileno()).send(header, {"x": array, "transposed": array.T})

        message = Connection(second.fileno(), second.fileno()).receive()

    assert message.header == header
    assert message.arrays["x"].tobytes() == array.tobytes()
    assert message.arrays["transposed"].shape == array.T.shape
    assert np.array_equal(message.arrays["transposed"], array.T, equal_nan=array.dtype.kind in "fM")


def test_a_large_message_passes_while_both_ends_wait(ends: tuple[Connection, Connection]) -> None:
    values = np.random.default_rng(0).normal(size=(300, 10_000))
    thread = threading.Thread(
        target=lambda: ends[1].send({"answer": 1}, {"values": ends[1].receive().arrays["values"]})
    )
    thread.start()

    ends[0].send({}, {"values": values})
    answer = ends[0].receive()

    thread.join()
    assert np.array_equal(answer.arrays["values"], values)


def test_waiting_can_be_ended(ends: tuple[Connection, Connection]) -> None:
    def out_of_time() -> None:
        raise TimeoutError

    ends[0].on_wait = out_of_time

    with pytest.raises(TimeoutError):
        ends[0].receive()
    with pytest.raises(TimeoutError):  # the other end does not read
        ends[0].send({}, {"values": np.zeros(1_000_000)})


def test_a_closed_connection_is_the_end() -> None:
    with pytest.raises(EOFError):
        pipe_with(b"\x05\x00\x00\x00{}").receive()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("[]", "must be a JSON object"),
        ("{]", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"arrays": 3}', "must be a list"),
        ('{"arrays": [{"name": "x"}]}', "needs name, dtype and shape"),
        ('{"arrays": [{"name": "x", "dtype": "|O", "shape": [1]}]}', "has the dtype '|O'"),
        ('{"arrays": [{"name": "x", "dtype": "<f8", "shape": [-1]}]}', "has the shape"),
        ('{"arrays": [{"name": "x", "dtype": "<f8", "shape": [1.5]}]}', "has the shape"),
        ('{"arrays": [{"name": "x", "dtype": "<f8", "shape": ' + json.dumps([1] * 40) + "}]}", "has the shape"),
    ],
)
def test_what_is_no_message_is_refused(header: str, said: str) -> None:
    data = header.encode()

    with pytest.raises(ProtocolError, match=said.replace("|", r"\|")):
        pipe_with(len(data).to_bytes(4, "little") + data).receive()


def test_arrays_that_are_larger_than_expected_are_refused_before_they_are_received(
    ends: tuple[Connection, Connection],
) -> None:
    ends[0].most_bytes = 80
    ends[1].send({}, {"first": np.zeros(5), "second": np.zeros(5)})
    ends[1].send({}, {"first": np.zeros(5), "second": np.zeros(6)})

    assert len(ends[0].receive().arrays) == 2
    with pytest.raises(ProtocolError, match="array 'second' of a message has 48 bytes, more than are expected"):
        ends[0].receive()


@pytest.mark.parametrize("shape", [[0, 10**30], [0, 2**62, 2**62]])
def test_an_empty_array_of_an_impossible_shape_is_refused(shape: list[int]) -> None:
    data = json.dumps({"arrays": [{"name": "x", "dtype": "<f8", "shape": shape}]}).encode()

    with pytest.raises(ProtocolError, match="has the shape"):
        pipe_with(len(data).to_bytes(4, "little") + data).receive()


def test_a_header_may_be_limited(ends: tuple[Connection, Connection]) -> None:
    ends[0].most_header = 100
    ends[1].send({"text": "x" * 100})

    with pytest.raises(ProtocolError, match="must have 2 to 100 bytes"):
        ends[0].receive()


class Ended(Exception):
    pass


def after(calls: int) -> Callable[[], None]:
    """Raises when it is called for that time."""
    numbers = iter(range(calls))

    def count() -> None:
        if next(numbers, None) is None:
            raise Ended

    return count


def test_waiting_can_be_ended_where_a_message_arrives_byte_by_byte(ends: tuple[Connection, Connection]) -> None:
    ends[0].on_wait = after(3)
    has_ended = threading.Event()

    def drip() -> None:
        os.write(ends[1].writing, (1 << 20).to_bytes(4, "little"))
        while not has_ended.wait(0.01):
            os.write(ends[1].writing, b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(Ended):
            ends[0].receive()
    finally:
        has_ended.set()
        thread.join()


def test_many_short_waits_can_be_ended(ends: tuple[Connection, Connection]) -> None:
    ends[0].on_wait = after(3)

    def receive_many() -> None:
        for _ in range(10_000):
            ends[1].send({})
            ends[0].receive()
            time.sleep(0.005)

    with pytest.raises(Ended):
        receive_many()


def test_what_is_no_json_is_not_sent(ends: tuple[Connection, Connection]) -> None:
    with pytest.raises(ValueError, match="JSON"):
        ends[0].send({"value": float("nan")})
