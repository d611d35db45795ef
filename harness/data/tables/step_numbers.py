"""The numbers that a table without dates gives to its steps, which may be more than one apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.arrays import Bools, Ints


@dataclass(frozen=True, eq=False)
class StepNumbers:
    """The numbers of steps in a table: 100, 105, 110 and so on, which are `step` apart."""

    step: int
    first: Ints  # (series,) of the first row of each series

    def at(self, series: Ints, steps: Ints) -> Ints:
        """The numbers `steps[i]` steps after the first row of `series[i]`; `steps` may have more axes."""
        first = self.first[series]
        return np.asarray(first.reshape(first.shape + (1,) * (steps.ndim - first.ndim)) + steps * self.step)

    def subset(self, series: Bools) -> StepNumbers:
        """Those of some of the series."""
        return replace(self, first=self.first[series])
