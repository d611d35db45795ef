"""The scenarios of MLPerf Inference: single stream, offline and server.

Each takes a `Timer`, which calls a function repeatedly and times it: pytest-benchmark's fixture.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from harness.efficiency.cold_start import Fitted
from harness.efficiency.energy import Meter
from harness.efficiency.environment import garbage_collection_off
from harness.efficiency.percentiles import histogram, percentile
from harness.efficiency.record import Batch, Latency, Server
from harness.efficiency.server import Stream, find_highest_rate
from harness.forecasters.conforming import conformed
from harness.tasks.windows import Contexts

SIZES = (1, 8, 64, 512, 4096)  # windows in a call
MIN_CALLS, MAX_CALLS = 3, 10_000  # timed calls
P99_CALLS = 100  # timed calls of the single stream, if there is time
MAX_BATCHES = 1_000
WARM_UP = 0.1  # of the time of a scenario
CHECKS = 50


class Timer(Protocol):
    """Calls `target` with the arguments that `setup` returns, and records the time of each round."""

    extra_info: dict[str, Any]
    group: str | None

    @property
    def stats(self) -> Any: ...

    def pedantic(self, target: Callable[..., Any], **options: Any) -> Any: ...


def single_stream(
    fitted: Fitted, seconds: float, timer: Timer, longest: float | None = None
) -> tuple[Latency, Sequence[float]]:
    """Measure the latency of one window per call; returns it with the seconds of each call.

    It takes up to `longest` seconds if that is needed for the calls of a p99.
    """
    windows, predict = fitted.work.windows(), fitted.clock.synchronise(fitted.forecaster.predict)
    with garbage_collection_off():
        warm_up, each = _warm_up(lambda: predict(next(windows)), WARM_UP * seconds)
        fitted.clock.seconds.clear()
        rounds = max(_rounds(seconds, each, MAX_CALLS), _rounds(longest or seconds, each, P99_CALLS))
        timer.pedantic(predict, setup=lambda: ((next(windows),), {}), rounds=rounds)
    times: list[float] = list(timer.stats.stats.data)
    p50, p90, p99 = (percentile(times, share) for share in (0.5, 0.9, 0.99))
    device = statistics.median(fitted.clock.seconds) if fitted.clock.seconds else None
    mean = statistics.fmean(times)
    latency = Latency(p50, p90, p99, mean, len(times), warm_up, _checking(fitted), device, histogram(times))
    timer.extra_info["p99"] = {"seconds": p99.seconds, "low": p99.low, "high": p99.high}
    return latency, times


def batch_too_slow(size: int, each: float, seconds: float) -> str:
    """Why there is no time to measure a batch; empty where there is."""
    expected = size * each
    if expected <= seconds:
        return ""
    return f"a batch of {size} would take about {expected:.3g} s; allow it by --seconds"


def offline(fitted: Fitted, size: int, seconds: float, meter: Meter, timer: Timer) -> Batch:
    """Measure forecasts per second with a batch of windows per call."""
    contexts, predict = fitted.work.batch(size), fitted.clock.synchronise(fitted.forecaster.predict)
    with garbage_collection_off():
        _, each = _warm_up(lambda: predict(contexts), WARM_UP * seconds)
        rounds = _rounds(seconds, each, MAX_BATCHES)
        reading = meter.read()
        timer.pedantic(predict, setup=lambda: ((fitted.work.batch(size),), {}), rounds=rounds)
        joules = meter.since(reading)
    median = statistics.median(timer.stats.stats.data)
    points = size * contexts.horizon * len(contexts.targets)
    thousands = rounds * size / 1000
    timer.extra_info["forecasts_per_second"] = size / median
    timer.extra_info["points_per_second"] = points / median
    per_thousand = None if joules is None else joules / thousands
    return Batch(size, median, rounds, size / median, points / median, per_thousand)


def server(fitted: Fitted, services: Sequence[float], bound: float, seconds: float, timer: Timer) -> Server:
    """Find the highest rate of random arrivals within the bound; the first confirmation is timed by the timer."""
    predict = fitted.clock.synchronise(fitted.forecaster.predict)

    def answer_all(stream: Stream[Contexts]) -> None:
        timer.pedantic(stream.answer, setup=lambda: ((stream.next_query(),), {}), rounds=len(stream.arrivals))

    rng = fitted.work.generator()
    with garbage_collection_off():
        result = find_highest_rate(np.asarray(services), bound, seconds, _endless(fitted), predict, answer_all, rng)
    if not result.trials:  # no rate was tried, and the timer has timed nothing
        return result
    timer.extra_info["bound"], timer.extra_info["rate"] = result.bound, result.rate
    timer.extra_info["response_p99"] = result.p99.seconds
    return result


def _endless(fitted: Fitted) -> Callable[[], Iterator[Contexts]]:
    """The windows in a new random order for each trial."""
    trials = iter(range(1, 1_000))
    return lambda: fitted.work.windows(next(trials))


def _warm_up(call: Callable[[], object], seconds: float) -> tuple[int, float]:
    """Call until warm; returns the number of calls, and the mean seconds of their second half.

    At least a few, since the first is often slow; but only one if it takes all the time of the scenario.
    """
    begin, times = time.perf_counter(), list[float]()
    while not times or (
        len(times) < MAX_CALLS
        and time.perf_counter() - begin < (seconds if len(times) >= MIN_CALLS else seconds / WARM_UP)
    ):
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return len(times), statistics.fmean(times[len(times) // 2 :])


def _rounds(seconds: float, each: float, most: int) -> int:
    """As many calls as there is time for, but at least a few."""
    return min(max(int(seconds / max(each, 1e-9)), MIN_CALLS), most)


def _checking(fitted: Fitted) -> float:
    """Measure the check of one window's forecast, and the selection of the task's levels: median seconds."""
    window = fitted.work.window(0)
    forecast, times = fitted.forecaster.predict(window), list[float]()
    for _ in range(CHECKS):
        before = time.perf_counter()
        forecast.check_shape(len(window), window.horizon, len(window.targets))
        conformed(forecast, window.quantile_levels)
        times.append(time.perf_counter() - before)
    return statistics.median(times)
