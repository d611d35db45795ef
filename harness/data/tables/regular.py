"""The rows of series on regular steps: repeated times combined, absent times inserted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.arrays import Bools, Floats, Ints, Times
from harness.data.calendar import advance
from harness.data.tables.findings import Finding
from harness.data.tables.frequencies import days_of_months, find_frequency, positions, weekdays_of
from harness.data.tables.grouping import SortedRows
from harness.data.tables.options import Fill, TableOptions
from harness.data.tables.rows import RowOrigins
from harness.data.tables.zones import are_dates, changes_of_clocks, hours_that_clocks_skip

HEAD = 1000  # times that are looked at first
DAY = 86_400 * 10**9  # nanoseconds
WIDER = {"s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "D": DAY, "W": 7 * DAY, "MS": 31 * DAY, "QS": 92 * DAY}
MOST_STEPS, MOST_STEPS_OF_ROWS = 10_000_000, 100  # after absent ones are inserted: in all, and for each row
LEAST_STEPS = 1_000  # of a series that has too few rows for them
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


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


class Irregular(Exception):
    """Times that cannot be put on regular steps; `finding` says why, and what mends it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.problem)
        self.finding = finding


def regular_rows(
    rows: SortedRows, values: Floats, options: TableOptions, origins: RowOrigins
) -> tuple[RegularRows, list[Finding]]:
    """The rows on steps of the frequency, which is found unless the options state it; `values` are in sorted order.

    Raises Irregular for repeated times with other values and for times between steps, unless `aggregate` combines them.
    """
    findings: list[Finding] = []
    is_dated = rows.times.dtype.kind == "M"
    if not (options.aggregate and options.freq):
        rows, values = _without_repeats(rows, values, options, origins, findings)
    if is_dated and (options.freq or "MS").lstrip("0123456789").startswith(("MS", "QS", "YS")):
        rows = _on_first_days(rows, findings)
    if is_dated:
        freq = options.freq or find_frequency(rows.times, rows.offsets)
        if freq is None:
            raise Irregular(_no_frequency(rows, origins))
    else:
        freq = None
    combines = bool(options.aggregate and options.freq)
    if freq == "7D" and len(set(weekdays_of(rows.times, rows.offsets).tolist())) > 1:
        findings.append(_weeks(rows))
    at, between, start = positions(rows.times, rows.offsets, freq, floor=combines)
    if not is_dated:
        at, start = _numbered(rows, at, start)
    if between.any() and not combines:
        raise Irregular(_between_steps(rows, between, freq, origins))
    if combines:
        rows, values, at = _combined(rows, values, at, options, findings, freq)
    return _with_absent(rows, values, at, start, freq, options.fill, findings), findings


def _on_first_days(rows: SortedRows, findings: list[Finding]) -> SortedRows:
    """The rows with the first day of their months, if all times are on one other day of them."""
    head = rows.times[:HEAD]
    if not are_dates(head) or len(np.unique(days_of_months(head))) > 1 or not are_dates(rows.times):
        return rows
    months = rows.times.astype("M8[M]")
    days = days_of_months(rows.times)
    if not len(days) or days[0] == 0 or (days != days[0]).any() or len(np.unique(months)) < 2:
        return rows
    what = f"all times are on day {days[0] + 1} of a month, such as {rows.time_text(0)}"
    findings.append(Finding("changed", "days of months", what, "the first days of the months stand for them"))
    return replace(rows, times=months.astype("M8[ns]"))


def _numbered(rows: SortedRows, at: Ints, start: Times) -> tuple[Ints, Times]:
    """Steps of numbered time, whose usual difference is one step."""
    inside = np.ones(max(len(at) - 1, 0), dtype=np.bool_)
    inside[rows.offsets[1:-1] - 1] = False
    differences = np.diff(at)[inside]
    step = int(np.gcd.reduce(differences)) if len(differences) else 1
    return at // max(step, 1), start // max(step, 1)


def _without_repeats(
    rows: SortedRows, values: Floats, options: TableOptions, origins: RowOrigins, findings: list[Finding]
) -> tuple[SortedRows, Floats]:
    """One row for each series and time; the same rows are dropped, others combined as the options say."""
    codes = rows.codes
    repeats = np.concatenate([[False], (codes[1:] == codes[:-1]) & (rows.times[1:] == rows.times[:-1])])
    if not repeats.any():
        return rows, values
    equal = repeats & np.concatenate(
        [[False], ((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))).all(axis=1)]
    )
    count = int(repeats.sum())
    row = int(np.argmax(repeats & ~equal)) if (repeats & ~equal).any() else int(np.argmax(repeats))
    where = f"{rows.place(row, origins)}: series {rows.series_of(row)!r} has two rows for {rows.time_text(row)}"
    if (equal == repeats).all():
        what = f"{where}, which are the same; {count:,} such row{'s' if count > 1 else ''}"
        findings.append(Finding("changed", "repeated rows", what, "each was kept once"))
        return rows.subset(~repeats), values[~repeats]
    if options.aggregate is None:
        raise Irregular(_repeated(rows, repeats, where, count))
    group = np.cumsum(~repeats) - 1
    combined = _aggregate(values, group, options.aggregate)
    what = f"{where}; {count:,} such row{'s' if count > 1 else ''}"
    findings.append(Finding("changed", "repeated times", what, f"their {options.aggregate} was taken (--aggregate)"))
    return rows.subset(~repeats), combined


