"""The data that a forecaster is fitted on, copied out of its panel on first use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from harness.arrays import Ints
from harness.data.missing import Missing, fill
from harness.data.panel import Panel


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows `begins[i]` to `ends[i]` of each series i, copied out of their panel on first use."""

    source: Panel
    begins: Ints  # (series,)
    ends: Ints

    @cached_property
    def panel(self) -> Panel | None:
        """A panel of these rows alone; None if there are none."""
        return self.source.between(self.begins, self.ends)


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The data given to `fit`; it ends at the cutoff of the fit."""

    _training: Panel | Rows = field(repr=False)
    _validation: Panel | Rows | None = field(repr=False)
    horizon: int
    gap: int = 0
    quantile_levels: tuple[float, ...] = ()
    season_length: int = 1
    _missing: Missing = field(default="native", repr=False)

    @cached_property
    def panel(self) -> Panel:
        """The series to fit."""
        panel = _filled(self._training, self._missing, self.season_length)
        assert panel is not None
        return panel

    @cached_property
    def validation(self) -> Panel | None:
        """The validation part of the split: rows after the training part, or other series."""
        return _filled(self._validation, self._missing, self.season_length)

    def filled(self, missing: Missing) -> TrainingData:
        """The same with missing values filled, as a forecaster's spec declares."""
        return self if missing == self._missing else replace(self, _missing=missing)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without the panel that the rows are cut from."""
        rest = (self.horizon, self.gap, self.quantile_levels, self.season_length)
        return TrainingData, (self.panel, self.validation, *rest)


def _filled(part: Panel | Rows | None, missing: Missing, season_length: int) -> Panel | None:
    if not isinstance(part, Rows):
        return part if part is None else fill(part, missing, season_length)
    if missing == "native" or part.source.complete or part.panel is None:
        return part.panel
    kept = np.minimum(part.ends, part.source.lengths) > 0  # earlier rows are used for filling too
    until = part.source.between(np.zeros_like(part.ends), part.ends)
    return until and fill(until, missing, season_length).between(part.begins[kept], part.ends[kept])
