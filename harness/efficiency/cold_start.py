"""Cold start of a forecaster in a fresh process: imports, fit, first forecasts, memory and size; and training."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from harness.efficiency.device import GPU, DeviceClock, used_device
from harness.efficiency.energy import Meter
from harness.efficiency.environment import garbage_collection_off, limit_loaded_libraries
from harness.efficiency.import_time import measure_imports
from harness.efficiency.record import Bench, Memory, Start, Training
from harness.efficiency.workload import Workload, learns, usable_windows
from harness.evaluation.memory import peak_memory, reset_peak, resident_memory
from harness.evaluation.model_size import model_size
from harness.forecasters.forecaster import Forecaster

MAX_FITS = 5


@dataclass
class Fitted:
    """A fitted forecaster, its workload, and the clock of its device."""

    forecaster: Forecaster
    work: Workload  # only windows that it can forecast
    clock: DeviceClock


def measure_cold_start(work: Workload, bench: Bench) -> tuple[Fitted, Bench]:
    """Fit the forecaster; returns it with the measurements of its start, memory and size. Raises what it raises."""
    before = resident_memory() or 0
    imports = _seconds(work.import_libraries)
    limit_loaded_libraries(bench.conditions.threads)
    after, exact = resident_memory() or 0, reset_peak()
    forecaster, construct = _time(work.construct)
    clock = DeviceClock(used_device(forecaster))
    clock.reset_peak()
    window = work.window(0)
    with measure_imports() as by_fit:
        fit = _seconds(lambda: clock.synchronise(work.fit)(forecaster))
    with measure_imports() as by_forecast:
        first = _seconds(lambda: clock.synchronise(forecaster.predict)(window))
    second = _seconds(lambda: clock.synchronise(forecaster.predict)(window))
    contexts, failed = usable_windows(forecaster, work.contexts)
    notes = [f"{failed} windows cannot be forecast, and are left out"] if failed else []
    if work.device == GPU and clock.cuda is None:
        notes.append("computes on the CPU: it has no hyperparameter `device`")
    measured = replace(
        bench,
        conditions=replace(bench.conditions, used_device=used_device(forecaster)),
        start=Start(
            imports + by_fit.seconds + by_forecast.seconds,
            construct,
            fit - by_fit.seconds,
            first - by_forecast.seconds,
            second,
        ),
        memory=Memory(before, after, peak_memory() or 0, clock.peak(), exact),
        size=model_size(forecaster),
        notes=(*bench.notes, *notes),
    )
    return Fitted(forecaster, replace(work, contexts=contexts), clock), measured


def measure_training(fitted: Fitted, bench: Bench, meter: Meter) -> Training | None:
    """Fit new forecasters, as often as there is time for; None for one that does not learn.

    Where the first fit took longer than a scenario may, its time is the result.
    """
    if not learns(fitted.forecaster) or bench.start is None:
        return None
    samples, left = fitted.work.samples, bench.conditions.seconds
    if bench.start.fit > left:
        return Training(bench.start.fit, 1, samples)
    seconds, joules = list[float](), list[float]()
    while not seconds or (len(seconds) < MAX_FITS and left > seconds[-1]):
        forecaster, reading = fitted.work.construct(), meter.read()
        with garbage_collection_off():
            seconds.append(_seconds(partial(fitted.clock.synchronise(fitted.work.fit), forecaster)))
        left -= seconds[-1]
        used = meter.since(reading)
        joules += [] if used is None else [used]
    median = statistics.median(seconds)
    return Training(median, len(seconds), samples, statistics.median(joules) if joules else None)


def _seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _time(action: Callable[[], Forecaster]) -> tuple[Forecaster, float]:
    begin = time.perf_counter()
    made = action()
    return made, time.perf_counter() - begin
