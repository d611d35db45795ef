"""A page with plots of forecasts after the end of the data: the last actuals of a series, then its forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.arrays import Floats, Times
from harness.data.tables.zones import in_zone
from harness.report.page.render import document
from harness.report.text import visible

if TYPE_CHECKING:
    from harness.execution.forecasting import ForecastAhead

MOST_SERIES = 20
HORIZONS = 3  # of actuals before the forecast
LEAST_PAST = 30  # steps
WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 560, 200, 72, 26, 8  # pixels


@dataclass(frozen=True)
class Plot:
    """The shapes of a plot; all positions are pixels."""

    title: str
    actual: tuple[str, ...]  # points of lines, which are interrupted where values are missing
    mean: tuple[str, ...]
    band: str  # the points of the area between the outermost quantiles; empty without them
    cutoff: float
    ticks: tuple[tuple[float, str], ...]
    begin: str  # how many steps of actuals are shown
    period: str  # the times of the first and the last step of the forecast
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BELOW


def forecast_page(ahead: ForecastAhead, title: str, lines: Sequence[str], zone: str | None = None) -> str:
    """The HTML document; of many series it shows the first ones. `lines` say how the forecasts came about.

    Times of UTC are shown on the clocks of the `zone`, if there is one.
    """
    count = len(ahead.forecast)
    times = ahead.times()[:MOST_SERIES]
    if zone is not None:
        times = in_zone(times.ravel(), zone).tz_localize(None).to_numpy().reshape(times.shape)
    plots = [plot for window in range(min(count, MOST_SERIES)) for plot in _plots(ahead, window, times[window])]
    shown = [*lines, *([f"the first {MOST_SERIES} of {count:,} series are shown"] if count > MOST_SERIES else [])]
    values: dict[str, Any] = {"title": visible(title), "lines": [visible(line) for line in shown], "plots": plots}
    return document("forecast.html.jinja", values, ("page.css", "charts.css", "forecast.css"), ("theme.js",))


def _plots(ahead: ForecastAhead, window: int, times: Times) -> Iterator[Plot]:
    """A plot of each numeric target of a window."""
    forecast, contexts = ahead.forecast, ahead.windows.contexts.take(slice(window, window + 1))
    if forecast.probabilities is not None:
        return
    length = int(min(contexts.lengths[0], max(HORIZONS * contexts.horizon, LEAST_PAST)))
    past = contexts.last_targets(length)[0]
    for target, position in enumerate(contexts.targets):
        name = contexts.ids[0]
        if len(contexts.targets) > 1:
            name = f"{name}, {contexts.channels[position].name}"
        low = high = None
        if forecast.quantiles is not None:
            low, high = forecast.quantiles[window, :, target, 0], forecast.quantiles[window, :, target, -1]
        yield _plot(name, past[:, target], forecast.mean[window, :, target], low, high, contexts.gap, times)


def _plot(
    title: str, past: Floats, mean: Floats, low: Floats | None, high: Floats | None, gap: int, times: Any
) -> Plot:
    known = np.concatenate([each[np.isfinite(each)] for each in (past, mean, low, high) if each is not None])
    bottom, top = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    margin = 0.05 * (top - bottom) or abs(top) or 1.0
    bottom, top = bottom - margin, top + margin
    steps = len(past) + gap + len(mean)

    def x(step: Any) -> Any:
        return LEFT + (WIDTH - LEFT - 8) * np.asarray(step) / max(steps - 1, 1)

    def y(value: Any) -> Any:
        return ABOVE + (HEIGHT - BELOW - ABOVE) * (top - np.asarray(value)) / (top - bottom)

    ahead = np.arange(len(past) + gap, steps)
    band = ""
    if low is not None and high is not None and np.isfinite(low + high).all():
        band = _points(np.concatenate([x(ahead), x(ahead)[::-1]]), np.concatenate([y(high), y(low)[::-1]]))
    levels = np.unique(np.linspace(bottom + margin, top - margin, 3))
    ticks = tuple((float(y(value)), _number(value)) for value in levels.tolist())
    return Plot(
        visible(title),
        tuple(_lines(x(np.arange(len(past))), y(past))),
        tuple(_lines(x(ahead), y(mean))),
        band,
        float(x(len(past) - 0.5)),
        ticks,
        f"−{len(past):,} steps",
        " to ".join(dict.fromkeys(_texts(times[[0, -1]]))),
    )


def _lines(x: Floats, y: Floats) -> Iterator[str]:
    """The points of each part of a line whose values are not missing; a single one is drawn as a short line."""
    known = np.isfinite(y)
    for part in np.split(np.arange(len(y)), np.flatnonzero(np.diff(known.astype(int))) + 1):
        if len(part) and known[part[0]]:
            single = len(part) == 1
            yield _points(
                np.repeat(x[part], 2) + np.array([-1, 1]) if single else x[part], np.repeat(y[part], 1 + single)
            )


def _points(x: Floats, y: Floats) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _texts(times: Times) -> list[str]:
    """Times to the minute, or to the second where they have seconds; dates where all are at midnight."""
    if times.dtype.kind != "M":
        return [str(time) for time in times.tolist()]
    unit = next(unit for unit in ("D", "m", "s", "ns") if unit == "ns" or (times == times.astype(f"M8[{unit}]")).all())
    return [str(time).replace("T", " ") for time in times.astype(f"M8[{unit}]")]


def _number(value: float) -> str:
    """A value with four digits, so that it fits beside the plot."""
    if abs(value) < 1000:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) < 1_000_000 else f"{value:.2e}"
