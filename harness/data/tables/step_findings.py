"""Findings on the steps of series: repeated and absent times, and times without a regular step."""

from __future__ import annotations

import re

import numpy as np

from harness.arrays import Bools, Ints, Times
from harness.data.tables.combining import OtherClasses
from harness.data.tables.findings import Finding
from harness.data.tables.frequencies import weekdays_of
from harness.data.tables.grouping import SortedRows
from harness.data.tables.options import Aggregate, Fill
from harness.data.tables.pandas_lines import PandasLines
from harness.data.tables.rows import RowOrigins
from harness.data.tables.step_numbers import StepNumbers
from harness.data.tables.zones import changes_of_clocks

DAY = 86_400 * 10**9  # nanoseconds
WIDER = {"s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "D": DAY, "W": 7 * DAY, "MS": 31 * DAY, "QS": 92 * DAY}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEVERAL = re.compile(r"(\d+)(?:(M[SE])|W-[A-Z]{3})")  # months or weeks
STEPS = "a forecast is for a number of steps of the same length"


def repeated_times(rows: SortedRows, repeats: Bools, where: str, count: int, pandas: PandasLines) -> Finding:
    """That a series has rows of the same time with other values."""
    problem = f"{where}, with other values; {count:,} such rows" if count > 1 else f"{where}, with other values"
    effect = "a series has one value at each time"
    if rows.times.dtype.kind == "M" and rows.zone is None and changes_of_clocks(rows.times[repeats]).all():
        remedy = "daylight saving time ends there: name the zone of the clocks, such as --time-zone Europe/Berlin"
        return Finding("error", "daylight saving time", problem, effect, remedy)
    others = "" if pandas.is_wide else ", or name the columns that tell the series apart by --id"
    remedy = (
        "combine them by --aggregate mean, --aggregate last, or --aggregate sum, which adds covariates, too"
        f"{others}; in pandas: {pandas.combined('mean')}"
    )
    return Finding("error", "repeated times", problem, effect, remedy)


def other_classes(rows: SortedRows, error: OtherClasses, how: Aggregate, origins: RowOrigins) -> Finding:
    """That rows have different classes, which cannot be combined like numbers."""
    first, other = error.classes
    problem = (
        f"{rows.place(error.row, origins)}: column {error.column!r} has {first!r} and {other!r} in rows of series "
        f"{rows.series_of(error.row)!r} that are combined, up to {rows.time_text(error.row)}"
    )
    remedy = f"take the first or the last one by --aggregate first or --aggregate last, or leave out {error.column!r}"
    return Finding("error", "texts to combine", problem, f"they are texts, which have no {how}", remedy)


def gaps(problem: str, freq: str | None, fill: Fill, *, skipped_by_clocks: bool) -> Finding:
    """That some times had no row."""
    effect = "they were inserted as missing values, which are not scored"
    if fill != "missing":
        effect = f"they were inserted, with targets by --fill {fill}"
    if skipped_by_clocks:
        remedy = "daylight saving time begins there: name the zone of the clocks, such as --time-zone Europe/Berlin"
        return Finding("changed", "daylight saving time", problem, effect, remedy)
    if fill != "missing":
        return Finding("changed", "gaps", problem, effect)
    if freq == "B":
        remedy = (
            "holidays have no row; to leave them as they are, nothing is needed, and --fill previous repeats values"
        )
        return Finding("changed", "gaps", problem, effect, remedy)
    return Finding(
        "changed",
        "gaps",
        problem,
        effect,
        "if an absent row means zero, say --fill zero; --fill previous repeats values",
    )


def times_far_apart(rows: SortedRows, lengths: Ints, jumps: Ints, total: int, freq: str | None) -> Finding:
    """That the times of a series are so far apart that it would have nearly no values; `jumps` are absent steps."""
    worst = int(np.argmax(lengths - np.diff(rows.offsets)))
    first, last = (rows.time_text(row) for row in (rows.offsets[worst], rows.offsets[worst + 1] - 1))
    longest = rows.offsets[worst] + int(np.argmax(jumps[rows.offsets[worst] : rows.offsets[worst + 1]]))
    step = "steps" if freq is None else f"steps of frequency {freq!r}"
    problem = (
        f"{total:,} {step} would be needed for {len(rows.times):,} rows; series {rows.ids[worst]!r} has "
        f"{int(np.diff(rows.offsets)[worst]):,} rows from {first} to {last}, where {rows.time_text(longest)} follows "
        f"{rows.time_text(longest - 1)}"
    )
    remedy = (
        "correct wrong times; say --fill zero if an absent row means zero; or combine the rows of longer steps, such "
        "as --freq D --aggregate mean"
    )
    return Finding("error", "gaps", problem, "most values would be missing", remedy)


def no_frequency(rows: SortedRows, origins: RowOrigins, pandas: PandasLines) -> Finding:
    """Why times have no frequency."""
    lengths = np.diff(rows.offsets)
    if lengths.max() < 2:
        of_all = f"each of {len(lengths):,} series has one time, such as {rows.ids[0]!r} at {rows.time_text(0)}"
        problem = of_all if len(lengths) > 1 else f"series {rows.ids[0]!r} has one time, {rows.time_text(0)}"
        remedy = "add observations, or name the columns that tell the series apart by --id, if they are others"
        return Finding("error", "no frequency", problem, "there are no steps to forecast", remedy)
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
        f"pandas: {pandas.resampled(freq, 'mean')}"
    )
    return Finding("error", "irregular steps", problem, STEPS, remedy)


