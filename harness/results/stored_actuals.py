"""The actuals of a task as a folder of arrays, shared by all forecasters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.results.folders import create, read_record
from harness.results.recomputation import windows_from_data
from harness.results.stored_arrays import damaged, read_arrays, stored_arrays
from harness.tasks.task import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.evaluation.outcomes import Actuals


def write_actuals(folder: Path, home: Path, actuals: Actuals) -> None:
    """Store the actuals of a task, unless they are stored; raises InfrastructureFault if they cannot be written."""
    arrays: dict[str, NDArray[Any]] = {
        "series": actuals.series,
        "cutoffs": actuals.cutoffs,
        "numbers": actuals.cutoff_index,
    }
    arrays["values"] = actuals.values
    if actuals.start is not None:
        arrays["start"] = actuals.start
    if not actuals.categories:
        arrays |= {"scale1": actuals.scale(1), "scale2": actuals.scale(2)}
    if actuals.standard is not None:
        arrays |= {"mean": actuals.standard[0], "deviation": actuals.standard[1]}
    fields: Mapping[str, Any] = {"ids": actuals.ids, "levels": actuals.quantile_levels, "targets": actuals.targets}
    fields = {**fields, "freq": actuals.freq, "season_length": actuals.season_length}
    if actuals.categories:
        fields = {**fields, "categories": actuals.categories, "ordered": actuals.ordered}
    create(folder, home, arrays, fields)


def read_actuals(folder: Path, home: Path, fingerprint: str, task: Task) -> Actuals | None:
    """The actuals of a task, None if they were not stored; raises DamagedFile with the folder, or LaterVersion."""
    from harness.evaluation.outcomes import Actuals

    fields = read_record(folder)
    if fields is None:
        return None
    try:
        arrays = read_arrays(folder, stored_arrays(fields.get("arrays")), "values")
        return Actuals(
            tuple(fields["ids"]),
            arrays["series"],
            arrays["cutoffs"],
            arrays["numbers"],
            arrays["values"],
            tuple(fields["levels"]),
            tuple(fields["targets"]),
            arrays.get("start"),
            fields["freq"],
            _scales={} if "categories" in fields else {1: arrays["scale1"], 2: arrays["scale2"]},
            standard=(arrays["mean"], arrays["deviation"]) if "mean" in arrays else None,
            season_length=fields.get("season_length"),
            _find_windows=partial(windows_from_data, home, fingerprint, task),
            categories=tuple(map(tuple, fields.get("categories", ()))),
            ordered=fields.get("ordered", False),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise damaged(folder) from error
