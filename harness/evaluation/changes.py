"""Changes in place: whether a forecaster in this process wrote into the panel that its contexts are views of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.arrays import Floats, Ints
from harness.tasks.folds import Backtest

WIDTH = 1021  # numbers that are added up together; a prime, so that swapped numbers fall into different sums
CHANGED = (
    "the forecaster changed the data in place, which other forecasts and the scales of metrics are computed from; work "
    "on a copy, such as contexts.last(n).copy(), or torch.tensor(x) instead of torch.from_numpy(x)"
)


@dataclass(frozen=True)
class Checksum:
    """The sums of the numbers of a backtest as bits, at the speed of reading them."""

    backtest: Backtest
    sums: tuple[bytes, ...]

    @classmethod
    def of(cls, backtest: Backtest) -> Checksum:
        """The checksum of the values and vintages of a panel, and of the windows over it."""
        return cls(backtest, _sums_of(backtest))

    def holds(self) -> bool:
        """Whether the panel and the windows are still the same."""
        return _sums_of(self.backtest) == self.sums


def _sums_of(backtest: Backtest) -> tuple[bytes, ...]:
    panel, windows = backtest.panel, backtest.cutoffs
    vintages = (_sums(each.values) for each in panel.vintages.values())
    return (_sums(panel.values), _sums(windows.series), _sums(windows.cutoffs), *vintages)


def _sums(values: Floats | Ints) -> bytes:
    bits = np.ascontiguousarray(values).reshape(-1).view(np.uint64)
    whole = len(bits) - len(bits) % WIDTH
    sums = np.add.reduce(bits[:whole].reshape(-1, WIDTH), axis=0, dtype=np.uint64)
    return bytes(sums.tobytes() + bits[whole:].tobytes())
