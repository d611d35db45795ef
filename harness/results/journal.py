"""The journal: finished runs as files, written atomically; everything else is derived from it.

<home>/journal/cells/<key>/record.json        the run; a cell is finished when this file exists
<home>/journal/cells/<key>/<draft>-*.npy      its arrays, named in the record
<home>/journal/actuals/<hash>/<draft>-*.npy   the actuals, shared by all forecasters of a task
<home>/journal/locks/<key>                    the process that runs a cell
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.storage import atomic_folder, read_json, sync, write_json
from harness.errors import HomeUnusable
from harness.evaluation.metrics import FORMER_NAMES
from harness.evaluation.run import EVALUATION_VERSION, Run
from harness.plugins.installed import protocols_for
from harness.results.recomputation import windows_from_data
from harness.results.stored_arrays import (
    are_files,
    arrays_of,
    damaged,
    fields_of,
    read_array,
    read_arrays,
    results_of,
    terms_of,
)
from harness.tasks.task import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.evaluation.outcomes import Actuals
    from harness.evaluation.scoring import Terms

SCHEMA = 1
RECORD = "record.json"


@dataclass(frozen=True)
class Record:
    """A run as stored, and its files of arrays."""

    run: Run
    folder: str
    arrays: Mapping[str, str]  # files by name
    results: Mapping[str, Any] | None  # metrics and levels; None where no arrays were stored

    def terms(self, metric: str) -> Terms | None:
        """The metric's terms in each window, None where they were not stored; raises DataUnavailable if lost."""
        from harness.evaluation.scoring import Terms

        if self.results is None or "terms" not in self.arrays or metric not in self.results["metrics"]:
            return None
        metrics, terms = self.results["metrics"], read_array(self.folder, self.arrays["terms"])
        if terms.ndim < 3 or terms.shape[:2] != (len(metrics), 2):
            raise damaged(self.folder)
        return Terms(*terms[metrics.index(metric)])

    def with_results(self) -> Run:
        """The run with its arrays, the large ones memory-mapped."""
        if self.results is None:
            return self.run
        arrays = read_arrays(self.folder, self.arrays, "mean")
        try:
            return replace(self.run, results=results_of(arrays, self.results))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise damaged(self.folder) from error


class Journal:
    """The runs of one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cells = home / "journal" / "cells"
        self.actuals = home / "journal" / "actuals"

    def write(self, run: Run) -> None:
        """Store a run, replacing an older one of the same key: the arrays first, then the record, atomically."""
        arrays = {} if run.results is None else arrays_of(run.results)
        _commit(self.cells / run.key, arrays, _fields_of(run))

    def write_scores(self, rescored: Record) -> None:
        """Store the scores and terms of a record that was scored again, its run with its arrays.

        The forecasts are kept as they are. Nothing is written where the record was replaced since it was read.
        """
        run, present = rescored.run, self.record(rescored.run.key)
        if run.results is None or present is None or present.arrays != rescored.arrays:
            return
        kept = {name: file for name, file in rescored.arrays.items() if name != "terms"}
        _commit(self.cells / run.key, {"terms": terms_of(run.results)}, _fields_of(run), kept)

    def record(self, key: str) -> Record | None:
        """The record of a run and its files, None if there is none."""
        folder = os.path.join(self.cells, key)
        fields = _read_record(folder)
        if fields is None:
            return None
        try:
            arrays, results = fields.pop("arrays"), fields.pop("results", None)
            protocols = protocols_for([fields["cell"]["task"]["protocol"]["kind"]])
            if not are_files(arrays) or not (results is None or isinstance(results["metrics"], list)):
                return None
            _rename_metrics(fields, results)
            return Record(Run.from_json(fields, protocols), folder, arrays, results)
        except (KeyError, TypeError, ValueError, AttributeError):  # of another version
            return None

    def read(self, key: str) -> Run | None:
        """The record of a run, None if there is none."""
        return None if (record := self.record(key)) is None else record.run

    def read_with_results(self, key: str) -> Run | None:
        """A run with its arrays, the large ones memory-mapped; None if there is none."""
        return None if (record := self.record(key)) is None else record.with_results()

    def keys(self) -> Iterator[str]:
        """The keys of all finished cells."""
        for record in sorted(self.cells.glob(f"*/{RECORD}")):
            yield record.parent.name

    def has(self, key: str) -> bool:
        """Whether the cell is finished."""
        return os.path.isfile(os.path.join(self.cells, key, RECORD))

    def modified(self, key: str) -> int:
        """When the record was written, in nanoseconds; 0 if there is none."""
        try:
            return os.stat(os.path.join(self.cells, key, RECORD)).st_mtime_ns
        except OSError:
            return 0

    def has_actuals(self, fingerprint: str, task: Task) -> bool:
        """Whether the actuals of a task are stored."""
        return _is_complete(self.actuals / _task_hash(fingerprint, task))

    def write_actuals(self, fingerprint: str, task: Task, actuals: Actuals) -> None:
        """Store the actuals of a task, once for all forecasters."""
        folder = self.actuals / _task_hash(fingerprint, task)
        arrays: dict[str, NDArray[Any]] = {
            "series": actuals.series,
            "cutoffs": actuals.cutoffs,
            "numbers": actuals.cutoff_index,
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
        """The actuals of a task, None if they were not stored."""
        from harness.evaluation.outcomes import Actuals

        folder = self.actuals / _task_hash(fingerprint, task)
        fields = _read_record(folder)
        if fields is None:
            return None
        if not are_files(fields.get("arrays")):
            raise damaged(folder)
        arrays = read_arrays(folder, fields["arrays"], "values")
        try:
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
                _find_windows=partial(windows_from_data, self.home, fingerprint, task),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise damaged(folder) from error


class CachedJournal(Journal):
    """A journal that parses each record once, until its file changes."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._records: dict[str, tuple[int, Record | None]] = {}  # with the time of writing

    def record(self, key: str) -> Record | None:
        """The record of a run and its files, None if there is none."""
        written = self.modified(key)
        if key not in self._records or self._records[key][0] != written:
            self._records[key] = written, super().record(key)
        return self._records[key][1]


