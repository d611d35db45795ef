"""The journal: finished runs as files, written whole or not at all; the truth that all else mirrors.

<home>/journal/cells/<key>/record.json        the run; a cell is finished when this file exists
<home>/journal/cells/<key>/<draft>-*.npy      its arrays, named in the record
<home>/journal/actuals/<hash>/<draft>-*.npy   what came, one for all forecasters of a task
<home>/journal/claims/<key>                   who is at work on a cell
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DataUnavailable, HomeUnusable
from harness.run import EVALUATION_VERSION, Run
from harness.task import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.outcomes import Actuals
    from harness.run import Results
    from harness.scoring import Terms

SCHEMA = 1
RECORD = "record.json"


class Journal:
    """The runs of one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cells = home / "journal" / "cells"
        self.actuals = home / "journal" / "actuals"

    def write(self, run: Run) -> None:
        """Store a run: arrays first, the record last and in one step; an older run of the key is replaced."""
        folder = self.cells / run.key
        arrays = {} if run.results is None else _arrays_of(run.results)
        fields = {**run.to_json(), "schema": SCHEMA}
        if run.results is not None:
            fields["results"] = {"metrics": list(run.results.terms), "levels": run.results.forecast.quantile_levels}
        _commit(folder, arrays, fields)

    def read(self, key: str) -> Run | None:
        """The record of a run, None if there is none."""
        fields = _record(self.cells / key)
        if fields is None:
            return None
        for name in ("schema", "arrays", "results"):
            fields.pop(name, None)
        try:
            return Run.from_json(fields)
        except (KeyError, TypeError, ValueError, AttributeError):  # of another version: as if it were not there
            return None

    def read_with_results(self, key: str) -> Run | None:
        """A run with its arrays, which stay on disk until they are looked at."""
        run = self.read(key)
        fields = _record(self.cells / key)
        if run is None or fields is None or "results" not in fields:
            return run
        return replace(run, results=_results_from(_loaded(self.cells / key, fields), fields["results"]))

    def read_terms(self, key: str) -> dict[str, Terms]:
        """Each metric's sums in the windows of a run, none where they were not stored; on disk until looked at."""
        from harness.scoring import Terms

        fields = _record(self.cells / key)
        if fields is None or "results" not in fields or "terms" not in fields["arrays"]:
            return {}
        summed = _loaded(self.cells / key, {"arrays": {"terms": fields["arrays"]["terms"]}})["terms"]
        return {name: Terms(*summed[i]) for i, name in enumerate(fields["results"]["metrics"])}

    def keys(self) -> Iterator[str]:
        """The keys of all finished cells."""
        for record in sorted(self.cells.glob(f"*/{RECORD}")):
            yield record.parent.name

    def has(self, key: str) -> bool:
        """Whether the cell is finished."""
        return (self.cells / key / RECORD).is_file()

    def modified(self, key: str) -> int:
        """When the record was written, in nanoseconds; 0 if there is none."""
        try:
            return (self.cells / key / RECORD).stat().st_mtime_ns
        except OSError:
            return 0

    def has_actuals(self, fingerprint: str, task: Task) -> bool:
        """Whether what came is stored."""
        return _whole(self.actuals / _task_hash(fingerprint, task))

    def write_actuals(self, fingerprint: str, task: Task, actuals: Actuals) -> None:
        """Store what came, once for all forecasters of a task."""
        folder = self.actuals / _task_hash(fingerprint, task)
        arrays: dict[str, NDArray[Any]] = {
            "series": actuals.series,
            "cutoffs": actuals.cutoffs,
            "numbers": actuals.numbers,
        }
        arrays["values"] = actuals.values
        if actuals.start is not None:
            arrays["start"] = actuals.start
        arrays |= {"scale1": actuals.scale(1), "scale2": actuals.scale(2)}
        if actuals.standard is not None:
            arrays |= {"mean": actuals.standard[0], "deviation": actuals.standard[1]}
        fields = {"schema": SCHEMA, "ids": actuals.ids, "levels": actuals.quantile_levels}
        fields |= {"targets": actuals.targets, "freq": actuals.freq, "season_length": actuals.season_length}
        _create(folder, arrays, fields)

    def read_actuals(self, fingerprint: str, task: Task) -> Actuals | None:
        """What came, None if it was not stored."""
        from harness.outcomes import Actuals

        folder = self.actuals / _task_hash(fingerprint, task)
        fields = _record(folder)
        if fields is None:
            return None
        arrays = _loaded(folder, fields)
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
            _scales={1: arrays["scale1"], 2: arrays["scale2"]},
            standard=(arrays["mean"], arrays["deviation"]) if "mean" in arrays else None,
            season_length=fields.get("season_length"),
        )


