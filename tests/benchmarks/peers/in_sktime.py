"""sktime: `evaluate` with an expanding window, series by series."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.naive import NaiveForecaster
from sktime.performance_metrics.forecasting import (
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanAbsoluteScaledError,
    MeanSquaredError,
)
from sktime.split import ExpandingWindowSplitter
from work import Action, Scores, Work

PACKAGES = ("sktime",)
RMSE = "by window"


def prepared(work: Work) -> Action:
    series = [pd.Series(values) for values in work.series]
    scoring = [
        MeanAbsoluteError(),
        MeanSquaredError(square_root=True),
        MeanAbsoluteScaledError(sp=work.season),
        MeanAbsolutePercentageError(symmetric=True),
    ]
    names = [f"test_{metric.name}" for metric in scoring]

    def action() -> Scores:
        found = []
        for values in series:
            splitter = ExpandingWindowSplitter(
                fh=np.arange(1, work.horizon + 1), initial_window=len(values) - work.back, step_length=work.stride
            )
            forecaster = NaiveForecaster(strategy="last", sp=work.season)
            found.append(evaluate(forecaster, splitter, values, strategy="refit", scoring=scoring, error_score="raise"))
        mae, rmse, mase, smape = pd.concat(found)[names].mean()
        return {"MAE": mae, "RMSE": rmse, "MASE": mase, "sMAPE": 100 * smape}

    return action