def prepare_home(home: Path) -> Path:
    """The home folder, created if necessary; raises HomeUnusable if it cannot be written to."""
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


def _commit(
    folder: Path, arrays: Mapping[str, NDArray[Any]], fields: dict[str, Any], kept: Mapping[str, str] | None = None
) -> None:
    """Write arrays under new names, then the record that names them and kept files, then remove all other files."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    kept = {} if kept is None else kept
    older = [path for path in folder.iterdir() if path.name not in (RECORD, *kept.values())]
    draft = uuid.uuid4().hex[:12]
    files = {name: f"{draft}-{name}.npy" for name in arrays}
    for name, array in arrays.items():
        np.save(folder / files[name], np.ascontiguousarray(array), allow_pickle=False)
        sync(folder / files[name])
    write_json(folder / RECORD, {**fields, "arrays": {**kept, **files}})
    for path in older:
        path.unlink(missing_ok=True)


def _create(folder: Path, arrays: Mapping[str, NDArray[Any]], fields: dict[str, Any]) -> None:
    """Write a folder atomically; one that another process has written is kept."""
    with atomic_folder(folder, valid=_is_complete) as draft:
        _commit(draft, arrays, fields)


def _is_complete(folder: Path) -> bool:
    """Whether a folder has a record, and every array that it names."""
    fields = _read_record(folder)
    arrays = None if fields is None else fields.get("arrays")
    return are_files(arrays) and all((folder / file).is_file() for file in arrays.values())


def _read_record(folder: Path | str) -> dict[str, Any] | None:
    fields = read_json(os.path.join(folder, RECORD))
    return fields if fields is not None and fields.pop("schema", None) == SCHEMA else None


def _rename_metrics(fields: dict[str, Any], results: dict[str, Any] | None) -> None:
    """Give renamed metrics of a record their present names; a plugin's metric of a former name keeps it."""
    scores = fields["scores"]
    for former, present in FORMER_NAMES.items():
        if former in scores and present not in scores and fields["cell"]["task"].get("quantile_levels"):
            fields["scores"] = {present if name == former else name: score for name, score in fields["scores"].items()}
            if results is not None:
                results["metrics"] = [present if name == former else name for name in results["metrics"]]


def _fields_of(run: Run) -> dict[str, Any]:
    fields = {**run.to_json(), "schema": SCHEMA}
    if run.results is not None:
        fields["results"] = fields_of(run.results)
    return fields


def _task_hash(fingerprint: str, task: Task) -> str:
    text = json.dumps([EVALUATION_VERSION, fingerprint, task.to_json()], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