def prepared_home(home: Path) -> Path:
    """The home folder, made if need be; raises HomeUnusable if it cannot be written to."""
    try:
        for folder in (home, home / "journal" / "cells", home / "journal" / "actuals", home / "boards"):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
    except OSError as error:
        raise HomeUnusable(
            f"the home folder {home} cannot be written to ({error.strerror}); name another by --home or HARNESS_HOME"
        ) from error
    return home


def write_json(path: Path, fields: Mapping[str, Any], indent: int | None = 1) -> None:
    """A JSON file, written whole or not at all."""
    text = json.dumps(fields, allow_nan=False, indent=indent)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def read_json(path: Path) -> dict[str, Any] | None:
    """What a JSON file holds, None if it is not there or not whole."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return fields if isinstance(fields, dict) else None


def _commit(folder: Path, arrays: Mapping[str, NDArray[Any]], fields: dict[str, Any]) -> None:
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    draft = uuid.uuid4().hex[:12]
    older = [path for path in folder.iterdir() if path.name != RECORD]
    for name, array in arrays.items():
        with (folder / f"{draft}-{name}.npy").open("wb") as file:
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    write_json(folder / RECORD, {**fields, "arrays": {name: f"{draft}-{name}.npy" for name in arrays}})
    for path in older:
        path.unlink(missing_ok=True)


def _create(folder: Path, arrays: Mapping[str, NDArray[Any]], fields: dict[str, Any]) -> None:
    """A folder that appears whole, once; if another process was faster, its own stays."""
    draft = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:12]}")
    _commit(draft, arrays, fields)
    if folder.is_dir() and not _whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)


def _whole(folder: Path) -> bool:
    """Whether a folder has a record, and every array that it names."""
    fields = _record(folder)
    return fields is not None and all((folder / file).is_file() for file in fields["arrays"].values())


def _record(folder: Path) -> dict[str, Any] | None:
    fields = read_json(folder / RECORD)
    return fields if fields is not None and fields.get("schema") == SCHEMA else None


def _loaded(folder: Path, fields: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    import numpy as np

    try:
        files = fields["arrays"].items()
        return {name: np.load(folder / file, mmap_mode="r", allow_pickle=False) for name, file in files}
    except (OSError, ValueError) as error:
        raise DataUnavailable(
            f"arrays in {folder} are lost or damaged; delete that folder and run its board with --rerun"
        ) from error


def _arrays_of(results: Results) -> dict[str, NDArray[Any]]:
    import numpy as np

    summed = results.terms.values()
    arrays: dict[str, NDArray[Any]] = {
        "series": results.series,
        "cutoffs": results.cutoffs,
        "mean": results.forecast.mean,
        "terms": np.stack([np.stack([one.numerators, one.denominators]) for one in summed]) if summed else np.empty(0),
    }
    if results.forecast.quantiles is not None:
        arrays["quantiles"] = results.forecast.quantiles
    return arrays


def _results_from(arrays: Mapping[str, NDArray[np.float64]], fields: Mapping[str, Any]) -> Results:
    from harness.forecast import Forecast
    from harness.run import Results
    from harness.scoring import Terms

    forecast = Forecast(arrays["mean"], tuple(fields["levels"]), arrays.get("quantiles"))
    summed = {name: Terms(*arrays["terms"][i]) for i, name in enumerate(fields["metrics"])}
    return Results(forecast, summed, arrays["series"].astype("int64"), arrays["cutoffs"].astype("int64"))


def _task_hash(fingerprint: str, task: Task) -> str:
    text = json.dumps([EVALUATION_VERSION, fingerprint, task.to_json()], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
