"""Arrays of the journal as files, whose damage is noticed."""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.storage import unreadable
from harness.errors import DamagedFile, HarnessError, HomeUnusable
from harness.fields.dumping import dump
from harness.fields.reading import load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.evaluation.run import Results
    from harness.forecasters.forecast import Forecast

MEDIAN = 0.5  # the level of the median
READ_AT_ONCE = 1 << 20  # bytes; larger files are memory-mapped


@dataclass(frozen=True)
class StoredArray:
    """A file of an array, and what is known of its content; nothing where 0.2.0 wrote it."""

    file: str
    size: int | None = None  # bytes
    crc32: str | None = None  # of the file's content, 8 hexadecimal digits

    def is_whole(self, folder: Path | str) -> bool:
        """Whether the file is there, and has its size; its content is not read.

        Raises HomeUnusable if that cannot be found out.
        """
        path = os.path.join(folder, self.file)
        try:
            found = os.stat(path)
        except OSError as error:
            problem = unreadable(path, error)
            if isinstance(problem, HomeUnusable):
                raise problem from error
            return False
        return stat.S_ISREG(found.st_mode) and self.size in (None, found.st_size)

    def to_json(self) -> dict[str, Any]:
        """The entry of a record."""
        return {"file": self.file, "size": self.size, "crc32": self.crc32}


def stored_arrays(fields: object) -> dict[str, StoredArray]:
    """The arrays that a record names; raises ValueError where this is not how it names them."""
    if not isinstance(fields, dict):
        raise ValueError("no table of arrays")
    arrays = {name: StoredArray(*_known(entry)) for name, entry in fields.items()}
    if any(os.path.basename(array.file) != array.file for array in arrays.values()):
        raise ValueError("an array outside of the folder")
    return arrays


def _known(entry: object) -> tuple[str, int | None, str | None]:
    match entry:
        case str():  # as 0.2.0 wrote it
            return entry, None, None
        case {"file": str() as file, "size": int() as size, "crc32": str() as crc32}:
            return file, size, crc32
    raise ValueError("an array without file, size and checksum")


def write_array(folder: Path, file: str, array: NDArray[Any]) -> StoredArray:
    """Write an array to a file, flushed to disk."""
    import numpy as np

    array = np.ascontiguousarray(array)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    parts = header.getvalue(), array.reshape(-1).view(np.uint8).data
    with open(folder / file, "wb") as stream:
        for part in parts:
            stream.write(part)
        stream.flush()
        os.fsync(stream.fileno())
    return StoredArray(file, sum(map(len, parts)), _hex(zlib.crc32(parts[1], zlib.crc32(parts[0]))))


def read_arrays(folder: Path | str, files: Mapping[str, StoredArray], main: str) -> dict[str, NDArray[Any]]:
    """The arrays of a folder; those with one value for each window have as many as the main one.

    Raises DamagedFile if one of them is lost or damaged.
    """
    arrays = {name: read_array(folder, file) for name, file in files.items()}
    per_window = [arrays[name] for name in ("series", "cutoffs", "numbers", "scale1", "scale2") if name in arrays]
    if main not in arrays or arrays[main].ndim != 3 or any(len(array) != len(arrays[main]) for array in per_window):
        raise damaged(folder)
    return arrays


def read_array(folder: Path | str, stored: StoredArray) -> NDArray[Any]:
    """An array of numbers or dates, memory-mapped if it is large; raises DamagedFile if it is damaged.

    The checksum of a memory-mapped file is verified once in a process, as long as the file is not replaced.
    """
    import numpy as np

    path = os.path.join(folder, stored.file)
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise damaged(folder, f"{stored.file}: it is no file")
        if found.st_size > READ_AT_ONCE:
            _verify_once(folder, stored, found)
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            with open(path, "rb") as file:
                content = file.read()
            if stored.crc32 not in (None, _hex(zlib.crc32(content))):
                raise damaged(folder, f"{stored.file}: its content does not match its checksum")
            array = np.load(io.BytesIO(content), allow_pickle=False)
    except DamagedFile:
        raise
    except OSError as error:
        raise _unreadable_array(folder, stored, error) from error
    except Exception as error:  # NumPy reads the header as Python code, and raises whatever it stumbles over
        raise damaged(folder, f"{stored.file}: it is no array of numbers") from error
    if array.ndim == 0 or array.dtype.kind not in "biufM":  # numbers and dates
        raise damaged(folder, f"{stored.file}: it is no array of numbers")
    array.flags.writeable = False
    return array


_verified: set[tuple[object, ...]] = set()  # files whose checksums this process has verified


