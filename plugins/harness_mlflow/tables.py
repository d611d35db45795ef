"""The table of forecasts and actuals as Parquet: one row for each window, step and target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness import Outcomes
from harness_mlflow.storage import storable

FULL = 50_000  # rows; beyond, numbers are stored as float32
MOST = 200_000  # rows; beyond, every second, third, … window is left out: the journal has all of them
CHUNK = 200_000  # rows written at a time


def write_forecasts(path: Path, outcomes: Outcomes, advance: Callable[[], None]) -> str:
    """Write the table, and call `advance` as it grows; returns what was left out of it, in words.

    Columns: series, cutoff (observations known), step (from 1), target (from 0), mean, one for each
    quantile (q0.1, …) and actual. Of categorical targets class (the most probable one), probability (of the class that
    occurred) and actual; classes are numbers from 0.
    """
    forecast = outcomes.forecast
    windows, horizon, targets = forecast.mean.shape
    rows = forecast.mean.size
    every = -(-rows // MOST)
    kind = np.float64 if rows <= FULL else np.float32
    chosen = np.arange(0, windows, every)
    size = max(1, CHUNK // (horizon * targets))
    schema = _schema(outcomes, pa.from_numpy_dtype(kind))
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, len(chosen), size):
            columns = _columns(chosen[first : first + size], outcomes, kind)
            writer.write_table(pa.table(columns, schema=schema))
            advance()
    notes = ["numbers are rounded to float32"] if kind is np.float32 else []
    notes += [f"only one of {every} windows is listed"] if every > 1 else []
    return "; ".join(notes)


def _schema(outcomes: Outcomes, number: Any) -> Any:
    labels = [
        ("series", pa.dictionary(pa.int32(), pa.string())),
        ("cutoff", pa.int64()),
        ("step", pa.int32()),
        ("target", pa.int16()),
    ]
    forecast = outcomes.forecast
    levels = () if forecast.quantiles is None else forecast.quantile_levels
    names = ["mean", *(f"q{level:g}" for level in levels), "actual"]
    if forecast.probabilities is not None:
        names = ["class", "probability", "actual"]
    return pa.schema([*labels, *((name, number) for name in names)])


def _columns(windows: Any, outcomes: Outcomes, kind: type) -> list[Any]:
    actuals, forecast = outcomes.observed, outcomes.forecast
    mean = forecast.mean[windows]
    count, horizon, targets = mean.shape
    each = horizon * targets
    names = pa.array(list(map(storable, actuals.ids)), pa.string())
    ids = pa.DictionaryArray.from_arrays(pa.array(np.repeat(actuals.series[windows].astype(np.int32), each)), names)
    numbers = [mean]
    if forecast.probabilities is not None:
        predicted, probability = outcomes.classes.predicted[windows], outcomes.classes.probability[windows]
        numbers = [np.where(predicted < 0, np.nan, predicted), probability]
    if forecast.quantiles is not None:
        numbers += list(np.moveaxis(forecast.quantiles[windows], -1, 0))
    return [
        ids,
        np.repeat(actuals.cutoffs[windows].astype(np.int64), each),
        np.tile(np.repeat(np.arange(1, horizon + 1, dtype=np.int32), targets), count),
        np.tile(np.arange(targets, dtype=np.int16), count * horizon),
        *(np.asarray(values, dtype=kind).ravel() for values in (*numbers, actuals.values[windows])),
    ]
