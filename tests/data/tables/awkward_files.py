"""Files as users have them, each with one thing that is awkward, and options that mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

LENGTH = 60
RNG = np.random.default_rng(8)
WALK = 20 + np.cumsum(RNG.normal(size=LENGTH)).round(3)  # autocorrelated, without outliers


@dataclass(frozen=True)
class AwkwardFile:
    """A table, the options with which it is checked, and those that mend what is wrong."""

    frame: pd.DataFrame
    options: str = ""
    mended_by: str = ""  # further options; empty where none are to be tried
    quoted: bool = False  # all texts and numbers


def series(freq: str = "D", length: int = LENGTH, start: str = "2024-01-01", **columns: Any) -> pd.DataFrame:
    """A regular series, in which nothing is awkward."""
    times = pd.date_range(start, periods=length, freq=freq)
    return pd.DataFrame({"time": times, "y": np.resize(WALK, length), **columns})


def panel_of(**parts: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([part.assign(id=name) for name, part in parts.items()])


def clocks(start: str) -> pd.DatetimeIndex:
    """Hours as the clocks of Berlin show them."""
    return pd.date_range(start, periods=LENGTH, freq="h", tz="Europe/Berlin").tz_localize(None)


def shifted(freq: str, by: Any, rows: Any = slice(None)) -> pd.DataFrame:
    """A series of which some times are later by so much."""
    frame = series(freq)
    frame.loc[rows, "time"] += by
    return frame


def with_value(row: int, column: str, value: Any) -> pd.DataFrame:
    """A series of days with another value, of another type if need be, in one row."""
    frame = series().astype({column: object})
    frame.loc[row, column] = value
    return frame


def awkward_files() -> dict[str, AwkwardFile]:
    """All files by name."""
    days = series()
    twice = pd.concat([days.iloc[:3], days.iloc[2:3].assign(y=9), days.iloc[3:]])
    irregular = shifted("h", pd.to_timedelta(RNG.integers(0, 59, LENGTH), unit="min"))
    rare = np.where(np.arange(LENGTH) % 4 == 0, 3.0, 0)
    hours = np.arange(672)
    closed_sundays = np.where(hours // 24 % 7 == 6, 0, 9 + np.resize(WALK, 672) + hours % 24).round(3)
    noise = np.random.default_rng(1).normal(size=200)
    texts = days.assign(time=days["time"].dt.strftime("%Y-%m-%d"))
    mixed = texts.assign(time=texts["time"].where(days.index != 9, "10.01.2024"))
    as_texts = days["y"].map("{:.3f}".format)
    return {
        "repeated-rows": AwkwardFile(pd.concat([days.iloc[:3], days.iloc[2:]])),
        "repeated-times": AwkwardFile(twice, mended_by="--aggregate mean"),
        "repeated-times-of-series": AwkwardFile(panel_of(a=days, b=twice), "--id id", "--aggregate last"),
        "unsorted": AwkwardFile(pd.concat([days.iloc[3:], days.iloc[:3]])),
        "mixed-formats": AwkwardFile(mixed),
        "ambiguous-dates": AwkwardFile(
            days.head(12).assign(time=[f"01/{i + 1:02d}/2024" for i in range(12)]),
            mended_by="--month-first",
        ),
        "day-first": AwkwardFile(days.assign(time=days["time"].dt.strftime("%d/%m/%Y"))),
        "dates-as-numbers": AwkwardFile(days.assign(time=days["time"].dt.strftime("%Y%m%d"))),
        "no-times": AwkwardFile(days[["y"]]),
        "no-time-in-a-row": AwkwardFile(days.assign(time=days["time"].where(days.index != 4))),
        "no-id-in-a-row": AwkwardFile(panel_of(a=days, b=days).assign(id=lambda f: f["id"].where(f["y"] != WALK[9]))),
        "gaps": AwkwardFile(days.drop(index=[4, 5, 20]), mended_by="--fill zero"),
        "far-apart": AwkwardFile(shifted("s", pd.Timedelta("65000D"), LENGTH - 1)),
        "offsets": AwkwardFile(
            days.assign(time=pd.date_range("2024-10-26", periods=LENGTH, freq="h", tz="Asia/Tokyo"))
        ),
        "day-of-25-hours": AwkwardFile(days.assign(time=clocks("2024-10-26")), mended_by="--time-zone Europe/Berlin"),
        "day-of-23-hours": AwkwardFile(days.assign(time=clocks("2024-03-30")), mended_by="--time-zone Europe/Berlin"),
        "month-ends": AwkwardFile(series("ME")),
        "days-of-months": AwkwardFile(shifted("MS", pd.Timedelta("14D"))),
        "irregular-steps": AwkwardFile(irregular, mended_by="--freq h --aggregate mean"),
        "irregular-steps-of-series": AwkwardFile(
            panel_of(a=irregular, b=irregular.iloc[:50]), "--id id", "--freq h --aggregate mean"
        ),
        "between-steps": AwkwardFile(shifted("h", pd.Timedelta("7min"), 3), "--freq h", "--aggregate mean"),
        "one-time-each": AwkwardFile(panel_of(a=series(length=1), b=series(length=1))),
        "weeks": AwkwardFile(panel_of(a=series("W-MON"), b=series("W-THU")), mended_by="--freq W-SUN --aggregate sum"),
        "business-days": AwkwardFile(series("B").drop(index=[10]), mended_by="--fill previous"),
        "integers-as-texts": AwkwardFile(days.assign(y=(100 * WALK).astype(int)), quoted=True),
        "thousands": AwkwardFile(days.assign(y=[f"{5000 + value:,.3f}" for value in WALK])),
        "unclear-thousands": AwkwardFile(days.assign(y=[f"{i + 1},234" for i in range(LENGTH)]), "", "--decimal ."),
        "text": AwkwardFile(days.assign(y=as_texts.where(days.index != 30, "about 3"))),
        "texts": AwkwardFile(days.assign(y="[" + as_texts + "]")),
        "unit": AwkwardFile(days.assign(y=as_texts + " €"), "--target y"),
        "infinity": AwkwardFile(with_value(3, "y", np.inf)),
        "missing-values": AwkwardFile(panel_of(a=days, b=days.assign(y=days["y"].where(days.index % 9 != 4)))),
        "constant": AwkwardFile(panel_of(a=days, b=series(y=5))),
        "without-values": AwkwardFile(panel_of(a=days, b=series(y=np.nan))),
        "only-without-values": AwkwardFile(series(z=1).assign(y=np.nan), "--target y"),
        "short": AwkwardFile(panel_of(a=days, b=series(length=2))),
        "only-short": AwkwardFile(series(length=2)),
        "shorter-than-a-season": AwkwardFile(panel_of(a=days, b=series(length=8)), mended_by="--season 2"),
        "lengths": AwkwardFile(panel_of(a=days, b=series(length=20))),
        "target-known-ahead": AwkwardFile(series(copied=2 * WALK + 1), "--target y --known copied"),
        "target-as-past": AwkwardFile(series(copied=2 * WALK + 1), "--target y"),
        "known-stops": AwkwardFile(series(promo=RNG.integers(0, 2, LENGTH)), "--target y --known promo"),
        "outlier": AwkwardFile(with_value(7, "y", 1e6)),
        "white-noise": AwkwardFile(series(length=200, y=noise)),
        "intermittent": AwkwardFile(panel_of(a=days, b=series(y=rare))),
        "season": AwkwardFile(series("W", 300, y=9 * np.sin(np.arange(300) * 2 * np.pi / 52)), mended_by="--season 26"),
        "longer-season": AwkwardFile(series("h", 672, y=closed_sundays), mended_by="--season 168"),
    }
