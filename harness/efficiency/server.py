"""Server: windows arrive at random, in real time; the highest rate at which the p99 stays under a bound."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from harness.arrays import Floats
from harness.efficiency.percentiles import percentile
from harness.efficiency.queueing import arrival_times, highest_rate
from harness.efficiency.record import Server, Trial

Query = TypeVar("Query")
SEARCHES, CONFIRMATIONS = 4, 5  # trials at most
SEARCHING, CONFIRMING = 0.1, 0.3  # of the seconds, for one trial
BOUNDS = 5  # a trial that confirms lasts so many bounds: a queue needs time to grow
ENOUGH = 368  # queries by which a p99 is bounded from above; a trial that confirms has them where there is time
SEARCHED, FEWEST, MOST = 100, 10, 20_000  # queries of a trial: a search with fewer finds nothing
SPIN = 0.0003  # seconds before an arrival at which sleeping ends and looking at the clock begins
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


def find_highest_rate(
    services: Floats,
    bound: float,
    seconds: float,
    queries: Callable[[], Iterator[Query]],
    serve: Callable[[Query], object],
    final: Player[Query] = play,
    seed: int = 0,
) -> Server:
    """The highest rate at which 99 % of answers came within the bound, tried in real time.

    An answer takes no less than its forecast: where the p99 of these is past the bound, nothing is tried. Else
    it begins at the rate that the recursion gives for measured service times and narrows from there. Then a
    longer trial must confirm the rate, and where it does not, a lower rate. `final` answers the first of these.
    """
    alone, guess = percentile(services, 0.99), highest_rate(services, bound, seed)
    if alone.seconds > bound or not guess:
        return Server(bound, None, alone, guess)
    rng, trials, fastest = np.random.default_rng(seed), list[Trial](), 1 / float(np.mean(services))

    def tried(rate: float, player: Player[Query], seconds: float) -> Trial:
        count = int(np.clip(rate * seconds, FEWEST, MOST))
        stream = Stream(arrival_times(rate, count, rng), queries(), serve)
        player(stream)
        p99 = percentile(stream.taken, 0.99)
        trials.append(Trial(rate, count, p99, p99.seconds <= bound))
        return trials[-1]

    rate, low, high = guess, 0.0, fastest
    for _ in range(SEARCHES):
        if rate * seconds * SEARCHING < SEARCHED:  # too slow to search
            break
        low, high = (rate, high) if tried(rate, play, seconds * SEARCHING).kept else (low, rate)
        rate = min(low * HIGHER, math.sqrt(low * high)) if low else high * LOWER
    rate = low or rate
    for number in range(CONFIRMATIONS):
        wanted = max(CONFIRMING * seconds, BOUNDS * bound, min(ENOUGH / rate, seconds))
        confirmed = tried(rate, play if number else final, wanted)
        if confirmed.kept:
            return Server(bound, rate, confirmed.p99, guess, tuple(trials))
        rate *= LOWER
    best = min(trials, key=lambda one: one.p99.seconds)
    return Server(bound, None, best.p99, guess, tuple(trials))
