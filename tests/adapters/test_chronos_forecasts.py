"""Chronos-2 and Chronos-Bolt with small random weights: the forecasts of the library itself."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("chronos")

import pandas as pd
import torch
from adapter_checks import HORIZON, LEVELS, WINDOWS, hourly_panel
from small_chronos import CHRONOS_2, MODELS, STEPS, pipeline, run_of

from harness import Channel, Floats, Forecast, Panel, RollingOrigin, Task

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("chronos_weights")]


def assert_equal(forecast: Forecast, expected: Floats, levels: tuple[float, ...]) -> None:
    """The quantiles of windows are those of the library, which harness sorts, up to float32's rounding."""
    found = forecast.quantiles_of(levels)
    scale = np.abs(expected).max(axis=(1, 2, 3), keepdims=True)
    assert found.shape == expected.shape
    assert (np.abs(np.sort(found, axis=-1) - np.sort(expected, axis=-1)) / scale).max() < 1e-6


def etth1(rows: int) -> Floats:
    """The first rows of ETTh1, with all seven columns."""
    path = Path(os.environ.get("HARNESS_DATA_DIR", "")) / "ETTh1.csv"
    if not path.is_file():
        pytest.skip("set HARNESS_DATA_DIR to a folder that holds ETTh1.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        table = [row[1:] for _, row in zip(range(rows + 1), csv.reader(lines), strict=False)]
    return np.array(table[1:], dtype=float)


@pytest.mark.parametrize("horizon", [STEPS, 3 * STEPS])
@pytest.mark.parametrize("name", MODELS)
def test_forecasts_of_m4_hourly_equal_those_of_predict_df(
    name: str, horizon: int, chronos_folders: dict[str, Path]
) -> None:
    panel = hourly_panel(8)
    task = Task("hourly", RollingOrigin(horizon, windows=WINDOWS), quantile_levels=LEVELS)

    run = run_of(name, task, panel)

    expected = []
    for ahead in range(WINDOWS, 0, -1):
        frame = pd.concat(
            [
                pd.DataFrame(
                    {
                        "item_id": series,
                        "timestamp": pd.date_range("2020", periods=len(rows) - ahead * horizon, freq="h"),
                        "target": rows[: len(rows) - ahead * horizon, 0],
                    }
                )
                for series, rows in zip(panel.ids, panel, strict=True)
            ]
        )
        found = pipeline(name, chronos_folders).predict_df(
            frame, prediction_length=horizon, quantile_levels=list(LEVELS)
        )
        expected.append(found[[str(level) for level in LEVELS]].to_numpy().reshape(len(panel), horizon, len(LEVELS)))
    assert run.results is not None
    order = np.lexsort((run.results.cutoffs, run.results.series))  # by series, then by time
    every = np.stack(expected, axis=1).reshape(-1, horizon, 1, len(LEVELS))
    forecast = run.results.forecast.mapped(lambda values: values[order])
    assert_equal(forecast, every.astype(float), LEVELS)


def test_several_targets_and_covariates_of_etth1_equal_those_of_predict_df(
    chronos_folders: dict[str, Path],
) -> None:
    values, horizon, gap = etth1(400), 24, 2
    roles = ("target", "target", "past covariate", "past covariate", "known covariate", "known covariate")
    names = [f"c{i}" for i in range(len(roles))]
    channels = tuple(Channel(name, role) for name, role in zip(names, roles, strict=True))
    panel = Panel.of([values[:, :6]], channels=channels, season_length=24)
    levels = (0.1, 0.33, 0.5, 0.95)
    task = Task("etth1", RollingOrigin(horizon, windows=3, gap=gap), quantile_levels=levels)

    run = run_of(CHRONOS_2, task, panel)

    assert run.results is not None
    expected = []
    for cutoff in run.results.cutoffs:
        frame = pd.DataFrame(values[:, :6], columns=names).assign(
            item_id="a", timestamp=pd.date_range("2020", periods=len(values), freq="h")
        )
        known = ["c4", "c5"]
        found = pipeline(CHRONOS_2, chronos_folders).predict_df(
            frame[:cutoff],
            frame[cutoff : cutoff + gap + horizon][["item_id", "timestamp", *known]],
            target=["c0", "c1"],
            prediction_length=gap + horizon,
            quantile_levels=list(levels),
        )
        of_targets = [
            found[found["target_name"] == name][[str(level) for level in levels]].to_numpy()[gap:]
            for name in ("c0", "c1")
        ]
        expected.append(np.stack(of_targets, axis=1))
    assert_equal(run.results.forecast, np.stack(expected).astype(float), levels)


@pytest.mark.parametrize("name", MODELS)
def test_missing_values_are_those_of_the_library(name: str, chronos_folders: dict[str, Path]) -> None:
    values = np.sin(np.arange(90) / 3) * 5 + 20
    values[[10, 40, 41, 42, 60]] = np.nan
    task = Task("gaps", RollingOrigin(6, windows=1), quantile_levels=LEVELS)

    run = run_of(name, task, Panel.of([values], season_length=12))

    inputs = [torch.tensor(values[:-6], dtype=torch.float32)]
    found, _ = pipeline(name, chronos_folders).predict_quantiles(inputs, 6, list(LEVELS))
    expected = np.asarray(found[0], dtype=float).reshape(1, 6, 1, len(LEVELS))
    assert run.results is not None
    assert_equal(run.results.forecast, expected, LEVELS)


@pytest.mark.parametrize("name", MODELS)
def test_quantiles_at_other_levels_are_those_of_the_library(name: str, chronos_folders: dict[str, Path]) -> None:
    values, levels = np.sin(np.arange(90) / 3) * 5 + 20, (0.02, 0.25, 0.5, 0.88)
    task = Task("levels", RollingOrigin(6, windows=1), quantile_levels=levels)

    run = run_of(name, task, Panel.of([values], season_length=12))

    inputs = [torch.tensor(values[:-6], dtype=torch.float32)]
    found, _ = pipeline(name, chronos_folders).predict_quantiles(inputs, 6, list(levels))
    expected = np.asarray(found[0], dtype=float).reshape(1, 6, 1, len(levels))
    assert run.results is not None
    assert_equal(run.results.forecast, expected, levels)


@pytest.mark.parametrize("name", MODELS)
def test_the_size_of_batches_and_repetition_change_nothing_beyond_rounding(name: str) -> None:
    panel = hourly_panel(6)
    task = Task("hourly", RollingOrigin(STEPS, windows=3), quantile_levels=LEVELS)

    first, again, small = (run_of(name, task, panel, batch_size=size) for size in (256, 256, 2))

    assert first.results is not None
    assert again.results is not None
    assert small.results is not None
    quantiles = first.results.forecast.quantiles_of(LEVELS)
    assert np.array_equal(again.results.forecast.quantiles_of(LEVELS), quantiles)
    assert np.abs(small.results.forecast.quantiles_of(LEVELS) / quantiles - 1).max() < 1e-5


def test_a_shorter_context_uses_the_last_values_only(chronos_folders: dict[str, Path]) -> None:
    values = np.sin(np.arange(120) / 3) * 5 + 20
    task = Task("short", RollingOrigin(6, windows=1), quantile_levels=LEVELS)

    run = run_of(CHRONOS_2, task, Panel.of([values], season_length=12), context_length=20)
    short = run_of(CHRONOS_2, task, Panel.of([values[94:]]))

    assert run.results is not None
    assert short.results is not None
    assert_equal(run.results.forecast, short.results.forecast.quantiles_of(LEVELS), LEVELS)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_cpu_seconds(name: str, chronos_folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    panel = hourly_panel(20)
    task = Task("hourly", RollingOrigin(HORIZON, windows=WINDOWS), quantile_levels=LEVELS)
    loaded, own, forecasts, whole = pipeline(name, chronos_folders), [], [], []
    for _ in range(5):
        begin = time.process_time()
        for ahead in range(WINDOWS, 0, -1):
            inputs = [torch.tensor(rows[: len(rows) - ahead * HORIZON, 0]) for rows in panel]
            loaded.predict_quantiles(inputs, HORIZON, list(LEVELS))
        middle = time.process_time()
        run = run_of(name, task, panel)
        own.append(middle - begin)
        forecasts.append(run.costs.predict_cpu_seconds)
        whole.append(time.process_time() - middle)

    with capsys.disabled():
        times = f"{min(own):.3f} s by the library, {min(forecasts):.3f} s by the adapter, {min(whole):.3f} s in all"
        print(f"\n{name}: {times}")  # noqa: T201
    assert min(forecasts) < 1.5 * min(own) + 0.05