def _repeated(rows: SortedRows, repeats: Bools, where: str, count: int) -> Finding:
    problem = f"{where}, with other values; {count:,} such rows" if count > 1 else f"{where}, with other values"
    effect = "a forecast has one value at each time"
    if rows.times.dtype.kind == "M" and rows.zone is None and changes_of_clocks(rows.times[repeats]).all():
        remedy = "daylight saving time ends there: name the zone of the clocks, such as --time-zone Europe/Berlin"
        return Finding("error", "daylight saving time", problem, effect, remedy)
    remedy = (
        "combine them by --aggregate sum or --aggregate last, or name the columns that tell the series apart by --id; "
        "in pandas: frame.groupby([id, time]).sum()"
    )
    return Finding("error", "repeated times", problem, effect, remedy)


def _aggregate(values: Floats, group: Ints, how: str) -> Floats:
    """Rows of the same group combined, by column; missing values are left out."""
    import pandas as pd

    groups = pd.DataFrame(values).groupby(group, sort=True)
    combined = groups.sum(min_count=1) if how == "sum" else groups.agg(how)
    return np.asarray(combined.to_numpy(dtype=np.float64))


def _combined(
    rows: SortedRows, values: Floats, at: Ints, options: TableOptions, findings: list[Finding], freq: str | None
) -> tuple[SortedRows, Floats, Ints]:
    """The rows of each step combined."""
    assert options.aggregate is not None
    codes = rows.codes
    repeats = np.concatenate([[False], (codes[1:] == codes[:-1]) & (at[1:] == at[:-1])])
    combined = _aggregate(values, np.cumsum(~repeats) - 1, options.aggregate)
    what = (
        f"{len(at):,} rows were combined to {len(combined):,} steps of frequency {freq!r} by their {options.aggregate}"
    )
    findings.append(Finding("changed", "aggregation", what, "the first and last step may have fewer rows than others"))
    return rows.subset(~repeats), combined, at[~repeats]


def _with_absent(
    rows: SortedRows, values: Floats, at: Ints, start: Times, freq: str | None, fill: Fill, findings: list[Finding]
) -> RegularRows:
    """The rows with one for each absent step, whose values are missing."""
    lengths = at[rows.offsets[1:] - 1] + 1
    total = sum(lengths.tolist())  # in whole numbers of Python, which do not overflow
    sparse = lengths > np.maximum(MOST_STEPS_OF_ROWS * np.diff(rows.offsets), LEAST_STEPS)
    if total > max(MOST_STEPS, MOST_STEPS_OF_ROWS * len(at)) or (fill == "missing" and sparse.any()):
        raise Irregular(_too_far_apart(rows, lengths, total, freq))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if total == len(at):
        return RegularRows(rows.ids, offsets, start, freq, values, np.zeros(total, dtype=np.bool_), rows.zone)
    filled = np.full((total, values.shape[1]), np.nan)
    absent = np.ones(total, dtype=np.bool_)
    places = at + np.repeat(offsets[:-1], np.diff(rows.offsets))
    filled[places], absent[places] = values, False
    first = int(np.argmax(absent))
    series = int(np.searchsorted(offsets, first, side="right")) - 1
    before = int(np.searchsorted(places, first)) - 1
    count = total - len(at)
    affected = len(np.unique(np.searchsorted(offsets, np.flatnonzero(absent), side="right")))
    problem = (
        f"{count:,} of {total:,} steps ({count / total:.1%}) have no row, in {affected:,} of {len(rows.ids):,} series; "
        f"the first is in series {rows.ids[series]!r} after {rows.time_text(before)}"
    )
    steps = np.flatnonzero(absent)
    owners = np.searchsorted(offsets, steps, side="right") - 1
    times = advance(start[owners], freq, steps - offsets[owners])
    skipped = times.dtype.kind == "M" and rows.zone is None and bool(hours_that_clocks_skip(times).all())
    findings.append(_gaps(problem, freq, skipped_by_clocks=skipped))
    return RegularRows(rows.ids, offsets, start, freq, filled, absent, rows.zone)