def _verify_once(folder: Path | str, stored: StoredArray, found: os.stat_result) -> None:
    """Verify the checksum of a file in chunks, of a large one once; raises DamagedFile."""
    path = os.path.join(folder, stored.file)
    state = (path, stored.crc32, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if stored.crc32 is None or state in _verified:
        return
    if checksum_of(path) != stored.crc32:
        raise damaged(folder, f"{stored.file}: its content does not match its checksum")
    if found.st_size > READ_AT_ONCE:
        _verified.add(state)


def verify_array(folder: Path | str, stored: StoredArray) -> None:
    """Read a file of an array once; raises DamagedFile if it is damaged."""
    if stored.crc32 is None:  # 0.2.0 wrote none
        read_array(folder, stored)
        return
    path = os.path.join(folder, stored.file)
    try:
        found = os.stat(path)
        if found.st_size != stored.size:
            raise damaged(folder, f"{stored.file}: it has {found.st_size} bytes instead of {stored.size}")
        _verify_once(folder, stored, found)
    except OSError as error:
        raise _unreadable_array(folder, stored, error) from error


def _unreadable_array(folder: Path | str, stored: StoredArray, error: OSError) -> HarnessError:
    problem = unreadable(os.path.join(folder, stored.file), error)
    return damaged(folder, f"{stored.file}: {problem.reason}") if isinstance(problem, DamagedFile) else problem


def checksum_of(path: Path | str) -> str:
    """The checksum of a file, read in chunks."""
    checksum = 0
    with open(path, "rb") as file:
        while chunk := file.read(READ_AT_ONCE):
            checksum = zlib.crc32(chunk, checksum)
    return _hex(checksum)


def _hex(checksum: int) -> str:
    return f"{checksum:08x}"


def damaged(folder: Path | str, reason: str = "its arrays do not fit together") -> DamagedFile:
    """The error of a folder whose arrays cannot be used."""
    return DamagedFile(folder, reason)


def terms_of(results: Results) -> NDArray[Any]:
    """The terms of all metrics, (metric, 2, window, target); empty without metrics."""
    import numpy as np

    terms = [np.stack([terms.numerators, terms.denominators]) for terms in results.terms.values()]
    return np.stack(terms) if terms else np.empty(0)


def arrays_of(results: Results) -> dict[str, NDArray[Any]]:
    """The arrays of a run by name."""
    forecast = results.forecast
    arrays: dict[str, NDArray[Any]] = {
        "series": results.series,
        "cutoffs": results.cutoffs,
        "mean": forecast.mean,
        "terms": terms_of(results),
    }
    if forecast.quantiles is not None:
        arrays["quantiles"] = forecast.quantiles
    if _array_of_median(forecast) == "median":
        arrays["median"] = forecast.median
    if forecast.probabilities is not None:
        arrays["probabilities"] = forecast.probabilities
    return arrays


def fields_of(results: Results) -> dict[str, Any]:
    """What a record says of the arrays of a run."""
    forecast = results.forecast
    return {
        "metrics": list(results.terms),
        "levels": forecast.quantile_levels,
        "median": _array_of_median(forecast),
        "origins": dump(forecast.origins),
    }


def _array_of_median(forecast: Forecast) -> str:
    """The array that holds the median, which is not stored twice: it may be the mean, or the quantile of level 0.5."""
    import numpy as np

    if forecast.median is forecast.mean:
        return "mean"
    if forecast.quantiles is not None and MEDIAN in forecast.quantile_levels:
        same = np.array_equal(forecast.median, forecast.quantile(MEDIAN), equal_nan=True)
        return "quantiles" if same else "median"
    return "median"


def results_of(arrays: Mapping[str, NDArray[np.float64]], fields: Mapping[str, Any]) -> Results:
    """The results whose arrays these are; `fields` is what `fields_of` returned.

    Forecasts that were stored without a median have that of level 0.5, and otherwise the mean.
    """
    from harness.evaluation.run import Results
    from harness.evaluation.scoring import Terms
    from harness.forecasters.forecast import Forecast
    from harness.forecasters.origins import Origins

    mean, quantiles, levels = arrays["mean"], arrays.get("quantiles"), tuple(fields["levels"])
    held = fields.get("median", "quantiles" if quantiles is not None and MEDIAN in levels else "mean")
    if held == "quantiles":
        assert quantiles is not None
        median = quantiles[..., levels.index(MEDIAN)]
    else:
        median = arrays[held]
    origins = load(Origins, _present_origins(fields, levels))
    forecast = Forecast.stored(mean, levels, quantiles, median, origins, arrays.get("probabilities"))
    terms = {name: Terms(*arrays["terms"][i]) for i, name in enumerate(fields["metrics"])}
    return Results(forecast, terms, arrays["series"].astype("int64"), arrays["cutoffs"].astype("int64"))


def _present_origins(fields: Mapping[str, Any], levels: tuple[float, ...]) -> dict[str, Any]:
    """The stored origins; formerly their `levels` were one range for all windows, and earlier there were none."""
    default = {"levels": (levels[0], levels[-1])} if levels else {}
    origins = dict(fields.get("origins", default))
    former = origins.pop("levels", None)
    return origins if former is None else {**origins, "ranges": [former]}
