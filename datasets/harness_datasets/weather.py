"""The weather of Jena, read from the published zip archive of one CSV file with a row every ten minutes."""

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
ROWS_PER_HOUR = 6


def jena_climate(path: Path) -> Panel:
    """Hourly rows of 14 variables: the temperature as target, the others as past covariates.

    Every sixth row is taken as the next hour, as in the book, although the timestamps have a few gaps; so the panel
    has no dates. The value −9999 of the wind where it was not measured is kept. `path` is the zip or the CSV file.
    """
    with _csv_lines(path) as lines:
        if (header := lines.readline().strip().replace('"', "")) != HEADER:
            raise BadData(f"{path}, line 1: the header must be {HEADER}, not {header[:80]!r}")
        values = [
            _numbers(path, number, line)
            for number, line in enumerate(lines, start=2)
            if (number - 2) % ROWS_PER_HOUR == 0 and line.strip()
        ]
    if not values:
        raise BadData(f"{path} holds no rows")
    channels = [Channel(name, "target" if name == TARGET else "past covariate") for name in VARIABLES]
    return Panel.of([np.array(values)], ids=["Jena"], season_length=24, channels=channels)


@contextmanager
def _csv_lines(path: Path) -> Iterator[io.TextIOBase]:
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
