"""The weather of Jena, read as it is published: a zip that holds one CSV file of rows ten minutes apart."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from harness import BadData, Channel, Panel

HEADER = (
    "Date Time,p (mbar),T (degC),Tpot (K),Tdew (degC),rh (%),VPmax (mbar),VPact (mbar),VPdef (mbar),"
    "sh (g/kg),H2OC (mmol/mol),rho (g/m**3),wv (m/s),max. wv (m/s),wd (deg)"
)
VARIABLES = tuple(HEADER.split(",")[1:])
TARGET = "T (degC)"
ROWS_AN_HOUR = 6


def jena_climate(path: Path) -> Panel:
    """One row an hour of 14 variables, the temperature to forecast.

    As in the lecture every sixth row counts as the next hour, though the clock jumps at a few places;
    so the panel has no calendar. The file's −9999 for wind that was not measured stay as they are there.
    `path` is the zip, or the CSV file out of it.
    """
    with _opened(path) as lines:
        if (header := lines.readline().strip().replace('"', "")) != HEADER:
            raise BadData(f"{path}, line 1: the header must be {HEADER}, not {header[:80]!r}")
        values = [
            _numbers(path, number, line)
            for number, line in enumerate(lines, start=2)
            if (number - 2) % ROWS_AN_HOUR == 0 and line.strip()
        ]
    if not values:
        raise BadData(f"{path} holds no rows")
    channels = [Channel(name, "target" if name == TARGET else "past covariate") for name in VARIABLES]
    return Panel.of([np.array(values)], ids=["Jena"], season_length=24, channels=channels)


@contextmanager
def _opened(path: Path) -> Iterator[io.TextIOBase]:
    if not zipfile.is_zipfile(path):
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            yield lines
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv") and not name.startswith("__MACOSX")]
        if len(names) != 1:
            raise BadData(f"{path} must hold one CSV file, not {len(names)}")
        with archive.open(names[0]) as file:
            yield io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace")


def _numbers(path: Path, number: int, line: str) -> list[float]:
    _, *cells = line.strip().split(",")
    if len(cells) != len(VARIABLES):
        raise BadData(f"{path}, line {number}: {len(cells)} values, not {len(VARIABLES)}")
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = [np.nan]
    if not np.isfinite(values).all():
        raise BadData(f"{path}, line {number}: a value is not a number: {line.strip()[:80]!r}")
    return values
