"""The rows of series on regular steps: repeated times combined, absent times inserted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.arrays import Bools, Floats, Ints, Times
from harness.data.calendar import advance
from harness.data.channel import Channel
from harness.data.tables.bins import bins
from harness.data.tables.combining import OtherClasses, combined
from harness.data.tables.findings import Finding
from harness.data.tables.frequencies import (
    are_ends_of_months,
    days_of_months,
    find_frequency,
    positions,
    weekdays_of,
)
from harness.data.tables.grouping import SortedRows
from harness.data.tables.options import Fill, TableOptions
from harness.data.tables.pandas_lines import PandasLines
from harness.data.tables.rows import RowOrigins
from harness.data.tables.step_findings import (
    gaps,
    no_frequency,
    numbers_of_steps,
    other_classes,
    repeated_times,
    steps_of_series,
    times_between_steps,
    times_far_apart,
    weeks,
)
from harness.data.tables.step_numbers import StepNumbers
from harness.data.tables.zones import are_dates, hours_that_clocks_skip, time_text

HEAD = 1000  # times that are looked at first
MOST_STEPS, MOST_STEPS_OF_ROWS = 10_000_000, 100  # after absent ones are inserted: in all, and for each row
LEAST_STEPS = 1_000  # of a series, or of a gap, that has too few rows for them
MOST_GAP_OF_ROWS = 2  # absent steps at once, for each row of a series


@dataclass(frozen=True, eq=False)
class RegularRows:
    """Series with a row for each step from their first time to their last one."""

    ids: tuple[str, ...]
    offsets: Ints  # (series + 1,)
    start: Times  # (series,)
    freq: str | None
    values: Floats  # (row, column)
    absent: Bools  # (row,): steps that the table has no row for
    zone: str | None = None  # of the table's times, which were read as UTC; None for dates, and times without a zone
    numbers: StepNumbers | None = None  # of a table without dates; its series start at these divided by their step

    def time_text(self, series: int, step: int) -> str:
        """The time of a step of a series in a message, as the table has it."""
        at, steps = np.array([series]), np.array([step])
        if self.numbers is not None:
            return str(self.numbers.at(at, steps)[0])
        return time_text(advance(self.start[at], self.freq, steps)[0], self.zone)


class Irregular(Exception):
    """Times that cannot be put on regular steps; `finding` says why, and what mends it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.problem)
        self.finding = finding


@dataclass(frozen=True, eq=False)
class _Table:
    """What is known of the table whose rows are put on regular steps."""

    channels: tuple[Channel, ...]
    options: TableOptions
    origins: RowOrigins
    pandas: PandasLines
    findings: list[Finding]

    def combined(self, rows: SortedRows, values: Floats, repeats: Bools) -> Floats:
        """Each row together with the `repeats` that follow it; raises Irregular for texts that differ."""
        how = self.options.aggregate
        assert how is not None
        try:
            return combined(values, repeats, how, self.channels)
        except OtherClasses as error:
            raise Irregular(other_classes(rows, error, how, self.origins)) from error


def regular_rows(
    rows: SortedRows,
    values: Floats,
    channels: tuple[Channel, ...],
    options: TableOptions,
    origins: RowOrigins,
    pandas: PandasLines,
) -> tuple[RegularRows, list[Finding]]:
    """The rows on steps of the frequency, which is found unless the options state it; `values` are in sorted order.

    Raises Irregular for repeated times with other values and for times between steps, unless `aggregate` combines them.
    """
    findings: list[Finding] = []
    is_dated = rows.times.dtype.kind == "M"
    combines = bool(is_dated and options.aggregate and options.freq)
    table = _Table(channels, options, origins, pandas, findings)
    if not combines:
        rows, values = _without_repeats(rows, values, table)
    if is_dated and (options.freq or "MS").lstrip("0123456789").startswith(("MS", "QS", "YS")):
        rows = _on_first_days(rows, options, findings)
    freq = (options.freq or find_frequency(rows.times, rows.offsets)) if is_dated else None
    if is_dated and freq is None:
        raise Irregular(no_frequency(rows, origins, pandas))
    if combines and freq is not None:
        rows, values, at = _combined(rows, values, freq, table)
        start = rows.times[rows.offsets[:-1]]
        return _with_absent(rows, values, at, start, freq, options.fill, findings), findings
    if freq == "7D" and len(set(weekdays_of(rows.times, rows.offsets).tolist())) > 1:
        findings.append(weeks(rows))
    at, between, start = positions(rows.times, rows.offsets, freq)
    if not is_dated:
        at, numbers = _numbered(rows, at)
        findings += numbers_of_steps(rows, numbers)
        regular = _with_absent(rows, values, at, start // numbers.step, freq, options.fill, findings)
        return replace(regular, numbers=numbers), findings
    if between.any():
        raise Irregular(times_between_steps(rows, between, freq, origins, pandas))
    if freq is not None:
        findings += steps_of_series(rows, start, freq)
    return _with_absent(rows, values, at, start, freq, options.fill, findings), findings


def _on_first_days(rows: SortedRows, options: TableOptions, findings: list[Finding]) -> SortedRows:
    """The rows with the first day of their months, if all times are on one other day of them.

    Last days of months, such as ends of years, stay unless the options state a frequency of first days.
    """
    head = rows.times[:HEAD]
    if not are_dates(head) or len(np.unique(days_of_months(head))) > 1 or not are_dates(rows.times):
        return rows
    months = rows.times.astype("M8[M]")
    days = days_of_months(rows.times)
    if not len(days) or days[0] == 0 or (days != days[0]).any() or len(np.unique(months)) < 2:
        return rows
    if options.freq is None and are_ends_of_months(rows.times.astype("M8[D]"), "E"):
        return rows
    what = f"all times are on day {days[0] + 1} of a month, such as {rows.time_text(0)}"
    findings.append(Finding("changed", "days of months", what, "the first days of the months stand for them"))
    return replace(rows, times=months.astype("M8[ns]"))


def _numbered(rows: SortedRows, at: Ints) -> tuple[Ints, StepNumbers]:
    """The steps of numbered times, whose differences are whole numbers of steps, and their numbers."""
    inside = np.ones(max(len(at) - 1, 0), dtype=np.bool_)
    inside[rows.offsets[1:-1] - 1] = False
    differences = np.diff(at)[inside]
    step = max(int(np.gcd.reduce(differences)) if len(differences) else 1, 1)
    return at // step, StepNumbers(step, rows.times[rows.offsets[:-1]])


def _without_repeats(rows: SortedRows, values: Floats, table: _Table) -> tuple[SortedRows, Floats]:
    """One row for each series and time; the options say how others are combined, and without them the same are dropped.

    Raises Irregular for others without an option.
    """
    codes = rows.codes
    repeats = np.concatenate([[False], (codes[1:] == codes[:-1]) & (rows.times[1:] == rows.times[:-1])])
    if not repeats.any():
        return rows, values
    equal = repeats & np.concatenate(
        [[False], ((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))).all(axis=1)]
    )
    count = int(repeats.sum())
    row = int(np.argmax(repeats & ~equal)) if (repeats & ~equal).any() else int(np.argmax(repeats))
    where = f"{rows.place(row, table.origins)}: series {rows.series_of(row)!r} has two rows for {rows.time_text(row)}"
    how = table.options.aggregate
    if how is not None:
        what = f"{where}; {count:,} such row{'s' if count > 1 else ''}"
        table.findings.append(Finding("changed", "repeated times", what, f"their {how} was taken (--aggregate)"))
        return rows.subset(~repeats), table.combined(rows, values, repeats)
    if (equal == repeats).all():
        what = f"{where}, which are the same; {count:,} such row{'s' if count > 1 else ''}"
        table.findings.append(Finding("changed", "repeated rows", what, "each was kept once"))
        return rows.subset(~repeats), values[~repeats]
    raise Irregular(repeated_times(rows, repeats, where, count, table.pandas))


