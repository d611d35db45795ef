"""HarnessForecaster: a forecaster of sktime that fits and forecasts by one of harness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster

from harness.arrays import Ints
from harness.data.channel import Channel
from harness.data.panel import Panel
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import Forecaster, predict_and_check
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.installed import installed_catalog
from harness.tasks.training import TrainingData
from harness.tasks.windows import Contexts

SEED = 0  # of stochastic forecasters


class HarnessForecaster(BaseForecaster):  # type: ignore[misc]
    """Forecasts by the forecaster of harness with this name and these hyperparameters.

    Forecasters of harness know the horizon and the quantile levels when they are fitted. One that is fitted without a
    horizon, or asked for a longer one or for quantiles, is therefore fitted when it forecasts.

    Examples
    --------
    >>> from harness import to_sktime
    >>> from sktime.datasets import load_airline
    >>> forecaster = to_sktime("theta", season_length=12)
    >>> forecaster = forecaster.fit(load_airline(), fh=[1, 2, 3])
    >>> predicted = forecaster.predict()
    """

    _tags = {  # noqa: RUF012
        "authors": ["harness"],
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:missing_values": True,
        "capability:update": True,
        "capability:categorical_in_X": False,
        "y_inner_mtype": "pd.DataFrame",
        "X_inner_mtype": "pd.DataFrame",
        "requires-fh-in-fit": False,
    }

    def __init__(
        self, name: str = "theta", hyperparameters: Mapping[str, Any] | None = None, season_length: int = 1
    ) -> None:
        self.name = name
        self.hyperparameters = hyperparameters
        self.season_length = season_length
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Arguments for the tests of sktime."""
        return [{"name": "theta"}, {"name": "ridge", "hyperparameters": {"lags": 2}}]

    def check_hyperparameters(self) -> None:
        """Raise BadInput for an unknown name, and for hyperparameters that do not fit."""
        self._new_forecaster()

    def _spec(self) -> ForecasterSpec:
        return installed_catalog().forecasters[self.name].spec

    def _new_forecaster(self) -> Forecaster:
        return self._spec().make(dict(self.hyperparameters or {}), SEED)

    def _fit(self, y: Any, X: Any, fh: Any) -> HarnessForecaster:  # noqa: N803
        self._past, self._past_known, self._trained = y, X, len(y)
        horizon = 0 if fh is None else int(self._steps(fh).max())
        self._horizon = horizon
        self.forecaster_: Forecaster | None = self._fitted(horizon, ()) if horizon else None
        return self

    def _update(self, y: Any, X: Any = None, update_params: bool = True) -> HarnessForecaster:  # noqa: N803
        self._past = _extended(self._past, y)
        self._past_known = None if self._past_known is None or X is None else _extended(self._past_known, X)
        if update_params:
            self._trained = len(self._past)
            self.forecaster_ = self._fitted(self._horizon, ()) if self._horizon else None
        return self

    def _predict(self, fh: Any, X: Any) -> Any:  # noqa: N803
        steps = self._steps(fh)
        forecast = self._forecast(steps, X, ())
        return pd.DataFrame(forecast.mean[0, steps - 1], index=self._index(fh), columns=self._past.columns)

    def _predict_quantiles(self, fh: Any, X: Any, alpha: Sequence[float]) -> Any:  # noqa: N803
        steps = self._steps(fh)
        levels = tuple(sorted(alpha))
        quantiles = self._forecast(steps, X, levels).quantiles_of(levels)[0, steps - 1]  # (step, target, level)
        order = [levels.index(level) for level in alpha]
        columns = pd.MultiIndex.from_product([self._get_varnames(), list(alpha)])
        return pd.DataFrame(quantiles[:, :, order].reshape(len(steps), -1), index=self._index(fh), columns=columns)

    def _steps(self, fh: Any) -> Ints:
        return np.asarray(fh.to_relative(self.cutoff), dtype=np.int64)

    def _index(self, fh: Any) -> Any:
        return fh.to_absolute_index(self.cutoff)

    def _fitted(self, horizon: int, levels: tuple[float, ...]) -> Forecaster:
        """A new forecaster, fitted to the data of the last fit."""
        forecaster, spec = self._new_forecaster(), self._spec()
        panel = self._panel(self._past.iloc[: self._trained], self._past_known)
        train = TrainingData(panel, None, horizon, 0, levels, self.season_length)
        forecaster.fit(train.filled(spec.missing))
        return forecaster

    def _forecast(self, steps: Ints, future: Any, levels: tuple[float, ...]) -> Forecast:
        """The forecast of all steps up to the last one that is asked for."""
        horizon = int(steps.max())
        forecaster = self.forecaster_
        if forecaster is None or levels or horizon > self._horizon:
            forecaster = self._fitted(horizon, levels)
        else:
            horizon = self._horizon
        length = len(self._past)
        ahead = pd.DataFrame(np.nan, index=range(horizon), columns=self._past.columns)
        known = None
        if self._past_known is not None:
            values = np.full((horizon, self._past_known.shape[1]), np.nan)
            if future is not None:
                inside = steps - 1 if len(future) == len(steps) else np.arange(min(len(future), horizon))
                values[inside] = np.asarray(future, dtype=np.float64)[: len(inside)]
            known = np.concatenate([np.asarray(self._past_known, dtype=np.float64), values])
        panel = self._panel(pd.concat([self._past, ahead]), known)
        contexts = Contexts(panel, np.array([0]), np.array([length]), horizon, 0, levels, self.season_length)
        return predict_and_check(forecaster, contexts.filled(self._spec().missing))

    def _panel(self, targets: Any, known: Any) -> Panel:
        """The targets and as many rows of the known covariates as a panel of one series, without a calendar."""
        columns = [Channel(f"target {i}") for i in range(targets.shape[1])]
        values = np.asarray(targets, dtype=np.float64)
        if known is not None:
            covariates = np.asarray(known, dtype=np.float64)[: len(values)]
            columns += [Channel(f"covariate {i}", "known covariate") for i in range(covariates.shape[1])]
            values = np.concatenate([values, covariates], axis=1)
        return Panel.of([values], season_length=self.season_length, channels=columns)


def _extended(past: Any, new: Any) -> Any:
    """A frame with the rows of another one that are later."""
    return pd.concat([past, new[new.index > past.index[-1]]])
