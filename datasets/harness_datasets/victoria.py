"""Hourly electricity demand in Victoria, with covariates computed from the calendar."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from harness import BadData, Channel, Floats, Panel
from harness_datasets.statsmodels_files import text_of

FILE = "tsa/stl/tests/results/mstl_elec_vic.csv"
START = np.datetime64("2012-01-01T00", "h")
HOURS = 3600

# Victoria, January to May 2012: New Year's Day (observed), Australia Day, Labour Day, Good Friday, Easter Saturday,
# Easter Monday, Anzac Day
PUBLIC_HOLIDAYS = np.array(
    ["2012-01-02", "2012-01-26", "2012-03-12", "2012-04-06", "2012-04-07", "2012-04-09", "2012-04-25"],
    dtype="datetime64[D]",
)
END_OF_DAYLIGHT_SAVING = np.datetime64("2012-04-01T02", "h")  # in standard time
WAVES = ("sin_1", "cos_1", "sin_2", "cos_2")  # of the hour: sine and cosine of once and twice a day
COVARIATES = ("working_day", *(f"hour_{wave}" for wave in WAVES), *(f"working_{wave}" for wave in WAVES))


def demand() -> Panel:
    """3,600 hours from 2012-01-01 in standard time (UTC+10): demand, and covariates in the time of the clocks.

    `working_day` is 1 from Monday to Friday except on public holidays. `hour_sin_1` to `hour_cos_2` are sines and
    cosines of one and two periods a day, and `working_sin_1` to `working_cos_2` are the same on working days, else 0:
    a linear model of them has a daily pattern of working days and one of other days. Raises DataUnavailable if
    statsmodels has no such file, and BadData if it has other rows.
    """
    values = _demand()
    working_day, hour = calendar(START + np.arange(HOURS))
    angles = 2 * np.pi * hour[:, None] / 24 * [1, 2]
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(HOURS, 4)  # in the order of WAVES
    return Panel.of(
        [np.column_stack([values, working_day, waves, working_day[:, None] * waves])],
        ids=["victoria"],
        start=START.astype("datetime64[ns]"),
        freq="h",
        season_length=24,
        channels=[Channel("demand"), *(Channel(name, "known covariate") for name in COVARIATES)],
    )


def calendar(times: NDArray[np.datetime64]) -> tuple[Floats, Floats]:
    """Whether each hour of standard time is in a working day, 0 or 1, and the hour of the clocks then."""
    local = times + (times < END_OF_DAYLIGHT_SAVING).astype("timedelta64[h]")
    days = local.astype("datetime64[D]")
    working_day = np.is_busday(days, holidays=PUBLIC_HOLIDAYS)
    return working_day.astype(float), (local - days).astype("timedelta64[h]").astype(float)


def _demand() -> Floats:
    rows = np.genfromtxt(io.StringIO(text_of(FILE)), delimiter=",", skip_header=1, dtype=None, encoding="utf-8")
    times = rows["f0"].astype("datetime64[h]")
    if len(rows) != HOURS or (times != START + np.arange(HOURS)).any():
        raise BadData(f"{FILE} of statsmodels must have the {HOURS:,} hours from {START} on, and has others")
    return np.asarray(rows["f1"], dtype=np.float64)
