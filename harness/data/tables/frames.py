"""Data frames of any library as Arrow tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.errors import BadData
from harness.fields.errors import short_repr

WANTED = "a data frame of pandas, polars, PyArrow or another library with the Arrow PyCapsule interface"


def arrow_table(frame: object, name: str = "the table") -> Any:
    """A data frame, or a dictionary of columns, as a pyarrow.Table; raises BadData for anything else.

    Of a pandas data frame, an index other than the numbers of its rows is a column too. Spaces around the names of
    columns are removed. `name` is that of the table in messages.
    """
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return _checked(frame, name)
    try:
        if _is_pandas(frame):
            return _checked(_of_pandas(frame), name)
        if isinstance(frame, Mapping):
            return _checked(pa.table(dict(frame)), name)
        if hasattr(frame, "__arrow_c_stream__"):
            return _checked(pa.table(frame), name)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if "non-struct" in str(error):  # of PyArrow, for the Arrow stream of one column
            raise BadData(f"{name} is one column, not a data frame; pass a data frame that has it") from error
        raise BadData(f"the data frame cannot be read: {_first_line(error)}") from error
    if hasattr(frame, "collect"):
        raise BadData(f"the data frame has not been computed yet; pass frame.collect() instead of {short_repr(frame)}")
    remedy = "make a Panel of arrays by Panel.of([values])"
    raise BadData(f"the data must be {WANTED}, not {short_repr(frame)}; {remedy}")


def _is_pandas(frame: object) -> bool:
    return type(frame).__module__.partition(".")[0] == "pandas"


def _of_pandas(frame: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    if isinstance(frame, pd.Series):
        frame = frame.to_frame(frame.name if frame.name is not None else "value")
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"a {type(frame).__name__} is no data frame")
    if not isinstance(frame.index, pd.RangeIndex) and (
        isinstance(frame.index, pd.MultiIndex | pd.DatetimeIndex | pd.PeriodIndex) or frame.index.name is not None
    ):
        frame = frame.reset_index(names=_index_names(frame))
    columns = [_of_series(frame.iloc[:, i]) for i in range(frame.shape[1])]
    return pa.table(columns, names=[_column_name(name) for name in frame.columns])


def _column_name(name: object) -> str:
    """The name of a column as a text; those of several levels are joined."""
    return "/".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _of_series(column: Any) -> Any:
    """A column of pandas; periods are their first days, and values of several types texts."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if isinstance(column.dtype, pd.DatetimeTZDtype):  # of which PyArrow reads what pandas deprecates
        utc = pa.array(column.dt.tz_convert(None), from_pandas=True)
        zone = pa.lib.tzinfo_to_string(column.dtype.tz)
        return utc.cast(pa.timestamp(utc.type.unit, "UTC")).cast(pa.timestamp(utc.type.unit, zone))
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        if column.dtype != object:
            raise
        return pa.array(column.map(str).where(column.notna(), None), pa.string(), from_pandas=True)


def _index_names(frame: Any) -> list[str]:
    """A name for each level of the index: its own, or else one that no column has."""
    taken = {_column_name(name) for name in frame.columns}
    names: list[str] = []
    for level, name in enumerate(frame.index.names):
        default = "time" if level == frame.index.nlevels - 1 else f"level {level}"
        chosen = default if name is None else str(name)
        names.append(f"index {chosen}" if chosen in taken else chosen)
    return names


def _checked(table: Any, name: str) -> Any:
    """The table with each column in one piece; raises BadData if it has no rows, or two columns of one name."""
    import pyarrow as pa

    names = [column.strip() for column in table.column_names]
    if repeated := sorted(column for column, count in Counter(names).items() if count > 1):
        raise BadData(f"two columns of {name} are called {repeated[0]!r}; rename one of them")
    if not names or not table.num_rows:
        raise BadData(f"{name} has no rows")
    table = table.rename_columns(names)
    for i, field in enumerate(table.schema):
        if field.type in (pa.string_view(), pa.binary_view()):  # which cannot be grouped
            table = table.set_column(i, field.name, table[i].cast(pa.string()))
    return table.unify_dictionaries().combine_chunks()


def _first_line(error: Exception) -> str:
    return ": ".join(map(str, error.args)).splitlines()[0]
