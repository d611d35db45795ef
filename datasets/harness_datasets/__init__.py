"""harness_datasets: synthetic waves, series included in statsmodels, and files of well-known benchmarks.

Listing them loads no data: each spec names its loader.
"""

from __future__ import annotations

from harness import DataFile, DatasetSpec, hookimpl
from harness_datasets import generated

MODELS = "forecast-harness[models]"  # installs statsmodels
_ETT = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small"
_ETT_SOURCE = (
    "H. Zhou et al., Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting, AAAI 2021; "
    "github.com/zhouhaoyi/ETDataset"
)
_ETT_LICENCE = "CC BY-ND 4.0: never pass on a changed copy"
_ETTH1 = DataFile("ETTh1.csv", f"{_ETT}/ETTh1.csv", "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066")
_ETTH2 = DataFile("ETTh2.csv", f"{_ETT}/ETTh2.csv", "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b")
_ETTM1 = DataFile("ETTm1.csv", f"{_ETT}/ETTm1.csv")
_ETTM2 = DataFile("ETTm2.csv", f"{_ETT}/ETTm2.csv")
_M4 = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset"


@hookimpl
def harness_datasets() -> list[DatasetSpec]:
    return [*generated.specs(), *_bundled(), *_competition(), *_files()]


def _bundled() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            "sunspots",
            "harness_datasets.bundled:sunspots",
            description="yearly sunspot numbers, 1700 to 2008",
            source="NOAA National Geophysical Data Center; statsmodels.datasets.sunspots",
            licence="public domain",
            depends=("statsmodels",),
            imports=("statsmodels",),
            requires=MODELS,
            aliases=(
                "sunspot",
                "sunspot_without_missing",
                "sunspot.year",
                "yearly sunspot numbers",
                "Wolf sunspot numbers",
            ),
        ),
        DatasetSpec(
            "co2",
            "harness_datasets.bundled:co2",
            description="weekly atmospheric CO2 at Mauna Loa in ppmv, 1958 to 2001, 59 weeks missing",
            source="C. D. Keeling and T. P. Whorf, Atmospheric CO2 concentrations derived from flask air samples at "
            "sites in the SIO network, in Trends, CDIAC 2004; statsmodels.datasets.co2",
            licence="public domain",
            depends=("statsmodels",),
            imports=("statsmodels",),
            requires=MODELS,
            aliases=("Mauna Loa CO2", "maunaloa", "CO2 weekly", "statsmodels co2"),
        ),
        DatasetSpec(
            "elnino",
            "harness_datasets.bundled:elnino",
            description="monthly sea surface temperature of the region Niño 1+2 in °C, 1950 to 2010",
            source="NOAA National Weather Service, ERSST.V3B; statsmodels.datasets.elnino",
            licence="public domain",
            depends=("statsmodels",),
            imports=("statsmodels",),
            requires=MODELS,
            aliases=("El Niño", "El Nino", "Niño 1+2", "nino12"),
        ),
        DatasetSpec(
            "nile",
            "harness_datasets.bundled:nile",
            description="yearly volume of the Nile at Aswan in 10⁸ m³, 1871 to 1970",
            source="G. W. Cobb, The problem of the Nile: conditional solution to a changepoint problem, "
            "Biometrika 65 (1978) 243-251; statsmodels.datasets.nile",
            licence="public domain",
            depends=("statsmodels",),
            imports=("statsmodels",),
            requires=MODELS,
            aliases=("Nile river", "Nile flow", "annual flow of the Nile"),
        ),
        DatasetSpec(
            "macrodata",
            "harness_datasets.bundled:macrodata",
            description="quarterly US macroeconomic data, 1959 to 2009: GDP, consumption, investment, unemployment and "
            "inflation as targets, seven past covariates",
            source="Federal Reserve Bank of St. Louis (FRED) and Bureau of Labor Statistics, 2009, compiled by "
            "S. Seabold; statsmodels.datasets.macrodata",
            licence="public domain",
            depends=("statsmodels",),
            imports=("statsmodels",),
            requires=MODELS,
            aliases=("US macrodata", "statsmodels macrodata"),
        ),
        DatasetSpec(
            "vic-elec",
            "harness_datasets.victoria:demand",
            description="hourly electricity demand in Victoria, Australia, January to May 2012, with working days and "
            "hours as known covariates",
            source="Australian Energy Market Operator; data vic_elec of the R package tsibbledata, summed to hours and "
            "included in the tests of statsmodels (mstl_elec_vic.csv)",
            licence="none stated by statsmodels; tsibbledata is under GPL-3",
            depends=("statsmodels",),
            imports=("statsmodels",),
            requires=MODELS,
        ),
    ]


