"""Plots of a cell: some windows beside what came, and the error along the horizon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness import Floats, Ints, Outcomes, Run
from harness_mlflow.charts import MUTED, Band, Chart, Line, picture

TARGETS = 3  # at most so many targets are drawn
NUMBERS = 5_000_000  # at most so many errors are drawn from
NOMINAL = ("coverage",)  # metrics by which a single window is neither good nor bad
ACTUAL, FORECAST = "#1b1b1b", "#c8552b"
WIDTH = 1000  # pixels


def write_plots(folder: Path, heading: str, run: Run, outcomes: Outcomes, metric: str) -> None:
    """The plots of a cell as SVG files; windows are chosen by the board's metric."""
    losses, said = window_losses(run, outcomes, metric)
    generated = run.cell.task.protocol.free_running
    rows = _waves(run, outcomes, losses, said) if generated else _windows(run, outcomes, losses, said)
    forecasts = picture(heading, rows, WIDTH, 270 if generated else 290)
    (folder / "forecasts.svg").write_text(forecasts, encoding="utf-8")
    errors = picture(heading, [[_error_by_step(outcomes, generated)]], WIDTH * 4 // 5, 300)
    (folder / "error_by_step.svg").write_text(errors, encoding="utf-8")


def window_losses(run: Run, outcomes: Outcomes, metric: str) -> tuple[Floats, str]:
    """A loss for each window, (window,), NaN where it has none, and the name of the loss."""
    summed = run.results.terms.get(metric) if run.results is not None else None
    if summed is not None and metric not in NOMINAL:
        losses = _mean(np.abs(Outcomes.ratio(summed.numerators, summed.denominators)), axis=1)
        if np.isfinite(losses).any():
            return losses, metric
    return _mean(outcomes.absolute_error, axis=(1, 2)), "MAE"


def chosen_windows(losses: Floats, names: tuple[str, ...]) -> list[tuple[int, str]]:
    """Windows evenly spaced between the best and the worst, one for each name, none twice."""
    order = np.argsort(losses, kind="stable")[: int(np.isfinite(losses).sum())]
    places = np.linspace(0, max(len(order) - 1, 0), len(names)).round().astype(int)
    chosen: dict[int, str] = {}
    for place, name in zip(places, names, strict=True):
        if len(order):
            chosen.setdefault(int(order[place]), name)
    return list(chosen.items())


def _windows(run: Run, outcomes: Outcomes, losses: Floats, said: str) -> list[list[Chart]]:
    """The best, the median and the worst window, a column each, a row for each target."""
    chosen = chosen_windows(losses, ("best", "median", "worst"))
    targets = outcomes.truth.targets if len(outcomes.truth.targets) > 1 else ("",)
    shown = targets[:TARGETS]
    return [
        [
            Chart(
                tuple(_marks(run, outcomes, window, row)),
                () if row else _title(outcomes, window, f"{name} window by {said}: {losses[window]:.4g}"),
                "observation" if row == len(shown) - 1 else "",
                target if column == 0 else "",
                _begin(run, outcomes, window) - 0.5,
            )
            for column, (window, name) in enumerate(chosen)
        ]
        for row, target in enumerate(shown)
    ]


def _waves(run: Run, outcomes: Outcomes, losses: Floats, said: str) -> list[list[Chart]]:
    """The best and the worst generated wave, one under the other."""
    return [
        [
            Chart(
                tuple(_marks(run, outcomes, window, 0)),
                _title(outcomes, window, f"{name} wave by {said}: {losses[window]:.4g}"),
                "observation",
                rule=_begin(run, outcomes, window) - 0.5,
            )
        ]
        for window, name in chosen_windows(losses, ("best", "worst"))
    ]


def _marks(run: Run, outcomes: Outcomes, window: int, target: int) -> Iterator[Line | Band]:
    """One target of a window: what is known of its past, what came, the forecast and its interval."""
    forecast, first, horizon = outcomes.forecast, _begin(run, outcomes, window), outcomes.truth.values.shape[1]
    steps = np.arange(first, first + horizon).astype(np.float64)
    came = np.asarray(outcomes.truth.values[window, :, target], dtype=np.float64)
    times, values = _past(outcomes, window, target, run.cell.task.gap)
    if len(times):
        yield Line(times.astype(np.float64), values, MUTED, "past", 1.0)
    joined = len(times) and times[-1] == first - 1
    steps_came, came = (np.append(times[-1], steps), np.append(values[-1], came)) if joined else (steps, came)
    if forecast.quantiles is not None and forecast.quantile_levels[0] < forecast.quantile_levels[-1]:
        low, high = (forecast.quantiles[window, :, target, i] for i in (0, -1))
        label = f"{forecast.quantile_levels[0]:g} to {forecast.quantile_levels[-1]:g} quantile"
        yield Band(steps, low, high, FORECAST, label)
    yield Line(steps_came, came, ACTUAL, "actual", dots=horizon == 1)
    yield Line(steps, forecast.mean[window, :, target], FORECAST, "forecast", dots=horizon == 1)


def _begin(run: Run, outcomes: Outcomes, window: int) -> int:
    """The position of a window's first step in its series."""
    return int(outcomes.truth.cutoffs[window]) + run.cell.task.gap


def _past(outcomes: Outcomes, window: int, target: int, gap: int) -> tuple[Ints, Floats]:
    """Up to two horizons before a window's first step, as far as other windows of its series show it."""
    horizon = outcomes.truth.values.shape[1]
    first = int(outcomes.truth.cutoffs[window]) + gap
    mine = np.flatnonzero(outcomes.truth.series == outcomes.truth.series[window])
    begins = outcomes.truth.cutoffs[mine] + gap
    mine = mine[(begins < first) & (begins > first - 3 * horizon)]
    known: dict[int, float] = {}
    for other in mine:
        begin = int(outcomes.truth.cutoffs[other]) + gap
        known |= zip(range(begin, begin + horizon), outcomes.truth.values[other, :, target].tolist(), strict=True)
    times = [time for time in sorted(known) if first - 2 * horizon <= time < first]
    return np.array(times, dtype=np.int64), np.array([known[time] for time in times])


def _error_by_step(outcomes: Outcomes, generated: bool) -> Chart:
    """The mean, the median and the middle half of the windows' errors at every step."""
    windows, horizon, targets = outcomes.truth.values.shape
    some = np.arange(0, windows, -(-outcomes.truth.values.size // NUMBERS))
    errors = outcomes.absolute_error[some]
    label = "absolute error"
    if not generated and (len(np.unique(outcomes.truth.series)) > 1 or targets > 1):
        errors = Outcomes.ratio(errors, outcomes.seasonal_error[some][:, None])
        label = "absolute error / seasonal difference"
    by_step = np.moveaxis(errors, 1, 0).reshape(horizon, -1)
    known = np.isfinite(by_step).any(axis=1)
    steps, by_step = (np.flatnonzero(known) + 1).astype(np.float64), by_step[known]
    marks: tuple[Line | Band, ...] = ()
    if len(steps):
        quantile = np.quantile if np.isfinite(by_step).all() else np.nanquantile  # which takes its time
        lower, median, upper = quantile(by_step, (0.25, 0.5, 0.75), axis=1)
        marks = (
            Band(steps, lower, upper, FORECAST, "middle half of windows"),
            Line(steps, median, FORECAST, "median", 1.0, "5 3"),
            Line(steps, _mean(by_step, axis=1), FORECAST, "mean", 1.4, dots=horizon <= 40),
        )
    logarithmic = generated and bool((by_step > 0).any())
    return Chart(marks, (), "step of the horizon", label, from_zero=not logarithmic, logarithmic=logarithmic)


def _title(outcomes: Outcomes, window: int, text: str) -> tuple[str, str]:
    series, known = outcomes.truth.ids[int(outcomes.truth.series[window])], int(outcomes.truth.cutoffs[window])
    until = outcomes.truth.last_known(window) if outcomes.truth.freq is not None else None
    place = f"cutoff {known}" if until is None else f"cutoff {known}, {str(until)[:16].removesuffix('T00:00')}"
    return text, f"series {series}, {place}"


def _mean(values: Any, axis: int | tuple[int, ...]) -> Floats:
    """The mean of what is known; NaN, without a warning, where nothing is."""
    known = np.isfinite(values)
    return Outcomes.ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis).astype(np.float64))
