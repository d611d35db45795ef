"""Published scores of trained models beside ours on a board in the journal: `harness verify` trains none."""

from __future__ import annotations

import math
from statistics import fmean

from harness.analysis.lookup import find_journal_results
from harness.boards.workspace import Workspace
from harness.data.home_folders import home_option
from harness.errors import BadInput, DataUnavailable, HarnessError
from harness.evaluation.run import Status
from harness.verification.context import VerificationContext


def board_score(context: VerificationContext, forecaster: str, metric: str, *, board: str) -> float:
    """The score of a forecaster in the results of a board with one task, mean over its seeds.

    Raises DataUnavailable if it was not run, HarnessError if a run did not complete.
    """
    try:
        results = find_journal_results(board, Workspace(context.home, context.catalog))
    except BadInput as error:
        raise DataUnavailable(str(error)) from error
    scores = []
    for cell in results.plan.by_forecaster.get(forecaster, ()):
        run = results.runs[cell.key]
        if run is None:
            break
        if run.status is not Status.COMPLETED:
            raise HarnessError(f"{forecaster} on board {board!r}: {run.status.value}: {run.reason}")
        scores.append(run.scores.get(metric, math.nan))
    else:
        if scores:
            return fmean(scores)
    raise DataUnavailable(
        f"{forecaster!r} has no result on board {board!r}; run `harness run {board}{home_option(context.home)}`"
    )
