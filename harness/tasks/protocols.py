"""What an evaluation does with a panel: how it is split, and which windows are forecast.

Declarations only; `folds` turns them into training data and windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.errors import BadTask

Part = float | int | str  # a fraction of a series, a count of rows or series, or the last date of a part


@dataclass(frozen=True)
class TimeSplit:
    """Each series is cut in time into a training, a validation and a test part, in this order.

    Each part is a fraction of the series (0.5), a count of rows (8640) or the last date that belongs
    to it ("2017-06-30"). `test = None` is all that is left.
    """

    training: Part
    validation: Part = 0
    test: Part | None = None

    def __post_init__(self) -> None:
        _check_parts(self)


@dataclass(frozen=True)
class SeriesSplit:
    """Whole series are held out: the first ones train, the next ones validate, the last ones test.

    Each part is a fraction of the series or their count, in the order of the panel.
    """

    training: float | int
    validation: float | int = 0
    test: float | int | None = None

    def __post_init__(self) -> None:
        _check_parts(self)


Split = TimeSplit | SeriesSplit


@dataclass(frozen=True)
class RollingOrigin:
    """Forecasts from many cutoffs of each series, as if time went by.

    A cutoff is the number of observations known. Without a time split say `windows`, and the last
    cutoffs that fit are taken, or `first_cutoff`, and all from there on; with both, that many from
    there. With a time split all cutoffs of the test part are taken unless these say less.
    """

    horizon: int
    windows: int | None = None  # a series
    first_cutoff: int | str | None = None  # rows from the start, rows from the end (negative), or a date
    stride: int | None = None  # steps between cutoffs; None: the horizon
    gap: int = 0  # steps between the last observation known and the first one forecast
    train_length: int | None = None  # the last rows that are trained on; None: all
    min_context: int = 1  # windows with fewer observations known are left out, and reported
    max_context: int | None = None  # the last observations that a forecaster is shown; None: all
    refit: Literal["once", "every"] | int = "once"  # or after every so many windows

    def __post_init__(self) -> None:
        _at_least(self, 1, "horizon", "windows", "stride", "train_length", "min_context", "max_context")
        _at_least(self, 0, "gap")
        if isinstance(self.refit, str):
            if self.refit not in ("once", "every"):
                raise BadTask(f"refit is 'once', 'every' or a count of windows, not {self.refit!r}")
        else:
            _at_least(self, 1, "refit")

    @property
    def steps(self) -> int:
        """The steps from one cutoff to the next."""
        return self.horizon if self.stride is None else self.stride

    @property
    def windows_per_fit(self) -> int | None:
        """How many windows of a series one fit serves; None: all."""
        if isinstance(self.refit, int):
            return self.refit
        return 1 if self.refit == "every" else None


@dataclass(frozen=True)
class Generation:
    """The first `warm_up` values of each held-out series are given, the next `horizon` generated freely."""

    warm_up: int = 100
    horizon: int = 900

    def __post_init__(self) -> None:
        _at_least(self, 1, "warm_up", "horizon")


Protocol = RollingOrigin | Generation


def _check_parts(split: Split) -> None:
    for name in ("training", "validation", "test"):
        part = getattr(split, name)
        if isinstance(part, float) and not 0 <= part <= 1:
            raise BadTask(f"{name} is a fraction from 0 to 1 or a whole number, not {part}")
        if isinstance(part, int) and part < 0:
            raise BadTask(f"{name} must be at least 0, not {part}")


MOST = 10**9  # of any count


def _at_least(protocol: object, least: int, *names: str) -> None:
    for name in names:
        value = getattr(protocol, name)
        if value is not None and value > MOST:
            raise BadTask(f"{name} must be at most {MOST:,}, not {value:,}")
        if value is not None and value < least:
            raise BadTask(f"{name} must be at least {least}, not {value}")
