"""Data frames of any library as Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import BadData
from harness.fields.errors import short_repr

WANTED = "a data frame of pandas, polars, PyArrow or another library with the Arrow PyCapsule interface"


def arrow_table(frame: object) -> Any:
    """A data frame, or a dictionary of columns, as a pyarrow.Table; raises BadData for anything else.

    Of a pandas data frame, an index other than the numbers of its rows is a column too.
    """
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return _checked(frame)
    try:
        if _is_pandas(frame):
            return _checked(_of_pandas(frame))
        if isinstance(frame, Mapping):
            return _checked(pa.table(dict(frame)))
        if hasattr(frame, "__arrow_c_stream__"):
            return _checked(pa.table(frame))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise BadData(f"the data frame cannot be read: {_first_line(error)}") from error
    raise BadData(f"the data must be {WANTED}, not {short_repr(frame)}")


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
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    periods = {name: frame[name].dt.to_timestamp() for name in frame if isinstance(frame[name].dtype, pd.PeriodDtype)}
    return pa.Table.from_pandas(frame.assign(**periods) if periods else frame, preserve_index=False)


def _index_names(frame: Any) -> list[str]:
    """A name for each level of the index: its own, or else one that no column has."""
    taken = {str(name) for name in frame.columns}
    names: list[str] = []
    for level, name in enumerate(frame.index.names):
        default = "time" if level == frame.index.nlevels - 1 else f"level {level}"
        chosen = default if name is None else str(name)
        names.append(f"index {chosen}" if chosen in taken else chosen)
    return names


def _checked(table: Any) -> Any:
    """The table with each column in one piece; raises BadData if it has no rows, or two columns of one name."""
    names = table.column_names
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BadData(f"two columns are called {repeated[0]!r}; rename one of them")
    if not names or not table.num_rows:
        raise BadData("the table has no rows")
    return table.unify_dictionaries().combine_chunks()


def _first_line(error: Exception) -> str:
    return str(error.args[0] if len(error.args) == 1 else error).splitlines()[0]
