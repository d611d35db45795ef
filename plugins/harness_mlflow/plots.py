"""Plots of a cell: forecasts and actuals of some windows, and the error by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from harness import Floats, Outcomes, Run
from harness_mlflow.charts import MUTED, Band, Chart, Line, picture

TARGETS = 3  # shown at most
NUMBERS = 5_000_000  # at most so many errors are plotted
NOMINAL = ("coverage",)  # metrics that are meaningless for a single window
ACTUAL, FORECAST, GIVEN = "#5b9ca1", "#a9531c", "#4b3f9e"
ACTUAL_WIDTH = 3.6  # pixels: the forecast is drawn over it, thinner
COLORS = ("#15626b", "#a9531c", "#4b3f9e", "#2c7a31", "#8a2b5b", "#6b6b1f")  # of training curves
WIDTH = 1000  # pixels


Past = Callable[[int, int], Floats]  # of a window and a target: the values before its first step


def write_plots(folder: Path, heading: str, run: Run, outcomes: Outcomes, metric: str, past: Past) -> None:
    """The plots of a cell as SVG files; windows are chosen by the board's metric."""
    losses, loss = window_losses(run, outcomes, metric)
    generated = run.cell.task.protocol.free_running
    rows = (_waves if generated else _windows)(run, outcomes, losses, loss, past)
    forecasts = picture(heading, rows, WIDTH, 270 if generated else 290)
    (folder / "forecasts.svg").write_text(forecasts, encoding="utf-8")
    errors = picture(heading, [[_error_by_step(outcomes, generated)]], WIDTH * 4 // 5, 300)
    (folder / "error_by_step.svg").write_text(errors, encoding="utf-8")


def write_training(folder: Path, heading: str, curves: Mapping[str, Sequence[float]]) -> None:
    """The training curves of a cell as an SVG file, on a logarithmic axis where a value is positive."""
    chart = training_chart(curves)
    if chart is not None:
        (folder / "training.svg").write_text(picture(heading, [[chart]], WIDTH, 380), encoding="utf-8")


def training_chart(curves: Mapping[str, Sequence[float]], title: tuple[str, ...] = ()) -> Chart | None:
    """The training curves of a cell, on a logarithmic axis where a value is positive; None where there are none."""
    stages = training_stages({name: curve for name, curve in curves.items() if len(curve)})
    if not stages:
        return None
    quantities = list(dict.fromkeys(quantity for stage in stages for quantity in stage.curves))
    colors = dict(zip(quantities, cycle(COLORS), strict=False))
    marks = tuple(
        Line(stage.positions(curve), curve, colors[quantity], quantity, dots=len(curve) == 1)
        for stage in stages
        for quantity, curve in stage.curves.items()
    )
    logarithmic = any(bool((mark.y > 0).any()) for mark in marks)
    several = len(stages) > 1
    return Chart(
        marks,
        title,
        "stages of the training, one after the other" if several else stages[0].steps,
        ", ".join(quantities) if len(quantities) < 4 else "recorded value",
        logarithmic=logarithmic,
        x_ticks=tuple((stage.begin + stage.length / 2, stage.steps) for stage in stages) if several else (),
        rules=tuple(float(stage.begin) for stage in stages[1:]),
    )


def write_gradient_norms(folder: Path, heading: str, norms: Mapping[str, Sequence[float]]) -> None:
    """The gradient norms of a cell, by time steps back from the last one, as an SVG file."""
    chart = gradient_chart(norms)
    if chart is not None:
        (folder / "gradient_norms.svg").write_text(picture(heading, [[chart]], WIDTH, 380), encoding="utf-8")


def gradient_chart(norms: Mapping[str, Sequence[float]], title: tuple[str, ...] = ()) -> Chart | None:
    """The gradient norms of a cell, by time steps back from the last one; None where there are none."""
    known = {name: np.asarray(values, dtype=np.float64) for name, values in norms.items() if len(values)}
    if not known:
        return None
    marks = tuple(
        Line(np.arange(0.0, len(values)), values, COLORS[place % len(COLORS)], name, dots=len(values) == 1)
        for place, (name, values) in enumerate(known.items())
    )
    logarithmic = any(bool((values > 0).any()) for values in known.values())
    return Chart(marks, title, "time steps before the last one", "norm of the gradient", logarithmic=logarithmic)


@dataclass(frozen=True, eq=False)
class Stage:
    """A stage of a training, and its curves by quantity."""

    steps: str  # what a value stands for
    begin: int  # steps before it
    curves: Mapping[str, Floats]

    @property
    def length(self) -> int:
        """Its steps: the values of its longest curve."""
        return max(map(len, self.curves.values()))

    def positions(self, curve: Floats) -> Floats:
        """Where the values of a curve are on the axis; those of a shorter curve are spread over the stage."""
        return self.begin + np.arange(1.0, len(curve) + 1) * self.length / len(curve)


def training_stages(curves: Mapping[str, Sequence[float]]) -> list[Stage]:
    """The stages of a training, one after the other, by the names of the curves: QUANTITY/STEPS, or QUANTITY."""
    by_steps: dict[str, dict[str, Floats]] = {}
    for name, curve in curves.items():
        quantity, slash, steps = name.rpartition("/")
        own = by_steps.setdefault(steps if slash else "", {})
        own[quantity if slash else name] = np.asarray(curve, dtype=np.float64)
    stages: list[Stage] = []
    for steps, of_stage in by_steps.items():
        begin = stages[-1].begin + stages[-1].length if stages else 0
        stages.append(Stage(steps or "recorded values", begin, of_stage))
    return stages


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


def _windows(run: Run, outcomes: Outcomes, losses: Floats, loss: str, past: Past) -> list[list[Chart]]:
    """The best, the median and the worst window, a column each, a row for each target."""
    chosen = chosen_windows(losses, ("best", "median", "worst"))
    targets = outcomes.observed.targets if len(outcomes.observed.targets) > 1 else ("",)
    shown = targets[:TARGETS]
    return [
        [
            Chart(
                tuple(_marks(run, outcomes, window, row, past)),
                () if row else _title(outcomes, window, f"{name} window by {loss}: {losses[window]:.4g}"),
                "observation" if row == len(shown) - 1 else "",
                target if column == 0 else "",
                (_begin(run, outcomes, window) - 0.5,),
            )
            for column, (window, name) in enumerate(chosen)
        ]
        for row, target in enumerate(shown)
    ]


def _waves(run: Run, outcomes: Outcomes, losses: Floats, loss: str, past: Past) -> list[list[Chart]]:
    """The best and the worst generated wave, one under the other."""
    return [
        [
            Chart(
                tuple(_marks(run, outcomes, window, 0, past)),
                _title(outcomes, window, f"{name} wave by {loss}: {losses[window]:.4g}"),
                "observation",
                rules=(_begin(run, outcomes, window) - 0.5,),
            )
        ]
        for window, name in chosen_windows(losses, ("best", "worst"))
    ]


def _marks(run: Run, outcomes: Outcomes, window: int, target: int, past: Past) -> Iterator[Line | Band]:
    """One target of a window: its history, its actuals, the forecast and its interval.

    The history of a free run, which is what the forecaster was given to start from, has a colour of its own.
    """
    forecast, first, horizon = outcomes.forecast, _begin(run, outcomes, window), outcomes.observed.values.shape[1]
    steps = np.arange(first, first + horizon).astype(np.float64)
    actuals = np.asarray(outcomes.observed.values[window, :, target], dtype=np.float64)
    values = past(window, target)
    times = np.arange(first - len(values), first).astype(np.float64)
    if len(times):
        free = run.cell.task.protocol.free_running
        yield Line(times, values, GIVEN, "given", 1.8) if free else Line(times, values, MUTED, "past", 1.0)
    joined = len(times) and np.isfinite(values[-1])
    x, y = (np.append(times[-1], steps), np.append(values[-1], actuals)) if joined else (steps, actuals)
    if forecast.quantiles is not None and len(forecast.quantile_levels) > 1:
        low, high = (forecast.quantiles[window, :, target, i] for i in (0, -1))
        label = f"{forecast.quantile_levels[0]:g} to {forecast.quantile_levels[-1]:g} quantile"
        yield Band(steps, low, high, FORECAST, label)
    yield Line(x, y, ACTUAL, "actual", ACTUAL_WIDTH, dots=horizon == 1)
    yield Line(steps, forecast.mean[window, :, target], FORECAST, "forecast", dots=horizon == 1)


def _begin(run: Run, outcomes: Outcomes, window: int) -> int:
    """The position of a window's first step in its series."""
    return int(outcomes.observed.cutoffs[window]) + run.cell.task.gap


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
