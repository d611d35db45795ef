"""The pending cells of boards, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.boards.limits import widest
from harness.boards.planning import BoardPlan, PlannedCell
from harness.evaluation.run import Status
from harness.results.journal import Journal


def pending_cells(
    plans: Iterable[BoardPlan],
    journal: Journal,
    *,
    rerun: bool = False,
    retry_failed: bool = False,
    strict: bool = False,
) -> list[PlannedCell]:
    """The cells to be run, each once though several boards have it.

    With `strict`, cells whose run is not a strict one are among them, whatever its status.

    The baselines come first, without which there are no standings. Then those that are likely to take long, so that
    none of them runs alone at the end: models on heavy libraries before others, large datasets before small ones. Cells
    of forecasters with a pretrained model come before these, one forecaster after the other, so that few models are in
    memory at the same time.
    """
    plans = list(plans)
    pending: list[PlannedCell] = []
    completed: dict[tuple[str, int], list[PlannedCell]] = {}  # by data and task
    for cell in distinct_cells(plans):
        state = journal.state(cell.key)
        if rerun or _is_pending(state.status, retry_failed) or (strict and not state.strict):
            pending.append(replace(cell, recorded=state.recorded))
        elif state.status is Status.COMPLETED:
            completed.setdefault((cell.fingerprint, id(cell.cell.task)), []).append(
                replace(cell, recorded=state.recorded)
            )
    journal.save_index()
    written = {(cell.fingerprint, id(cell.cell.task)) for cell in pending}
    rest = [cells for task, cells in completed.items() if task not in written]  # a pending cell writes them as well
    pending += _cells_that_write_actuals(rest, journal)
    baselines = {cell.key for plan in plans for cell in plan.cells if cell.title == plan.board.baseline}
    return sorted(
        pending, key=lambda cell: (cell.key not in baselines, _model_order(cell), not cell.imports, -cell.size)
    )


def _model_order(cell: PlannedCell) -> tuple[bool, str]:
    """The forecasters whose cells share a model, one after the other, before all others."""
    return (False, cell.title) if cell.spec.reusable else (True, "")


def distinct_cells(plans: Iterable[BoardPlan]) -> list[PlannedCell]:
    """The cells of boards, each once, with the widest limits that a board gives it."""
    cells: dict[str, PlannedCell] = {}
    for plan in plans:
        for cell in plan.cells:
            known = cells.setdefault(cell.key, cell)
            if known.limits != cell.limits:
                cells[cell.key] = replace(known, limits=widest(known.limits, cell.limits))
    return list(cells.values())


def _is_pending(status: Status | None, retry_failed: bool) -> bool:
    return status is None or (retry_failed and status not in (Status.COMPLETED, Status.UNSUPPORTED))


def _cells_that_write_actuals(tasks: Iterable[Sequence[PlannedCell]], journal: Journal) -> Iterator[PlannedCell]:
    """Of each task whose actuals are lost or damaged one cell that writes them again, if possible a light one."""
    for cells in tasks:
        if not journal.has_actuals(cells[0].fingerprint, cells[0].cell.task):
            yield min(cells, key=lambda cell: bool(cell.imports))
