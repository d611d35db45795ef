"""Series included in statsmodels: real, small, in the public domain, and available without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from statsmodels import datasets

from harness import Channel, Panel

if TYPE_CHECKING:
    import pandas as pd

# GDP, its two private components, unemployment and inflation: the indicators that are forecast most. The other
# indicators are past covariates; some determine a target (cpi determines infl).
MACRO_TARGETS = ("realgdp", "realcons", "realinv", "unemp", "infl")


def sunspots() -> Panel:
    """Yearly sunspot numbers; the season is the solar cycle of about eleven years."""
    frame = datasets.sunspots.load_pandas().data
    return Panel.of(
        [frame["SUNACTIVITY"]],
        ids=["sunspots"],
        start=_new_year(frame["YEAR"]),
        freq="YS",
        season_length=11,
        channels=[Channel("sunspots")],
    )


def co2() -> Panel:
    """Weekly CO2; missing weeks are NaN."""
    frame = datasets.co2.load_pandas().data.asfreq("W-SAT")
    return Panel.of(
        [frame["co2"]],
        ids=["mauna-loa"],
        start=frame.index[0].to_datetime64(),
        freq="W-SAT",
        season_length=52,
        channels=[Channel("co2")],
    )


def elnino() -> Panel:
    """Monthly sea surface temperature; statsmodels stores one row per year."""
    frame = datasets.elnino.load_pandas().data
    return Panel.of(
        [frame.drop(columns="YEAR").to_numpy().ravel()],
        ids=["nino-1+2"],
        start=_new_year(frame["YEAR"]),
        freq="MS",
        season_length=12,
        channels=[Channel("temperature")],
    )


def nile() -> Panel:
    """Yearly volume of the Nile, without a season."""
    frame = datasets.nile.load_pandas().data
    return Panel.of(
        [frame["volume"]],
        ids=["nile"],
        start=_new_year(frame["year"]),
        freq="YS",
        channels=[Channel("volume")],
    )


def macrodata() -> Panel:
    """Twelve quarterly indicators as one multivariate series, not differenced."""
    frame = datasets.macrodata.load_pandas().data
    indicators = frame.drop(columns=["year", "quarter"])
    return Panel.of(
        [indicators],
        ids=["united-states"],
        start=_new_year(frame["year"]),
        freq="QS",
        season_length=4,
        channels=[Channel(name, "target" if name in MACRO_TARGETS else "past covariate") for name in indicators],
    )


def _new_year(years: pd.Series[float]) -> np.datetime64:
    return np.datetime64(f"{int(years.iloc[0])}-01-01", "ns")
