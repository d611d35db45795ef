"""The published models of Chronos, and what their authors state of them; the library is not imported."""

from __future__ import annotations

from dataclasses import dataclass

from harness import TrainedOn, Weights

CHRONOS_2 = "Chronos-2"
LICENCE = "Apache-2.0"
BOLT_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEVELS = (
    *(0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    *(0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99),
)


@dataclass(frozen=True)
class Published:
    """A published model, by its model card."""

    repository: str
    parameters: int
    context: int
    description: str


MODELS = {
    "Bolt-Base": Published("amazon/chronos-bolt-base", 205_000_000, 2048, "Chronos-Bolt, 205 million parameters"),
    "Bolt-Mini": Published("amazon/chronos-bolt-mini", 21_200_000, 2048, "Chronos-Bolt, 21 million parameters"),
    "Bolt-Small": Published("amazon/chronos-bolt-small", 47_700_000, 2048, "Chronos-Bolt, 48 million parameters"),
    "Bolt-Tiny": Published("amazon/chronos-bolt-tiny", 8_650_000, 2048, "Chronos-Bolt, 9 million parameters"),
    CHRONOS_2: Published("amazon/chronos-2", 120_000_000, 8192, "Chronos-2: several targets and covariates"),
}
WEIGHTS = {name: Weights(model.repository, licence=LICENCE) for name, model in MODELS.items()}

# Table 3 of arXiv:2403.07815, and scripts/evaluation/configs/in-domain.yaml of the library: all but the last steps of
# these datasets were trained on. The names in parentheses are those of the collection autogluon/chronos_datasets.
_IN_DOMAIN = (
    TrainedOn("Electricity (15 Min.)", ("electricity_15min",)),
    TrainedOn("Electricity (Hourly)", ("monash_electricity_hourly", "electricity_hourly")),
    TrainedOn("Electricity (Weekly)", ("monash_electricity_weekly", "electricity_weekly")),
    TrainedOn("KDD Cup 2018", ("monash_kdd_cup_2018",)),
    TrainedOn("London Smart Meters", ("monash_london_smart_meters",)),
    TrainedOn("M4 Daily"),
    TrainedOn("M4 Hourly"),
    TrainedOn("M4 Monthly"),
    TrainedOn("M4 Weekly"),
    TrainedOn("Pedestrian Counts", ("monash_pedestrian_counts",)),
    TrainedOn("Rideshare", ("monash_rideshare",)),
    TrainedOn("Taxi (30 Min.)", ("taxi_30min",)),
    TrainedOn("Temperature-Rain", ("monash_temperature_rain",)),
    TrainedOn("Uber TLC (Daily)", ("uber_tlc_daily",)),
    TrainedOn("Uber TLC (Hourly)", ("uber_tlc_hourly",)),
)
# the same table: all of these
_PRETRAINING = (
    TrainedOn("Brazilian Cities Temperature"),
    TrainedOn("Mexico City Bikes"),
    TrainedOn("Solar (5 Min.)", ("solar",)),
    TrainedOn("Solar (Hourly)", ("solar_1h",)),
    TrainedOn("Spanish Energy and Weather"),
    TrainedOn("Taxi (Hourly)", ("taxi_1h",)),
    TrainedOn("USHCN", ("ushcn_daily",)),
    TrainedOn("Weatherbench (Daily)", ("weatherbench_daily",)),
    TrainedOn("Weatherbench (Hourly)", ("weatherbench_hourly",)),
    TrainedOn("Weatherbench (Weekly)", ("weatherbench_weekly",)),
    TrainedOn("Wiki Daily (100k)", ("wiki_daily_100k",)),
    TrainedOn("Wind Farms (Daily)", ("wind_farms_daily",)),
    TrainedOn("Wind Farms (Hourly)", ("wind_farms_hourly",)),
)
# The model card of amazon/chronos-2 names two collections, of which it was trained on a part. Which datasets of the
# second one are in it is not known here.
TRAINED_ON = {False: (*_IN_DOMAIN, *_PRETRAINING), True: (*_IN_DOMAIN, *_PRETRAINING, TrainedOn("GIFT-Eval Pretrain"))}