def _combined(rows: SortedRows, values: Floats, freq: str, table: _Table) -> tuple[SortedRows, Floats, Ints]:
    """The rows of each step combined, with the times of the steps, and their steps from the first one of the series."""
    at, times, zone = bins(rows.times, freq, rows.zone)
    codes = rows.codes
    repeats = np.concatenate([[False], (codes[1:] == codes[:-1]) & (at[1:] == at[:-1])])
    result = table.combined(rows, values, repeats)
    how = f"by their {table.options.aggregate}"
    what = f"{len(at):,} rows were combined to {len(result):,} steps of frequency {freq!r} {how}"
    if zone != rows.zone:
        what += f", on days of the zone {rows.zone}"
    effect = "the first and last step may have fewer rows than others"
    table.findings.append(Finding("changed", "aggregation", what, effect))
    firsts = np.repeat(at[rows.offsets[:-1]], np.diff(rows.offsets))
    return replace(rows, times=times, zone=zone).subset(~repeats), result, (at - firsts)[~repeats]


def _with_absent(
    rows: SortedRows, values: Floats, at: Ints, start: Times, freq: str | None, fill: Fill, findings: list[Finding]
) -> RegularRows:
    """The rows with one for each absent step, whose values are missing."""
    lengths = at[rows.offsets[1:] - 1] + 1
    total = sum(lengths.tolist())  # in whole numbers of Python, which do not overflow
    counts = np.diff(rows.offsets)
    sparse = lengths > np.maximum(MOST_STEPS_OF_ROWS * counts, LEAST_STEPS)
    jumps = np.concatenate([[0], np.diff(at) - 1])  # absent steps before each row
    jumps[rows.offsets[:-1]] = 0
    broken = np.maximum.reduceat(jumps, rows.offsets[:-1]) > np.maximum(MOST_GAP_OF_ROWS * counts, LEAST_STEPS)
    if total > max(MOST_STEPS, MOST_STEPS_OF_ROWS * len(at)) or (fill == "missing" and (sparse | broken).any()):
        raise Irregular(times_far_apart(rows, lengths, jumps, total, freq))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if total == len(at):
        return RegularRows(rows.ids, offsets, start, freq, values, np.zeros(total, dtype=np.bool_), rows.zone)
    filled = np.full((total, values.shape[1]), np.nan)
    absent = np.ones(total, dtype=np.bool_)
    places = at + np.repeat(offsets[:-1], np.diff(rows.offsets))
    filled[places], absent[places] = values, False
    longest = int(np.argmax(jumps))
    count = total - len(at)
    affected = len(np.unique(np.searchsorted(offsets, np.flatnonzero(absent), side="right")))
    problem = (
        f"{count:,} of {total:,} steps ({count / total:.1%}) have no row, in {affected:,} of {len(rows.ids):,} series; "
        f"the longest gap, of {jumps[longest]:,} step{'s' if jumps[longest] > 1 else ''}, is in series "
        f"{rows.series_of(longest)!r} after {rows.time_text(longest - 1)}"
    )
    steps = np.flatnonzero(absent)
    owners = np.searchsorted(offsets, steps, side="right") - 1
    times = advance(start[owners], freq, steps - offsets[owners])
    skipped = times.dtype.kind == "M" and rows.zone is None and bool(hours_that_clocks_skip(times).all())
    findings.append(gaps(problem, freq, fill, skipped_by_clocks=skipped))
    return RegularRows(rows.ids, offsets, start, freq, filled, absent, rows.zone)
