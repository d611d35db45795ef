"""The first series of M4 Hourly, and what tests of adapters compare on them."""

from __future__ import annotations

import csv
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import Floats, ForecasterSpec, Panel, RollingOrigin, Run, Task, evaluate
from harness.plugins.checks import check_forecaster

HORIZON, WINDOWS, SEASON = 24, 3, 24


def hourly(count: int = 20) -> dict[str, Floats]:
    """The first series; skips the test without HARNESS_DATA_DIR."""
    path = Path(os.environ.get("HARNESS_DATA_DIR", "")) / "Hourly-train.csv"
    if not path.is_file():
        pytest.skip("set HARNESS_DATA_DIR to a folder that holds Hourly-train.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for _, row in zip(range(count + 1), csv.reader(lines), strict=False)]
    return {row[0]: np.array([float(value) for value in row[1:] if value]) for row in rows[1:]}


def panel_of(series: dict[str, Floats]) -> Panel:
    return Panel.of(list(series.values()), ids=list(series), season_length=SEASON)


def frame_of(series: dict[str, Floats]) -> Any:
    """The long frame with the columns unique_id, ds and y."""
    parts = [
        pd.DataFrame({"unique_id": name, "ds": np.arange(len(values)), "y": values}) for name, values in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def backtest(forecaster: Any, series: dict[str, Floats], *, refit: bool = False, levels: tuple[float, ...] = ()) -> Run:
    """The run of a forecaster on the last windows of each series."""
    protocol = RollingOrigin(HORIZON, windows=WINDOWS, refit="every" if refit else "once")
    return evaluate(forecaster, Task("hourly", protocol, quantile_levels=levels), panel_of(series))


def failed_checks(spec: ForecasterSpec, **parameters: Any) -> list[str]:
    """The checks of the contract that fail, with their details."""
    factory = partial(spec.load(), **parameters) if parameters else spec.factory
    changed = ForecasterSpec(**{**vars(spec), "factory": factory})
    return [f"{result.name}: {result.detail}" for result in check_forecaster(changed) if not result.passed]
