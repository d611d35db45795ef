"""harness_datasets: synthetic waves, the series that statsmodels brings, and files of well-known benchmarks.

Listing them loads nothing: each spec says where its loader lies.
"""

from __future__ import annotations

from harness import DataFile, DatasetSpec, hookimpl

_ETT = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small"
_ETT_SOURCE = (
    "H. Zhou et al., Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting, AAAI 2021; "
    "github.com/zhouhaoyi/ETDataset"
)
_ETT_LICENCE = "CC BY-ND 4.0: never pass on a changed copy"
_ETTH1 = DataFile("ETTh1.csv", f"{_ETT}/ETTh1.csv", "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066")
_ETTH2 = DataFile("ETTh2.csv", f"{_ETT}/ETTh2.csv", "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b")
_M4 = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset"
_WAVES_SOURCE = "drawn here from fixed seeds, after lirnli.wordpress.com 2017/09/01, simple PyTorch RNN examples"


@hookimpl
def harness_datasets() -> list[DatasetSpec]:
    return [*_synthetic(), *_bundled(), *_files()]


def _synthetic() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            "cosine",
            "harness_datasets.synthetic:cosine",
            description="cosine waves of one frequency, their amplitudes and phases drawn; 1,024 to train on, "
            "128 to validate, 1,000 held out, 1,000 steps each",
            source=_WAVES_SOURCE,
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
        DatasetSpec(
            "sine",
            "harness_datasets.synthetic:sine",
            description="sine waves of one frequency and amplitude, their phases drawn; 2,048 to train on, "
            "256 to validate, 1,000 held out, 100 steps each",
            source=_WAVES_SOURCE,
            licence="Apache-2.0, as harness itself",
            depends=("numpy",),
        ),
    ]


def _bundled() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            "sunspots",
            "harness_datasets.bundled:sunspots",
            description="number of sunspots, yearly, 1700 to 2008",
            source="NOAA National Geophysical Data Center; statsmodels.datasets.sunspots",
            licence="public domain",
            depends=("statsmodels",),
        ),
        DatasetSpec(
            "co2",
            "harness_datasets.bundled:co2",
            description="CO2 in the air over Mauna Loa in ppmv, weekly, 1958 to 2001, with 59 weeks missing",
            source="C. D. Keeling and T. P. Whorf, Atmospheric CO2 concentrations derived from flask air samples at "
            "sites in the SIO network, in Trends, CDIAC 2004; statsmodels.datasets.co2",
            licence="public domain",
            depends=("statsmodels",),
        ),
        DatasetSpec(
            "elnino",
            "harness_datasets.bundled:elnino",
            description="sea surface temperature of the region Niño 1+2 in °C, monthly, 1950 to 2010",
            source="NOAA National Weather Service, ERSST.V3B; statsmodels.datasets.elnino",
            licence="public domain",
            depends=("statsmodels",),
        ),
        DatasetSpec(
            "nile",
            "harness_datasets.bundled:nile",
            description="volume of the Nile at Aswan in 10⁸ m³, yearly, 1871 to 1970",
            source="G. W. Cobb, The problem of the Nile: conditional solution to a changepoint problem, "
            "Biometrika 65 (1978) 243-251; statsmodels.datasets.nile",
            licence="public domain",
            depends=("statsmodels",),
        ),
        DatasetSpec(
            "macrodata",
            "harness_datasets.bundled:macrodata",
            description="economy of the United States, quarterly, 1959 to 2009: output, consumption, investment, "
            "unemployment and inflation to forecast, beside seven past covariates",
            source="Federal Reserve Bank of St. Louis (FRED) and Bureau of Labor Statistics, 2009, compiled by "
            "S. Seabold; statsmodels.datasets.macrodata",
            licence="public domain",
            depends=("statsmodels",),
        ),
    ]


def _files() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            "m4-hourly",
            "harness_datasets.files:m4_hourly",
            description="the 414 hourly series of the M4 competition, the 48 values to forecast at their ends",
            source="S. Makridakis, E. Spiliotis and V. Assimakopoulos, The M4 Competition: 100,000 time series and 61 "
            "forecasting methods, International Journal of Forecasting 36 (2020) 54-74; "
            "github.com/Mcompetitions/M4-methods",
            licence="none stated; published by the organisers for research on forecasting",
            files=(
                DataFile(
                    "Hourly-train.csv",
                    f"{_M4}/Train/Hourly-train.csv",
                    "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
                ),
                DataFile(
                    "Hourly-test.csv",
                    f"{_M4}/Test/Hourly-test.csv",
                    "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
                ),
            ),
        ),
        DatasetSpec(
            "etth1",
            "harness_datasets.files:ett_hourly",
            description="oil temperature and six loads of an electricity transformer, hourly, July 2016 to June 2018",
            source=_ETT_SOURCE,
            licence=_ETT_LICENCE,
            files=(_ETTH1,),
        ),
        DatasetSpec(
            "ett-1h",
            "harness_datasets.files:ett_hourly",
            description="both hourly electricity transformers, ETTh1 and ETTh2, as in the task ETT_1H of fev-bench",
            source=_ETT_SOURCE,
            licence=_ETT_LICENCE,
            files=(_ETTH1, _ETTH2),
        ),
        DatasetSpec(
            "weather",
            "harness_datasets.weather:jena_climate",
            description="weather at Jena, 14 variables, one sample an hour, 2009 to 2016, the temperature to forecast",
            source="Max Planck Institute for Biogeochemistry, Jena, bgc-jena.mpg.de/wetter; in the form of F. Chollet, "
            "Deep Learning with Python, 2nd edition 2021, chapter 10",
            licence="none stated; published by the institute, to be named as the source",
            files=(
                DataFile(
                    "jena_climate_2009_2016.csv.zip",
                    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/jena_climate_2009_2016.csv.zip",
                ),
            ),
        ),
    ]
