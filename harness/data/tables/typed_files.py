"""Files whose columns have types: Parquet, Arrow and JSON lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.errors import BadData

JSON = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")
MAGIC = (b"ARROW1", b"FEA1")  # at the begin of files of Arrow; others are streams
NAN = re.compile(rb'(?<=[\[,])(\s*)"nan"(?=\s*[\],])', re.IGNORECASE)  # in a list, as GluonTS writes it
LARGEST = 2**31 - 1  # bytes of a block


def read_typed(path: Path, kind: str) -> Any:
    """The table of a file whose name ends in `kind`; raises BadData for contents that are none."""
    import pyarrow as pa

    try:
        if kind in PARQUET:
            import pyarrow.parquet as pq

            return pq.read_table(path)
        return _arrow(path) if kind in ARROW else _json_lines(path)
    except (OSError, pa.ArrowException, ValueError) as error:
        reason = str(error).splitlines()[0].replace(f" '{path}'", "")
        row = re.fullmatch(r"JSON parse error: (.*?)\.? in row (\d+)", reason)
        if row is not None:  # which PyArrow counts from 0
            raise BadData(
                f'{path}, line {int(row[2]) + 1}: {row[1]}; write an object such as {{"date": "2024-03-31", '
                '"sales": 12} in each line'
            ) from error
        raise BadData(f"{path} cannot be read: {reason}") from error


def _arrow(path: Path) -> Any:
    """A file or a stream of Arrow; libraries of data sets write streams."""
    import pyarrow as pa
    import pyarrow.feather as feather

    with path.open("rb") as file:
        start = file.read(max(map(len, MAGIC)))
    if not start or start.startswith(MAGIC):
        return feather.read_table(path)
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()


def _json_lines(path: Path) -> Any:
    """One object in each line, in which NaN and "NaN" in lists are missing values."""
    import pyarrow as pa

    with pa.input_stream(str(path)) as source:  # which is decompressed by the name
        text = source.read()
    if text.lstrip()[:1] == b"[":
        raise BadData(
            f"{path} is one array of JSON; harness reads JSON lines, one object in each line; in pandas: "
            f"pd.read_json({str(path)!r}).to_json({path.with_suffix('.jsonl').name!r}, orient='records', lines=True, "
            "date_format='iso')"
        )
    try:
        return _json_table(text)
    except pa.ArrowInvalid:
        if not NAN.search(text):
            raise
        return _json_table(NAN.sub(rb"\1NaN", text))


def _json_table(text: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.json as pajson

    block = min(len(text) + 1, LARGEST)  # a line must fit into a block
    return pajson.read_json(pa.BufferReader(text), read_options=pajson.ReadOptions(block_size=block))
