"""What a cell's forecaster does in a worker, and how the worker ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.boards.planning import PlannedCell
from harness.data.panel_store import mapped_state, panel_folder
from harness.errors import (
    BadInput,
    DataUnavailable,
    Failure,
    ForecasterError,
    HarnessError,
    InfrastructureFault,
    ProcessKilled,
    attempt,
    unexpected,
)
from harness.execution.cells.warning_notes import recorded_warnings, warning_notes
from harness.execution.options import TRIES, CellOptions
from harness.execution.workers import sandbox
from harness.execution.workers.cell_workers import worker_forecaster
from harness.execution.workers.ends import Ended
from harness.execution.workers.forecaster import WorkerForecaster
from harness.execution.workers.kept_worker import WorkerKeeper

T = TypeVar("T")


@dataclass(frozen=True)
class WorkerEnd:
    """How a worker ended, the environment that it told, and the notes on its forecaster."""

    ended: Ended
    environment: Mapping[str, Any]
    notes: tuple[str, ...]  # on its warnings and its clock
    warnings: tuple[str, ...]  # of this process meanwhile, as notes
    sandbox: str | None = None  # of strict mode
    is_reused: bool = False  # whether it served another cell before


class ReusedWorkerFailed(HarnessError):
    """A forecaster failed in a worker that served another cell before, which may be the reason."""


def in_worker(
    planned: PlannedCell,
    home: Path,
    template: Path,
    options: CellOptions,
    action: Callable[[WorkerForecaster], T],
    has_result: Callable[[T], bool],
    state: object,
    keeper: WorkerKeeper | None = None,
    end: Callable[[WorkerForecaster, T], Ended] = lambda forecaster, returned: forecaster.process.finish(),
) -> tuple[T, WorkerEnd]:
    """What the action returns for the forecaster of a cell in a worker, which then ends.

    Raises why the process of the forecaster is gone, if that is no fault of the forecaster, or if what the action
    returned has a result nevertheless: it ended in the audit. Raises BadInput where the plugin or weights changed
    meanwhile, and InfrastructureFault where the stored data did; `state` is its `mapped_state` from before it was read.
    Raises ReusedWorkerFailed in place of ForecasterError for a worker that served another cell before.
    """
    provider = planned.spec.provider
    if provider is None:
        raise BadInput(f"forecaster {planned.cell.forecaster!r} was given as an object; run it with --jobs 0")
    with (
        worker_forecaster(planned, provider, home, template, options, keeper) as forecaster,
        recorded_warnings() as warned,
    ):
        try:
            returned = action(forecaster)
            failure = forecaster.process.failure
            if failure is not None and (isinstance(failure, InfrastructureFault) or has_result(returned)):
                raise failure
            environment = forecaster.environment()
            ended = end(forecaster, returned)
        except ForecasterError as error:
            if forecaster.is_reused:
                raise ReusedWorkerFailed(str(error)) from error
            raise
        name = sandbox.NAME if isinstance(forecaster.process, sandbox.SandboxedProcess) else None
    if mapped_state(home, planned.fingerprint) != state:
        raise InfrastructureFault(f"the stored data {panel_folder(home, planned.fingerprint)} was changed meanwhile")
    if not provider.is_unchanged():
        raise BadInput(f"plugin {provider} changed since this run began; run it again")
    check_weights(planned)
    return returned, WorkerEnd(
        ended, environment, forecaster.notes, tuple(warning_notes(warned)), name, forecaster.is_reused
    )


def check_weights(planned: PlannedCell) -> None:
    """Raise BadInput if the weights of a cell are not those of its key."""
    if planned.spec.has_changed_weights or planned.has_changed_contents:
        raise BadInput(f"the weights of forecaster {planned.title!r} changed since this run began; run it again")


def attempt_cell(action: Callable[[], T], killed: str, *, is_in_worker: bool) -> T | Failure:
    """What the action returns for a cell, or the failure that is its result; raises what is no result.

    `killed` is the text of the ProcessKilled that each earlier try raised: if it is raised again, it is a result.
    """
    result = attempt(action)
    error = result.error if isinstance(result, Failure) else None
    if isinstance(error, ProcessKilled) and str(error) == killed:
        return Failure(ForecasterError(f"{error}, in each of {TRIES + 1} tries", "crashed"))
    if isinstance(error, BadInput | DataUnavailable | InfrastructureFault):
        raise error
    if is_in_worker and error is not None and not isinstance(error, HarnessError):
        raise unexpected(error) from error  # what a worker's forecaster raises is told as one of ours
    return result
