"""The work that everyone is given: seasonal naive at rolling origins, and four scores of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

Scores = dict[str, float]
Action = Callable[[], Scores]  # forecasts and scores all windows once


@dataclass(frozen=True)
class Work:
    """The last windows of each series; the data lie ready in memory, in each library's own form."""

    name: str
    series: tuple[np.ndarray, ...]  # (length,) each
    windows: int  # a series
    stride: int
    horizon: int = 24
    season: int = 24

    @property
    def count(self) -> int:
        """How many windows there are in all."""
        return self.windows * len(self.series)

    @property
    def back(self) -> int:
        """How many observations from the end the first cutoff is."""
        return self.horizon + (self.windows - 1) * self.stride

    def at_most(self, count: int) -> Work:
        """The first series of many, or the last windows of one."""
        if count >= self.count:
            return self
        if len(self.series) == 1:
            return replace(self, windows=max(count, 1))
        return replace(self, series=self.series[: max(count // self.windows, 1)])

    def save(self, path: Path) -> None:
        """Write it for another process."""
        np.savez(
            path,
            values=np.concatenate(self.series),
            lengths=[len(values) for values in self.series],
            windows=self.windows,
            stride=self.stride,
        )

    @classmethod
    def read(cls, path: Path) -> Work:
        """What `save` wrote."""
        with np.load(path) as stored:
            series = np.split(stored["values"], np.cumsum(stored["lengths"])[:-1])
            return cls(path.stem, tuple(series), int(stored["windows"]), int(stored["stride"]))
