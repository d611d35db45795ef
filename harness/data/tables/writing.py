"""Panels as tables: long, with a row for each observation, or wide, with a column for each series."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.data.calendar import advance
from harness.data.parts import PanelParts
from harness.data.tables.options import Layout
from harness.errors import BadData, BadInput

SERIES, TIME = "series", "time"


def panel_table(panel: PanelParts, layout: Layout = "long") -> Any:
    """The values of a panel as a pyarrow.Table.

    A long one has the columns `series`, `time`, the channels and the static covariates, and categories as texts. A wide
    one has the column `time` and one for each series, and is for panels of one channel. Raises BadInput for others.
    """
    if layout == "wide":
        return _wide(panel)
    if layout != "long":
        raise BadInput(f"layout is 'long' or 'wide', not {layout!r}")
    import pyarrow as pa

    codes = np.repeat(np.arange(len(panel.ids), dtype=np.int32), np.diff(panel.offsets))
    columns: dict[str, Any] = {SERIES: _of_series(list(panel.ids), codes), TIME: panel_times(panel)}
    for i, channel in enumerate(panel.channels):
        _check_free(channel.name, columns)
        values = panel.values[:, i]
        columns[channel.name] = pa.array(values, from_pandas=True)
        if channel.categories is not None:
            positions = pa.array(np.where(np.isnan(values), 0, values).astype(np.int32), mask=np.isnan(values))
            columns[channel.name] = pa.DictionaryArray.from_arrays(positions, pa.array(channel.categories))
    for name, facts in panel.static.items():
        _check_free(name, columns)
        columns[name] = _of_series(list(facts), codes)
    return pa.table(columns)


def panel_times(panel: PanelParts) -> Any:
    """The time of each observation of a panel, (observation,)."""
    lengths = np.diff(panel.offsets)
    steps = np.arange(len(panel.values)) - np.repeat(panel.offsets[:-1], lengths)
    return advance(np.repeat(panel.start, lengths), panel.freq, steps)


def _check_free(name: str, columns: dict[str, Any]) -> None:
    if name in columns:
        raise BadData(f"a table has a column {name!r} of its own; rename the channel or static covariate of that name")


def _of_series(facts: list[Any], codes: Any) -> Any:
    """A column of texts or numbers, one for each series; NaN is missing."""
    import pyarrow as pa

    values = pa.array([None if fact != fact else fact for fact in facts])
    if pa.types.is_string(values.type) and not values.null_count:
        distinct = values.dictionary_encode()
        return pa.DictionaryArray.from_arrays(distinct.indices.take(pa.array(codes)), distinct.dictionary)
    return values.take(pa.array(codes))


def _wide(panel: PanelParts) -> Any:
    import pyarrow as pa

    if len(panel.channels) > 1 or panel.channels[0].categories is not None:
        raise BadInput("a wide table has one column for each series: it is for panels with one channel of numbers")
    if TIME in panel.ids:
        raise BadData(f"a wide table has a column {TIME!r} of its own; rename the series of that name")
    times, inverse = np.unique(panel_times(panel), return_inverse=True)
    columns: dict[str, Any] = {TIME: times}
    for i, name in enumerate(panel.ids):
        rows = slice(panel.offsets[i], panel.offsets[i + 1])
        column = np.full(len(times), np.nan)
        column[inverse[rows]] = panel.values[rows, 0]
        columns[name] = pa.array(column, from_pandas=True)
    return pa.table(columns)


def data_frame(table: Any, library: str) -> Any:
    """A pyarrow.Table as a data frame of pandas or polars; raises BadInput for other libraries."""
    if library == "pyarrow":
        return table
    if library == "pandas":
        return table.to_pandas()
    if library == "polars":
        try:
            import polars
        except ImportError as error:
            raise BadInput("polars is not installed: pip install 'forecast-harness[polars]'") from error
        return polars.from_arrow(table)
    raise BadInput(f"library is 'pandas', 'polars' or 'pyarrow', not {library!r}")
