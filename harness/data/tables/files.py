"""Tables of files: CSV, Parquet, Arrow, JSON lines, Excel and .tsf; one file, or a folder with one for each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.data.tables.csv_files import read_csv
from harness.data.tables.frames import arrow_table
from harness.data.tables.options import TableOptions
from harness.data.tables.rows import RowOrigin, RowOrigins
from harness.data.tables.tsf_files import TIME, VALUE, read_tsf
from harness.errors import BadData, BadInput

COMPRESSED = (".gz", ".bz2", ".zst")
CSV = (".csv", ".tsv", ".txt")
KINDS = (*CSV, ".parquet", ".pq", ".arrow", ".feather", ".ipc", ".jsonl", ".ndjson", ".xlsx", ".xls", ".tsf")


@dataclass(frozen=True, eq=False)
class TableFile:
    """The table of a file or a folder, and the options that the file itself states."""

    table: Any  # pyarrow.Table
    origins: RowOrigins
    options: TableOptions


def read_file(path: Path, options: TableOptions) -> TableFile:
    """The table of a file, or of all files of a folder, whose names are then the ids of series.

    Raises BadInput for a path that does not exist or has an unknown ending, BadData for contents that are no table.
    """
    if path.is_dir():
        return _folder(path, options)
    check_exists(path)
    kind = table_kind(path)
    if kind is None:
        raise BadInput(f"{path} is of no known format; its name must end in one of {', '.join(KINDS)}")
    if kind == ".tsf":
        table, freq = read_tsf(path)
        ids = [name for name in table.column_names if name not in (TIME, VALUE)][:1]
        stated = replace(
            options, freq=options.freq or freq, time=options.time or TIME, target=options.target or (VALUE,)
        )
        if ids and not options.id:
            stated = replace(stated, id=tuple(ids))
        return TableFile(arrow_table(table), RowOrigins((RowOrigin(path.name, 1, "value"),)), stated)
    if kind in CSV:
        table, origin = read_csv(path, options.decimal)
    else:
        table, origin = _with_types(path, kind), RowOrigin(path.name, 2 if kind.startswith(".xls") else 1, "row")
    return TableFile(arrow_table(table), RowOrigins((origin,)), options)


def table_kind(path: Path) -> str | None:
    """The ending of a name that tells its format, without that of a compression; None for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
        return suffixes[-1] if suffixes and suffixes[-1] in CSV else None
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


def _with_types(path: Path, kind: str) -> Any:
    """A file whose columns have types."""
    import pyarrow as pa

    try:
        if kind in (".parquet", ".pq"):
            import pyarrow.parquet as pq

            return pq.read_table(path)
        if kind in (".arrow", ".feather", ".ipc"):
            import pyarrow.feather as feather

            return feather.read_table(path)
        if kind in (".jsonl", ".ndjson"):
            import pyarrow.json as pajson

            return pajson.read_json(path)
        return _sheet(path)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise BadData(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def _sheet(path: Path) -> Any:
    """The first sheet of a workbook."""
    import pandas as pd

    try:
        return arrow_table(pd.read_excel(path))
    except ImportError as error:
        raise BadInput(
            f"{path}: files of Excel need the package openpyxl: pip install 'forecast-harness[excel]', or save the "
            "sheet as CSV"
        ) from error


def _folder(path: Path, options: TableOptions) -> TableFile:
    """The files of a folder below each other, with the name of each as the id of its series."""
    import pyarrow as pa

    files = sorted(file for file in path.iterdir() if file.is_file() and table_kind(file) is not None)
    if not files:
        raise BadInput(f"the folder {path} has no file whose name ends in one of {', '.join(KINDS)}")
    read = [read_file(file, options) for file in files]
    names = read[0].table.column_names
    for file, each in zip(files, read, strict=True):
        if set(each.table.column_names) != set(names):
            raise BadData(
                f"{file} has other columns than {files[0].name}: {', '.join(each.table.column_names)} instead of "
                f"{', '.join(names)}"
            )
    name = "series" if "series" not in names else "file"
    parts = [
        _with_name(each.table.select(names), name, table_name(file)) for file, each in zip(files, read, strict=True)
    ]
    table = pa.concat_tables(parts, promote_options="permissive")
    begins = _begins([part.num_rows for part in parts])
    origins = RowOrigins(tuple(each.origins.parts[0] for each in read), begins)
    return TableFile(arrow_table(table), origins, replace(options, id=options.id or (name,)))


def _begins(lengths: Sequence[int]) -> tuple[int, ...]:
    return tuple(sum(lengths[:i]) for i in range(len(lengths)))


def _with_name(table: Any, column: str, name: str) -> Any:
    """The table with a column that has the same text in each row."""
    import pyarrow as pa

    codes = pa.array([0] * table.num_rows, pa.int32())
    return table.append_column(column, pa.DictionaryArray.from_arrays(codes, pa.array([name])))
