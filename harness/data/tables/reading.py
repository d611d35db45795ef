"""A table → the parts of a panel, with what was inferred and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from harness.arrays import Bools, Floats, Ints
from harness.data.channel import Channel
from harness.data.tables.bins import is_in_days
from harness.data.tables.calendar_covariates import calendar_channels, calendar_problem, calendar_values
from harness.data.tables.columns import Columns, find_columns
from harness.data.tables.findings import Finding
from harness.data.tables.grouping import series_codes, sort_rows
from harness.data.tables.number_columns import check_infinite, check_units, is_number, is_text, number_column
from harness.data.tables.options import TableOptions
from harness.data.tables.pandas_lines import pandas_lines
from harness.data.tables.regular import Irregular, RegularRows, regular_rows
from harness.data.tables.rows import RowOrigins
from harness.data.tables.seasons import Searchable, Season, choose_season
from harness.data.tables.series_rows import exploded
from harness.data.tables.times import time_column
from harness.data.tables.wide_tables import long_table, without_leading
from harness.data.tables.zones import are_dates, checked_zone, localised
from harness.errors import BadData, BadInput


@dataclass(frozen=True, eq=False)
class TableReading:
    """A table as series on regular steps.

    `values` and `offsets` have all rows, also those after the last actual; `lengths` are the rows of each series up to
    it. Without `rows`, an error of `findings` says why there are none.
    """

    columns: Columns
    channels: tuple[Channel, ...]
    findings: tuple[Finding, ...]
    rows: RegularRows | None = None
    lengths: Ints | None = None  # (series,)
    season_length: int = 1
    season_reason: str = ""
    static: Mapping[str, tuple[str | float, ...]] | None = None
    calendar: tuple[str, ...] = ()  # the names of calendar covariates, which are the last channels

    def up_to_actuals(self, of_rows: Any) -> Any:
        """An array (row, …) without the rows after the last actual of each series."""
        assert self.rows is not None
        assert self.lengths is not None
        if self.lengths.sum() == len(of_rows):
            return of_rows
        lengths = np.diff(self.rows.offsets)
        steps = np.arange(len(of_rows)) - np.repeat(self.rows.offsets[:-1], lengths)
        return of_rows[steps < np.repeat(self.lengths, lengths)]

    def calendar_problem(self) -> str | None:
        """Why the series cannot have calendar covariates; None if they can."""
        assert self.rows is not None
        return calendar_problem(self.rows.freq, self.channels, self.static or ())

    def with_calendar(self) -> TableReading:
        """The series with calendar covariates; raises BadInput for a table that cannot have them."""
        problem, rows = self.calendar_problem(), self.rows
        if problem is not None:
            raise BadInput(
                f"{problem}, or leave out --calendar" if "; " in problem else f"{problem}; leave out --calendar"
            )
        assert rows is not None
        assert rows.freq is not None
        added = calendar_channels(rows.freq)
        values = calendar_values(rows.start, np.diff(rows.offsets), rows.freq, rows.zone)
        return replace(
            self,
            channels=(*self.channels, *added),
            rows=replace(rows, values=np.concatenate([rows.values, values], axis=1)),
            calendar=tuple(channel.name for channel in added),
        )

    def panel_fields(self) -> dict[str, Any]:
        """The arguments of the panel of the rows up to the last actual of each series."""
        assert self.rows is not None
        assert self.lengths is not None
        return {
            "ids": self.rows.ids,
            "values": self.up_to_actuals(self.rows.values),
            "offsets": np.concatenate([[0], np.cumsum(self.lengths)]),
            "start": self.rows.start,
            "freq": self.rows.freq,
            "season_length": self.season_length,
            "channels": self.channels,
            "static": dict(self.static or {}),
        }


def read_table(
    table: Any, options: TableOptions, origins: RowOrigins, reasons: Mapping[str, str] | None = None
) -> TableReading:
    """The series of a table; raises BadInput for options that do not fit it, and BadData for values that are none.

    `reasons` are those of columns whose roles the table itself states.
    """
    long = exploded(table, options, origins)
    table, options, origins = long.table, long.options, long.origins
    columns = find_columns(table, options)
    columns = replace(columns, reasons={**columns.reasons, **(reasons or {}), **long.reasons})
    findings = list(long.findings)
    if columns.layout == "wide":
        table, columns, origins = long_table(table, columns, options, origins, findings)
    codes, ids = series_codes(table, columns.id, origins)
    zone: str | None = None
    day_first = False
    if columns.time is None:
        order = np.argsort(codes, kind="stable")
        times = np.empty(len(codes), dtype=np.int64)
        firsts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(ids)))])[:-1]
        times[order] = np.arange(len(codes)) - firsts[codes[order]]
        problem = "no column has times: the rows of a series are its steps"
        remedy = "if a column has the times, name it by --time"
        findings.append(Finding("note", "no time", problem, "forecasts have no dates", remedy))
    else:
        found = time_column(table[columns.time], columns.time, options, origins)
        times = found.values
        findings += found.findings
        zone, day_first = found.zone, found.day_first
        if zone == "UTC" and any(each.check == "time zone" for each in found.findings) and options.time_zone is None:
            _check_days(columns.time, options)
        if options.time_zone is not None and times.dtype.kind == "M":
            if zone is not None:
                zone = checked_zone(options.time_zone)
            elif not are_dates(times):
                times, changes = localised(times, codes, columns.time, options.time_zone, origins)
                findings += changes
                zone = options.time_zone
    sorted_rows, changes = sort_rows(codes, ids, times, origins, zone)
    findings += changes
    channels, values = _channels(table, columns, options, origins, findings)
    static = _static(table, columns, codes, len(ids))
    values = sorted_rows.sorted(values)
    if columns.layout == "wide":
        sorted_rows, values = without_leading(sorted_rows, values)
    try:
        pandas = pandas_lines(columns, day_first=day_first)
        rows, changes_of_steps = regular_rows(sorted_rows, values, channels, options, origins, pandas)
    except Irregular as error:
        return TableReading(columns, channels, (*findings, error.finding))
    findings += changes_of_steps
    rows = replace(rows, values=_filled(rows, channels, options))
    rows = _with_actuals(rows, channels, findings)
    if not rows.ids:
        return TableReading(columns, channels, tuple(findings))
    lengths = _last_actuals(rows, channels)
    season = _season(rows, channels, lengths, options)
    position = {name: i for i, name in enumerate(ids)}
    kept = {name: tuple(facts[position[series]] for series in rows.ids) for name, facts in static.items()}
    findings += () if options.calendar else season.findings
    reading = TableReading(columns, channels, tuple(findings), rows, lengths, season.length, season.reason, kept)
    return reading.with_calendar() if options.calendar else reading


def _check_days(name: str, options: TableOptions) -> None:
    """Raise BadData for days that are combined of times with several offsets from UTC, whose clocks are not known."""
    if options.aggregate is not None and options.freq is not None and is_in_days(options.freq):
        raise BadData(
            f"column {name!r} has times with several offsets from UTC, so that its days are not known; for --freq "
            f"{options.freq} --aggregate {options.aggregate}, name the zone of the clocks, such as "
            "--time-zone Europe/Berlin"
        )


def _season(rows: RegularRows, channels: tuple[Channel, ...], lengths: Ints, options: TableOptions) -> Season:
    """The season length that is stated, or that suits the targets that are no classes."""
    if options.season_length is not None:
        return Season(options.season_length, "stated by --season")
    targets = [i for i, each in enumerate(channels) if each.role == "target" and each.categories is None]
    return choose_season(rows.freq, Searchable(rows.values, targets, rows.offsets[:-1], lengths))


def _channels(
    table: Any, columns: Columns, options: TableOptions, origins: RowOrigins, findings: list[Finding]
) -> tuple[tuple[Channel, ...], Floats]:
    """The channels and their values (row, channel), in the order of the table."""
    channels: list[Channel] = []
    roles = [(columns.target, "target"), (columns.known, "known covariate"), (columns.past, "past covariate")]
    named = [(name, role) for names, role in roles for name in names]
    values = np.empty((table.num_rows, len(named)))
    for i, (name, role) in enumerate(named):
        column = table[name]
        if is_text(column) and not is_number(column):
            check_units(column, name, origins)
            categories, values[:, i] = _categories(column)
            channels.append(Channel(name, role, categories=categories))  # type: ignore[arg-type]
            continue
        found = number_column(column, name, options.decimal, origins)
        check_infinite(found.values, name, origins)
        values[:, i] = found.values
        findings += found.findings
        channels.append(Channel(name, role))  # type: ignore[arg-type]
    return tuple(channels), values


def _categories(column: Any) -> tuple[tuple[str, ...], Floats]:
    """The distinct texts of a column, sorted, and the position of each row's in them."""
    encoded = column.combine_chunks()
    if not hasattr(encoded, "dictionary"):
        encoded = encoded.dictionary_encode()
    texts = [str(text) for text in encoded.dictionary.to_pylist()]
    names = sorted(set(texts))
    position = {name: i for i, name in enumerate(names)}
    codes = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    return tuple(names), np.array([*(position[text] for text in texts), np.nan])[codes]


