"""Patience: what a run does while the store of its home does not answer. It waits for a limited time, and says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from harness.data.damage import warn
from harness.results.remote.store import StoreUnavailable

T = TypeVar("T")
PATIENCE = 120.0  # seconds without an answer, until the store is given up
PAUSE, LONGEST_PAUSE = 1.0, 10.0  # seconds before another try: the first, doubled until the longest
AGAIN = 30.0  # seconds after a request that failed, until a store that was given up is asked again
ALONE = 30.0  # seconds after a request that failed, until an answer to another one ends the outage


@dataclass
class Outage:
    """A time in which a store does not answer."""

    since: float  # by a clock that does not jump
    clock: str  # the same as hours and minutes of this machine
    problem: str
    is_told: bool  # whether the user was told
    tried: float = 0.0  # when a request failed last
    given_up: StoreUnavailable | None = None


class Patience:
    """Repeats what fails because a store does not answer, until it is given up. Threads share what they know of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._outage: Outage | None = None
        self._asking = 0  # requests that are tried now, or again soon
        self._lock = threading.Lock()

    @property
    def is_answered(self) -> bool:
        """Whether the store answered the last request, as far as it is known."""
        return self._outage is None

    @property
    def awaited(self) -> str:
        """What is waited for, as part of a sentence; empty while the store answers, or after it was given up."""
        outage = self._outage
        return "" if outage is None or outage.given_up else f"{self.url} since {outage.clock}"

    def attempt(self, action: Callable[[], T], stopped: threading.Event | None = None) -> T:
        """What an action returns; it is repeated while the store does not answer, unless `stopped` is set.

        Raises StoreUnavailable, with the same message in all threads once the store is given up.
        """
        stopped, pause = stopped or threading.Event(), PAUSE
        with self._noted():
            while True:
                self._raise_if_asked()
                try:
                    result = action()
                except StoreUnavailable as error:
                    self.failed(error)
                    if stopped.wait(pause):
                        raise
                    pause = min(2 * pause, LONGEST_PAUSE)
                else:
                    self.answered()
                    return result

    @contextmanager
    def one_try(self) -> Iterator[None]:
        """A block with requests that are made again later; raises StoreUnavailable only if the store is given up."""
        with self._noted():
            try:
                yield
            except StoreUnavailable as error:
                self.failed(error)
            else:
                self.answered()

    def failed(self, error: StoreUnavailable) -> None:
        """Take into account that a request failed; raises StoreUnavailable if the store is given up."""
        with self._lock:
            now = time.monotonic()
            if self._outage is None:
                self._outage = Outage(now, time.strftime("%H:%M"), error.problem, is_told=error.may_pass)
                if error.may_pass:
                    warn(f"{error.problem} since {self._outage.clock}; waiting for it, at most {_duration(PATIENCE)}")
            outage = self._outage
            outage.tried = now
            if outage.given_up is None and (not error.may_pass or now - outage.since >= PATIENCE):
                gone = StoreUnavailable(f"{outage.problem} since {outage.clock}", may_pass=True)
                outage.given_up = gone if error.may_pass else error
            if outage.given_up is not None:
                raise outage.given_up from error

    def answered(self) -> None:
        """Take into account that the store answers."""
        with self._lock:
            outage, self._outage = self._outage, None
        if outage is not None and outage.is_told:
            warn(f"the store {self.url} answers again since {time.strftime('%H:%M:%S')}")

    def other_answered(self) -> None:
        """Take into account that the store answered a request beside those for which there is patience.

        An outage is over then, unless one of them is tried at this time or was a short time ago: it may fail alone.
        """
        outage = self._outage
        if outage is not None and not self._asking and time.monotonic() - outage.tried >= ALONE:
            self.answered()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """A block in which there are requests."""
        with self._lock:
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1

    def _raise_if_asked(self) -> None:
        """Do not ask a store that was given up again at once."""
        with self._lock:
            outage = self._outage
            if outage is not None and outage.given_up is not None and time.monotonic() - outage.tried < AGAIN:
                raise outage.given_up


def _duration(seconds: float) -> str:
    """A waiting time in words."""
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"
