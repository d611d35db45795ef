"""Repetitions of one forecaster → one record, whose intervals are from the variation between repetitions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from harness.efficiency.circumstances import Combination
from harness.efficiency.percentiles import merged_histogram
from harness.efficiency.record import (
    Batch,
    Bench,
    Energy,
    Latency,
    Memory,
    Percentile,
    Server,
    Start,
    Throughput,
    Training,
)
from harness.efficiency.variation import Estimate, estimate, runs_differ

Part = TypeVar("Part")
Runs = list[list[Part]]  # repetitions, by run
MAX_SPEED_RATIO = 1.25  # of two runs' calibration loops; if they differ by more, their times are not combined
FEWEST = 3  # repetitions with enough calls for a percentile, if not all have enough
PERCENTILES = {"p50": (0.5, 2), "p90": (0.9, 10), "p99": (0.99, 100)}  # shares, and calls that one exceeds on average


def combine(repetitions: Sequence[Bench]) -> Bench:
    """The record of repetitions of the same key, the latest last.

    It has the conditions and failures of the last run. Runs on another device, or while the machine was slower or
    faster, are left out. Figures are geometric means of repetitions. Cold start and memory are not combined with those
    of a version of harness without repetitions, which imported the libraries of the dataset's loader before.
    """
    by_run: dict[str, list[Bench]] = {}
    for repetition in repetitions:
        by_run.setdefault(repetition.run, []).append(repetition)
    every = list(by_run.values())  # by their first repetitions: those of two commands at once alternate
    runs = [run for run in every if _comparable(run, every[-1])]
    used = [bench for run in runs for bench in run]
    last, intervals = used[-1], dict[str, Estimate]()
    fresh = [[bench for bench in run if (bench.repetition is None) == (last.repetition is None)] for run in runs]
    combined = replace(
        last,
        start=_start(_parts(fresh, lambda bench: bench.start), intervals),
        training=_training(_parts(runs, lambda bench: bench.training), intervals),
        memory=_memory(_parts(fresh, lambda bench: bench.memory)),
        size=next((bench.size for bench in reversed(used) if bench.size is not None), None),
        latency=_latency(_parts(runs, lambda bench: bench.latency), intervals),
        throughput=_throughput(_parts(runs, lambda bench: bench.throughput), intervals),
        server=_server(_parts(runs, lambda bench: bench.server), intervals),
        energy=_energy(_parts(runs, lambda bench: bench.energy), intervals),
        calibrations=tuple(calibration for bench in used for calibration in bench.calibrations),
        failures=failures(runs[-1]),
        notes=tuple(dict.fromkeys(note for bench in used for note in bench.notes)),
        provenance=next((bench.provenance for bench in reversed(used) if bench.provenance), {}),
        repetition=None,
        combination=Combination(
            len(used), len(runs), used[0].measured, len(repetitions) - len(used), _p99_differs(runs)
        ),
    )
    return replace(combined, intervals={name: (found.low, found.high) for name, found in intervals.items()})


def failures(run: Sequence[Bench]) -> dict[str, str]:
    """The failures of a run by scenario; of one that did not fail each time, also how often it did."""
    reasons: dict[str, list[str]] = {}
    for bench in run:
        for scenario, why in bench.failures.items():
            reasons.setdefault(scenario, []).append(why)
    return {
        scenario: why[-1] if len(why) == len(run) else f"in {len(why)} of {len(run)} repetitions, {why[-1]}"
        for scenario, why in reasons.items()
    }


def _comparable(run: Sequence[Bench], last: Sequence[Bench]) -> bool:
    """Whether a run was made on the device and at the speed of the last one."""
    loop, reference = run_loop(run), run_loop(last)
    same_speed = loop is None or reference is None or max(loop, reference) <= MAX_SPEED_RATIO * min(loop, reference)
    return same_speed and run[-1].conditions.used_device == last[-1].conditions.used_device


def run_loop(run: Sequence[Bench]) -> float | None:
    """The time of the calibration loop in a run: the median of its repetitions."""
    loops = [bench.loop for bench in run if bench.loop is not None]
    return statistics.median(loops) if loops else None


def _parts(runs: Runs[Bench], get: Callable[[Bench], Part | None]) -> Runs[Part]:
    """A part of each repetition that has it."""
    found = [[part for bench in run if (part := get(bench)) is not None] for run in runs]
    return [run for run in found if run]


def _p99_differs(runs: Runs[Bench]) -> bool:
    """Whether the p99 varies more between runs than between repetitions of one."""
    latencies = _parts(runs, lambda bench: bench.latency)
    return runs_differ([[latency.p99.seconds for latency in run] for run in latencies])


def _each(runs: Runs[Part]) -> list[Part]:
    return [part for run in runs for part in run]


def _values(runs: Runs[Part], get: Callable[[Part], float]) -> Estimate:
    return estimate([[get(part) for part in run] for run in runs])


def _start(runs: Runs[Start], intervals: dict[str, Estimate]) -> Start | None:
    """The times of each part, scaled so that their sum is the geometric mean of the sums."""
    if not runs:
        return None
    intervals["start_seconds"] = found = _values(runs, lambda start: start.seconds)
    starts = _each(runs)
    means = {part.name: statistics.fmean(getattr(start, part.name) for start in starts) for part in fields(Start)}
    factor = found.value / statistics.fmean(start.seconds for start in starts)
    return Start(**{name: factor * mean for name, mean in means.items()})


def _training(runs: Runs[Training], intervals: dict[str, Estimate]) -> Training | None:
    if not runs:
        return None
    every = _each(runs)
    intervals["training_seconds"] = found = _values(runs, lambda training: training.seconds)
    if all(training.samples_per_second is not None for training in every):
        speeds = _values(runs, lambda training: training.samples_per_second or math.nan)
        intervals["training_samples_per_second"] = speeds
    joules = [training.joules for training in every if training.joules is not None]
    return Training(
        found.value,
        sum(training.calls for training in every),
        every[-1].samples,
        statistics.median(joules) if joules else None,
    )


def _memory(runs: Runs[Memory]) -> Memory | None:
    """That of the repetition with the largest peak."""
    return max(_each(runs), key=lambda memory: memory.peak, default=None)


def _latency(runs: Runs[Latency], intervals: dict[str, Estimate]) -> Latency | None:
    if not runs:
        return None
    every = _each(runs)
    percentiles = {name: _percentile(runs, name) for name in PERCENTILES}
    for name, found in percentiles.items():
        intervals[f"latency_{name}"] = Estimate(found.seconds, found.low, found.high)
    by_device = [latency.device_p50 for latency in every if latency.device_p50 is not None]
    histograms = [latency.histogram for latency in every if latency.histogram is not None]
    return Latency(
        **percentiles,
        mean=statistics.fmean(latency.mean for latency in every),
        calls=sum(latency.calls for latency in every),
        warm_up=sum(latency.warm_up for latency in every),
        checking=statistics.median(latency.checking for latency in every),
        device_p50=statistics.median(by_device) if by_device else None,
        histogram=merged_histogram(histograms) if histograms else None,
    )


def _percentile(runs: Runs[Latency], name: str) -> Percentile:
    """The geometric mean of the repetitions that have enough calls for this percentile.

    In a repetition with fewer, its nearest rank is the slowest call, which is too low on average. If there are too
    few with enough calls, the figure is close to the slowest call of all, and there is no upper end.
    """
    share, needed = PERCENTILES[name]

    def seconds(latency: Latency) -> float:
        found: Percentile = getattr(latency, name)
        return found.seconds

    enough = [found for run in runs if (found := [latency for latency in run if latency.calls >= needed])]
    if len(_each(enough)) >= min(FEWEST, max(len(_each(runs)), 2)):
        mean = _values(enough, seconds)
        return Percentile(mean.value, mean.low, mean.high)
    every = _each(runs)
    calls = sum(latency.calls for latency in every)
    from_above = min(calls - math.ceil(share * calls - 1e-9) + 1, len(every))
    return Percentile(sorted(map(seconds, every))[-from_above], _values(runs, seconds).low)


def _throughput(runs: Runs[Throughput], intervals: dict[str, Estimate]) -> Throughput | None:
    """Each batch size in the repetitions that measured it."""
    batches: dict[int, Runs[Batch]] = {}
    sizes = sorted({batch.size for throughput in _each(runs) for batch in throughput.batches})
    for size in sizes:
        found = [[batch for throughput in run for batch in throughput.batches if batch.size == size] for run in runs]
        batches[size] = [run for run in found if run]
    if not sizes:
        return None
    left_out = dict.fromkeys(why for throughput in _each(runs) for why in throughput.left_out)
    combined = Throughput(tuple(_batch(found) for found in batches.values()), tuple(left_out))
    best = batches[combined.best.size]
    intervals["throughput"] = _values(best, lambda batch: batch.forecasts_per_second)
    intervals["points_per_second"] = _values(best, lambda batch: batch.points_per_second)
    return combined


def _batch(runs: Runs[Batch]) -> Batch:
    every = _each(runs)
    joules = [batch.joules for batch in every if batch.joules is not None]
    return Batch(
        every[0].size,
        _values(runs, lambda batch: batch.seconds).value,
        sum(batch.calls for batch in every),
        _values(runs, lambda batch: batch.forecasts_per_second).value,
        _values(runs, lambda batch: batch.points_per_second).value,
        statistics.median(joules) if joules else None,
    )


def _energy(runs: Runs[Energy], intervals: dict[str, Estimate]) -> Energy | None:
    if not runs:
        return None
    known = [[energy for energy in run if energy.joules] for run in runs]
    if not any(known):
        return runs[-1][-1]
    intervals["energy"] = found = _values([run for run in known if run], lambda energy: energy.joules or math.nan)
    return replace(_each(known)[-1], joules=found.value)


def _server(runs: Runs[Server], intervals: dict[str, Estimate]) -> Server | None:
    """The rate under the latest bound; none where most repetitions met the bound at no rate."""
    if not runs:
        return None
    bound = runs[-1][-1].bound
    runs = [found for run in runs if (found := [server for server in run if server.bound == bound])]
    every = _each(runs)
    met = [found for run in runs if (found := [server for server in run if server.rate is not None])]
    most_met = 2 * len(_each(met)) > len(every)
    p99 = _values(met if most_met else runs, lambda server: server.p99.seconds)
    rate = _values(met, lambda server: server.rate or math.nan) if most_met else None
    if rate is not None:
        decided = len(_each(met)) == len(every) and all(map(_has_enough_answers, every))
        intervals["server_rate"] = rate if decided else Estimate(rate.value)
    return Server(
        bound,
        None if rate is None else rate.value,
        Percentile(p99.value, p99.low, p99.high),
        statistics.fmean(server.guess for server in every),
        tuple(trial for server in every for trial in server.trials),
        len(every) - len(_each(met)),
        len(every),
    )


def _has_enough_answers(server: Server) -> bool:
    """Whether the confirming trial had enough answers for a p99."""
    return any(trial.rate == server.rate and trial.calls >= PERCENTILES["p99"][1] for trial in server.trials)
