"""harness_models: forecasters that come with harness, through the same door as anyone's."""

from __future__ import annotations

from harness import ForecasterSpec, Metric, hookimpl
from harness_models import neural
from harness_models.libraries import SKLEARN, STATSMODELS


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The forecasters of this package; each is imported when it is made."""
    return [*_naive(), *_statistical(), *_tabular(), *neural.SPECS]


@hookimpl
def harness_metrics() -> list[Metric]:
    """Why a free run goes wrong."""
    from harness_models.drift_metrics import METRICS

    return list(METRICS)


def _naive() -> list[ForecasterSpec]:
    return [
        ForecasterSpec(
            "naive",
            "harness_models.naive:Naive",
            description="the last value observed",
            draws=False,
        ),
        ForecasterSpec(
            "seasonal-naive",
            "harness_models.naive:SeasonalNaive",
            description="the value one season earlier",
            draws=False,
        ),
        ForecasterSpec(
            "drift",
            "harness_models.naive:Drift",
            description="the line through the first and the last value observed, continued",
            draws=False,
        ),
        ForecasterSpec(
            "mean",
            "harness_models.naive:Mean",
            description="the mean of the past, or of its last values",
            draws=False,
        ),
    ]


def _statistical() -> list[ForecasterSpec]:
    return [
        ForecasterSpec(
            "arima",
            "harness_models.arima:Arima",
            description="ARIMA of a given order, by maximum likelihood",
            draws=False,
            imports=STATSMODELS,
        ),
        ForecasterSpec(
            "auto-arima",
            "harness_models.auto_arima:AutoArima",
            description="ARIMA, differenced by KPSS tests, its orders chosen by AICc",
            draws=False,
            imports=STATSMODELS,
        ),
        ForecasterSpec(
            "autoreg",
            "harness_models.autoreg:AutoRegression",
            description="an autoregression by least squares",
            missing="interpolate",
            draws=False,
            imports=STATSMODELS,
        ),
        ForecasterSpec(
            "ets",
            "harness_models.ets:Ets",
            description="exponential smoothing in state-space form, its components chosen by AICc",
            missing="seasonal",
            draws=False,
            imports=STATSMODELS,
        ),
        ForecasterSpec(
            "theta",
            "harness_models.theta:Theta",
            description="the theta method: simple smoothing with half of the linear trend",
            missing="seasonal",
            draws=False,
            imports=STATSMODELS,
        ),
    ]


def _tabular() -> list[ForecasterSpec]:
    return [
        ForecasterSpec(
            "ridge",
            "harness_models.tabular:RidgeRegression",
            description="ridge regression on lags, one model for all series",
            missing="interpolate",
            draws=False,
            imports=SKLEARN,
        ),
        ForecasterSpec(
            "gradient-boosting",
            "harness_models.tabular:GradientBoosting",
            description="gradient-boosted trees on lags, one model for all series",
            draws=True,
            imports=SKLEARN,
        ),
    ]
