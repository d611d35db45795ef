"""Record: a run as it is stored, and its files of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.errors import DamagedFile
from harness.evaluation.metrics import FORMER_NAMES
from harness.evaluation.run import Run
from harness.plugins.installed import protocols_for
from harness.results.folders import RECORD, UNCHECKED, read_record
from harness.results.stored_arrays import (
    StoredArray,
    damaged,
    fields_of,
    read_array,
    read_arrays,
    results_of,
    stored_arrays,
    verify_array,
)

if TYPE_CHECKING:
    from harness.evaluation.scoring import Terms


@dataclass(frozen=True)
class Record:
    """A run as stored, and its files of arrays."""

    run: Run
    folder: str
    arrays: Mapping[str, StoredArray]  # by name
    results: Mapping[str, Any] | None  # metrics and levels; None where no arrays were stored

    def lost_arrays(self) -> list[str]:
        """The files of arrays that are lost, or of another size; their content is not read."""
        return [array.file for array in self.arrays.values() if not array.is_whole(self.folder)]

    def verify_terms(self) -> None:
        """Read the file of the terms once; raises DamagedFile if it is damaged."""
        if "terms" in self.arrays:
            verify_array(self.folder, self.arrays["terms"])

    def terms(self, metric: str) -> Terms | None:
        """The metric's terms in each window, None where they were not stored; raises DamagedFile."""
        from harness.evaluation.scoring import Terms

        if self.results is None or "terms" not in self.arrays or metric not in self.results["metrics"]:
            return None
        metrics, terms = self.results["metrics"], read_array(self.folder, self.arrays["terms"])
        if terms.ndim < 3 or terms.shape[:2] != (len(metrics), 2):
            raise damaged(self.folder)
        return Terms(*terms[metrics.index(metric)])

    def with_results(self) -> Run:
        """The run with its arrays, the large ones memory-mapped; raises DamagedFile."""
        if self.results is None:
            return self.run
        arrays = read_arrays(self.folder, self.arrays, "mean")
        try:
            return replace(self.run, results=results_of(arrays, self.results))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, AssertionError) as error:
            raise damaged(self.folder) from error


def record_in(folder: str) -> Record | None:
    """The record of a run; None if there is none, or if its run is of another version or of a plugin that is missing.

    Raises DamagedFile or LaterVersion.
    """
    fields = read_record(folder)
    if fields is None:
        return None
    is_of_missing_plugin, unchecked = False, fields.pop("schema") == UNCHECKED
    try:
        arrays, results = stored_arrays(fields.pop("arrays")), fields.pop("results", None)
        kind = fields["cell"]["task"]["protocol"]["kind"]
        protocols = protocols_for([kind])
        is_of_missing_plugin = isinstance(kind, str) and all(protocol.kind != kind for protocol in protocols)
        if results is not None and not isinstance(results["metrics"], list):
            raise ValueError("no list of metrics")
        _rename_metrics(fields, results)
        return Record(Run.from_json(fields, protocols), folder, arrays, results)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if unchecked and not is_of_missing_plugin:
            raise DamagedFile(folder, f"{RECORD}: its content is not what harness writes") from error
        return None


def record_fields(run: Run) -> dict[str, Any]:
    """What is stored of a run, without its arrays."""
    return run.to_json() if run.results is None else {**run.to_json(), "results": fields_of(run.results)}


def _rename_metrics(fields: dict[str, Any], results: dict[str, Any] | None) -> None:
    """Give renamed metrics of a record their present names; a plugin's metric of a former name keeps it."""
    scores = fields["scores"]
    for former, present in FORMER_NAMES.items():
        if former in scores and present not in scores and fields["cell"]["task"].get("quantile_levels"):
            fields["scores"] = {present if name == former else name: score for name, score in fields["scores"].items()}
            if results is not None:
                results["metrics"] = [present if name == former else name for name in results["metrics"]]
