"""Server: windows arrive at random, in real time; the highest rate at which the p99 stays under a bound."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from harness.arrays import Floats
from harness.efficiency.figures import Server, Trial
from harness.efficiency.order import percentile
from harness.efficiency.queueing import arrival_times, highest_rate

Query = TypeVar("Query")
SEARCHES, CONFIRMATIONS = 4, 5  # trials at most
SEARCHING, CONFIRMING = 0.1, 0.3  # of the seconds, for one trial
BOUNDS = 5  # a trial that confirms lasts so many bounds: a queue needs time to grow
FEWEST, MOST = 10, 20_000  # queries of a trial
SPIN = 0.0003  # seconds before an arrival at which sleeping ends and looking at the clock begins
SLOWEST = 0.1  # share of the time that the worker is busy at the lowest rate that is tried
LOWER, HIGHER = 0.7, 1.25  # steps from a rate that was too high, or that was not yet


@dataclass
class Stream(Generic[Query]):
    """Queries at given times, one after another; `following` waits for the next, `answer` answers it."""

    arrivals: Floats  # seconds from the start
    queries: Iterator[Query]
    serve: Callable[[Query], object]
    taken: list[float] = field(default_factory=list)  # seconds from arrival to answer
    _begin: float | None = None

    def following(self) -> Query:
        """The next query, once it has arrived."""
        if self._begin is None:
            self._begin = time.perf_counter()
        due = self._begin + float(self.arrivals[len(self.taken)])
        query = next(self.queries)
        while (left := due - time.perf_counter()) > 0:
            if left > SPIN:
                time.sleep(left - SPIN)
        return query

    def answer(self, query: Query) -> None:
        """Serve the query, and note how long it took since it arrived."""
        self.serve(query)
        assert self._begin is not None
        self.taken.append(time.perf_counter() - self._begin - float(self.arrivals[len(self.taken)]))


Player = Callable[[Stream[Query]], None]  # answers every query of a stream


def play(stream: Stream[Query]) -> None:
    """Answer every query of a stream."""
    for _ in range(len(stream.arrivals)):
        stream.answer(stream.following())


def served(
    services: Floats,
    bound: float,
    seconds: float,
    queries: Callable[[], Iterator[Query]],
    serve: Callable[[Query], object],
    final: Player[Query] = play,
    seed: int = 0,
) -> Server:
    """The highest rate at which 99 % of answers came within the bound, tried in real time.

    It begins at the rate that the recursion gives for measured service times and narrows from there. Then a
    longer trial must confirm the rate, and where it does not, a lower rate. `final` answers the first of these.
    No rate is tried at which the worker would be busy all the time: the queue would only need longer to grow.
    """
    guess, rng, trials = highest_rate(services, bound, seed), np.random.default_rng(seed), list[Trial]()
    if np.median(services) > bound:  # a waste of time to try
        return Server(bound, None, percentile(services, 0.99), guess)
    fastest = 1 / float(np.mean(services))
    slowest = SLOWEST * fastest

    def tried(rate: float, player: Player[Query], seconds: float) -> Trial:
        count = int(np.clip(rate * seconds, FEWEST, MOST))
        stream = Stream(arrival_times(rate, count, rng), queries(), serve)
        player(stream)
        p99 = percentile(stream.taken, 0.99)
        trials.append(Trial(rate, count, p99, p99.seconds <= bound))
        return trials[-1]

    rate, low, high = max(guess, slowest), 0.0, fastest
    for _ in range(SEARCHES):
        if guess * seconds * SEARCHING < FEWEST:  # too slow to search
            break
        low, high = (rate, high) if tried(rate, play, seconds * SEARCHING).kept else (low, rate)
        rate = min(low * HIGHER, math.sqrt(low * high)) if low else max(high * LOWER, slowest)
    rate = low or rate
    for number in range(CONFIRMATIONS if guess else 1):
        confirmed = tried(rate, play if number else final, max(seconds * CONFIRMING, BOUNDS * bound))
        if confirmed.kept:
            return Server(bound, rate, confirmed.p99, guess, tuple(trials))
        rate = max(rate * LOWER, slowest)
    best = min(trials, key=lambda one: one.p99.seconds)
    return Server(bound, None, best.p99, guess, tuple(trials))
