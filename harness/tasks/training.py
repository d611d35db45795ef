"""The data that a forecaster is fitted on, copied out of its panel on first use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from harness.arrays import Ints
from harness.data.missing import Filled, Missing, fill, fill_for_cutoffs, known_at_end
from harness.data.panel import Panel
from harness.tasks.windows import Contexts


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
    """The data given to `fit`; it ends at the cutoff of the fit.

    The last values of a channel with a delay are not known then: they are missing, or filled as `fill` says.
    """

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

    def contexts(self, series: Ints, cutoffs: Ints) -> Contexts:
        """The contexts of windows of `panel`, (window,) positions and cutoffs, filled as the panel is."""
        rest = (self.horizon, self.gap, self.quantile_levels, self.season_length)
        return Contexts(self.panel, series, cutoffs, *rest, _filled=self._filled_for_cutoffs)

    @cached_property
    def _filled_for_cutoffs(self) -> Filled | None:
        """The filled values of `panel` for each cutoff; None where they are the values of `panel`."""
        if self._missing == "native" or not self.panel.delays:
            return None
        return fill_for_cutoffs(self.panel, self._missing, self.season_length)

    def until(self, ends: Ints) -> TrainingData | None:
        """The data before earlier cutoffs of each series, (series,), without a validation part; None if it is empty."""
        part = self.panel.between(np.zeros_like(ends), ends)
        return None if part is None else replace(self, _training=part, _validation=None)

    def filled(self, missing: Missing) -> TrainingData:
        """The same with missing values filled, as a forecaster's spec declares."""
        return self if missing == self._missing else replace(self, _missing=missing)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without the panel that the rows are cut from."""
        rest = (self.horizon, self.gap, self.quantile_levels, self.season_length, self._missing)
        return TrainingData, (self.panel, self.validation, *rest)


def _filled(part: Panel | Rows | None, missing: Missing, season_length: int) -> Panel | None:
    if not isinstance(part, Rows):
        return part if part is None else fill(known_at_end(part), missing, season_length)
    complete = part.source.complete and not part.source.delays
    if missing == "native" or complete or part.panel is None:
        return part.panel and known_at_end(part.panel)
    kept = np.minimum(part.ends, part.source.lengths) > 0  # earlier rows are used for filling too
    until = part.source.between(np.zeros_like(part.ends), part.ends)
    return until and fill(until, missing, season_length).between(part.begins[kept], part.ends[kept])
