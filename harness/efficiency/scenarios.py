"""Single stream, offline, server: how windows come to a forecaster, and what of it is timed.

Each takes a `Timer`: what calls a function so many times and times it, which is pytest-benchmark's fixture.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from harness.efficiency.cold_start import Fitted
from harness.efficiency.energy import Meter
from harness.efficiency.environment import collector_off
from harness.efficiency.percentiles import histogram, percentile
from harness.efficiency.record import Batch, Latency, Server
from harness.efficiency.server import Stream, find_highest_rate
from harness.tasks.windows import Contexts

SIZES = (1, 8, 64, 512, 4096)  # windows in a call
FEWEST, MOST = 3, 10_000  # timed calls
MOST_BATCHES = 1_000
WARM_UP = 0.1  # of the time of a scenario
CHECKS = 50


class Timer(Protocol):
    """Calls `target` with the arguments that `setup` returns, and keeps the time of each round."""

    extra_info: dict[str, Any]
    group: str | None

    @property
    def stats(self) -> Any: ...

    def pedantic(self, target: Callable[..., Any], **options: Any) -> Any: ...


def single_stream(here: Fitted, seconds: float, timer: Timer) -> tuple[Latency, Sequence[float]]:
    """The latency of one window at a time, and the seconds of each call."""
    windows, predict = here.work.windows(), here.clock.timed(here.forecaster.predict)
    with collector_off():
        warm_up, each = _warmed(lambda: predict(next(windows)), WARM_UP * seconds)
        here.clock.seconds.clear()
        timer.pedantic(predict, setup=lambda: ((next(windows),), {}), rounds=_rounds(seconds, each, MOST))
    times: list[float] = list(timer.stats.stats.data)
    p50, p90, p99 = (percentile(times, share) for share in (0.5, 0.9, 0.99))
    device = statistics.median(here.clock.seconds) if here.clock.seconds else None
    mean = statistics.fmean(times)
    latency = Latency(p50, p90, p99, mean, len(times), warm_up, _checking(here), device, histogram(times))
    timer.extra_info["p99"] = {"seconds": p99.seconds, "low": p99.low, "high": p99.high}
    return latency, times


def too_large(size: int, each: float, seconds: float) -> str:
    """Why a batch is left out, for which there is no time; empty where there is."""
    expected = size * each
    if expected <= seconds:
        return ""
    return f"a batch of {size} would take about {expected:.3g} s; give it time by --seconds"


def offline(here: Fitted, size: int, seconds: float, meter: Meter, timer: Timer) -> Batch:
    """Forecasts per second with so many windows in a call."""
    contexts, predict = here.work.batch(size), here.clock.timed(here.forecaster.predict)
    with collector_off():
        _, each = _warmed(lambda: predict(contexts), WARM_UP * seconds)
        rounds = _rounds(seconds, each, MOST_BATCHES)
        reading = meter.read()
        timer.pedantic(predict, setup=lambda: ((here.work.batch(size),), {}), rounds=rounds)
        joules = meter.since(reading)
    median = statistics.median(timer.stats.stats.data)
    points = size * contexts.horizon * len(contexts.targets)
    thousands = rounds * size / 1000
    timer.extra_info["forecasts_per_second"] = size / median
    timer.extra_info["points_per_second"] = points / median
    per_thousand = None if joules is None else joules / thousands
    return Batch(size, median, rounds, size / median, points / median, per_thousand)


def server(here: Fitted, services: Sequence[float], bound: float, seconds: float, timer: Timer) -> Server:
    """The highest rate of random arrivals that keeps the bound; the last trial is timed by the timer."""
    predict = here.clock.timed(here.forecaster.predict)

    def timed(stream: Stream[Contexts]) -> None:
        timer.pedantic(stream.answer, setup=lambda: ((stream.following(),), {}), rounds=len(stream.arrivals))

    with collector_off():
        found = find_highest_rate(np.asarray(services), bound, seconds, _endless(here), predict, timed)
    if not found.trials:  # none was worth it, and the timer has timed nothing
        return found
    timer.extra_info["bound"], timer.extra_info["rate"] = found.bound, found.rate
    timer.extra_info["response_p99"] = found.p99.seconds
    return found


def _endless(here: Fitted) -> Callable[[], Iterator[Contexts]]:
    """The windows in an order of its own for each trial."""
    seeds = iter(range(1_000))
    return lambda: here.work.windows(next(seeds))


def _warmed(call: Callable[[], object], seconds: float) -> tuple[int, float]:
    """How many calls it took to warm up, and the mean seconds of the later half.

    A few at least, since the first is often slow; but no second one if that took all the time of the scenario.
    """
    begin, times = time.perf_counter(), list[float]()
    while not times or (
        len(times) < MOST and time.perf_counter() - begin < (seconds if len(times) >= FEWEST else seconds / WARM_UP)
    ):
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return len(times), statistics.fmean(times[len(times) // 2 :])


def _rounds(seconds: float, each: float, most: int) -> int:
    """As many calls as there is time for, but a few at least."""
    return min(max(int(seconds / max(each, 1e-9)), FEWEST), most)


def _checking(here: Fitted) -> float:
    """What it costs to check the forecast of one window, as evaluation does: median seconds."""
    window = here.work.window(0)
    forecast, times = here.forecaster.predict(window), list[float]()
    for _ in range(CHECKS):
        before = time.perf_counter()
        forecast.check(len(window), window.horizon, len(window.targets), window.quantile_levels)
        times.append(time.perf_counter() - before)
    return statistics.median(times)
