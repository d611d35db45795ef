"""Signals that end a command in order: Ctrl-C, SIGTERM and SIGHUP raise an exception, once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(error: BaseException) -> int:
    """The exit code of a command that a signal ended: 128 and its number, as a shell has it."""
    stopped = error if isinstance(error, Stopped) else error.__cause__  # of Click's own exception
    return 128 + (stopped.number if isinstance(stopped, Stopped) else signal.SIGINT)


def ignore_signals() -> None:
    """Ignore the signals from now on, since the process is ending."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


class StopSignals:
    """Raises `Stopped` at the first signal; those that follow are ignored until a block of `closing` or a `listen`.

    So a second Ctrl-C does not interrupt the end of processes and the release of locks, which the first one began.
    """

    def __init__(self) -> None:
        self._ignores = False
        self._noted: int | None = None

    def listen(self) -> None:
        """Let the next signal raise again: what the first one began has ended."""
        self._ignores, self._noted = False, None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signals."""
        if self._ignores:
            self._noted = number
            return
        self._ignores = True
        raise Stopped(number)

    @contextmanager
    def closing(self) -> Iterator[None]:
        """A block that no signal interrupts; one that came meanwhile is raised at its end, unless it is the second."""
        is_second, self._ignores = self._ignores, True
        try:
            yield
        finally:
            noted, self._noted, self._ignores = self._noted, None, False
        if noted is not None and not is_second:
            raise Stopped(noted)


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """A block in which the signals raise `Stopped`; signals that are ignored, as by nohup, stay so."""
    stop = StopSignals()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    former = {number: signal.getsignal(number) for number in STOPPING}
    caught = [number for number, handler in former.items() if handler not in (signal.SIG_IGN, None)]
    try:
        for number in caught:
            signal.signal(number, stop.handle)
        yield stop
    finally:
        for number in caught:
            signal.signal(number, former[number])
