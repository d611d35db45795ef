"""Keeps the worker of a cell for the next cell of the same forecaster, where its model cannot be shared otherwise.

The workers of a reusable forecaster are forked from a template that has loaded its model. Where that is not possible,
since the model is on a GPU or has threads, a worker that has loaded the model itself serves further cells.
"""

from __future__ import annotations

import contextlib
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.boards.planning import PlannedCell
from harness.errors import HarnessError
from harness.evaluation.run import Run, Status
from harness.execution.workers.ends import Ended
from harness.execution.workers.process import WorkerProcess
from harness.execution.workers.scratch import remove_scratch
from harness.fields.dumping import dump
from harness.worker.processes import has_ended

if TYPE_CHECKING:
    from harness.execution.workers.forecaster import WorkerForecaster


@dataclass(frozen=True)
class KeptWorker:
    """A worker that waits for the next cell."""

    key: str
    process: WorkerProcess
    folder: Path
    opened: ExitStack  # which ends it, and removes its folder


class WorkerKeeper:
    """Keeps at most one worker, which only a cell of the same forecaster takes."""

    def __init__(self) -> None:
        self._kept: KeptWorker | None = None

    @property
    def key(self) -> str:
        """That of the cells which the kept worker can serve; empty if there is none."""
        return "" if self._kept is None else self._kept.key

    def take(self, key: str) -> KeptWorker | None:
        """The kept worker, if it can serve such a cell and is alive; any other one is ended."""
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        if kept.key == key:
            with contextlib.suppress(HarnessError, OSError):
                remove_scratch(kept.folder / "work")
                (kept.folder / "work").mkdir()
                kept.process.begin_cell()
                return kept
        kept.opened.close()
        return None

    def keep(self, kept: KeptWorker) -> None:
        """Keep a worker."""
        self._kept = kept

    def close(self) -> None:
        """End the kept worker."""
        self.take("")


def end_or_keep(forecaster: WorkerForecaster, run: Run) -> Ended:
    """End the worker of a run, unless it holds a model that further cells can use and nothing is wrong with it."""
    process = forecaster.process
    forecaster.is_kept = (
        forecaster.holds_model
        and run.status is Status.COMPLETED
        and process.failure is None
        and all(map(has_ended, process.processes()))
    )
    return Ended(0) if forecaster.is_kept else process.finish()


def reuse_key(planned: PlannedCell) -> str:
    """What the cells that one worker may serve have in common: all but the task and the seed; empty: it serves one."""
    provider = planned.spec.provider
    if not planned.spec.reusable or provider is None:
        return ""
    environment = None if provider.environment is None else provider.environment.folder
    parameters = dump(planned.cell)["parameters"]
    device = None if planned.device is None else planned.device.visible
    return json.dumps(
        [
            [provider.to_request(), environment, planned.cell.forecaster, parameters],
            [asdict(planned.resources), asdict(planned.limits), device],
        ],
        sort_keys=True,
    )
