"""The server scenario: queries arrive at random, in real time; the highest rate whose p99 is within a bound."""

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
MAX_SEARCHES, MAX_CONFIRMATIONS = 4, 5  # trials
SEARCH_SHARE, CONFIRMATION_SHARE = 0.1, 0.3  # of the scenario's seconds, for one trial
CONFIRMATION_BOUNDS = 5  # a confirmation lasts at least so many bounds: a queue needs time to grow
BOUNDED = 368  # queries by which a p99 is bounded from above; a confirmation has so many where there is time
MIN_SEARCH, MIN_QUERIES, MAX_QUERIES = 100, 10, 20_000  # queries of a trial; with fewer, a search finds nothing
SPIN = 0.0003  # seconds before an arrival at which sleeping ends and polling the clock begins
LOWER, HIGHER = 0.7, 1.25  # factors on a rate that was too high, or still within the bound


@dataclass
class Stream(Generic[Query]):
    """Queries that arrive at given times, one after another."""

    arrivals: Floats  # seconds from the start
    queries: Iterator[Query]
    serve: Callable[[Query], object]
    response_times: list[float] = field(default_factory=list)  # seconds from arrival to answer
    _begin: float | None = None

    def next_query(self) -> Query:
        """Wait for the next query; returns it."""
        if self._begin is None:
            self._begin = time.perf_counter()
        due = self._begin + float(self.arrivals[len(self.response_times)])
        query = next(self.queries)
        while (left := due - time.perf_counter()) > 0:
            if left > SPIN:
                time.sleep(left - SPIN)
        return query

    def answer(self, query: Query) -> None:
        """Serve the query, and record its response time."""
        self.serve(query)
        now = time.perf_counter()
        assert self._begin is not None
        self.response_times.append(now - self._begin - float(self.arrivals[len(self.response_times)]))


Player = Callable[[Stream[Query]], None]  # answers every query of a stream


def play(stream: Stream[Query]) -> None:
    """Answer every query of a stream."""
    for _ in range(len(stream.arrivals)):
        stream.answer(stream.next_query())


@dataclass
class RateSearch(Generic[Query]):
    """Trials at several rates, in real time, under one bound."""

    bound: float
    queries: Callable[[], Iterator[Query]]
    serve: Callable[[Query], object]
    rng: np.random.Generator
    trials: list[Trial] = field(default_factory=list)

    def run_trial(self, rate: float, player: Player[Query], seconds: float, *, confirms: bool) -> Trial:
        """Play a stream at a rate, and record whether its p99 was within the bound."""
        count = int(np.clip(rate * seconds, MIN_QUERIES, MAX_QUERIES))
        stream = Stream(arrival_times(rate, count, self.rng), self.queries(), self.serve)
        player(stream)
        p99 = percentile(stream.response_times, 0.99)
        self.trials.append(Trial(rate, count, p99, p99.seconds <= self.bound, confirms))
        return self.trials[-1]

    def search(self, guess: float, limit: float, seconds: float) -> float:
        """The highest rate within the bound by a few short trials, from a guess; below `limit`."""
        rate, low, high = guess, 0.0, limit
        for _ in range(MAX_SEARCHES):
            if rate * seconds * SEARCH_SHARE < MIN_SEARCH:  # too slow to search
                break
            kept = self.run_trial(rate, play, seconds * SEARCH_SHARE, confirms=False).kept
            low, high = (rate, high) if kept else (low, rate)
            rate = min(low * HIGHER, math.sqrt(low * high)) if low else high * LOWER
        return low or rate

    def confirm(self, rate: float, final: Player[Query], seconds: float) -> Trial | None:
        """A longer trial within the bound, at this rate or lower ones; None where all fail."""
        for number in range(MAX_CONFIRMATIONS):
            wanted = max(CONFIRMATION_SHARE * seconds, CONFIRMATION_BOUNDS * self.bound, min(BOUNDED / rate, seconds))
            trial = self.run_trial(rate, play if number else final, wanted, confirms=True)
            if trial.kept:
                return trial
            rate *= LOWER
        return None


def find_highest_rate(
    services: Floats,
    bound: float,
    seconds: float,
    queries: Callable[[], Iterator[Query]],
    serve: Callable[[Query], object],
    final: Player[Query] = play,
    rng: np.random.Generator | None = None,
) -> Server:
    """The highest rate at which 99 % of response times were within the bound, tried in real time.

    A response takes no less than its forecast: where the p99 of service times exceeds the bound, nothing is tried.
    Otherwise the search begins at the rate that the recursion gives for measured service times. Then a longer trial
    must confirm the rate, and where it does not, a lower rate. `final` plays the first of these.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    alone, guess = percentile(services, 0.99), highest_rate(services, bound)
    if alone.seconds > bound or not guess:
        return Server(bound, None, alone, guess)
    search = RateSearch(bound, queries, serve, rng)
    rate = search.search(guess, 1 / float(np.mean(services)), seconds)
    confirmed = search.confirm(rate, final, seconds)
    trials = tuple(search.trials)
    if confirmed is not None:
        return Server(bound, confirmed.rate, confirmed.p99, guess, trials)
    longer = [trial.p99 for trial in trials if trial.confirms]  # a short trial ends before a queue has grown
    return Server(bound, None, min(longer, key=lambda p99: p99.seconds), guess, trials)
