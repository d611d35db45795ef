"""Arrays of the journal as files, whose damage is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from harness.errors import DataUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

READ_AT_ONCE = 1 << 20  # bytes; larger files are memory-mapped


def are_files(arrays: object) -> TypeGuard[Mapping[str, str]]:
    """Whether this is how a record names its files of arrays."""
    return isinstance(arrays, dict) and all(isinstance(file, str) for file in arrays.values())


def read_arrays(folder: Path | str, files: Mapping[str, str], main: str) -> dict[str, NDArray[Any]]:
    """The arrays of a folder; those with one value for each window have as many as the main one.

    Raises DataUnavailable if one of them is lost or damaged.
    """
    arrays = {name: read_array(folder, file) for name, file in files.items()}
    per_window = [arrays[name] for name in ("series", "cutoffs", "numbers", "scale1", "scale2") if name in arrays]
    if main not in arrays or arrays[main].ndim != 3 or any(len(array) != len(arrays[main]) for array in per_window):
        raise damaged(folder)
    return arrays


def read_array(folder: Path | str, file: str) -> NDArray[Any]:
    """An array of numbers or dates, memory-mapped if it is large; raises DataUnavailable if it is damaged."""
    import numpy as np

    path = os.path.join(folder, file)
    try:
        mode: Any = "r" if os.path.getsize(path) > READ_AT_ONCE else None
        array: NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:  # EOFError: the file is empty
        raise damaged(folder) from error
    if array.ndim == 0 or array.dtype.kind not in "biufM":  # numbers and dates
        raise damaged(folder)
    array.flags.writeable = False
    return array


def damaged(folder: Path | str) -> DataUnavailable:
    """The error of a folder whose arrays cannot be used."""
    return DataUnavailable(f"arrays in {folder} are lost or damaged; delete that folder and run its board with --rerun")
