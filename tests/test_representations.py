"""Public values are shown in one line that says what they are."""

from __future__ import annotations

import numpy as np
import pytest

from harness import Channel, Forecast, Panel, RollingOrigin, Run, Standings, Status, Task
from harness.evaluation.run import Cell

TASK = Task("sunspots", RollingOrigin(horizon=11, windows=8), quantile_levels=(0.1, 0.9))
VALUES = {
    "Task('sunspots', RollingOrigin(11, windows=8), quantile_levels=(0.1, 0.9))": TASK,
    "<Run: naive on sunspots, seed 1: completed, MASE 1.235, key 0123456789ab>": Run(
        Cell(TASK, "naive", {}, 1), Status.COMPLETED, key="0123456789abcdef", scores={"MASE": 1.23456}
    ),
    "<Run: naive on sunspots: failed>": Run(Cell(TASK, "naive"), Status.FAILED, reason="no"),
    "<Panel: 2 series, 6 observations, freq D, season length 7, channels value>": Panel.of(
        [np.arange(3.0), np.arange(3.0)], start="2024-01-01", freq="D", season_length=7
    ),
    "<Forecast: (window, horizon, target) = (2, 3, 1), quantile levels: none>": Forecast.point(np.zeros((2, 3, 1))),
    "<Standings: toys, 0 forecasters by MAE on 1 tasks>": Standings("toys", "Toys", "MAE", "naive", ("ramp",), ()),
}


@pytest.mark.parametrize(("text", "value"), VALUES.items(), ids=[type(value).__name__ for value in VALUES.values()])
def test_a_value_is_one_line(text: str, value: object) -> None:
    assert repr(value) == text


def test_a_panel_of_many_channels_names_some() -> None:
    panel = Panel.of([np.zeros((3, 8))], channels=[Channel(f"c{i}") for i in range(8)])

    assert "channels c0, c1, c2, c3, c4 and 3 more>" in repr(panel)
