"""harness_models: the first-party forecasters, provided by the same hooks as those of any plugin."""

from __future__ import annotations

from typing import Literal

from harness import Card, ForecasterSpec, Metric, hookimpl
from harness_models import neural
from harness_models.libraries import MODELS, SKLEARN, STATSMODELS
from harness_models.sklearn_names import REGRESSORS, STOCHASTIC


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The forecasters of this package; each is imported when it is used."""
    return [
        *_naive(),
        *_intermittent(),
        *_classes(),
        *_statistical(),
        *_ensembles(),
        *_tabular(),
        *_sklearn(),
        *neural.SPECS,
    ]


@hookimpl
def harness_metrics() -> list[Metric]:
    """Metrics of free runs: drift of phase and of amplitude."""
    from harness_models.drift_metrics import METRICS

    return list(METRICS)


def _naive() -> list[ForecasterSpec]:
    return [
        ForecasterSpec(
            "naive",
            "harness_models.naive:Naive",
            description="naive: the last observed value",
            draws=False,
            pool="local",
            covariates=(),
            quantiles=True,
            multivariate=False,
        ),
        ForecasterSpec(
            "seasonal-naive",
            "harness_models.naive:SeasonalNaive",
            description="seasonal naive: the last observed value of the same season",
            draws=False,
            pool="local",
            covariates=(),
            quantiles=True,
            multivariate=False,
        ),
        ForecasterSpec(
            "drift",
            "harness_models.naive:Drift",
            description="random walk with drift: the line through the first and last observed values",
            draws=False,
            pool="local",
            covariates=(),
            quantiles=True,
            multivariate=False,
        ),
        ForecasterSpec(
            "mean",
            "harness_models.naive:Mean",
            description="mean of the history, or of its last values",
            draws=False,
            pool="local",
            covariates=(),
            quantiles=True,
            multivariate=False,
        ),
    ]


def _intermittent() -> list[ForecasterSpec]:
    """Forecasters of intermittent demand."""
    described = {
        "croston": ("Croston", "Croston's method: smoothed size over smoothed interval of demands"),
        "sba": ("SyntetosBoylan", "Syntetos-Boylan approximation: Croston's method without its bias"),
        "tsb": ("TeunterSyntetosBabai", "Teunter-Syntetos-Babai: smoothed size times smoothed probability of demands"),
    }
    return [
        ForecasterSpec(
            name,
            f"harness_models.intermittent:{factory}",
            description=description,
            draws=False,
            pool="local",
            covariates=(),
            quantiles=True,
            multivariate=False,
        )
        for name, (factory, description) in described.items()
    ]


def _classes() -> list[ForecasterSpec]:
    """Forecasters of categorical targets."""
    return [
        ForecasterSpec(
            "majority-class",
            "harness_models.classes:MajorityClass",
            description="frequencies of the classes in the training data",
            draws=False,
            pool="trained",
            covariates=(),
            quantiles=False,
            multivariate=False,
            categorical=True,
        ),
        ForecasterSpec(
            "last-class",
            "harness_models.classes:LastClass",
            description="the last observed class, as likely as classes persist in the training data",
            draws=False,
            pool="trained",
            covariates=(),
            quantiles=False,
            multivariate=False,
            categorical=True,
        ),
        ForecasterSpec(
            "markov-chain",
            "harness_models.classes:MarkovChain",
            description="Markov chain of a given order",
            draws=False,
            pool="trained",
            covariates=(),
            quantiles=False,
            multivariate=False,
            categorical=True,
        ),
    ]


def _statistical() -> list[ForecasterSpec]:
    described: dict[str, tuple[str, str, Literal["native", "interpolate", "seasonal"]]] = {
        "arima": ("arima:Arima", "ARIMA of a given order, by maximum likelihood", "native"),
        "auto-arima": ("auto_arima:AutoArima", "ARIMA with differencing by KPSS tests and orders by AICc", "native"),
        "autoreg": ("autoreg:AutoRegression", "autoregression by least squares", "interpolate"),
        "comb": ("comb:Comb", "mean of simple, Holt's and damped exponential smoothing", "seasonal"),
        "dynamic-optimized-theta": (
            "dynamic_theta:DynamicOptimizedTheta",
            "dynamic optimised theta model: exponential smoothing with the trend line so far",
            "seasonal",
        ),
        "ets": ("ets:Ets", "exponential smoothing (ETS) with components by AICc", "seasonal"),
        "mstl": (
            "mstl:Mstl",
            "decomposition with several seasons (MSTL), and a model of the rest",
            "seasonal",
        ),
        "theta": ("theta:Theta", "theta method: simple exponential smoothing with drift", "seasonal"),
    }
    return [
        ForecasterSpec(
            name,
            f"harness_models.{factory}",
            description=description,
            missing=missing,
            draws=False,
            imports=STATSMODELS,
            requires=MODELS,
            depends=("statsmodels",),
            pool="local",
            covariates=("known covariate",) if name == "arima" else (),
            quantiles=True,
            multivariate=False,
        )
        for name, (factory, description, missing) in described.items()
    ]


def _ensembles() -> list[ForecasterSpec]:
    """Combinations of local forecasters."""
    return [
        ForecasterSpec(
            "median-ensemble",
            "harness_models.ensemble:MedianEnsemble",
            description="median of the forecasts of auto-arima, dynamic-optimized-theta and ets, or of others",
            missing="seasonal",
            draws=False,
            imports=STATSMODELS,
            requires=MODELS,
            depends=("statsmodels",),
            card=Card(components=("auto-arima", "dynamic-optimized-theta", "ets")),
            pool="local",
            covariates=(),
            quantiles=True,
            multivariate=False,
        )
    ]


def _tabular() -> list[ForecasterSpec]:
    return [
        ForecasterSpec(
            "ridge",
            "harness_models.tabular:RidgeRegression",
            description="ridge regression on lags, one global model",
            missing="interpolate",
            draws=False,
            imports=SKLEARN,
            requires=MODELS,
            depends=("scikit-learn",),
            pool="trained",
            covariates=("past covariate", "known covariate", "static"),
            quantiles=True,
            multivariate=False,
        ),
        ForecasterSpec(
            "gradient-boosting",
            "harness_models.tabular:GradientBoosting",
            description="gradient-boosted trees on lags, one global model",
            draws=True,
            imports=SKLEARN,
            requires=MODELS,
            depends=("scikit-learn",),
            pool="trained",
            covariates=("past covariate", "known covariate", "static"),
            quantiles=True,
            multivariate=False,
        ),
    ]


def _sklearn() -> list[ForecasterSpec]:
    """The regressors of scikit-learn, each named as `sklearn:Lasso`."""
    modules = sorted(set(REGRESSORS.values()))
    return [
        ForecasterSpec(
            f"sklearn:{name}",
            f"harness_models.sklearn_regressors:{name}",
            description=f"scikit-learn's {name} on lags, one global model",
            missing="interpolate",
            draws=name in STOCHASTIC,
            imports=(*modules, "sklearn.multioutput"),
            requires=MODELS,
            depends=("scikit-learn",),
            pool="trained",
            covariates=("past covariate", "known covariate", "static"),
            quantiles=True,
            multivariate=False,
        )
        for name in sorted(REGRESSORS)
    ]
