"""ShownPanel: the files through which a worker sees a panel, with only those values that it may know."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.arrays import Ints
from harness.data.panel import Panel
from harness.fields.dumping import dump

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1 << 18  # rows written at once


class ShownPanel:
    """A panel as files of the same shape, in which every value that is not known is NaN.

    What is known ends at a row of each series: `show` moves these ends, and writes a new file. It has no value of a
    target or a past covariate from there on, nor one of the last `delay` rows before. Known covariates are certain
    further ahead, by `ahead` rows. A file is never changed, since a worker and its copies may have it mapped.
    """

    def __init__(self, panel: Panel, name: str, folder: Path, stem: str) -> None:
        self.panel, self.name = panel, name
        self.ends = np.full((len(panel), len(panel.channels)), -1, dtype=np.int64)  # (series, channel)
        self.issued = np.full(len(panel), -1, dtype=np.int64)  # the ends at which vintages are known, (series,)
        self._paths = (folder / f"{stem}-{number}" for number in itertools.count())
        self.path: Path | None = None  # of the present file

    def show(self, ends: Ints, ahead: int, *, hide: bool) -> bool:
        """Show the values that are known at these ends, (series,); with `hide` only them. Whether that changed it."""
        wanted, issued = self._column_ends(ends, ahead), ends
        if not hide:
            wanted, issued = np.maximum(wanted, self.ends), np.maximum(issued, self.issued)
        is_new = bool((wanted != self.ends).any())
        if not is_new and not (self.panel.vintages and (issued != self.issued).any()):
            return False
        path = next(self._paths)
        self._write(path, wanted)
        self.path, self.ends, self.issued = path, wanted, issued
        return True

    def remove(self) -> None:
        """Remove the file, which stays in memory where it is mapped."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def known(self) -> dict[str, NDArray[Any]]:
        """The arrays of a message that describes the panel: offsets, starts, and the vintages that are known."""
        arrays: dict[str, NDArray[Any]] = {"offsets": self.panel.offsets, "start": self.panel.start}
        for name, vintages in self.panel.vintages.items():
            issued = vintages.issued <= self.issued[vintages.series]
            for part in ("series", "issued", "values"):
                arrays[f"vintages/{name}/{part}"] = getattr(vintages, part)[issued]
        return arrays

    def header(self) -> dict[str, Any]:
        """What a message says of the panel."""
        panel = self.panel
        return {
            "op": "panel",
            "panel": self.name,
            "path": str(self.path),
            "shape": list(panel.values.shape),
            "ids": list(panel.ids),
            "freq": panel.freq,
            "season_length": panel.season_length,
            "channels": [dump(channel) for channel in panel.channels],
            "static": {name: list(map(_number_or_null, values)) for name, values in panel.static.items()},
            "complete": panel.complete,
            "vintages": list(panel.vintages),
        }

    def _column_ends(self, ends: Ints, ahead: int) -> Ints:
        """The row at which each series' values end, (series, channel)."""
        lengths = self.panel.lengths
        columns = np.minimum(ends, lengths)[:, None] - np.array([channel.delay for channel in self.panel.channels])
        for column in self.panel.channels_of("known covariate"):
            if self.panel.channels[column].name not in self.panel.vintages:
                columns[:, column] = np.where(ends > 0, np.minimum(ends + ahead, lengths), 0)
        known: Ints = np.maximum(columns, 0)
        return known

    def _write(self, path: Path, ends: Ints) -> None:
        """Make the file, a block of rows after the other; raises OSError also where something of its name is there."""
        values, offsets = self.panel.values, self.panel.offsets
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags, 0o444), "wb", buffering=0) as file:
            for first in range(0, len(values), BLOCK):
                last = min(first + BLOCK, len(values))
                begin = int(np.searchsorted(offsets, first, side="right")) - 1  # the first series of the block
                end = int(np.searchsorted(offsets, last, side="left"))
                bounds: Ints = np.clip(offsets[begin : end + 1], first, last)
                counts = bounds[1:] - bounds[:-1]
                rows: Ints = np.arange(first, last) - np.repeat(offsets[begin:end], counts)
                known = rows[:, None] < np.repeat(ends[begin:end], counts, axis=0)
                data = memoryview(np.where(known, values[first:last], np.nan).astype("<f8").data).cast("B")
                while data:
                    data = data[file.write(data) :]


def _number_or_null(value: str | float) -> str | float | None:
    """A value as JSON has it, where a missing number is null."""
    return None if isinstance(value, float) and math.isnan(value) else value