def _static(table: Any, columns: Columns, codes: Ints, count: int) -> dict[str, tuple[str | float, ...]]:
    """The static covariates: the first value of each series; numbers stay numbers."""
    firsts = np.full(count, -1)
    firsts[codes[::-1]] = np.arange(len(codes))[::-1]
    found: dict[str, tuple[str | float, ...]] = {}
    for name in columns.static:
        found[name] = tuple(_fact(value) for value in table[name].take(firsts).to_pylist())
    return found


def _fact(value: object) -> str | float:
    """A value of a static covariate: a text or a number, NaN if it is missing."""
    if value is None:
        return np.nan
    if isinstance(value, str):
        return value
    return (
        float(value) if isinstance(value, bool | float | Decimal) else value if isinstance(value, int) else str(value)
    )


def _filled(rows: RegularRows, channels: tuple[Channel, ...], options: TableOptions) -> Floats:
    """The values with those of the targets at absent steps as the options say."""
    if options.fill == "missing" or not rows.absent.any():
        return rows.values
    import pandas as pd

    values = rows.values.copy()
    codes = np.repeat(np.arange(len(rows.ids)), np.diff(rows.offsets))
    for i, channel in enumerate(channels):
        if channel.role != "target":
            continue
        if options.fill == "zero":
            values[rows.absent, i] = 0.0
            continue
        groups = pd.Series(values[:, i]).groupby(codes)
        other = groups.ffill() if options.fill == "previous" else groups.transform(pd.Series.interpolate)
        values[rows.absent, i] = other.to_numpy()[rows.absent]
    return values


