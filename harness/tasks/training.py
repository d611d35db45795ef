"""The data that a forecaster is fitted on, copied out of its panel on first use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from harness.arrays import Bools, Ints
from harness.data.classes import class_count
from harness.data.missing import Filled, Missing, fill, fill_for_cutoffs, known_at_end
from harness.data.panel import Panel
from harness.tasks.cutoffs import checked_windows
from harness.tasks.windows import Contexts


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows `begins[i]` to `ends[i]` of each series i, copied out of their panel on first use."""

    source: Panel
    begins: Ints  # (series,)
    ends: Ints

    @cached_property
    def panel(self) -> Panel | None:
        """A panel of these rows alone, as it is known at its end; None if there are none."""
        panel = self.source.between(self.begins, self.ends)
        return panel and known_at_end(panel)

    def until(self, ends: Ints) -> Rows:
        """The rows before earlier ends, counted from `begins`, (series,) of `panel`."""
        kept = np.flatnonzero(np.minimum(self.ends, self.source.lengths) > self.begins)
        lasts = self.begins.copy()
        lasts[kept] = np.minimum(self.begins[kept] + ends, self.ends[kept])
        return Rows(self.source, self.begins, lasts)

    def filled(self, missing: Missing, season_length: int) -> Panel | None:
        """The panel, filled as it is known at its end; rows before it are used for filling, too."""
        earlier, kept = self.before_ends()
        return earlier and fill(earlier, missing, season_length).between(self.begins[kept], self.ends[kept])

    def through(self, later: Rows) -> Rows:
        """The rows from the begins of these to the ends of later ones of the same panel."""
        return Rows(self.source, self.begins, np.maximum(self.ends, later.ends))

    def before_ends(self) -> tuple[Panel | None, Bools]:
        """All rows before the ends, and which of the series have some."""
        kept = np.minimum(self.ends, self.source.lengths) > 0
        return self.source.between(np.zeros_like(self.ends), self.ends), kept


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

    @property
    def source(self) -> tuple[Rows, Rows | None]:
        """The rows of the training and of the validation part, of a panel with later values; for evaluators."""
        validation = self._validation
        return _rows(self._training), None if validation is None else _rows(validation)

    @cached_property
    def panel(self) -> Panel:
        """The series to fit."""
        panel = _filled(self._training, self._missing, self.season_length)
        assert panel is not None
        return panel

    @property
    def classes(self) -> int:
        """The number of classes of a categorical target, the largest of several; 0 of numeric targets."""
        return class_count(self.panel.channels)

    @cached_property
    def validation(self) -> Panel | None:
        """The validation part of the split: rows after the training part, or other series."""
        return _filled(self._validation, self._missing, self.season_length)

    @cached_property
    def panel_at_validation_end(self) -> Panel:
        """The series of `panel` as they are known at the end of `validation`; `panel` itself without one.

        They include the last values of a channel with a delay, which contexts of validation windows may contain. Where
        the parts are panels of their own, it is `panel`, too.
        """
        training, validation = self._training, self._validation
        if not self.panel.delays or not isinstance(training, Rows) or not isinstance(validation, Rows):
            return self.panel
        whole = _filled(training.through(validation), self._missing, self.season_length)
        assert whole is not None
        lengths = dict(zip(self.panel.ids, self.panel.lengths, strict=True))
        part = whole.between(np.zeros_like(whole.lengths), np.array([lengths.get(name, 0) for name in whole.ids]))
        assert part is not None
        return part

    def contexts(self, series: Ints, cutoffs: Ints) -> Contexts:
        """The contexts of windows of `panel`, (window,) positions and cutoffs, as `predict` would receive them.

        They have the rows of `panel`, filled from those that are known at each window's own cutoff. Raises BadInput for
        other positions, and for cutoffs that are not from 1 to the length of their series.
        """
        series, cutoffs = checked_windows(self._unfilled, series, cutoffs)
        rest = (self.horizon, self.gap, self.quantile_levels, self.season_length)
        return Contexts(self._unfilled, series, cutoffs, *rest, _filled=self._filled_for_cutoffs)

    @cached_property
    def _unfilled(self) -> Panel:
        """The rows of `panel`, with their missing values."""
        if not isinstance(self._training, Rows):
            return known_at_end(self._training)
        assert self._training.panel is not None
        return self._training.panel

    @cached_property
    def _filled_for_cutoffs(self) -> Filled | None:
        """The filled values for each cutoff; None where nothing is filled."""
        if self._missing == "native" or (self._unfilled.complete and not self._unfilled.delays):
            return None
        return fill_for_cutoffs(self._unfilled, self._missing, self.season_length)

    def until(self, ends: Ints) -> TrainingData | None:
        """The data before earlier cutoffs of each series, (series,), without a validation part; None if it is empty.

        It is filled from values before these cutoffs only.
        """
        if isinstance(self._training, Rows):
            rows = self._training.until(ends)
            return replace(self, _training=rows, _validation=None) if (rows.ends > rows.begins).any() else None
        part = self._training.between(np.zeros_like(ends), ends)
        return None if part is None else replace(self, _training=part, _validation=None)

    def filled(self, missing: Missing) -> TrainingData:
        """The same with missing values filled, as a forecaster's spec declares."""
        return self if missing == self._missing else replace(self, _missing=missing)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without later values of the panel that the rows are cut from."""
        training, validation = self._training, self._validation
        if isinstance(training, Rows) and (validation is None or isinstance(validation, Rows)):
            training, validation = _alone(training, validation, self._missing)
        rest = (self.horizon, self.gap, self.quantile_levels, self.season_length, self._missing)
        return TrainingData, (training, validation, *rest)


def _rows(part: Panel | Rows) -> Rows:
    """A part as rows of a panel."""
    return part if isinstance(part, Rows) else Rows(part, np.zeros_like(part.lengths), part.lengths)


def _filled(part: Panel | Rows | None, missing: Missing, season_length: int) -> Panel | None:
    if not isinstance(part, Rows):
        return part if part is None else fill(known_at_end(part), missing, season_length)
    return part.filled(missing, season_length) if _needs_filling(part, missing) else part.panel


def _alone(training: Rows, validation: Rows | None, missing: Missing) -> tuple[Panel | Rows, Panel | Rows | None]:
    """The parts as panels or, where they depend on rows before them, as rows of a panel that ends with them."""
    if not training.source.delays and not _needs_filling(training, missing):
        assert training.panel is not None
        return training.panel, validation and validation.panel
    source, kept = (training if validation is None else training.through(validation)).before_ends()
    assert source is not None
    first = Rows(source, training.begins[kept], training.ends[kept])
    return first, validation and Rows(source, validation.begins[kept], validation.ends[kept])


def _needs_filling(part: Rows, missing: Missing) -> bool:
    complete = part.source.complete and not part.source.delays
    return missing != "native" and not complete and part.panel is not None
