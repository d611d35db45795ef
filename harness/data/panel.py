"""Panel: the series of a dataset, stored end to end in one array."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from harness.arrays import Floats, Ints, Times, read_only
from harness.data.calendar import advance, frequency
from harness.data.channel import Channel as Channel
from harness.data.channel import Role, channels_with_targets, check_static_names, covariate_names, panel_channels
from harness.data.fingerprint import channel_header, data_hash
from harness.data.metadata import season_length, series_ids, static_covariates
from harness.data.panel_checks import check_series, check_shapes
from harness.data.series import check_finite, series_values, single_array
from harness.data.starts import start_times
from harness.data.summary import panel_summary
from harness.data.vintages import Vintages as Vintages
from harness.data.vintages import check_vintages, panel_vintages
from harness.errors import BadData, Failure, attempt
from harness.fields.errors import short_repr

if TYPE_CHECKING:
    from harness.data.tables.options import Layout, TableOptions


@dataclass(frozen=True, eq=False)
class Panel:
    """The series of a dataset: multivariate, of different lengths, immutable.

    Series i is `values[offsets[i]:offsets[i + 1]]`; NaN is a missing value. `start` holds the time
    of each series' first observation: datetime64 where `freq` is a pandas offset alias, integers
    where it is None. `static` maps the name of a static covariate to one value per series, `vintages`
    the name of a known covariate that is not certain to the forecasts of it.

    Raises BadData for empty series, repeated ids and names, inconsistent shapes, infinite values, starts that are no
    times of the frequency, and arguments of another type. Numbers and texts of NumPy become Python's.
    """

    ids: tuple[str, ...]
    values: Floats  # (observation, channel)
    offsets: Ints  # (series + 1,)
    start: Times  # (series,)
    freq: str | None = None
    season_length: int = 1
    channels: tuple[Channel, ...] = (Channel("value"),)
    static: Mapping[str, tuple[str | float, ...]] = field(default_factory=dict)
    vintages: Mapping[str, Vintages] = field(default_factory=dict)
    __repr__ = panel_summary

    def __post_init__(self) -> None:
        offsets = attempt(partial(np.asarray, self.offsets))
        if isinstance(offsets, Failure) or offsets.dtype.kind not in "iu":
            raise BadData(f"offsets must be an array of whole numbers, not {short_repr(self.offsets)}")
        freq = frequency(self.freq)
        self._set(
            ids=series_ids(self.ids),
            values=read_only(np.ascontiguousarray(single_array(self.values))),
            offsets=read_only(np.ascontiguousarray(offsets, dtype=np.int64)),
            start=read_only(np.ascontiguousarray(start_times(self.start, dated=freq is not None))),
            freq=freq,
            season_length=season_length(self.season_length),
            channels=panel_channels(self.channels),
            static=static_covariates(self.static),
        )
        check_static_names(self.static, self.channels)
        self._set(vintages=panel_vintages(self.vintages, self.channels))
        check_shapes(self)
        check_series(self)
        check_finite(self.values, self.offsets, self.ids, [channel.name for channel in self.channels])
        check_vintages(self.vintages, self.ids, self.lengths)

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _derived(self, **changes: Any) -> Panel:
        """A copy with other fields that are known to be valid: they are not checked again."""
        panel = object.__new__(type(self))
        panel._set(**{kept.name: getattr(self, kept.name) for kept in fields(self)} | changes)
        return panel

    @classmethod
    def of(
        cls,
        series: Sequence[ArrayLike],
        *,
        ids: Sequence[str | int] | None = None,
        start: ArrayLike = 0,
        freq: str | None = None,
        season_length: int = 1,
        channels: Sequence[Channel] = (Channel("value"),),
        static: Mapping[str, Sequence[str | float]] | None = None,
        vintages: Mapping[str, Vintages] | None = None,
    ) -> Self:
        """A panel of arrays of shape (length,) or (length, channel), one per series.

        Masked values, None and pandas' NA are missing. `ids` are "0", "1", … by default; `start` may be one time for
        all series. Raises BadData for what does not fit, and for texts, dates, complex numbers and infinities.
        """
        channels = panel_channels(channels)
        columns, names = series_values(series, ids, [channel.name for channel in channels])
        times = start_times(start, dated=freq is not None)
        if times.ndim and len(times) != len(columns):
            raise BadData(f"there are {len(times)} starts for {len(columns)} series")
        return cls(
            ids=names,
            values=np.concatenate(columns) if columns else np.empty((0, len(channels))),
            offsets=np.concatenate([[0], np.cumsum([len(values) for values in columns], dtype=np.int64)]),
            start=np.broadcast_to(times, (len(columns),)) if times.ndim == 0 else times,
            freq=freq,
            season_length=season_length,
            channels=channels,
            static=static_covariates({} if static is None else static),
            vintages={} if vintages is None else vintages,
        )

    @classmethod
    def from_frame(cls, frame: object, options: TableOptions | None = None, **columns: Any) -> Self:
        """The panel of a data frame of pandas, polars, PyArrow or another library that speaks Arrow.

        `options`, or its fields as arguments, name the columns; what is not named is inferred where there is one
        reading only. Rows are sorted, and steps without a row inserted as missing values; rows after the last value of
        the targets are left out. Raises BadInput for a column that does not exist or must be named, and BadTable, which
        has all `findings`, for data that must be mended first, such as two values of a series for one time.

            Panel.from_frame(frame, time="date", id="store", target="sales", known="promotion")
        """
        from harness.data.tables.frame_reading import frame_fields
        from harness.data.tables.options import TableOptions

        return cls(**frame_fields(frame, (options or TableOptions()).with_arguments(columns)))

    def to_frame(self, layout: Layout = "long", library: Literal["pandas", "polars", "pyarrow"] = "pandas") -> Any:
        """The values as a data frame.

        A long one has the columns `series`, `time`, the channels and the static covariates. A wide one has the column
        `time` and one for each series, and is for panels of one channel.
        """
        from harness.data.tables.writing import data_frame, panel_table

        return data_frame(panel_table(self, layout), library)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Floats]:
        """The values of each series, (length, channel), as views."""
        for first, last in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.values[first:last]

    def __getitem__(self, part: slice) -> Panel:
        """A panel of some of the series, whose values are a view."""
        if not isinstance(part, slice):
            raise BadData(f"series are selected by a slice such as panel[:3], not {short_repr(part)}")
        first, last, step = part.indices(len(self))
        if step != 1:
            raise ValueError("series can be sliced with step 1 only")
        if last <= first:
            raise BadData("a panel needs at least one series")
        offsets = self.offsets[first : last + 1]
        return self._derived(
            ids=self.ids[first:last],
            values=self.values[offsets[0] : offsets[-1]],
            offsets=read_only(offsets - offsets[0]),
            start=self.start[first:last],
            static={name: values[first:last] for name, values in self.static.items()},
            vintages={name: vintages.of_series(first, last) for name, vintages in self.vintages.items()},
        )

    @cached_property
    def lengths(self) -> Ints:
        """The number of observations of each series."""
        return np.diff(self.offsets)

    @cached_property
    def positions(self) -> dict[str, int]:
        """The index of each series, by its id."""
        return {name: position for position, name in enumerate(self.ids)}

    @cached_property
    def targets(self) -> tuple[int, ...]:
        """The indices of the target channels."""
        return self.channels_of("target")

    @cached_property
    def delays(self) -> dict[int, int]:
        """The availability delay of each channel that has one, by its index."""
        return {i: channel.delay for i, channel in enumerate(self.channels) if channel.delay}

    def channels_of(self, role: Role) -> tuple[int, ...]:
        """The indices of the channels of a role."""
        return tuple(i for i, channel in enumerate(self.channels) if channel.role == role)

    @cached_property
    def target_values(self) -> Floats:
        """The values of the target channels, (observation, target); a view if all channels are targets."""
        if len(self.targets) == len(self.channels):
            return self.values
        return read_only(self.values[:, list(self.targets)])

    @cached_property
    def complete(self) -> bool:
        """Whether no value is missing."""
        return not np.isnan(self.values.sum()) or not np.isnan(self.values).any()

    def between(self, begins: Ints, ends: Ints) -> Panel | None:
        """Rows `begins[i]` to `ends[i]` of each series i, copied; series without rows are dropped.

        None if no series is left.
        """
        begins, ends = np.maximum(begins, 0), np.minimum(ends, self.lengths)
        kept = np.flatnonzero(ends > begins)
        if not len(kept):
            return None
        firsts, lasts = self.offsets[:-1][kept] + begins[kept], self.offsets[:-1][kept] + ends[kept]
        parts = [self.values[a:b] for a, b in zip(firsts, lasts, strict=True)]
        return self._derived(
            ids=tuple(self.ids[i] for i in kept),
            values=read_only(np.concatenate(parts)),  # a copy, since a view would give access to later values
            offsets=read_only(np.concatenate([[0], np.cumsum(lasts - firsts)])),
            start=read_only(advance(self.start[kept], self.freq, begins[kept])),
            static={name: tuple(values[i] for i in kept) for name, values in self.static.items()},
            vintages={name: vintages.between(begins, ends, kept) for name, vintages in self.vintages.items()},
        )

    def with_values(self, values: Floats) -> Panel:
        """A copy with other values of the same shape."""
        values = np.ascontiguousarray(values, dtype=np.float64)
        if values.shape != self.values.shape:
            raise BadData(f"the values must have the shape {self.values.shape}, not {values.shape}")
        return self._derived(values=read_only(values))

    def with_vintages(self, vintages: Mapping[str, Vintages]) -> Panel:
        """A copy with other vintages; raises BadData for those that do not fit."""
        checked = panel_vintages(vintages, self.channels)
        check_vintages(checked, self.ids, self.lengths)
        return self._derived(vintages=checked)

    def _vintages_of(self, channels: Collection[Channel]) -> dict[str, Vintages]:
        """The vintages of those of these channels that have some."""
        uncertain = {channel.name for channel in channels if not channel.certain}
        return {name: vintages for name, vintages in self.vintages.items() if name in uncertain}

    def with_targets(self, names: Sequence[str]) -> Panel:
        """A copy with exactly these targets; the other targets become past covariates."""
        channels = channels_with_targets(self.channels, names)
        return self._derived(channels=channels, vintages=self._vintages_of(channels))

    def with_covariates(self, names: Sequence[str]) -> Panel:
        """A copy with the targets and the covariates of these names, static ones too.

        Raises BadData for a name of no covariate.
        """
        names = covariate_names(names, self.channels, self.static)
        kept = [i for i, channel in enumerate(self.channels) if channel.role == "target" or channel.name in names]
        channels = tuple(self.channels[i] for i in kept)
        return self._derived(
            values=read_only(np.ascontiguousarray(self.values[:, kept])),
            channels=channels,
            static={name: values for name, values in self.static.items() if name in names},
            vintages=self._vintages_of(channels),
        )

    def check_observed(self) -> None:
        """Raise BadData if a target of a series has no value."""
        if self.complete:
            return
        observed = np.add.reduceat(~np.isnan(self.target_values), self.offsets[:-1], axis=0)
        if (observed == 0).any():
            series, target = np.argwhere(observed == 0)[0]
            channel = self.channels[self.targets[target]].name
            raise BadData(
                f"series {self.ids[series]!r} has no value in channel {channel!r}: all are missing; "
                "leave it out of the panel"
            )

    def fingerprint(self) -> str:
        """The SHA-256 of all data and metadata, as 64 hexadecimal digits."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        header: dict[str, Any] = {
            "ids": self.ids,
            "freq": self.freq,
            "season_length": self.season_length,
            "channels": [channel_header(channel) for channel in self.channels],
            "static": {name: list(values) for name, values in sorted(self.static.items())},
        }
        arrays = [self.offsets, self.start, self.values]
        for name, vintages in sorted(self.vintages.items()):
            header[f"vintages of {name}"] = vintages.values.shape
            arrays += [vintages.series, vintages.issued, vintages.values]
        return data_hash(header, arrays)
