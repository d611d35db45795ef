"""The settling of a board after a session in which requests were lost: a request whose answer was lost may have been
carried out, even much later. Only runs of this home are touched."""

from __future__ import annotations

from collections import Counter

from harness_mlflow.board_page import pages_of
from harness_mlflow.index import MirroredBoard
from harness_mlflow.runs import KnownRun, Runs


def settle(runs: Runs, board: str, sent: MirroredBoard) -> None:
    """Delete doubled and unfinished runs of cells; what was not finished, or not as it is now, counts as not sent.

    Doubled runs of forecasters, and pages, are deleted when the standings are sent, which then count as not sent.
    """
    by_key: dict[str, list[KnownRun]] = {}
    for run in runs.find(sent.cells_experiment):
        if "harness.key" in run.tags:
            by_key.setdefault(run.tags["harness.key"], []).append(run)
    for key, found in by_key.items():
        modified = str(sent.cells.get(key, ""))
        kept = max((run for run in found if run.finished), default=None, key=lambda run: _is_of(run, modified))
        for run in found:
            if run is not kept:
                runs.delete(run)
        if kept is None or not _is_of(kept, modified):
            sent.forget_cell(key)
    for key in sent.cells.keys() - by_key.keys():
        sent.forget_cell(key)
    rows = Counter(run.tags.get("forecaster", "") for run in runs.find(sent.experiment))
    if any(count > 1 for count in [len(pages_of(runs, board, sent)), *rows.values()]):
        sent.standings = sent.page = ""


def _is_of(run: KnownRun, modified: str) -> bool:
    """Whether a run is of the record as it was when the cell was sent."""
    return run.tags.get("harness.modified") == modified
