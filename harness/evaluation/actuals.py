"""The actuals of a task, and the scales of their histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from harness.arrays import Floats, Ints, Times, read_only
from harness.data.calendar import advance
from harness.data.classes import Categories, target_categories
from harness.errors import DataUnavailable
from harness.evaluation.scales import seasonal_error, training_moments
from harness.tasks.folds import Backtest
from harness.tasks.windows import Windows


@dataclass(frozen=True, eq=False)
class Actuals:
    """The actuals of all windows of a task and the scales of their histories; one value serves all forecasters.

    Its arrays cannot be written to.
    """

    ids: tuple[str, ...]  # of the panel's series
    series: Ints  # (window,) positions in ids
    cutoffs: Ints  # (window,)
    cutoff_index: Ints  # (window,) which of its series' cutoffs each is
    values: Floats  # (window, horizon, target); NaN is missing
    quantile_levels: tuple[float, ...] = ()
    targets: tuple[str, ...] = ()  # the names of the target channels
    start: Times | None = None  # of each series in ids
    freq: str | None = None
    _windows: Windows | None = field(default=None, repr=False)
    _scales: dict[int, Floats] = field(default_factory=dict, repr=False)
    standard: tuple[Floats, Floats] | None = field(default=None, repr=False)  # mean and deviation, (window, target)
    season_length: int | None = None  # None where it was not stored
    categories: Categories = ()  # of each target; empty for numeric targets, else `values` are indices into them
    ordered: bool = False  # whether the categories of all targets rise
    _find_windows: Callable[[], Windows] | None = field(default=None, repr=False)  # for scales that were not stored

    def __post_init__(self) -> None:
        for name in ("series", "cutoffs", "cutoff_index", "values"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        if self.standard is not None:
            mean, deviation = self.standard
            object.__setattr__(self, "standard", (read_only(mean), read_only(deviation)))

    @classmethod
    def of(cls, backtest: Backtest) -> Actuals:
        """The actuals of all windows of a backtest, in its order."""
        panel, windows = backtest.panel, backtest.windows
        return cls(
            panel.ids,
            windows.series,
            windows.cutoffs,
            backtest.cutoff_index,
            windows.actuals,
            windows.quantile_levels,
            tuple(panel.channels[i].name for i in panel.targets),
            panel.start,
            panel.freq,
            windows,
            standard=training_moments(backtest) if backtest.task.standardise else None,
            season_length=windows.season_length,
            categories=target_categories(panel.channels),
            ordered=all(panel.channels[i].ordered for i in panel.targets),
        )

    def __len__(self) -> int:
        return len(self.series)

    @property
    def numbers(self) -> Ints:
        """The former name of `cutoff_index`."""
        return self.cutoff_index

    def last_known(self, window: int) -> np.datetime64 | int | None:
        """The time of the last observation before a window's cutoff; None where it was not stored."""
        if self.start is None:
            return None
        series = int(self.series[window])
        time: np.datetime64 | int = advance(
            self.start[series : series + 1], self.freq, self.cutoffs[window : window + 1] - 1
        )[0]
        return time

    def scale(self, power: int) -> Floats:
        """Mean of |y_t − y_{t−m}|^power over the whole history of each window, (window, target); NaN if undefined.

        m is the season length (Hyndman & Koehler 2006, for power 1). Undefined: a history no longer than a
        season, or one that is periodic up to rounding. Raises DataUnavailable for a scale that is neither stored
        nor can be computed from the data.
        """
        if power not in self._scales:
            self._scales[power] = seasonal_error(self._windows_of_panel(), power)
        return read_only(self._scales[power])

    def _windows_of_panel(self) -> Windows:
        if self._windows is not None:
            return self._windows
        if self._find_windows is None:
            raise DataUnavailable("a scale that was not stored cannot be computed without the data")
        return self._find_windows()
