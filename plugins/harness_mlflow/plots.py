"""Plots of a cell: some windows beside what came, and the error along the horizon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness import Floats, Forecast, Generation, Ints, Outcomes, Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TARGETS = 3  # at most so many targets are drawn
NUMBERS = 5_000_000  # at most so many errors are drawn from
NOMINAL = ("coverage",)  # metrics by which a single window is neither good nor bad
ACTUAL, FORECAST, MUTED = "#1b1b1b", "#c8552b", "#8a8a8a"


def write_plots(folder: Path, heading: str, run: Run, outcomes: Outcomes, metric: str) -> None:
    """The plots of a cell as PNG files; windows are chosen by the board's metric."""
    losses, said = window_losses(run, outcomes, metric)
    generated = isinstance(run.cell.task.protocol, Generation)
    draw = _waves if generated else _windows
    _save(draw(run, outcomes, losses, said), heading, folder / "forecasts.png")
    _save(_error_by_step(outcomes, generated), heading, folder / "error_by_step.png")


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


def _windows(run: Run, outcomes: Outcomes, losses: Floats, said: str) -> Figure:
    """The best, the median and the worst window, a column each, a row for each target."""
    chosen = chosen_windows(losses, ("best", "median", "worst"))
    targets = min(outcomes.truth.values.shape[2], TARGETS)
    figure = Figure(figsize=(3.7 * max(len(chosen), 1), 0.9 + 2.7 * targets))
    for row in range(targets):
        for column, (window, name) in enumerate(chosen):
            axes = figure.add_subplot(targets, len(chosen), row * len(chosen) + column + 1)
            _draw(axes, run, outcomes, window, row)
            if row == 0:
                axes.set_title(_title(outcomes, window, f"{name} window by {said}: {losses[window]:.4g}"), fontsize=9)
            if column == 0 and outcomes.truth.values.shape[2] > 1:
                axes.set_ylabel(outcomes.truth.targets[row], fontsize=9)
            if row == targets - 1:
                axes.set_xlabel("observation", fontsize=9)
    return figure


def _waves(run: Run, outcomes: Outcomes, losses: Floats, said: str) -> Figure:
    """The best and the worst generated wave, one under the other."""
    chosen = chosen_windows(losses, ("best", "worst"))
    figure = Figure(figsize=(10, 0.9 + 2.6 * max(len(chosen), 1)))
    for row, (window, name) in enumerate(chosen):
        axes = figure.add_subplot(len(chosen), 1, row + 1)
        _draw(axes, run, outcomes, window, 0)
        axes.set_title(_title(outcomes, window, f"{name} wave by {said}: {losses[window]:.4g}"), fontsize=9)
    if chosen:
        axes.set_xlabel("observation", fontsize=9)
    return figure


def _draw(axes: Axes, run: Run, outcomes: Outcomes, window: int, target: int) -> None:
    """One target of a window: what is known of its past, what came, the forecast and its interval."""
    forecast = outcomes.forecast
    gap, horizon = run.cell.task.gap, outcomes.truth.values.shape[1]
    first = int(outcomes.truth.cutoffs[window]) + gap
    steps = np.arange(first, first + horizon)
    times, values = _past(outcomes, window, target, gap)
    came = np.asarray(outcomes.truth.values[window, :, target])
    mark = "." if horizon == 1 else None
    if len(times):
        axes.plot(times, values, color=MUTED, linewidth=1, label="past")
        if times[-1] == first - 1:
            steps_came, came = np.append(times[-1], steps), np.append(values[-1], came)
        else:
            steps_came = steps
    else:
        steps_came = steps
    axes.plot(steps_came, came, color=ACTUAL, linewidth=1.3, marker=mark, label="actual")
    if forecast.quantiles is not None:
        _band(axes, steps, forecast, window, target)
    axes.plot(steps, forecast.mean[window, :, target], color=FORECAST, linewidth=1.3, marker=mark, label="forecast")
    axes.axvline(first - 0.5, color=MUTED, linewidth=0.8, linestyle=":")
    axes.margins(x=0.02)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _band(axes: Axes, steps: Ints, forecast: Forecast, window: int, target: int) -> None:
    assert forecast.quantiles is not None
    low, high = forecast.quantile_levels[0], forecast.quantile_levels[-1]
    if low < high:
        lower, upper = (forecast.quantiles[window, :, target, i] for i in (0, -1))
        label = f"{low:g} to {high:g} quantile"
        axes.fill_between(steps, lower, upper, color=FORECAST, alpha=0.18, linewidth=0, label=label)


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


def _error_by_step(outcomes: Outcomes, generated: bool) -> Figure:
    """The mean, the median and the middle half of the windows' errors at every step."""
    windows, horizon, targets = outcomes.truth.values.shape
    some = np.arange(0, windows, -(-outcomes.truth.values.size // NUMBERS))
    errors = outcomes.absolute_error[some]
    label = "absolute error"
    if not generated and (len(np.unique(outcomes.truth.series)) > 1 or targets > 1):
        errors = Outcomes.ratio(errors, outcomes.seasonal_error[some][:, None])
        label = "absolute error / seasonal difference"
    by_step = np.moveaxis(errors, 1, 0).reshape(horizon, -1)
    figure = Figure(figsize=(8, 3.2))
    axes = figure.add_subplot()
    known = np.isfinite(by_step).any(axis=1)
    steps, by_step = np.flatnonzero(known) + 1, by_step[known]
    if len(steps):
        lower, median, upper = np.nanquantile(by_step, (0.25, 0.5, 0.75), axis=1)
        mark = "." if horizon <= 40 else None
        axes.fill_between(steps, lower, upper, color=FORECAST, alpha=0.18, linewidth=0, label="middle half of windows")
        axes.plot(steps, median, color=FORECAST, linewidth=1, linestyle="--", label="median")
        axes.plot(steps, _mean(by_step, axis=1), color=FORECAST, linewidth=1.4, marker=mark, label="mean")
    if generated and len(steps) and (by_step > 0).any():
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("step of the horizon", fontsize=9)
    axes.set_ylabel(label, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _title(outcomes: Outcomes, window: int, text: str) -> str:
    series, known = outcomes.truth.ids[int(outcomes.truth.series[window])], int(outcomes.truth.cutoffs[window])
    until = outcomes.truth.last_known(window) if outcomes.truth.freq is not None else None
    place = f"cutoff {known}" if until is None else f"cutoff {known}, {str(until)[:16].removesuffix('T00:00')}"
    return f"{text}\nseries {series}, {place}"


def _save(figure: Figure, heading: str, path: Path) -> None:
    """Write a figure with a heading that says which cell it shows, and one legend for all of its axes."""
    figure.suptitle(heading, fontsize=10, x=0.01, ha="left", weight="bold")
    found: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    columns = max(len(found), 1)
    figure.legend(list(found.values()), list(found), loc="upper right", ncols=columns, fontsize=8, frameon=False)
    width, height = figure.get_size_inches()
    top = 0.85 if figure.axes and figure.axes[0].get_title() else 0.45
    figure.subplots_adjust(  # fixed margins in inches: a layout engine would draw everything twice
        left=0.75 / width, right=1 - 0.15 / width, top=1 - top / height, bottom=0.5 / height, wspace=0.22, hspace=0.35
    )
    FigureCanvasAgg(figure).print_png(str(path), metadata={"Software": None})


def _mean(values: Any, axis: int | tuple[int, ...]) -> Floats:
    """The mean of what is known; NaN, without a warning, where nothing is."""
    known = np.isfinite(values)
    return Outcomes.ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis).astype(np.float64))