def _wider_step(rows: SortedRows, inside: Bools) -> str:
    """A frequency whose steps have about one row each."""
    steps = np.diff(rows.times.astype(np.int64))[inside]
    median = float(np.median(steps))
    return next((freq for freq, size in WIDER.items() if size >= 0.9 * median), "YS")


def weeks(rows: SortedRows) -> Finding:
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


def steps_of_series(rows: SortedRows, start: Times, freq: str) -> tuple[Finding, ...]:
    """That steps of several months or weeks begin in different ones, such as quarters from January and from February.

    `start` are the first times of the series.
    """
    match = SEVERAL.fullmatch(freq)
    if match is None:
        return ()
    unit = start.astype("M8[M]").astype(np.int64) if match[2] else start.astype("M8[D]").astype(np.int64) // 7
    phases = unit % int(match[1])
    if (phases == phases[0]).all():
        return ()
    other = int(np.argmax(phases != phases[0]))
    problem = (
        f"series have different steps of frequency {freq!r}: those of {rows.ids[0]!r} start at "
        f"{rows.time_text(0)}, those of {rows.ids[other]!r} at {rows.time_text(rows.offsets[other])}"
    )
    remedy = f"to put all on the same steps, combine them by --freq {freq} --aggregate sum"
    effect = "each series keeps its own steps, and windows end at different times"
    return (Finding("note", "steps of series", problem, effect, remedy),)


def numbers_of_steps(rows: SortedRows, numbers: StepNumbers) -> tuple[Finding, ...]:
    """That the numbers of steps are more than one apart."""
    if numbers.step == 1:
        return ()
    row = rows.offsets[int(np.argmax(np.diff(rows.offsets)))]
    problem = (
        f"the times are numbers that are {numbers.step:,} apart, such as {rows.time_text(row)} and "
        f"{rows.time_text(row + 1)} in series {rows.series_of(row)!r}"
    )
    effect = "steps are counted by one; forecasts have numbers like those of the table"
    return (Finding("changed", "numbers of steps", problem, effect),)


def times_between_steps(
    rows: SortedRows, between: Bools, freq: str | None, origins: RowOrigins, pandas: PandasLines
) -> Finding:
    """The first time that is not on the steps of a frequency."""
    row, count = int(np.argmax(between)), int(between.sum())
    problem = (
        f"{rows.place(row, origins)}: {rows.time_text(row)} in series {rows.series_of(row)!r} is not on the "
        f"steps of frequency {freq!r}; {count:,} such row{'s' if count > 1 else ''}"
    )
    remedy = (
        "combine the rows of each step by --aggregate, or name another frequency by --freq; in pandas: "
        f"{pandas.resampled(str(freq), 'mean')}"
    )
    return Finding("error", "irregular steps", problem, STEPS, remedy)


def _duration(nanoseconds: int) -> str:
    import pandas as pd

    return str(pd.Timedelta(nanoseconds)).removesuffix(" 00:00:00").removeprefix("0 days ")
