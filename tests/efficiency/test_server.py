"""Queues: the recursion against a simulation that walks through time, and trials in real time."""

from __future__ import annotations

import time
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.efficiency.queueing import arrival_times, highest_rate, response_times
from harness.efficiency.server import Stream, find_highest_rate, play


def simulated(arrivals, services):
    """One worker, step by step."""
    free, taken = 0.0, []
    for arrival, service in zip(arrivals, services, strict=True):
        free = max(free, arrival) + service
        taken.append(free - arrival)
    return taken


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 3)), min_size=1, max_size=60))
def test_lindleys_recursion_is_the_queue(queries) -> None:
    gaps, services = np.array(queries).T
    arrivals = gaps.cumsum()

    np.testing.assert_allclose(response_times(arrivals, services), simulated(arrivals, services), atol=1e-9)


def test_arrivals_are_a_poisson_process() -> None:
    gaps = np.diff(arrival_times(50.0, 100_000, np.random.default_rng(0)), prepend=0.0)

    assert gaps.mean() == pytest.approx(1 / 50, rel=0.02)
    assert gaps.std() == pytest.approx(1 / 50, rel=0.02)


def test_the_highest_rate_is_that_of_theory() -> None:
    services = np.random.default_rng(0).exponential(size=200_000)

    found = highest_rate(services, bound=np.log(100) / 0.5)  # M/M/1: answers take Exp(μ − λ), here μ − λ = 1/2

    assert found == pytest.approx(0.5, rel=0.15)


def test_no_rate_is_low_enough_for_a_bound_below_the_service() -> None:
    assert highest_rate(np.full(10, 0.002), bound=0.001) == 0.0


def test_the_highest_rate_is_drawn_by_its_seed() -> None:
    services = np.random.default_rng(0).exponential(0.01, size=1000)

    assert highest_rate(services, 0.1, seed=1) == highest_rate(services, 0.1, seed=1)


def test_an_answer_is_timed_from_the_arrival_of_its_query() -> None:
    stream = Stream(np.array([0.0, 0.001]), repeat(None), lambda _: time.sleep(0.02))

    play(stream)

    assert 0.02 <= stream.response_times[0] < 0.2
    assert stream.response_times[1] >= stream.response_times[0] + 0.018  # it waited for the first


def test_a_query_is_not_served_before_it_arrives() -> None:
    served_at = []
    stream = Stream(np.array([0.03]), repeat(None), lambda _: served_at.append(time.perf_counter()))

    begin = time.perf_counter()
    play(stream)

    assert served_at[0] - begin >= 0.03


def test_a_rate_that_keeps_the_bound_is_found() -> None:
    found = find_highest_rate(np.full(400, 0.002), 0.2, 0.5, lambda: repeat(None), lambda _: time.sleep(0.002))

    assert found.rate is not None
    assert 0 < found.rate < 1000
    assert found.p99.seconds <= 0.2
    assert [trial for trial in found.trials if trial.rate == found.rate and trial.kept]


def test_a_confirmed_rate_rests_on_enough_answers_to_bound_its_p99() -> None:
    found = find_highest_rate(np.full(400, 0.001), 0.2, 1.0, lambda: repeat(None), lambda _: time.sleep(0.001))

    assert found.rate is not None
    assert found.trials[-1].calls >= 368
    assert found.p99.has_upper_bound


def test_where_there_is_no_time_for_enough_answers_the_p99_stays_open() -> None:
    found = find_highest_rate(np.full(400, 0.01), 0.5, 0.3, lambda: repeat(None), lambda _: time.sleep(0.01))

    assert found.trials[-1].calls < 368
    assert not found.p99.has_upper_bound


def test_an_answer_takes_no_less_than_its_forecast() -> None:
    """One of twenty takes thirty times as long: no rate keeps a p99 below that, however few are tried."""
    services = np.where(np.arange(400) % 20, 0.001, 0.030)
    found = find_highest_rate(services, 0.020, 0.2, lambda: repeat(None), lambda _: time.sleep(60))

    assert found.rate is None
    assert found.trials == ()  # nothing was tried
    assert found.p99.seconds == pytest.approx(0.030)


def test_a_bound_that_no_rate_keeps_is_said_so_with_the_best_that_was_reached() -> None:
    """Alone it was fast enough; in the trials it never is."""
    found = find_highest_rate(np.full(400, 0.001), 0.002, 0.2, lambda: repeat(None), lambda _: time.sleep(0.004))

    assert found.rate is None
    assert found.p99.seconds == min(trial.p99.seconds for trial in found.trials if trial.confirms)
    assert found.p99.seconds >= 0.004
    rates = [trial.rate for trial in found.trials]
    assert rates[-1] < rates[0]  # lower ones were tried
