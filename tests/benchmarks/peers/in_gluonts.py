"""GluonTS: `generate_instances`, then `evaluate_model`; its forecasts are of 32 bits."""

from __future__ import annotations

import numpy as np
import pandas as pd
from gluonts.dataset.common import ListDataset
from gluonts.dataset.split import split
from gluonts.ev.metrics import MAE, MASE, SMAPE
from gluonts.ev.metrics import RMSE as ROOT
from gluonts.model.evaluation import evaluate_model
from gluonts.model.seasonal_naive import SeasonalNaivePredictor
from work import Action, Scores, Work

PACKAGES = ("gluonts",)
RMSE = "pooled"


def prepared(work: Work) -> Action:
    start = pd.Period("2020-01-01", freq="h")
    data = ListDataset([{"start": start, "target": values} for values in work.series], freq="h")
    _, template = split(data, offset=-work.back)
    instances = template.generate_instances(work.horizon, windows=work.windows, distance=work.stride)

    def action() -> Scores:
        found = evaluate_model(
            SeasonalNaivePredictor(prediction_length=work.horizon, season_length=work.season),
            test_data=instances,
            metrics=[MAE(), ROOT(), MASE(), SMAPE()],
            axis=None,
            seasonality=work.season,
        )
        mae, rmse, mase, smape = (float(each) for each in np.asarray(found)[0])
        return {"MAE": mae, "RMSE": rmse, "MASE": mase, "sMAPE": 100 * smape}

    return action
