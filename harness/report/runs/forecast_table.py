"""Forecasts as a table: a row for each series, step and target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.storage import atomic_file
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.execution.forecasting import ForecastAhead

ENDINGS = (".csv", ".parquet", ".arrow")


def forecast_table(ahead: ForecastAhead, zone: str | None = None) -> Any:
    """The forecast as a pyarrow.Table with the columns `series`, `time`, `target` if there are several, and values.

    Times of UTC are timestamps of the `zone`, if there is one. The columns of values are `mean`, and `q0.1` and so on
    for quantile levels; of categorical targets `p` and the name of each class.
    """
    import pyarrow as pa

    contexts, forecast = ahead.windows.contexts, ahead.forecast
    windows, horizon, targets = forecast.mean.shape
    times = np.repeat(ahead.times().ravel(), targets)  # (window × horizon × target,)
    columns: dict[str, Any] = {
        "series": np.repeat(np.array(contexts.ids, dtype=object), horizon * targets),
        "time": times if zone is None else _of_zone(times, zone),
    }
    names = [contexts.channels[i].name for i in contexts.targets]
    if targets > 1:
        columns["target"] = np.tile(np.array(names, dtype=object), windows * horizon)
    if forecast.probabilities is not None:
        categories = [contexts.channels[i].categories or () for i in contexts.targets]
        every = list(dict.fromkeys(name for each in categories for name in each))
        for name in every:
            column = np.full((windows, horizon, targets), np.nan)
            for i, known in enumerate(categories):
                if name in known:
                    column[:, :, i] = forecast.probabilities[:, :, i, known.index(name)]
            columns[f"p {name}"] = column.ravel()
        return pa.table(columns)
    columns["mean"] = forecast.mean.ravel()
    if forecast.quantiles is not None:
        for i, level in enumerate(forecast.quantile_levels):
            columns[f"q{level:g}"] = forecast.quantiles[..., i].ravel()
    return pa.table(columns)


def _of_zone(times: Any, zone: str) -> Any:
    """Times of UTC as an array of Arrow with a zone."""
    import pyarrow as pa

    return pa.array(times).cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("ns", zone))


def check_ending(path: Path) -> None:
    """Raise BadInput for a file of forecasts whose name has an ending of no format."""
    if path.suffix.lower() not in ENDINGS:
        raise BadInput(f"forecasts are written to a file whose name ends in {', '.join(ENDINGS)}, not {path}")


def write_table(table: Any, path: Path) -> None:
    """Write a pyarrow.Table as CSV, Parquet or Arrow, by the ending of the name; its folder is made if need be.

    Raises BadInput for other endings, and for a file that cannot be written.
    """
    import pyarrow as pa

    check_ending(path)
    try:
        with atomic_file(path) as draft:
            if path.suffix.lower() == ".csv":
                _with_times_as_texts(table).to_csv(draft, index=False)
            elif path.suffix.lower() == ".parquet":
                import pyarrow.parquet as pq

                pq.write_table(table, draft)
            else:
                import pyarrow.feather as feather

                feather.write_feather(table, draft)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path} cannot be written: {error}") from error


def _with_times_as_texts(table: Any) -> Any:
    """The table as a data frame of pandas, with times of a zone in ISO 8601 with their offset."""
    import pandas as pd

    frame = table.to_pandas()
    if isinstance(frame["time"].dtype, pd.DatetimeTZDtype):
        codes, distinct = pd.factorize(frame["time"])
        frame["time"] = np.array([time.isoformat() for time in distinct], dtype=object)[codes]
    return frame
