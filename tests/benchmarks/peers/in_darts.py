"""darts: `historical_forecasts`, then `backtest` of them."""

from __future__ import annotations

import numpy as np
from darts import TimeSeries
from darts.metrics import mae, mase, rmse, smape
from darts.models import NaiveSeasonal
from work import Action, Scores, Work

PACKAGES = ("darts",)
RMSE = "by window"


def prepared(work: Work) -> Action:
    series = [TimeSeries.from_values(values) for values in work.series]
    protocol = {"forecast_horizon": work.horizon, "stride": work.stride, "last_points_only": False}

    def action() -> Scores:
        model = NaiveSeasonal(K=work.season)
        forecasts = model.historical_forecasts(
            series, start=-work.back, start_format="position", retrain=True, show_warnings=False, **protocol
        )
        found = model.backtest(
            series,
            historical_forecasts=forecasts,
            metric=[mae, rmse, mase, smape],
            metric_kwargs=[{}, {}, {"m": work.season}, {}],
            reduction=np.mean,
            last_points_only=False,
        )
        return dict(zip(("MAE", "RMSE", "MASE", "sMAPE"), map(float, np.mean(found, axis=0)), strict=True))

    return action
