"""Splits: which rows of a panel are trained on, which are held out for validation and for testing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.errors import BadTask
from harness.fields.arguments import convert_fields
from harness.fields.errors import short_repr
from harness.tasks.counts import MOST

if TYPE_CHECKING:
    from harness.arrays import Ints
    from harness.data.panel import Panel

Part = float | int | str  # a fraction of a series, a count of rows or series, or the last date of a part


@dataclass(frozen=True, eq=False)
class SplitLengths:
    """How many rows of each series train, validate and test; for held-out series, all or none."""

    training: Ints  # (series,)
    validation: Ints
    test: Ints


@dataclass(frozen=True, eq=False)
class TrainingEnds:
    """Where the training rows of each series end in one fit, and from where to where its validation rows go."""

    training: Ints  # (series,)
    validation_begin: Ints
    validation_end: Ints


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The rows of each series that are held out for testing: `begins[i]` to `ends[i]` of series i."""

    panel: Panel
    begins: Ints  # (series,)
    ends: Ints
    other_series: bool  # whether whole series are held out, and the model is trained on others

    @property
    def lengths(self) -> Ints:
        """How many rows of each series are held out, (series,)."""
        return self.ends - self.begins


class Split(ABC):
    """How a panel is split into a training, a validation and a test part."""

    kind: ClassVar[str]
    holds_out_series: ClassVar[bool] = False  # whether the parts are series, rather than rows of each series

    @abstractmethod
    def lengths(self, panel: Panel) -> SplitLengths:
        """The lengths of the parts; raises BadTask where the panel is too small."""

    @abstractmethod
    def held_out(self, panel: Panel, lengths: SplitLengths) -> HeldOut:
        """The rows that may be forecast."""

    @abstractmethod
    def training_ends(self, panel: Panel, lengths: SplitLengths, cutoffs: Ints, fits_once: bool) -> TrainingEnds:
        """The training part of a fit, given the first cutoff of each series that it forecasts; 0 where it has none."""


@dataclass(frozen=True)
class NoSplit(Split):
    """All rows may be forecast, and each fit is trained on all rows up to its first cutoff."""

    kind: ClassVar[str] = "none"

    def lengths(self, panel: Panel) -> SplitLengths:
        """All rows test."""
        return SplitLengths(panel.lengths * 0, panel.lengths * 0, panel.lengths)

    def held_out(self, panel: Panel, lengths: SplitLengths) -> HeldOut:
        """All rows."""
        return HeldOut(panel, panel.lengths * 0, panel.lengths, other_series=False)

    def training_ends(self, panel: Panel, lengths: SplitLengths, cutoffs: Ints, fits_once: bool) -> TrainingEnds:
        """All rows before the cutoff."""
        return TrainingEnds(cutoffs, cutoffs, cutoffs)


@dataclass(frozen=True)
class TimeSplit(Split):
    """Each series is cut in time into a training, a validation and a test part, in this order.

    Each part is a fraction of the series (0.5), a count of rows (8640) or the last date that belongs
    to it ("2017-06-30"). `test = None` is all that is left.
    """

    training: Part
    validation: Part = 0
    test: Part | None = None
    kind: ClassVar[str] = "time"

    def __post_init__(self) -> None:
        convert_fields(self, BadTask)
        _check_parts(self.training, self.validation, self.test)

    def lengths(self, panel: Panel) -> SplitLengths:
        """The lengths of the parts; raises BadTask where a series is too short for them."""
        training = _rows(self.training, panel, panel.lengths * 0)
        validation = _rows(self.validation, panel, training)
        rest = panel.lengths - training - validation
        test = rest if self.test is None else _rows(self.test, panel, training + validation)
        if (training < 1).any():
            raise BadTask("the split leaves a series without training rows")
        if (test > rest).any() or (test < 1).any():
            raise BadTask("the split asks for more rows than its series have")
        return SplitLengths(training, validation, test)

    def held_out(self, panel: Panel, lengths: SplitLengths) -> HeldOut:
        """The test part of each series."""
        begins = lengths.training + lengths.validation
        return HeldOut(panel, begins, begins + lengths.test, other_series=False)

    def training_ends(self, panel: Panel, lengths: SplitLengths, cutoffs: Ints, fits_once: bool) -> TrainingEnds:
        """The parts of the split for a single fit; for refits all rows up to the cutoff, the last for validation.

        A series too short for a window is trained on too; none beyond its first cutoff.
        """
        import numpy as np

        if not fits_once:
            training = np.maximum(cutoffs - lengths.validation, 0)
            return TrainingEnds(training, training, cutoffs)
        ends = lengths.training + lengths.validation
        ends = np.where(cutoffs > 0, np.minimum(ends, cutoffs), ends)
        return TrainingEnds(np.minimum(lengths.training, ends), lengths.training, ends)


@dataclass(frozen=True)
class SeriesSplit(Split):
    """Whole series are held out: the first ones train, the next ones validate, the last ones test.

    Each part is a fraction of the series or their count, in the order of the panel.
    """

    training: float | int
    validation: float | int = 0
    test: float | int | None = None
    kind: ClassVar[str] = "series"
    holds_out_series: ClassVar[bool] = True

    def __post_init__(self) -> None:
        convert_fields(self, BadTask)
        _check_parts(self.training, self.validation, self.test)

    def lengths(self, panel: Panel) -> SplitLengths:
        """The length of each series in its part; raises BadTask where there are too few series."""
        import numpy as np

        total = len(panel)
        training, validation = _series(self.training, total), _series(self.validation, total)
        rest = total - training - validation
        test = rest if self.test is None else _series(self.test, total)
        if test > rest or test < 1 or training < 1:
            raise BadTask(
                f"the split asks for {training} + {validation} + {test} series to train, validate and test; "
                f"there are {total}"
            )
        part = np.searchsorted(np.cumsum([training, validation, test]), np.arange(total), side="right")
        return SplitLengths(*(np.where(part == i, panel.lengths, 0) for i in range(3)))

    def held_out(self, panel: Panel, lengths: SplitLengths) -> HeldOut:
        """All rows of the test series."""
        return HeldOut(panel, lengths.test * 0, lengths.test, other_series=True)

    def training_ends(self, panel: Panel, lengths: SplitLengths, cutoffs: Ints, fits_once: bool) -> TrainingEnds:
        """All rows of the training and of the validation series."""
        return TrainingEnds(lengths.training, lengths.validation * 0, lengths.validation)


SPLITS: tuple[type[Split], ...] = (TimeSplit, SeriesSplit)


def _check_parts(training: Part, validation: Part, test: Part | None) -> None:
    for name, part in (("training", training), ("validation", validation), ("test", test)):
        if isinstance(part, float) and not 0 <= part <= 1:
            raise BadTask(f"{name} is a fraction from 0 to 1 or a whole number, not {part}")
        if isinstance(part, int) and not 0 <= part <= MOST:
            raise BadTask(f"{name} must be at {f'most {MOST:,}' if part > 0 else 'least 0'}, not {short_repr(part)}")


def _rows(part: Part, panel: Panel, before: Ints) -> Ints:
    """The length of a part of each series that begins after `before` rows."""
    import numpy as np

    from harness.tasks.cutoffs import observations_until

    if isinstance(part, str):
        return np.asarray(np.maximum(observations_until(panel, part) - before, 0))
    if isinstance(part, float):
        return np.asarray(np.floor(panel.lengths * part + 1e-9), dtype=np.int64)
    return np.full(len(panel), part, dtype=np.int64)


def _series(part: float | int, total: int) -> int:
    return int(total * part + 1e-9) if isinstance(part, float) else part
