"""The data of fev's tasks: Parquet files in a folder for each dataset_config, as in repositories of the hub."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness import BadInput, DataUnavailable
from harness_fev.tasks import FevTask, refusal

VARIABLE = "FEV_DATASETS_PREFIX"  # which fev reads, too
INSTALL = "downloading needs the package huggingface_hub: pip install 'forecast-harness[fev]'"


def data_folder(given: Path | None) -> Path | None:
    """The folder of the datasets: the one given, or that of the environment variable; raises BadInput for a URL."""
    prefix = os.environ.get(VARIABLE) if given is None else None
    if prefix and "://" in prefix:
        raise BadInput(f"{VARIABLE} is {prefix}; copy it to a local folder, and name this by --data")
    return Path(prefix) if prefix else given


def files_of(task: FevTask, folder: Path | None) -> Path:
    """The file of a task's data, or the folder of several.

    Raises BadInput for a place that is not local, DataUnavailable for one without Parquet files.
    """
    if task.dataset_config is None:
        if "://" in task.dataset_path:
            problem = f"{task.dataset_path!r} is not local; copy it, and name the copy"
            raise refusal(task.task_name, "dataset_path", problem)
        place = Path(task.dataset_path)
        found = place.parent if "*" in place.name else place
        if found.is_file():
            return found
    elif folder is None:
        raise DataUnavailable(
            f"task {task.task_name!r}: the data of dataset_config {task.dataset_config!r} is not known; name its "
            f"folder by --data or {VARIABLE}, or let --download fetch it from {task.dataset_path}"
        )
    else:
        found = folder / task.dataset_config
    files = sorted(found.glob("*.parquet"))
    if not files:
        raise DataUnavailable(
            f"task {task.task_name!r}: there is no file {found / '*.parquet'}"
            + (f"; let --download fetch it from {task.dataset_path}" if task.dataset_config is not None else "")
        )
    return files[0] if len(files) == 1 else found


def download(tasks: Iterable[FevTask], folder: Path) -> list[str]:
    """Download the datasets that a folder lacks from the hub; returns their names.

    Raises BadInput without huggingface_hub, DataUnavailable where the hub cannot be reached or has no such data.
    """
    fetched: list[str] = []
    for task in tasks:
        config = task.dataset_config
        if config is None or any((folder / config).glob("*.parquet")):
            continue
        try:
            from huggingface_hub import snapshot_download
        except ImportError as error:
            raise BadInput(INSTALL) from error
        try:
            snapshot_download(
                task.dataset_path, repo_type="dataset", allow_patterns=[f"{config}/*.parquet"], local_dir=folder
            )
        except Exception as error:  # of many kinds: of the hub, of the network, of the file system
            reason = " ".join(str(error).split())
            raise DataUnavailable(
                f"task {task.task_name!r}: {config} could not be downloaded from {task.dataset_path}: "
                f"{type(error).__name__}: {reason:.200}; download it elsewhere, and name its folder by --data"
            ) from error
        fetched.append(config)
    return fetched


def read_columns(path: Path, columns: list[str]) -> Any:
    """Columns of a task's data as a table of pyarrow; raises DataUnavailable if it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    try:
        return pa.concat_tables([pq.read_table(file, columns=columns) for file in files], promote_options="permissive")
    except (OSError, pa.ArrowException) as error:
        raise DataUnavailable(f"{path} cannot be read: {' '.join(str(error).split()):.200}") from error


def check_columns(task: FevTask, path: Path) -> None:
    """Raise BadInput for a column that the data of a task does not have."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = sorted(path.glob("*.parquet"))[0] if path.is_dir() else path
    try:
        names = pq.read_schema(file).names
    except (OSError, pa.ArrowException) as error:
        raise DataUnavailable(f"{file} cannot be read: {' '.join(str(error).split()):.200}") from error
    generated = task.generate_univariate_targets_from
    for field in ("id_column", "timestamp_column", "target", "generate_univariate_targets_from"):
        value = getattr(task, field)
        wanted = (value,) if isinstance(value, str) else value or ()
        is_made = field == "target" and generated is not None
        for name in () if is_made or (field.startswith("generate") and isinstance(value, str)) else wanted:
            _check_column(task, field, name, names, file)
    for field in ("known_dynamic_columns", "past_dynamic_columns", "static_columns"):
        for name in getattr(task, field):
            _check_column(task, field, name, names, file)


def _check_column(task: FevTask, field: str, name: str, names: list[str], file: Path) -> None:
    if name not in names:
        raise refusal(
            task.task_name, field, f"names the column {name!r}, which {file} lacks; it has {', '.join(names)}"
        )


def series_times(task: FevTask, path: Path) -> Any:
    """The times of the first series of a task's data, in the order of ids, as NumPy's datetime64."""
    import numpy as np
    import pyarrow as pa

    table = read_columns(path, [task.id_column, task.timestamp_column])
    ids = [str(name) for name in table[task.id_column].to_pylist()]
    times = table[task.timestamp_column]
    if pa.types.is_list(times.type) or pa.types.is_large_list(times.type):
        return np.asarray(times[ids.index(min(ids))].as_py(), dtype="datetime64[ns]")
    first = min(ids)
    return np.sort(
        np.asarray(
            [time for name, time in zip(ids, times.to_pylist(), strict=True) if name == first], dtype="datetime64[ns]"
        )
    )


def series_with_missing_ends(task: FevTask, path: Path) -> int:
    """The number of series whose last value is missing in all targets.

    harness has no rows after the last actual, so that cutoffs from the end are at other times there.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    generated = task.generate_univariate_targets_from
    columns = list(task.targets) if generated is None else [] if isinstance(generated, str) else list(generated)
    table = read_columns(path, columns)
    try:
        ends = [_missing_ends(table[name]) for name in columns if _is_list(table[name])]
    except pa.ArrowException as error:
        raise refusal(task.task_name, "target", f"has values in {path} that are no numbers") from error
    if not ends:
        return 0
    if generated is not None:
        return int(sum(pc.sum(each).as_py() or 0 for each in ends))
    together = ends[0]
    for each in ends[1:]:
        together = pc.and_(together, each)
    return int(pc.sum(together.cast(pa.int64())).as_py() or 0)


def _is_list(column: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(column.type) or pa.types.is_large_list(column.type))


def _missing_ends(column: Any) -> Any:
    """Whether the last value of each list is null or NaN."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    array = column.combine_chunks().cast(pa.large_list(pa.float64()))
    ends = np.cumsum(pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False))
    values = pc.list_flatten(array).to_numpy(zero_copy_only=False)
    if not len(values):
        return pa.array([False] * len(array))
    return pa.array(np.isnan(values[np.maximum(ends - 1, 0)]))
