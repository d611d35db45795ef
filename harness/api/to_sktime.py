"""A forecaster of harness as one of sktime."""

from __future__ import annotations

from typing import Any

from harness.errors import BadInput


def to_sktime(name: str, *, season_length: int = 1, **hyperparameters: Any) -> Any:
    """A forecaster of sktime that fits and forecasts by an installed forecaster of harness.

    It has the interface of `sktime.forecasting.base.BaseForecaster`: `fit`, `update`, `predict`, `predict_quantiles`
    and what follows from them. Columns of `X` are known covariates. Needs sktime; raises BadInput without it, for a
    name that is not installed, and for hyperparameters that do not fit.

        harness.to_sktime("theta", season_length=12).fit(y, fh=[1, 2, 3]).predict()
    """
    try:
        from harness.api.sktime_forecaster import HarnessForecaster
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sktime":
            raise
        raise BadInput("harness.to_sktime needs sktime; run `pip install 'forecast-harness[sktime]'`") from error
    forecaster = HarnessForecaster(name, hyperparameters or None, season_length)
    forecaster.check_hyperparameters()
    return forecaster
