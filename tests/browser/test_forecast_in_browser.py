"""The plots of forecasts in a real browser: no labels overlap, and the button of the colours is beside the title."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Forecast, Panel, RollingOrigin, Task
from harness.data.ahead import with_rows_ahead
from harness.execution.forecasting import ForecastAhead, task_ahead
from harness.report.page.forecast import MOST_SERIES, forecast_page
from harness.tasks.folds import backtest

pytest.importorskip("selenium")

LABELS = """
return [...document.querySelectorAll('svg')].map(plot => [...plot.querySelectorAll('text')].map(label => {
  const {left, right, top, bottom} = label.getBoundingClientRect();
  return {text: label.textContent, left, right, top, bottom};
}));
"""
PLACES = """
return Object.fromEntries(['h1', '#theme', 'header p', 'figure', 'html'].map(name => {
  const {left, right, top, bottom} = document.querySelector(name).getBoundingClientRect();
  return [name, {left, right, top, bottom}];
}));
"""


def ahead(horizon: int, scale: float) -> ForecastAhead:
    """A forecast of 30 hourly series."""
    rng = np.random.default_rng(0)
    values = [scale * (3 + rng.normal(size=60 + i)) for i in range(30)]
    panel = Panel.of(values, ids=[f"store {i}" for i in range(30)], start="2024-10-20T05", freq="h")
    task = task_ahead(Task("stores", RollingOrigin(horizon)), horizon)
    (fold,) = backtest(task, with_rows_ahead(panel, horizon)).folds()
    mean = scale * (3 + rng.normal(size=(30, horizon, 1)))
    quantiles = np.stack([mean - scale, mean, mean + scale], axis=-1)
    return ForecastAhead(fold.windows, Forecast(mean, (0.1, 0.5, 0.9), quantiles))


@pytest.mark.parametrize(("horizon", "scale"), [(24, 40.0), (2, 123_456.0), (1, 4e-5)])
@pytest.mark.parametrize("width", [1280, 500])
def test_no_labels_overlap(browser: Any, tmp_path: Path, width: int, horizon: int, scale: float) -> None:
    path = tmp_path / "forecast.html"
    path.write_text(forecast_page(ahead(horizon, scale), "Forecasts of stores by ridge", [], "Europe/Berlin"))
    browser.size(width, 900)

    browser.open(path)

    plots = browser.run(LABELS)
    assert len(plots) == MOST_SERIES
    for labels in plots:
        assert len(labels) == 5
        for first, second in itertools.combinations(labels, 2):
            beside = first["right"] <= second["left"] or second["right"] <= first["left"]
            assert beside or first["bottom"] <= second["top"] or second["bottom"] <= first["top"], (first, second)
        assert min(label["left"] for label in labels) >= 0
        assert max(label["right"] for label in labels) <= width


@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_button_is_beside_the_title(browser: Any, tmp_path: Path, width: int, colours: str) -> None:
    path = tmp_path / "forecast.html"
    path.write_text(forecast_page(ahead(24, 40.0), "Forecasts of stores by ridge", ["a line"]))
    browser.size(width, 900)
    browser.prefer(prefers_color_scheme=colours)

    browser.open(path)

    places = browser.run(PLACES)
    assert places["#theme"]["left"] >= places["h1"]["right"]
    assert places["#theme"]["bottom"] <= places["h1"]["bottom"]
    assert places["h1"]["bottom"] < places["header p"]["top"] < places["figure"]["top"]
    assert browser.run("return document.getElementById('theme').textContent") == (
        "Dark" if colours == "light" else "Light"
    )
    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_times_are_on_the_clocks_of_the_zone() -> None:
    text = forecast_page(ahead(3, 1.0), "Forecasts", [], "Europe/Berlin")

    assert "2024-10-22 19:00 to 2024-10-22 21:00" in text  # the first series ends at 16:00 UTC