def _gaps(problem: str, freq: str | None, *, skipped_by_clocks: bool) -> Finding:
    """That some times had no row."""
    effect = "they were inserted as missing values, which are not scored"
    if skipped_by_clocks:
        remedy = "daylight saving time begins there: name the zone of the clocks, such as --time-zone Europe/Berlin"
        return Finding("changed", "daylight saving time", problem, effect, remedy)
    if freq == "B":
        remedy = (
            "holidays have no row; to leave them as they are, nothing is needed, and --fill previous repeats values"
        )
        return Finding("changed", "gaps", problem, effect, remedy)
    return Finding("changed", "gaps", problem, effect, "if an absent row means zero, say --fill zero")


def _too_far_apart(rows: SortedRows, lengths: Ints, total: int, freq: str | None) -> Finding:
    """That the times of a series are so far apart that it would have nearly no values."""
    worst = int(np.argmax(lengths - np.diff(rows.offsets)))
    first, last = (rows.time_text(row) for row in (rows.offsets[worst], rows.offsets[worst + 1] - 1))
    step = "steps" if freq is None else f"steps of frequency {freq!r}"
    problem = (
        f"{total:,} {step} would be needed for {len(rows.times):,} rows; series {rows.ids[worst]!r} has "
        f"{int(np.diff(rows.offsets)[worst]):,} rows from {first} to {last}"
    )
    remedy = "correct wrong times, or combine the rows of longer steps, such as --freq D --aggregate mean"
    return Finding("error", "gaps", problem, "nearly all values would be missing", remedy)


def _no_frequency(rows: SortedRows, origins: RowOrigins) -> Finding:
    """Why times have no frequency."""
    lengths = np.diff(rows.offsets)
    if lengths.max() < 2:
        return Finding(
            "error",
            "no frequency",
            "each series has one time",
            "there is nothing to learn from",
            "name the columns that tell the series apart by --id",
        )
    inside = np.ones(len(rows.times) - 1, dtype=np.bool_)
    inside[rows.offsets[1:-1] - 1] = False
    steps: Ints = np.diff(rows.times.astype(np.int64)).astype(np.int64)
    sizes, counts = np.unique(steps[inside], return_counts=True)
    usual = int(sizes[np.argmax(counts)])
    odd = inside & (np.mod(steps, usual) != 0)
    row = int(np.argmax(odd if odd.any() else inside & (steps != usual))) + 1
    problem = (
        f"times have no regular step: the usual one is {_duration(usual)} ({counts.max() / inside.sum():.0%}), and in "
        f"series {rows.series_of(row)!r} {rows.time_text(row)} follows {rows.time_text(row - 1)} "
        f"({rows.place(row, origins)})"
    )
    freq = _wider_step(rows, inside)
    remedy = (
        f"combine the rows of each step, such as --freq {freq} --aggregate mean, or name the frequency by --freq; in "
        f'pandas: frame.set_index(time).resample("{freq}").mean()'
    )
    return Finding("error", "irregular steps", problem, "a horizon is a number of steps", remedy)


def _wider_step(rows: SortedRows, inside: Bools) -> str:
    """A frequency whose steps have about one row each."""
    steps = np.diff(rows.times.astype(np.int64))[inside]
    median = float(np.median(steps))
    return next((freq for freq, size in WIDER.items() if size >= 0.9 * median), "YS")


def _weeks(rows: SortedRows) -> Finding:
    """That the weeks of series start on different days."""
    days = weekdays_of(rows.times, rows.offsets)
    first, other = 0, int(np.argmax(days != days[0]))
    problem = (
        f"weeks start on different days: those of series {rows.ids[first]!r} on {WEEKDAYS[days[first]]}, those of "
        f"{rows.ids[other]!r} on {WEEKDAYS[days[other]]}"
    )
    remedy = "to put all on the same day, combine them by --freq W-SUN --aggregate sum"
    return Finding(
        "note", "weeks", problem, "each series keeps its own days, and windows end on different days", remedy
    )


def _between_steps(rows: SortedRows, between: Bools, freq: str | None, origins: RowOrigins) -> Finding:
    """The first time that is not on the steps of a frequency."""
    row = int(np.argmax(between))
    problem = (
        f"{rows.place(row, origins)}: {rows.time_text(row)} in series {rows.series_of(row)!r} is not on the steps "
        f"of frequency {freq!r}; {int(between.sum()):,} such rows"
    )
    remedy = "combine the rows of each step by --aggregate, or name another frequency by --freq"
    return Finding("error", "irregular steps", problem, "a horizon is a number of steps", remedy)


def _duration(nanoseconds: int) -> str:
    import pandas as pd

    return str(pd.Timedelta(nanoseconds)).removesuffix(" 00:00:00").removeprefix("0 days ")
