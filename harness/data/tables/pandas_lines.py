"""Lines of pandas that mend a data frame, with the names of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.data.tables.columns import Columns


@dataclass(frozen=True)
class PandasLines:
    """Lines of pandas for a data frame called `frame`, whose series are in rows that some columns identify."""

    time: str | None
    ids: tuple[str, ...]  # columns
    is_wide: bool = False
    day_first: bool = False  # of times that are texts

    def combined(self, how: str) -> str:
        """One row for each series and time."""
        return f"frame = frame.groupby({[*self.ids, self.time]!r}, as_index=False).{how}(numeric_only=True)"

    def resampled(self, freq: str, how: str) -> str:
        """One row for each series and step of a frequency."""
        keys = "".join(f"{name!r}, " for name in self.ids)
        step = f"pd.Grouper(key={self.time!r}, freq={freq!r})"
        order = ", dayfirst=True" if self.day_first else ""
        return (
            f"frame[{self.time!r}] = pd.to_datetime(frame[{self.time!r}]{order}); "
            f"frame = frame.groupby([{keys}{step}]).{how}(numeric_only=True).reset_index()"
        )

    def without_series(self, names: Sequence[str], column: str, condition: str) -> str:
        """The other series, for which `condition` holds in a column; empty where no column identifies series."""
        if self.is_wide:
            return f"frame = frame.drop(columns={list(names)!r})" if len(names) <= 3 and not self.ids else ""
        if not self.ids:
            return ""
        keys = self.ids[0] if len(self.ids) == 1 else list(self.ids)
        return f"frame = frame[frame.groupby({keys!r})[{column!r}].transform({condition}]"

    def filled(self, column: str) -> str:
        """Missing values between others as the last ones of their series; rows ahead stay as they are."""
        filled = "ffill(limit_area='inside')"
        if not self.ids:
            return f"frame = frame.{filled}" if self.is_wide else f"frame[{column!r}] = frame[{column!r}].{filled}"
        keys = self.ids[0] if len(self.ids) == 1 else list(self.ids)
        if self.is_wide:
            return f"frame = frame.fillna(frame.groupby({keys!r}).transform(lambda values: values.{filled}))"
        each = f"frame.groupby({keys!r})[{column!r}]"
        return f"frame[{column!r}] = {each}.transform(lambda values: values.{filled})"


def pandas_lines(columns: Columns, *, day_first: bool = False) -> PandasLines:
    """Lines for the data frame of a table, whose columns are these."""
    is_wide = columns.layout == "wide"
    return PandasLines(columns.time, columns.id[:-1] if is_wide else columns.id, is_wide, day_first)
