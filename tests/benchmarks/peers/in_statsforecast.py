"""statsforecast's `cross_validation`, then utilsforecast's `evaluate`."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import SeasonalNaive
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import mae, mase, rmse, smape
from work import Action, Scores, Work

PACKAGES = ("statsforecast", "utilsforecast")
RMSE = "by window"


def prepared(work: Work) -> Action:
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(
                [f"{i:04d}" for i in range(len(work.series))], [len(values) for values in work.series]
            ),
            "ds": np.concatenate([np.arange(len(values)) for values in work.series]),
            "y": np.concatenate(work.series),
        }
    )
    metrics = [mae, rmse, partial(mase, seasonality=work.season), smape]

    def action() -> Scores:
        made = StatsForecast([SeasonalNaive(work.season)], freq=1).cross_validation(
            h=work.horizon, df=frame, n_windows=work.windows, step_size=work.stride
        )
        found = evaluate(made, metrics, train_df=frame)
        means = found.groupby("metric")["SeasonalNaive"].mean()
        return {
            "MAE": float(means["mae"]),
            "RMSE": float(means["rmse"]),
            "MASE": float(means["mase"]),
            "sMAPE": 200 * float(means["smape"]),
        }

    return action
