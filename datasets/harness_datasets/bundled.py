"""Series included in statsmodels: real, small, in the public domain, and available without a network."""

from __future__ import annotations

import csv
from datetime import date

import numpy as np

from harness import Channel, Floats, Panel
from harness_datasets.statsmodels_files import text_of

# GDP, its two private components, unemployment and inflation: the indicators that are forecast most. The other
# indicators are past covariates; some determine a target (cpi determines infl).
MACRO_TARGETS = ("realgdp", "realcons", "realinv", "unemp", "infl")


def sunspots() -> Panel:
    """Yearly sunspot numbers; the season is the solar cycle of about eleven years."""
    columns = _columns("sunspots")
    return Panel.of(
        [columns["SUNACTIVITY"]],
        ids=["sunspots"],
        start=_new_year(columns["YEAR"]),
        freq="YS",
        season_length=11,
        channels=[Channel("sunspots")],
    )


def co2() -> Panel:
    """Weekly CO2; missing weeks are NaN."""
    columns = _columns("co2")
    first = date.fromisoformat(f"{columns['date'][0]:.0f}")
    return Panel.of(
        [columns["co2"]],
        ids=["mauna-loa"],
        start=np.datetime64(first, "ns"),
        freq="W-SAT",
        season_length=52,
        channels=[Channel("co2")],
    )


def elnino() -> Panel:
    """Monthly sea surface temperature; statsmodels stores one row per year."""
    columns = _columns("elnino")
    years = columns.pop("YEAR")
    return Panel.of(
        [np.column_stack([*columns.values()]).ravel()],
        ids=["nino-1+2"],
        start=_new_year(years),
        freq="MS",
        season_length=12,
        channels=[Channel("temperature")],
    )


def nile() -> Panel:
    """Yearly volume of the Nile, without a season."""
    columns = _columns("nile")
    return Panel.of(
        [columns["volume"]],
        ids=["nile"],
        start=_new_year(columns["year"]),
        freq="YS",
        channels=[Channel("volume")],
    )


def macrodata() -> Panel:
    """Twelve quarterly indicators as one multivariate series, not differenced."""
    columns = _columns("macrodata")
    indicators = {name: column for name, column in columns.items() if name not in ("year", "quarter")}
    return Panel.of(
        [np.column_stack([*indicators.values()])],
        ids=["united-states"],
        start=_new_year(columns["year"]),
        freq="QS",
        season_length=4,
        channels=[Channel(name, "target" if name in MACRO_TARGETS else "past covariate") for name in indicators],
    )


def _columns(name: str) -> dict[str, Floats]:
    """The columns of a file of statsmodels by name; empty cells are NaN."""
    header, *rows = csv.reader(text_of(f"datasets/{name}/{name}.csv").splitlines())
    values = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows])
    return dict(zip(header, values.T, strict=True))


def _new_year(years: Floats) -> np.datetime64:
    return np.datetime64(f"{years[0]:.0f}-01-01", "ns")
