"""The first series of M4 Hourly, and what tests of adapters compare on them."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import Floats, ForecasterSpec, Panel, RollingOrigin, Run, Task, evaluate
from harness.plugins.checks.contracts import check_forecaster

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


def cpu_seconds(library: Callable[[], object], ours: Callable[[], Run], rounds: int = 3) -> tuple[float, float]:
    """The least CPU seconds of a backtest by the library, and of fitting and forecasting by its adapter, in turn."""
    by_library, by_adapter = [], []
    for _ in range(rounds):
        begin = time.process_time()
        library()
        by_library.append(time.process_time() - begin)
        costs = ours().costs
        by_adapter.append(costs.fit_cpu_seconds + costs.predict_cpu_seconds)
    return min(by_library), min(by_adapter)
