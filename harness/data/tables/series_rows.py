"""Tables with a row for each series, whose values are lists, as tables with a row for each time.

Two layouts are read: lists of times beside those of values, as fev stores them, and the first time of each series, as
GluonTS does. Names of columns of GluonTS state their roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.arrays import Ints
from harness.data.tables.columns import TARGET_NAMES, is_usable
from harness.data.tables.findings import Finding
from harness.data.tables.id_columns import is_id_name, is_telling, listed
from harness.data.tables.lists import ListColumn, elements, is_list, list_columns
from harness.data.tables.number_columns import is_number, is_text
from harness.data.tables.options import LISTS, TableOptions
from harness.data.tables.rows import ListOrigins, RowOrigins
from harness.data.tables.starts import FREQ, times_of_starts
from harness.data.tables.times import SAMPLE, TIME_NAMES, is_time
from harness.errors import BadData, BadInput

START = "start"
KNOWN = ("feat_dynamic_real", "feat_dynamic_cat", "dynamic_feat")  # in GluonTS, and in DeepAR of SageMaker
STATIC = ("feat_static_real", "feat_static_cat", "cat")
CLASSES = ("feat_static_cat", "cat")
GLUONTS = "GluonTS has this role under this name"


@dataclass(frozen=True, eq=False)
class LongTable:
    """A table with a row for each time of each series, and the options that name its columns."""

    table: Any  # pyarrow.Table
    options: TableOptions
    origins: RowOrigins
    reasons: Mapping[str, str] = field(default_factory=dict)  # by column, of the roles that were found here
    findings: tuple[Finding, ...] = ()


def exploded(table: Any, options: TableOptions, origins: RowOrigins) -> LongTable:
    """The table with a row for each time; as it is where it has one already.

    Raises BadInput for starts without a frequency, and BadData for lists of other lengths than those of the target.
    """
    import pyarrow as pa

    if not has_series_rows(table, options):
        return LongTable(table, options, origins)
    lists = _lists(table)
    options = _of_parts(options, lists)
    facts = _facts(table, lists, options)
    lists = [column for column in lists if not _is_static(column, options)]
    time = _time(table, lists, options)
    known = [column.name for column in lists if column.origin in KNOWN and column.name not in options.named]
    options = replace(options, time=time, known=(*options.known, *known), target=options.target or _targets(lists))
    lists, counts = _of_one_length(lists, options, origins)
    findings = _without_empty(counts, origins)
    series = np.repeat(np.arange(len(counts)), counts)
    steps = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = {column.name: column.at(series, steps) for column in lists}
    reasons = dict.fromkeys(known, GLUONTS)
    if time is not None and time in table.column_names and time not in columns:
        columns[time], found = times_of_starts(table, time, series, steps, options, origins)
        findings += found
        reasons[time] = "the first time of each series, and the frequency"
    ids = _ids(table, facts, options)
    reasons |= dict.fromkeys(ids, "each row is a series")
    static = tuple(name for name, values in facts.items() if name not in (*options.named, *ids) and _is_fact(values))
    reasons |= dict.fromkeys(static, "it has one value for each series")
    columns |= {name: _repeated(values, series) for name, values in facts.items() if name not in columns}
    number = _number_name(table)
    if number in ids:
        columns[number] = series
    return LongTable(
        pa.table(columns),
        replace(options, id=ids, static=(*options.static, *static)),
        ListOrigins(rows=origins, offsets=np.concatenate([[0], np.cumsum(counts)])),
        reasons,
        findings,
    )


def has_series_rows(table: Any, options: TableOptions) -> bool:
    """Whether rows are series, whose values are in lists: lists beside a start, lists of times, or of a target."""
    lists = _lists(table)
    if lists and START in table.column_names and not is_list(table[START]):
        return True
    return any(
        column.origin.strip().lower() in TARGET_NAMES
        or bool({column.name, column.origin}.intersection((*options.target, options.time)))
        or is_time(column.values.slice(0, SAMPLE))
        for column in lists
    )


def _lists(table: Any) -> list[ListColumn]:
    """The columns of lists, and the parts of those of lists of lists."""
    return [column for name in table.column_names for column in list_columns(table[name], name)]


def _of_parts(options: TableOptions, lists: Iterable[ListColumn]) -> TableOptions:
    """The options, with the names of all parts for that of a column of lists of lists."""
    parts: dict[str, list[str]] = {}
    for column in lists:
        parts.setdefault(column.origin, []).append(column.name)
    named = {role: [part for name in getattr(options, role) for part in parts.get(name, [name])] for role in LISTS}
    return options.with_arguments({role: tuple(names) for role, names in named.items()})


def _is_static(column: ListColumn, options: TableOptions) -> bool:
    """Whether the elements of a list are static covariates."""
    stated = any(re.fullmatch(rf"{re.escape(column.name)}(_\d+)?", name) for name in options.static)
    return stated or (column.origin in STATIC and column.name not in options.named)


def _facts(table: Any, lists: Iterable[ListColumn], options: TableOptions) -> dict[str, Any]:
    """The columns with one value for each series; the frequencies are none of them."""
    facts = {name: table[name] for name in table.column_names if not is_list(table[name]) and name != FREQ}
    if FREQ in options.named:
        facts[FREQ] = table[FREQ]
    for column in lists:
        if _is_static(column, options):
            facts |= {name: _as_classes(values, column.origin) for name, values in elements(column).items()}
    return facts


def _as_classes(values: Any, origin: str) -> Any:
    """Numbers that stand for classes, as texts."""
    import pyarrow as pa

    return values.cast(pa.string()) if origin in CLASSES and pa.types.is_integer(values.type) else values


def _time(table: Any, lists: Sequence[ListColumn], options: TableOptions) -> str | None:
    """The column of times: lists of dates, or else the first time of each series."""
    if options.time is not None:
        return options.time
    free = [column for column in lists if column.name not in options.named]
    dates = [column.name for column in free if is_time(column.values.slice(0, SAMPLE))]
    if len(dates) > 1:
        raise BadInput(f"the columns {listed(dates)} have dates; name the time by --time")
    names = [name for name in table.column_names if name.strip().lower() in (START, *TIME_NAMES)]
    usual = [name for name in names if name not in options.named]
    return next(iter((*dates, *usual)), None)


def _targets(lists: Iterable[ListColumn]) -> tuple[str, ...]:
    """The lists of a target of a usual name that has several dimensions; none where it has one."""
    names = [column.name for column in lists if column.origin.strip().lower() in TARGET_NAMES]
    return tuple(names) if len(names) > 1 and len({name.rpartition("_")[0] for name in names}) == 1 else ()


def _of_one_length(
    lists: Sequence[ListColumn], options: TableOptions, origins: RowOrigins
) -> tuple[list[ListColumn], Ints]:
    """The lists that have a value for each time of their series, and the number of times of each, (series,).

    Known covariates may have more values than the target, if the times are not in lists. Lists that nothing names,
    and of which none fits, are no series. Raises BadData for others.
    """
    lengths = {column.name: column.lengths for column in lists}
    usual = [column.name for column in lists if column.origin.strip().lower() in TARGET_NAMES]
    reference = options.time if options.time in lengths else next(iter((*options.target, *usual)), None)
    if reference not in lengths:
        reference = max(lengths, key=lambda name: int(lengths[name].sum()))
    counts = shortest = lengths[reference]
    if reference != options.time:
        ahead = [column.name for column in lists if column.origin in KNOWN or column.name in options.known]
        counts = np.maximum.reduce([shortest, *(lengths[name] for name in ahead)])
    kept = []
    for column in lists:
        values = lengths[column.name]
        fits = (values == shortest) | (values == counts) | np.asarray(column.lists.is_null())
        if fits.all():
            kept.append(column)
        elif fits.any() or column.name in options.named:
            row = int(np.argmin(fits))
            raise BadData(
                f"{origins.place(row)}: the list of column {column.name!r} has {values[row]:,} value"
                f"{'' if values[row] == 1 else 's'}, and that of {reference!r} {shortest[row]:,}"
            )
    return kept, counts


def _without_empty(counts: Ints, origins: RowOrigins) -> tuple[Finding, ...]:
    """That series without values were left out; raises BadData if all are."""
    empty = int((counts == 0).sum())
    if not empty:
        return ()
    problem = f"{origins.place(int(np.argmin(counts)))} has no values; {empty:,} of {len(counts):,} series have none"
    if empty == len(counts):
        raise BadData(problem)
    return (Finding("changed", "series without values", problem, "such series were left out"),)


def _ids(table: Any, facts: Mapping[str, Any], options: TableOptions) -> tuple[str, ...]:
    """The columns that identify the series: with another text or number in each row, or else the number of the row."""
    if options.id:
        return options.id
    free = [name for name in facts if name in table.column_names and name not in options.named]
    candidates = [name for name in free if is_usable(table[name]) and not table[name].null_count]
    telling = [name for name in candidates if is_telling(table, [name])]
    texts = [name for name in telling if is_text(table[name]) and not is_number(table[name])]
    usual = [name for name in telling if is_id_name(name)]
    return tuple([*usual, *texts, _number_name(table)][:1])


def _number_name(table: Any) -> str:
    """A free name for the column of the numbers of rows."""
    return next(name for name in ("series", "row", "row number") if name not in table.column_names)


def _is_fact(values: Any) -> bool:
    """Whether values can be those of a static covariate."""
    return is_usable(values) and (is_number(values) or is_text(values) or is_time(values))


def _repeated(values: Any, series: Ints) -> Any:
    """The value of each series at each of its times; missing where it is of no type that a series can have."""
    import pyarrow as pa

    if not is_usable(values):
        return pa.nulls(len(series))
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = values.dictionary_encode()
    return values.take(pa.array(series))
