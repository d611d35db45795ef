"""Plots of a cell: forecasts and actuals of some windows, and the error by step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness import Floats, Ints, Outcomes, Run
from harness_mlflow.charts import MUTED, Band, Chart, Line, picture

TARGETS = 3  # shown at most
NUMBERS = 5_000_000  # at most so many errors are plotted
NOMINAL = ("coverage",)  # metrics that are meaningless for a single window
ACTUAL, FORECAST = "#1b1b1b", "#c8552b"
WIDTH = 1000  # pixels


def write_plots(folder: Path, heading: str, run: Run, outcomes: Outcomes, metric: str) -> None:
    """The plots of a cell as SVG files; windows are chosen by the board's metric."""
    losses, loss = window_losses(run, outcomes, metric)
    generated = run.cell.task.protocol.free_running
    rows = _waves(run, outcomes, losses, loss) if generated else _windows(run, outcomes, losses, loss)
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
    return _mean(outcomes.of("median").absolute_error, axis=(1, 2)), "MAE"


def chosen_windows(losses: Floats, names: tuple[str, ...]) -> list[tuple[int, str]]:
    """Different windows evenly spaced between the best and the worst, one for each name."""
    order = np.argsort(losses, kind="stable")[: int(np.isfinite(losses).sum())]
    places = np.linspace(0, max(len(order) - 1, 0), len(names)).round().astype(int)
    chosen: dict[int, str] = {}
    for place, name in zip(places, names, strict=True):
        if len(order):
            chosen.setdefault(int(order[place]), name)
    return list(chosen.items())


def _windows(run: Run, outcomes: Outcomes, losses: Floats, loss: str) -> list[list[Chart]]:
    """The best, the median and the worst window, a column each, a row for each target."""
    chosen = chosen_windows(losses, ("best", "median", "worst"))
    targets = outcomes.observed.targets if len(outcomes.observed.targets) > 1 else ("",)
    shown = targets[:TARGETS]
    return [
        [
            Chart(
                tuple(_marks(run, outcomes, window, row)),
                () if row else _title(outcomes, window, f"{name} window by {loss}: {losses[window]:.4g}"),
                "observation" if row == len(shown) - 1 else "",
                target if column == 0 else "",
                _begin(run, outcomes, window) - 0.5,
            )
            for column, (window, name) in enumerate(chosen)
        ]
        for row, target in enumerate(shown)
    ]


def _waves(run: Run, outcomes: Outcomes, losses: Floats, loss: str) -> list[list[Chart]]:
    """The best and the worst generated wave, one under the other."""
    return [
        [
            Chart(
                tuple(_marks(run, outcomes, window, 0)),
                _title(outcomes, window, f"{name} wave by {loss}: {losses[window]:.4g}"),
                "observation",
                rule=_begin(run, outcomes, window) - 0.5,
            )
        ]
        for window, name in chosen_windows(losses, ("best", "worst"))
    ]


def _marks(run: Run, outcomes: Outcomes, window: int, target: int) -> Iterator[Line | Band]:
    """One target of a window: its history, its actuals, the forecast and its interval."""
    forecast, first, horizon = outcomes.forecast, _begin(run, outcomes, window), outcomes.observed.values.shape[1]
    steps = np.arange(first, first + horizon).astype(np.float64)
    actuals = np.asarray(outcomes.observed.values[window, :, target], dtype=np.float64)
    times, values = _past(outcomes, window, target, run.cell.task.gap)
    if len(times):
        yield Line(times.astype(np.float64), values, MUTED, "past", 1.0)
    joined = len(times) and times[-1] == first - 1
    x, y = (np.append(times[-1], steps), np.append(values[-1], actuals)) if joined else (steps, actuals)
    if forecast.quantiles is not None and len(forecast.quantile_levels) > 1:
        low, high = (forecast.quantiles[window, :, target, i] for i in (0, -1))
        label = f"{forecast.quantile_levels[0]:g} to {forecast.quantile_levels[-1]:g} quantile"
        yield Band(steps, low, high, FORECAST, label)
    yield Line(x, y, ACTUAL, "actual", dots=horizon == 1)
    yield Line(steps, forecast.mean[window, :, target], FORECAST, "forecast", dots=horizon == 1)


def _begin(run: Run, outcomes: Outcomes, window: int) -> int:
    """The position of a window's first step in its series."""
    return int(outcomes.observed.cutoffs[window]) + run.cell.task.gap


def _past(outcomes: Outcomes, window: int, target: int, gap: int) -> tuple[Ints, Floats]:
    """Up to two horizons before a window's first step, as far as other windows of its series show it."""
    horizon = outcomes.observed.values.shape[1]
    first = int(outcomes.observed.cutoffs[window]) + gap
    mine = np.flatnonzero(outcomes.observed.series == outcomes.observed.series[window])
    begins = outcomes.observed.cutoffs[mine] + gap
    mine = mine[(begins < first) & (begins > first - 3 * horizon)]
    known: dict[int, float] = {}
    for other in mine:
        begin = int(outcomes.observed.cutoffs[other]) + gap
        known |= zip(range(begin, begin + horizon), outcomes.observed.values[other, :, target].tolist(), strict=True)
    times = [time for time in sorted(known) if first - 2 * horizon <= time < first]
    return np.array(times, dtype=np.int64), np.array([known[time] for time in times])


def _error_by_step(outcomes: Outcomes, generated: bool) -> Chart:
    """The mean, the median and the middle half of the windows' errors at every step."""
    windows, horizon, targets = outcomes.observed.values.shape
    some = np.arange(0, windows, -(-outcomes.observed.values.size // NUMBERS))
    errors = outcomes.of("median").absolute_error[some]
    label = "absolute error"
    if not generated and (len(np.unique(outcomes.observed.series)) > 1 or targets > 1):
        errors = Outcomes.ratio(errors, outcomes.seasonal_error[some][:, None])
        label = "absolute error / seasonal difference"
    by_step = np.moveaxis(errors, 1, 0).reshape(horizon, -1)
    known = np.isfinite(by_step).any(axis=1)
    steps, by_step = (np.flatnonzero(known) + 1).astype(np.float64), by_step[known]
    marks: tuple[Line | Band, ...] = ()
    if len(steps):
        quantile = np.quantile if np.isfinite(by_step).all() else np.nanquantile  # slower
        lower, median, upper = quantile(by_step, (0.25, 0.5, 0.75), axis=1)
        marks = (
            Band(steps, lower, upper, FORECAST, "middle half of windows"),
            Line(steps, median, FORECAST, "median", 1.0, "5 3"),
            Line(steps, _mean(by_step, axis=1), FORECAST, "mean", 1.4, dots=horizon <= 40),
        )
    logarithmic = generated and bool((by_step > 0).any())
    return Chart(marks, (), "step of the horizon", label, from_zero=not logarithmic, logarithmic=logarithmic)


def _title(outcomes: Outcomes, window: int, text: str) -> tuple[str, str]:
    series, known = outcomes.observed.ids[int(outcomes.observed.series[window])], int(outcomes.observed.cutoffs[window])
    until = outcomes.observed.last_known(window) if outcomes.observed.freq is not None else None
    place = f"cutoff {known}" if until is None else f"cutoff {known}, {str(until)[:16].removesuffix('T00:00')}"
    return text, f"series {series}, {place}"


def _mean(values: Any, axis: int | tuple[int, ...]) -> Floats:
    """The mean without NaN; NaN, without a warning, where all values are."""
    known = np.isfinite(values)
    return Outcomes.ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis).astype(np.float64))
