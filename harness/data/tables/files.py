"""Tables of files: CSV, Parquet, Arrow, JSON lines, Excel and .tsf; one file, or a folder of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.tables.csv_files import COMPRESSED, read_csv
from harness.data.tables.frames import arrow_table
from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RowOrigin, RowOrigins
from harness.data.tables.series_rows import has_series_rows
from harness.data.tables.tsf_files import TIME, VALUE, read_tsf
from harness.data.tables.typed_files import ARROW, JSON, PARQUET, read_typed
from harness.errors import BadData, BadInput

CSV = (".csv", ".tsv", ".txt")
KINDS = (*CSV, *PARQUET, *ARROW, *JSON, ".xlsx", ".xls", ".tsf")


@dataclass(frozen=True, eq=False)
class TableFile:
    """The table of a file or a folder, and the options that the file itself states."""

    table: Any  # pyarrow.Table
    origins: RowOrigins
    options: TableOptions
    reasons: Mapping[str, str] = field(default_factory=dict)  # why columns have roles that the options do not name


def read_file(path: Path, options: TableOptions) -> TableFile:
    """The table of a file, or of all files of a folder, whose names are then the ids of series.

    Raises BadInput for a path that does not exist or has an unknown ending, BadData for contents that are no table.
    """
    if path.is_dir():
        return _folder(path, options)
    check_exists(path)
    kind = table_kind(path)
    if kind is None:
        raise BadInput(
            f"{path} is of no known format; its name must end in one of {', '.join(KINDS)}; in pandas: "
            "frame.to_parquet('data.parquet')"
        )
    if kind == ".xls":
        raise BadInput(f"{path} is a workbook of an old format; save it as .xlsx or .csv")
    if kind == ".tsf":
        table, freq = read_tsf(path)
        ids = [name for name in table.column_names if name not in (TIME, VALUE)][:1]
        reasons = {TIME: "made from the start and the frequency of each series", VALUE: "the values of the series"}
        reasons |= dict.fromkeys(ids, "the first attribute of the series")
        stated = replace(
            options, freq=options.freq or freq, time=options.time or TIME, target=options.target or (VALUE,)
        )
        if ids and not options.id:
            stated = replace(stated, id=tuple(ids))
        origins = RowOrigins((RowOrigin(path.name, 1, "value"),))
        return TableFile(arrow_table(table, str(path)), origins, stated, _unless_named(reasons, options))
    if kind in CSV:
        read = read_csv(path, options)
        table, origin = read.table, read.origin
        options = replace(options, decimal="," if read.decimal == "," else options.decimal)
    elif kind == ".xlsx":
        table, origin = _sheet(path), RowOrigin(path.name, 2, "row")
    else:
        table, origin = read_typed(path, kind), RowOrigin(path.name, 1, "row")
    return TableFile(arrow_table(table, str(path)), RowOrigins((origin,)), options)


def table_kind(path: Path) -> str | None:
    """The ending of a name that tells its format, without that of a compression; None for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
        return suffixes[-1] if suffixes and suffixes[-1] in (*CSV, *JSON) else None
    return suffixes[-1] if suffixes and suffixes[-1] in KINDS else None


def table_name(path: Path) -> str:
    """The name of a file without the endings of its format, or of a folder."""
    name = path.resolve().name
    if path.is_dir():
        return name
    for suffix in (*COMPRESSED, *KINDS):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    for suffix in KINDS:
        name = name[: -len(suffix)] if name.lower().endswith(suffix) else name
    return name


def check_exists(path: Path) -> None:
    """Raise BadInput if there is nothing at a path, with a similar name if there is one."""
    if not path.exists():
        raise BadInput(f"there is no file {path}{_similar(path)}")


def _similar(path: Path) -> str:
    from harness.fields.errors import did_you_mean

    folder = path.parent
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    hint = did_you_mean(path.name, names)
    return f"; {hint.removesuffix('? ')}?" if hint else ""


