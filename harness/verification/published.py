"""The numbers that we verify, with their digits, which are the precision to which ours must agree.

Not all of them are published: a source has a kind, and counts of windows are a kind of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "published",  # printed by its authors, in a paper or in the result files of a repository
    "program",  # the output of another program for the same input
    "protocol",  # follows from a published protocol or formula, whose authors do not print this number
    "count",  # the number of windows of a protocol
]
WINDOWS = "windows"  # the quantity of which the number is a count


@dataclass(frozen=True)
class Source:
    """Where numbers are from."""

    title: str
    setting: str  # of the evaluation
    reference: str  # paper, repository or program
    numbers: Mapping[str, Mapping[str, str]]  # by forecaster or test, then by quantity
    kind: Kind = "published"  # of all numbers but counts of windows
    tolerance: float | None = None  # the largest difference from ours, of models that are trained; None: the digits


M4_HOURLY = Source(
    "M4 Hourly",
    "414 series, horizon 48, season 24; intervals of 95 %",
    "Makridakis, Spiliotis & Assimakopoulos 2020; github.com/Mcompetitions/M4-methods",
    {
        "naive": {
            "windows": "414",
            "sMAPE": "43.002987",
            "MASE": "11.607687",
            "MSIS": "71.24497",
            "coverage": "0.93851",
        },
        "seasonal-naive": {"windows": "414", "sMAPE": "13.912273", "MASE": "1.193210"},
    },
)

FEV_BENCH_ETT_1H = Source(
    "fev-bench, ETT_1H",
    "ETTh1 and ETTh2, 7 targets, horizon 168, 20 windows, the last 1,000 points, levels 0.1 … 0.9",
    # published in single precision, which agrees to eight digits; these are in double precision
    "Shchur et al. 2025; github.com/autogluon/fev, benchmarks/fev_bench/results",
    {
        "naive": {
            "windows": "40",
            "SQL": "2.313658912",
            "MASE": "1.718414182",
            "WAPE": "0.338907016",
            "WQL": "0.490342447",
        },
        "seasonal-naive": {
            "windows": "40",
            "SQL": "1.206889929",
            "MASE": "1.322715890",
            "WAPE": "0.286422459",
            "WQL": "0.259709018",
        },
        "drift": {
            "windows": "40",
            "SQL": "2.422186261",
            "MASE": "1.782332336",
            "WAPE": "0.351743820",
            "WQL": "0.513664494",
        },
    },
)

GIFT_EVAL_M4_HOURLY = Source(
    "GIFT-Eval, m4_hourly/H/short",
    "414 series, horizon 48, levels 0.1 … 0.9; sMAPE as a fraction, 0 to 2",
    "Aksu et al. 2024; github.com/SalesforceAIResearch/gift-eval, results",
    {
        "seasonal-naive": {
            "MAE": "353.85625",
            "MASE": "1.193210",
            "sMAPE": "0.139123",
            "RMSE": "1901.1459",
            "ND": "0.048309",
            "MAPE": "0.156120",
            "WQL": "0.037573",
        },
        "naive": {"MASE": "11.607687", "WQL": "0.136489"},
    },
)

_ETTH1_SETTING = "8,640 / 2,880 / 2,880 rows, z-scores by the training part, 7 channels, stride 1"
_ETTH1_REFERENCE = "protocol of Zhou et al. 2021 and Zeng et al. 2023, no window dropped; not printed there"

ETTH1 = {
    96: Source(
        "ETTh1, horizon 96",
        _ETTH1_SETTING,
        _ETTH1_REFERENCE,
        {
            "naive": {"windows": "2785", "MSE": "1.294371", "MAE": "0.713181"},
            "seasonal-naive": {"windows": "2785", "MSE": "0.512225", "MAE": "0.433303"},
        },
        kind="protocol",
    ),
    192: Source(
        "ETTh1, horizon 192",
        _ETTH1_SETTING,
        _ETTH1_REFERENCE,
        {
            "naive": {"windows": "2689", "MSE": "1.324880", "MAE": "0.733101"},
            "seasonal-naive": {"windows": "2689", "MSE": "0.580781", "MAE": "0.469160"},
        },
        kind="protocol",
    ),
    336: Source(
        "ETTh1, horizon 336",
        _ETTH1_SETTING,
        _ETTH1_REFERENCE,
        {
            "naive": {"windows": "2545", "MSE": "1.329927", "MAE": "0.745972"},
            "seasonal-naive": {"windows": "2545", "MSE": "0.649914", "MAE": "0.500762"},
        },
        kind="protocol",
    ),
}

_WEATHER_SETTING = "board weather, MAE of the temperature in °C, 24 hours ahead"
_WEATHER_REFERENCE = "F. Chollet, Deep Learning with Python, 2nd edition 2021, chapter 10"

WEATHER_NAIVE = Source("Weather of Jena, naive", _WEATHER_SETTING, _WEATHER_REFERENCE, {"naive": {"MAE": "2.62"}})

WEATHER_NETWORKS = Source(
    "Weather of Jena, networks",
    f"{_WEATHER_SETTING}; trained from other random weights",
    _WEATHER_REFERENCE,
    {
        "dense": {"MAE": "2.62"},
        "cnn": {"MAE": "3.10"},
        "lstm": {"MAE": "2.53"},
        "lstm, recurrent dropout": {"MAE": "2.45"},
        "stacked gru": {"MAE": "2.39"},
    },
    tolerance=0.15,
)

DIEBOLD_MARIANO = Source(
    "Diebold–Mariano",
    "errors of ETS and ARIMA, 20 each, two-sided, corrected by Harvey, Leybourne & Newbold 1997",
    "dm.test of R's package forecast; HypothesisTests.jl tests these p-values to four digits",
    {
        "squared errors, horizon 1": {"statistic": "-0.143918", "p-value": "0.887081"},
        "squared errors, horizon 10": {"statistic": "-0.081126", "p-value": "0.936190"},
        "absolute errors, horizon 1": {"statistic": "0.280963", "p-value": "0.781776"},
    },
    kind="program",
)

HARVEY = Source(
    "Correction for small samples",
    "the factor of the Diebold–Mariano statistic",
    "eq. 9 of Harvey, Leybourne & Newbold 1997; not printed there",
    {
        "50 units, horizon 1": {"factor": "0.98995"},
        "100 units, horizon 4": {"factor": "0.96499"},
        "100 units, horizon 12": {"factor": "0.88499"},
    },
    kind="protocol",
)

DEMSAR = Source(
    "Friedman and Nemenyi",
    "mean ranks of 4 classifiers on 14 data sets, at 5 %",
    "Demšar 2006, Journal of Machine Learning Research 7",
    {"mean ranks": {"Friedman's χ²": "9.28", "critical difference": "1.25"}},
)

FEV_BENCH = Source(
    "fev-bench, all tasks",
    "100 tasks, MASE relative to Seasonal Naive's, which is imputed for failures, clipped to 0.01 … 100",
    "fev 0.10 on six models of github.com/autogluon/fev, benchmarks/fev_bench/results",
    {
        "AutoARIMA": {"win rate": "0.711", "skill": "0.116260"},
        "AutoTheta": {"win rate": "0.692", "skill": "0.109885"},
        "AutoETS": {"win rate": "0.550", "skill": "0.022590"},
        "Seasonal Naive": {"win rate": "0.418", "skill": "0.000000"},
        "Naive": {"win rate": "0.395", "skill": "-0.166739"},
        "Drift": {"win rate": "0.234", "skill": "-0.181392"},
    },
    kind="program",
)
