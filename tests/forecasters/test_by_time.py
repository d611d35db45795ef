"""Forecasts by points in time: the same as those of one call, in its order."""

from __future__ import annotations

import numpy as np

from harness import Contexts, Forecast, Panel, forecast_by_time
from harness.tasks.windows import Windows


def contexts_of(starts: list[str], cutoffs: list[tuple[int, int]]) -> Contexts:
    panel = Panel.of([np.arange(40.0) + 100 * i for i in range(len(starts))], start=starts, freq="D")
    series, lengths = np.array(cutoffs).T
    return Windows(panel, series, lengths, horizon=2, quantile_levels=(0.5, 0.9)).contexts


def test_a_call_holds_the_windows_of_one_point_in_time() -> None:
    contexts = contexts_of(["2020-01-01", "2020-01-03"], [(0, 10), (0, 12), (1, 10), (1, 8), (0, 11)])
    calls = []

    def predict(part: Contexts) -> Forecast:
        calls.append(list(zip(part.series.tolist(), part.cutoffs.tolist(), strict=True)))
        last = np.repeat(part.last_targets(1), 2, axis=1)
        return Forecast(last, (0.5, 0.9), np.stack([last, last + 1], axis=-1), last)

    forecast = forecast_by_time(contexts, predict)

    assert calls == [[(0, 10), (1, 8)], [(0, 11)], [(0, 12), (1, 10)]]
    np.testing.assert_array_equal(forecast.mean[:, 0, 0], [9, 11, 109, 107, 10])
    np.testing.assert_array_equal(forecast.quantile(0.9)[:, 1, 0], [10, 12, 110, 108, 11])
