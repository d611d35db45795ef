"""Arrays of the journal as files, whose damage is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from harness.errors import DataUnavailable
from harness.fields.dumping import dump
from harness.fields.reading import load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.evaluation.run import Results
    from harness.forecasters.forecast import Forecast

MEDIAN = 0.5  # the level of the median
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
    forecast = Forecast.stored(mean, levels, quantiles, median, origins)
    terms = {name: Terms(*arrays["terms"][i]) for i, name in enumerate(fields["metrics"])}
    return Results(forecast, terms, arrays["series"].astype("int64"), arrays["cutoffs"].astype("int64"))


def _present_origins(fields: Mapping[str, Any], levels: tuple[float, ...]) -> dict[str, Any]:
    """The stored origins; formerly their `levels` were one range for all windows, and earlier there were none."""
    default = {"levels": (levels[0], levels[-1])} if levels else {}
    origins = dict(fields.get("origins", default))
    former = origins.pop("levels", None)
    return origins if former is None else {**origins, "ranges": [former]}