def _sheet(path: Path) -> Any:
    """The first sheet of a workbook."""
    import zipfile

    import pandas as pd

    if not zipfile.is_zipfile(path):
        raise BadData(f"{path} is not a workbook of Excel")
    try:
        frame = pd.read_excel(path, engine="openpyxl", dtype=object, keep_default_na=False)  # texts stay texts
        return arrow_table(frame.replace("", None), str(path))
    except (OSError, ValueError) as error:
        raise BadData(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    except ImportError as error:
        raise BadInput(
            f"{path}: files of Excel need the package openpyxl: pip install 'forecast-harness[excel]', or save the "
            "sheet as CSV"
        ) from error


def _folder(path: Path, options: TableOptions) -> TableFile:
    """The files of a folder below each other, with the name of each as the id of its series."""
    import pyarrow as pa

    files = sorted(file for file in path.iterdir() if file.is_file() and table_kind(file) is not None)
    files = [file for file in files if table_kind(file) != ".json"] or files  # which beside others are metadata
    if not files:
        raise BadInput(f"the folder {path} has no file whose name ends in one of {', '.join(KINDS)}")
    twice = [name for name, count in Counter(map(table_name, files)).items() if count > 1]
    if twice:
        raise BadInput(f"the folder {path} has two files called {twice[0]!r} with other endings; remove one of them")
    read = [read_file(file, options) for file in files]
    names = read[0].table.column_names
    for file, each in zip(files, read, strict=True):
        if set(each.table.column_names) != set(names):
            raise BadData(
                f"{file} has other columns than {files[0].name}: {', '.join(each.table.column_names)} instead of "
                f"{', '.join(names)}"
            )
    name = "series" if "series" not in names else "file"
    parts = [each.table.select(names) for each in read]
    is_id = not any(has_series_rows(each.table, options) for each in read)
    if is_id:
        parts = [_with_name(part, name, table_name(file)) for file, part in zip(files, parts, strict=True)]
    try:
        table = pa.concat_tables(_of_same_types(parts), promote_options="permissive")
    except pa.ArrowException as error:
        raise BadData(f"the files of {path} do not fit together: {str(error).splitlines()[0]}") from error
    begins = _begins([part.num_rows for part in parts])
    origins = RowOrigins(tuple(each.origins.parts[0] for each in read), begins)
    stated = read[0].options  # of .tsf files, whose ids are those of the lines
    if any(each.options.decimal == "," for each in read):
        stated = replace(stated, decimal=",")  # of CSV files
    reasons = read[0].reasons
    if is_id:
        reasons = {**reasons, name: "the names of the files"}
        stated = replace(stated, id=options.id or (*stated.id, name))
    return TableFile(arrow_table(table, str(path)), origins, stated, _unless_named(reasons, options))


def _unless_named(reasons: Mapping[str, str], options: TableOptions) -> dict[str, str]:
    """The reasons for columns that the options do not name."""
    return {name: reason for name, reason in reasons.items() if name not in options.named}


def _of_same_types(tables: Sequence[Any]) -> list[Any]:
    """The tables with columns of the same types: times if all are times, numbers if all are numbers, or else texts."""
    import pyarrow as pa

    same = list(tables)
    for name in tables[0].column_names:
        kinds = {_value_type(table[name].type) for table in tables}
        kinds.discard(pa.null())
        if len(kinds) < 2 or all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
            continue
        dates = all(pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None) for kind in kinds)
        kind = pa.timestamp("us") if dates else pa.string()
        at = tables[0].column_names.index(name)  # of all, whose columns are in the same order
        same = [table.set_column(at, name, _cast(table[name], kind)) for table in same]
    return same


def _value_type(kind: Any) -> Any:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _cast(column: Any, kind: Any) -> Any:
    """A column as another type; categories are texts first."""
    plain = _value_type(column.type)
    return column.cast(plain).cast(kind) if plain != column.type else column.cast(kind)


def _begins(lengths: Sequence[int]) -> tuple[int, ...]:
    return (0, *accumulate(lengths[:-1]))


def _with_name(table: Any, column: str, name: str) -> Any:
    """The table with a column that has the same text in each row."""
    import pyarrow as pa

    codes = np.zeros(table.num_rows, dtype=np.int32)
    return table.append_column(column, pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([name])))
