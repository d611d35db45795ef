"""The specification of an ARIMA model, and its fit by statsmodels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from statsmodels.tsa.arima.model import ARIMA

from harness import Floats

Order = tuple[int, int, int]
SeasonalOrder = tuple[int, int, int, int]


@dataclass(frozen=True)
class Specification:
    """The specification of an ARIMA model, as in statsmodels."""

    order: Order
    seasonal_order: SeasonalOrder = (0, 0, 0, 0)
    trend: str | None = None
    enforce_stationarity: bool = True
    enforce_invertibility: bool = True
    concentrate_scale: bool = False

    def model(self, values: Floats, first: int = 0, regressors: Floats | None = None) -> Any:
        """The model of these values; `first` is the time of the first value, for the trend.

        `regressors`, (length, regressor), are those of a regression whose errors are an ARIMA process.
        """
        return ARIMA(
            values,
            exog=regressors,
            order=self.order,
            seasonal_order=self.seasonal_order,
            trend=self.trend,
            enforce_stationarity=self.enforce_stationarity,
            enforce_invertibility=self.enforce_invertibility,
            concentrate_scale=self.concentrate_scale,
            trend_offset=1 + first,
        )

    @property
    def trend_powers(self) -> tuple[int, ...]:
        """The powers of time in the trend; their coefficients are the first parameters."""
        if self.trend is None:
            return () if self.order[1] or self.seasonal_order[1] else (0,)
        return {"n": (), "c": (0,), "t": (1,), "ct": (0, 1)}[self.trend]

    def difference(self, columns: Floats) -> Floats:
        """The differences that the model takes of a column, of columns (length, column)."""
        _, seasonal, _, season = self.seasonal_order
        columns = np.diff(columns, self.order[1], axis=0)
        for _ in range(seasonal):
            columns = columns[season:] - columns[:-season]
        return columns

    @property
    def minimum_length(self) -> int:
        """The fewest observations that the model can be fitted to."""
        (p, d, q), (sp, sd, sq, season) = self.order, self.seasonal_order
        return d + sd * season + max(p + sp * season, q + sq * season) + 3


def fit_model(specification: Specification, values: Floats, regressors: Floats | None = None) -> Any:
    """The results of statsmodels' maximum-likelihood fit, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return specification.model(values, regressors=regressors).fit(cov_type="none", low_memory=True)
