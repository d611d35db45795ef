"""The values of several rows combined to those of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.arrays import Bools, Floats
from harness.data.channel import Channel
from harness.data.tables.options import Aggregate


class OtherClasses(Exception):
    """Rows of different classes, which are no numbers to combine; `row` is the first one that differs."""

    def __init__(self, row: int, column: str, classes: tuple[str, str]) -> None:
        super().__init__("rows have different classes")
        self.row, self.column, self.classes = row, column, classes


def combined(values: Floats, repeats: Bools, how: Aggregate, channels: Sequence[Channel]) -> Floats:
    """Each row together with the `repeats` that follow it, by column; missing values are left out.

    Classes are those of all rows: raises OtherClasses if these differ, unless the first or last one is taken.
    """
    import pandas as pd

    group = np.cumsum(~repeats) - 1
    groups = pd.DataFrame(values).groupby(group, sort=True)
    result = groups.sum(min_count=1) if how == "sum" else groups.agg(how)
    if how in ("first", "last"):
        return np.asarray(result.to_numpy(dtype=np.float64))
    for i, channel in enumerate(channels):
        if channel.categories is None:
            continue
        firsts = groups[i].first()
        own, others = values[:, i], firsts.to_numpy()[group]
        differ = ~np.isnan(own) & (own != others)
        if differ.any():
            row = int(np.argmax(differ))
            classes = (channel.categories[int(others[row])], channel.categories[int(own[row])])
            raise OtherClasses(row, channel.name, classes)
        result[i] = firsts
    return np.asarray(result.to_numpy(dtype=np.float64))