def _competition() -> list[DatasetSpec]:
    return [
        _m4("yearly", 23_000, 6),
        _m4("quarterly", 24_000, 8),
        _m4("monthly", 48_000, 18),
        _m4(
            "weekly",
            359,
            13,
            "d478d3f6ed673e6ed3c2cb0fbed5425f72eedd51318ebebeb0b5ecfcefc37714",
            "3b2bc4be8e636e802260dcd843ca3c5da40536a1fbe1ecb3229a97dae4f44688",
        ),
        _m4("daily", 4_227, 14),
        _m4(
            "hourly",
            414,
            48,
            "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
            "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
        ),
    ]


def _m4(frequency: str, series: int, horizon: int, train: str | None = None, test: str | None = None) -> DatasetSpec:
    """One frequency of the competition; `train` and `test` are the checksums of its files."""
    name = frequency.capitalize()
    return DatasetSpec(
        f"m4-{frequency}",
        f"harness_datasets.files:m4_{frequency}",
        description=f"the {series:,} {frequency} series of the M4 competition with {horizon} test values each",
        source="S. Makridakis, E. Spiliotis and V. Assimakopoulos, The M4 Competition: 100,000 time series and 61 "
        "forecasting methods, International Journal of Forecasting 36 (2020) 54-74; "
        "github.com/Mcompetitions/M4-methods",
        licence="none stated; published by the organisers for research on forecasting",
        aliases=(
            "M4",
            "M4 competition",
            f"monash_m4_{frequency}",
            f"m4_{frequency}_dataset",
            f"M4 ({name})",
        ),
        files=(
            DataFile(f"{name}-train.csv", f"{_M4}/Train/{name}-train.csv", train),
            DataFile(f"{name}-test.csv", f"{_M4}/Test/{name}-test.csv", test),
        ),
    )


def _files() -> list[DatasetSpec]:
    return [
        _ett("etth1", "electricity transformer 1, hourly", _ETTH1),
        _ett("etth2", "electricity transformer 2, hourly", _ETTH2),
        _ett("ettm1", "electricity transformer 1, every 15 minutes", _ETTM1),
        _ett("ettm2", "electricity transformer 2, every 15 minutes", _ETTM2),
        DatasetSpec(
            "ett-1h",
            "harness_datasets.files:ett_hourly",
            description="hourly data of both electricity transformers (ETTh1, ETTh2), as in task ETT_1H of fev-bench",
            source=_ETT_SOURCE,
            licence=_ETT_LICENCE,
            files=(_ETTH1, _ETTH2),
            aliases=("ETT_1H", *_ett_aliases("h", "1"), *_ett_aliases("h", "2")),
        ),
        DatasetSpec(
            "weather",
            "harness_datasets.weather:jena_climate",
            description="hourly weather at Jena, 2009 to 2016: temperature as target, 13 past covariates",
            source="Max Planck Institute for Biogeochemistry, Jena, bgc-jena.mpg.de/wetter; in the form of F. Chollet, "
            "Deep Learning with Python, 2nd edition 2021, chapter 10",
            licence="none stated; published by the institute, which must be named as the source",
            files=(
                DataFile(
                    "jena_climate_2009_2016.csv.zip",
                    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/jena_climate_2009_2016.csv.zip",
                ),
            ),
            aliases=("jena_weather", "jena_climate", "jena_climate_2009_2016", "Weather (Jena)", "Max Planck weather"),
        ),
    ]


def _ett(name: str, which: str, file: DataFile) -> DatasetSpec:
    return DatasetSpec(
        name,
        f"harness_datasets.files:{'ett_hourly' if name.startswith('etth') else 'ett_quarter_hourly'}",
        description=f"oil temperature and six loads of {which}, July 2016 to June 2018",
        source=_ETT_SOURCE,
        licence=_ETT_LICENCE,
        files=(file,),
        aliases=_ett_aliases(name[3], name[4]),
    )


def _ett_aliases(frequency: str, transformer: str) -> tuple[str, ...]:
    """Names of an ETT file and of collections with its data: hourly rows are every fourth of those of 15 minutes."""
    words = {"h": ("ETTh", "ETT (Hourly)", "ETT_1H"), "m": ("ETTm", "ETT (15 Min.)", "ETT_15T")}[frequency]
    return (
        *("ETT", "ETT-small", "Electricity Transformer Temperature"),
        *words,
        *(f"ETT{each}{transformer}" for each in "hm"),
        *(f"ett_small_{each}{transformer}" for each in "hm"),
        f"ett{transformer}",
    )
