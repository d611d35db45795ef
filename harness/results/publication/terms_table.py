"""The terms of published cells, read from their table and checked row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.arrays import Ints
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Run
from harness.evaluation.scoring import Terms
from harness.results.publication.files import POSITION_COLUMNS, Damaged


@dataclass(frozen=True, eq=False)
class Block:
    """The windows of a task, and the terms of one cell in them, both in the order of the task's windows."""

    actuals: Actuals
    terms: Mapping[str, Terms]  # by metric


def read_columns(path: Path, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """The columns of the file, sorted by task and cell; texts as lists and numbers as arrays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table: pa.Table = pq.read_table(path)
    except OSError as error:
        if not path.is_file():
            raise Damaged(path, "it does not exist") from error
        raise Damaged(path, f"it is not a Parquet file ({error})") from error
    except pa.ArrowException as error:
        raise Damaged(path, f"it is not a Parquet file ({error})") from error
    expected = [*POSITION_COLUMNS, *(f"{name} {part}" for name in metrics for part in ("numerator", "denominator"))]
    if table.column_names != expected:
        raise Damaged(path, f"its columns are {', '.join(table.column_names)}, not {', '.join(expected)}")
    cells: dict[tuple[Any, Any], int] = {}
    names = zip(table.column("task").to_pylist(), table.column("cell").to_pylist(), strict=True)
    table = table.take(np.argsort([cells.setdefault(name, len(cells)) for name in names], kind="stable"))
    columns: dict[str, Any] = {}
    for name in expected:
        column = table.column(name)
        if name in ("task", "cell", "series", "target"):
            columns[name] = column.to_pylist()
            continue
        values = column.to_numpy()
        if values.dtype.kind not in ("f" if name not in POSITION_COLUMNS else "i"):
            raise Damaged(path, f"column {name!r} holds values that are not numbers")
        columns[name] = values
    return columns


def read_block(path: Path, what: str, rows: Mapping[str, Any], run: Run, metrics: Sequence[str]) -> Block:
    """The block of a cell from its rows, which are sorted by series, cutoff and target."""
    targets = tuple(dict.fromkeys(rows["target"]))
    if len(rows["target"]) != run.windows * len(targets) or rows["target"] != list(targets) * run.windows:
        raise Damaged(path, f"{what} has {len(rows['target'])} rows, not one for each of {run.windows} windows")
    windows = rows["window"].reshape(-1, len(targets))
    if (windows != windows[:, :1]).any() or not np.array_equal(np.sort(windows[:, 0]), np.arange(run.windows)):
        raise Damaged(path, f"{what} does not have each window once")
    back = np.argsort(windows[:, 0])  # to the order of the task
    ids = {name: i for i, name in enumerate(dict.fromkeys(rows["series"]))}
    task = run.cell.task
    unknown = np.broadcast_to(np.nan, (run.windows, task.horizon, len(targets)))

    def of_windows(column: Any) -> Ints:
        return np.asarray(column, dtype=np.int64)[:: len(targets)][back]

    actuals = Actuals(
        tuple(ids),
        of_windows([ids[name] for name in rows["series"]]),
        of_windows(rows["cutoff"]),
        of_windows(rows["number"]),
        unknown,
        task.quantile_levels,
        targets,
    )
    terms = {}
    for metric in metrics:
        numerators, denominators = (rows[f"{metric} {part}"] for part in ("numerator", "denominator"))
        counts = np.isfinite(denominators) & (denominators >= 0) & (denominators <= task.horizon)
        if np.isnan(numerators).any() or not counts.all():
            raise Damaged(path, f"{what} has terms of {metric} that are not sums over up to {task.horizon} steps")
        shape = (run.windows, len(targets))
        terms[metric] = Terms(numerators.reshape(shape)[back], denominators.reshape(shape)[back])
    return Block(actuals, terms)


def same_windows(first: Actuals, second: Actuals) -> bool:
    """Whether two cells have the same windows, in the same order."""
    return (first.ids, first.targets) == (second.ids, second.targets) and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("series", "cutoffs", "cutoff_index")
    )
