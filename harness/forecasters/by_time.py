"""Forecasts of the windows of one point in time after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.forecasters.forecast import Forecast
from harness.tasks.windows import Contexts


def forecast_by_time(contexts: Contexts, predict: Callable[[Contexts], Forecast]) -> Forecast:
    """The forecasts of all windows, by a call of `predict` for the windows of each point in time.

    This is for a model that samples for all windows of a call from one generator. How many random numbers a sample
    takes can depend on the parameters of its distribution, as for Student's t. The samples of a window would then
    depend on the other windows of the call, which may be later. `predict` sets the seed of each call.
    """
    times = contexts.times()[:, 0]
    parts = [np.flatnonzero(times == time) for time in np.unique(times)]
    if len(parts) == 1:
        return predict(contexts)
    forecast = Forecast.concatenate([predict(contexts.take(part)) for part in parts])
    return forecast.among(len(contexts), np.concatenate(parts))
