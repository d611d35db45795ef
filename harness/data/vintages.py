"""Vintages: the forecasts of a known covariate, as they were at the times at which they were issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from harness.arrays import Floats, Ints, read_only
from harness.data.channel import Channel
from harness.data.metadata import list_of
from harness.data.numbers import NotNumbers, are_dates, floats, whole_numbers
from harness.errors import BadData
from harness.fields.errors import did_you_mean, short_repr

NO_DATES = (
    "must be numbers of observations, not dates: count those known when each vintage was issued, with the times of the "
    "observations, by np.searchsorted(times, issue_times, side='right')"
)


@dataclass(frozen=True, eq=False)
class Vintages:
    """The forecasts of one known covariate that were issued at different times, sorted by series and time.

    Vintage v forecasts the rows `issued[v]`, `issued[v]` + 1, … of its series; NaN where it has no value. `issued` is
    the number of observations that were known when it was issued: it may be used at this cutoff and at later ones.
    `count` is the number of series, where it is known; a panel must have as many.

    Raises BadData for arrays of other shapes, other types or another order, and for infinite values.
    """

    series: Ints  # (vintage,) positions in the panel
    issued: Ints  # (vintage,)
    values: Floats  # (vintage, lead)
    count: int | None = None

    def __post_init__(self) -> None:
        series, issued = _whole_numbers(self.series, "series"), _whole_numbers(self.issued, "issued")
        values = _values(self.values, "the values")
        if series.shape != issued.shape or series.ndim != 1 or values.ndim != 2 or len(values) != len(series):
            raise BadData(
                "vintages need series (vintage,), issued (vintage,) and values (vintage, lead), not the shapes "
                f"{series.shape}, {issued.shape} and {values.shape}"
            )
        if len(series) and not values.shape[1]:
            raise BadData("vintages need at least one lead")
        if len(series) and min(series.min(), issued.min()) < 0:
            raise BadData("series and issued of vintages must be at least 0")
        same = series[1:] == series[:-1]
        if (same & (issued[1:] == issued[:-1])).any():
            v = int(np.argmax(same & (issued[1:] == issued[:-1])))
            raise BadData(f"two vintages of series {series[v]} were issued at {issued[v]}; keep one of them")
        if (series[1:] < series[:-1]).any() or (same & (issued[1:] < issued[:-1])).any():
            raise BadData("vintages must be sorted by series and issued; Vintages.of sorts them")
        for name, array in (("series", series), ("issued", issued), ("values", values)):
            object.__setattr__(self, name, read_only(np.ascontiguousarray(array)))

    @classmethod
    def of(cls, series: Sequence[tuple[ArrayLike, ArrayLike]]) -> Vintages:
        """The vintages of each series in the order of the panel, as pairs of `issued` (vintage,) and values.

        The values have the shape (vintage, lead). The vintages may be in any order, and the number of leads may differ
        between series. A series without vintages is ([], []). Raises BadData for what does not fit.
        """
        pairs = [_pair(pair, i) for i, pair in enumerate(list_of(series, "the vintages of the series"))]
        leads = max((values.shape[1] for _, values in pairs), default=0)
        padded = [np.pad(values, ((0, 0), (0, leads - values.shape[1])), constant_values=np.nan) for _, values in pairs]
        return cls(
            np.repeat(np.arange(len(pairs)), [len(issued) for issued, _ in pairs]),
            np.concatenate([np.empty(0, np.int64), *(issued for issued, _ in pairs)]),
            np.concatenate([np.empty((0, leads)), *padded]),
            len(pairs),
        )

    def __len__(self) -> int:
        return len(self.series)

    def at(self, series: Ints, cutoffs: Ints, steps: int) -> Floats:
        """The latest vintage of each window for the rows from its cutoff on, (window, step).

        `series` and `cutoffs` (window,). NaN where no vintage was issued by the cutoff, and where it has no value.
        """
        if not len(self):
            return np.full((len(series), steps), np.nan)
        latest = np.searchsorted(self._keys, series * self._span + np.minimum(cutoffs, self._span - 1), "right") - 1
        found = (latest >= 0) & (self.series[latest] == series)
        leads = (cutoffs - self.issued[latest])[:, None] + np.arange(steps)
        given = found[:, None] & (leads < self.values.shape[1])
        return np.where(given, self.values[latest[:, None], np.where(given, leads, 0)], np.nan)

    @cached_property
    def _span(self) -> int:
        return int(self.issued.max()) + 1

    @cached_property
    def _keys(self) -> Ints:
        """Rising with series and issued, (vintage,)."""
        return self.series * self._span + self.issued

    def of_series(self, first: int, last: int) -> Vintages:
        """The vintages of the series from `first` to before `last`, as those of a panel of these series."""
        part = slice(*np.searchsorted(self.series, [first, last]).tolist())
        return Vintages(self.series[part] - first, self.issued[part], self.values[part], last - first)

    def between(self, begins: Ints, ends: Ints, kept: Ints) -> Vintages:
        """The vintages that were issued by `ends`, as those of a panel of rows `begins` to `ends` of the series `kept`.

        `begins` and `ends` (series,). The last one issued before `begins` stays too, without its first values.
        """
        positions = np.full(len(begins), -1)
        positions[kept] = np.arange(len(kept))
        begins, ends = begins[self.series], ends[self.series]
        replaced = np.zeros(len(self), dtype=bool)
        replaced[:-1] = (self.series[1:] == self.series[:-1]) & (self.issued[1:] <= begins[:-1])
        used = (positions[self.series] >= 0) & (self.issued <= ends) & ~replaced
        missed = np.maximum(begins - self.issued, 0)[used]
        values = self.values[used]
        if missed.any():
            leads = missed[:, None] + np.arange(values.shape[1])
            inside = leads < values.shape[1]
            values = np.where(inside, np.take_along_axis(values, np.where(inside, leads, 0), axis=1), np.nan)
        return Vintages(positions[self.series[used]], np.maximum(self.issued - begins, 0)[used], values, len(kept))


def panel_vintages(vintages: object, channels: Sequence[Channel]) -> dict[str, Vintages]:
    """The vintages by the name of their channel; raises BadData where that is no known covariate, or certain."""
    if not isinstance(vintages, Mapping):
        raise BadData(f"vintages must be a dictionary of channel names and Vintages, not {short_repr(vintages)}")
    known = {channel.name: channel for channel in channels if channel.role == "known covariate"}
    for name, given in vintages.items():
        if name not in known:
            raise BadData(
                f"vintages are given of {short_repr(name)}, which is no known covariate of the panel; "
                f"{did_you_mean(name, known)}its known covariates are {', '.join(sorted(known)) or 'none'}"
            )
        if known[name].certain:
            raise BadData(f"channel {name!r} has vintages: write Channel({name!r}, 'known covariate', certain=False)")
        if not isinstance(given, Vintages):
            raise BadData(f"the vintages of channel {name!r} must be Vintages, not {short_repr(given)}")
    return dict(vintages)


def check_vintages(vintages: Mapping[str, Vintages], ids: Sequence[str], lengths: Ints) -> None:
    """Raise BadData for vintages of another number of series, or issued after the end of their series."""
    for name, given in vintages.items():
        if given.count is not None and given.count != len(ids):
            raise BadData(
                f"the vintages of channel {name!r} are those of {given.count} series, but the panel has {len(ids)}; "
                "write ([], []) for a series without vintages"
            )
        if not len(given):
            continue
        if given.series[-1] >= len(ids):
            raise BadData(
                f"the vintages of channel {name!r} name the series {given.series[-1]} of a panel of {len(ids)} series"
            )
        late = given.issued > lengths[given.series]
        if late.any():
            v = int(np.argmax(late))
            raise BadData(
                f"a vintage of channel {name!r} was issued at {given.issued[v]} of series {ids[given.series[v]]!r}, "
                f"which has {lengths[given.series[v]]} observations; issued is the number of observations known then"
            )


def _pair(pair: Any, series: int) -> tuple[Ints, Floats]:
    """The vintages of one series, sorted: `issued` (vintage,) and values (vintage, lead)."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise BadData(f"the vintages of series {series} must be a pair of issued and values, not {short_repr(pair)}")
    if all(hasattr(part, "__len__") and not len(part) for part in pair):
        return np.empty(0, np.int64), np.empty((0, 0))
    issued = _whole_numbers(pair[0], f"issued of series {series}")
    values = _values(pair[1], f"the values of series {series}")
    if issued.ndim != 1 or values.ndim != 2 or len(issued) != len(values):
        raise BadData(
            f"the vintages of series {series} need issued (vintage,) and values (vintage, lead), not the shapes "
            f"{issued.shape} and {values.shape}"
        )
    order = np.argsort(issued, kind="stable")
    return issued[order], values[order]


def _whole_numbers(array: object, what: str) -> Ints:
    try:
        return whole_numbers(array)
    except NotNumbers as error:
        if are_dates(array):
            raise BadData(f"vintages: {what} {NO_DATES}") from None
        raise BadData(f"vintages: {what} must be an array of whole numbers; it {error}") from None


def _values(array: object, what: str) -> Floats:
    try:
        values = floats(array)
    except NotNumbers as error:
        raise BadData(f"vintages: the array of {what.removeprefix('the ')} {error}") from error
    if np.isinf(values).any():
        raise BadData(f"vintages: {what} must be finite; a missing value is NaN")
    return values
