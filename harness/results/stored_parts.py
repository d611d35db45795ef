"""Parts of a cell, stored until all of them are there and the cell is recorded.

<home>/journal/parts/<key>/plan.json                              which series each part has
<home>/journal/parts/<key>/<first>-<last>-<plan>/record.json      the run of a part: series `first` to `last` − 1
<home>/journal/parts/<key>/<first>-<last>-<plan>/<draft>-*.npy    its forecasts
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.damage import set_aside
from harness.data.storage import draft_id, read_checked_json, write_checked_json
from harness.errors import DamagedFile
from harness.evaluation.parts import Part, PartEnd, PartsPlan
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.forecasters.origins import Origins
from harness.results.folders import create, faults, read_record
from harness.results.stored_arrays import damaged, read_array, stored_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.evaluation.part_run import PartRun
    from harness.forecasters.forecast import Forecast

SCHEMA = 1
PLAN = "plan.json"
PLAN_FIELDS = ("parts", "audited")
AGAIN = "it is made again"


class StoredParts:
    """The parts of one cell in a home."""

    def __init__(self, home: Path, key: str) -> None:
        self.home, self.folder = home, parts_folder(home) / key

    def plan(self) -> PartsPlan | None:
        """The plan of the parts; None if there is none yet."""
        try:
            fields = read_checked_json(self.folder / PLAN, SCHEMA)
            return None if fields is None else load(PartsPlan, {name: fields.get(name) for name in PLAN_FIELDS})
        except ValueError:
            error = DamagedFile(self.folder, f"{PLAN}: its content is not what harness writes")
        except DamagedFile as damage:
            error = DamagedFile(self.folder, f"{PLAN}: {damage.reason}")
        set_aside(error, self.home, AGAIN)
        return None

    @property
    def is_planned(self) -> bool:
        """Whether there is a plan."""
        return (self.folder / PLAN).is_file()

    def has(self, part: Part) -> bool:
        """Whether a part is one of the plan."""
        plan = self.plan()
        return plan is not None and part in plan.parts

    def write_plan(self, plan: PartsPlan) -> None:
        """Store the plan."""
        with faults():
            write_checked_json(self.folder / PLAN, dump(plan), SCHEMA)

    def write(self, part: Part, run: PartRun) -> None:
        """Store the run of a part, unless it is stored already."""
        forecasts = [fold.forecast for fold in run.folds if fold.forecast is not None]
        fields = {**dump(run), "forecasts": [_fields_of(forecast) for forecast in forecasts]}
        with faults():
            self.folder.mkdir(parents=True, exist_ok=True)
        create(self.folder / part.name, self.home, {"values": _numbers(forecasts)}, fields)

    def end(self, part: Part) -> PartEnd | None:
        """How a part ended; None if it has no run that can be used."""
        fields = self._fields(part)
        if fields is None:
            return None
        return PartEnd(fields.get("error") is not None and fields.get("error_fold") == 0)

    def read(self, part: Part) -> PartRun | None:
        """The run of a part; None if there is none that can be used."""
        fields = self._fields(part)
        if fields is None:
            return None
        from harness.evaluation.part_run import PartRun

        folder = self.folder / part.name
        try:
            arrays, forecasts = stored_arrays(fields.pop("arrays")), fields.pop("forecasts")
            run = load(PartRun, {name: value for name, value in fields.items() if name != "schema"})
            values = read_array(folder, arrays["values"])
            made = _forecasts(values, forecasts)
            folds = tuple(replace(fold, forecast=next(made)) for fold in run.folds)
            return replace(run, folds=folds)
        except DamagedFile as error:
            set_aside(error, self.home, AGAIN)
        except (KeyError, TypeError, ValueError, IndexError, StopIteration):
            set_aside(damaged(folder), self.home, AGAIN)
        return None

    def pending(self, plan: PartsPlan) -> tuple[Part, ...]:
        """The parts without a run, up to the first one after which no other matters."""
        pending: list[Part] = []
        for part in plan.parts:
            end = self.end(part)
            if end is None:
                pending.append(part)
            elif end.is_last:
                break
        return tuple(pending)

    def seconds_used(self, plan: PartsPlan) -> float:
        """The seconds of all parts that have a run, as they count against the limit of the cell."""
        found = (self._fields(part) for part in plan.parts)
        return float(sum(fields["used"] for fields in found if fields is not None))

    def remove(self) -> None:
        """Remove all of it, so that nobody sees a part."""
        aside = self.folder.with_name(f".{self.folder.name}-{draft_id()}")
        try:
            self.folder.rename(aside)
        except OSError:
            return
        shutil.rmtree(aside, ignore_errors=True)

    def _fields(self, part: Part) -> dict[str, Any] | None:
        try:
            return read_record(self.folder / part.name)
        except DamagedFile as error:
            set_aside(error, self.home, AGAIN)
            return None


def parts_folder(home: Path) -> Path:
    """The folder of the parts of all cells."""
    return home / "journal" / "parts"


def cells_in_parts(home: Path) -> list[str]:
    """The keys of cells of which parts are stored."""
    folder = parts_folder(home)
    names = os.listdir(folder) if folder.is_dir() else []
    return [name for name in names if not name.startswith(".")]


def _arrays_of(forecast: Forecast) -> dict[str, NDArray[np.float64]]:
    """The arrays of a forecast by name; a shared one once."""
    arrays = {"mean": forecast.mean}
    if forecast.median is not forecast.mean:
        arrays["median"] = forecast.median
    if forecast.quantiles is not None:
        arrays["quantiles"] = forecast.quantiles
    if forecast.probabilities is not None:
        arrays["probabilities"] = forecast.probabilities
    return arrays


def _fields_of(forecast: Forecast) -> dict[str, Any]:
    return {
        "levels": list(forecast.quantile_levels),
        "origins": dump(forecast.origins),
        "shapes": {name: list(array.shape) for name, array in _arrays_of(forecast).items()},
    }


def _numbers(forecasts: Sequence[Forecast]) -> NDArray[np.float64]:
    """The numbers of all forecasts, one array after the other, in one array."""
    import numpy as np

    arrays = [array for forecast in forecasts for array in _arrays_of(forecast).values()]
    return np.concatenate([np.zeros(0), *(np.asarray(array, dtype=np.float64).reshape(-1) for array in arrays)])


def _forecasts(values: NDArray[np.float64], fields: Sequence[dict[str, Any]]) -> Iterator[Forecast]:
    """The forecasts whose numbers these are; raises ValueError and others for what does not fit."""
    from harness.forecasters.forecast import Forecast

    first = 0
    for each in fields:
        arrays = {}
        for name, shape in each["shapes"].items():
            count = math.prod(shape)
            arrays[name] = values[first : first + count].reshape(shape)
            first += count
        mean, origins = arrays["mean"], load(Origins, each["origins"])
        if "probabilities" in arrays:
            yield Forecast.from_probabilities(arrays["probabilities"])
            continue
        median = arrays.get("median", mean)
        yield Forecast.stored(mean, tuple(each["levels"]), arrays.get("quantiles"), median, origins)