def _with_actuals(rows: RegularRows, channels: tuple[Channel, ...], findings: list[Finding]) -> RegularRows:
    """The rows of series that have a value of each target."""
    targets = [i for i, channel in enumerate(channels) if channel.role == "target"]
    observed = np.logical_or.reduceat(~np.isnan(rows.values[:, targets]), rows.offsets[:-1], axis=0)
    has_all: Bools = np.asarray(observed.all(axis=1))
    if has_all.all():
        return rows
    empty = int(np.argmin(has_all))
    name = channels[targets[int(np.argmin(observed[empty]))]].name
    problem = f"series {rows.ids[empty]!r} has no value in column {name!r}"
    if has_all.any():
        problem += f"; {int((~has_all).sum()):,} of {len(has_all):,} series have no value"
        remedy = f"if there should be values, correct column {name!r}"
        findings.append(Finding("changed", "series without values", problem, "such series were left out", remedy))
    else:
        remedy = f"name another column by --target, or correct column {name!r}"
        findings.append(Finding("error", "series without values", problem, "nothing can be scored", remedy))
    kept = np.repeat(has_all, np.diff(rows.offsets))
    return replace(
        rows,
        ids=tuple(name for name, has in zip(rows.ids, has_all, strict=True) if has),
        offsets=np.concatenate([[0], np.cumsum(np.diff(rows.offsets)[has_all])]),
        start=rows.start[has_all],
        values=rows.values[kept],
        absent=rows.absent[kept],
        numbers=None if rows.numbers is None else rows.numbers.subset(has_all),
    )


def _last_actuals(rows: RegularRows, channels: tuple[Channel, ...]) -> Ints:
    """The number of rows of each series up to the last one with a value of a target, which each has."""
    targets = [i for i, channel in enumerate(channels) if channel.role == "target"]
    observed: Bools = np.asarray(~np.isnan(rows.values[:, targets]).all(axis=1))
    lengths = np.diff(rows.offsets)
    steps = np.arange(len(observed)) - np.repeat(rows.offsets[:-1], lengths)
    return np.asarray(np.maximum.reduceat(np.where(observed, steps, -1), rows.offsets[:-1]) + 1)
