"""The training overlap of a forecaster with the tasks of a board, by dataset and by date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.evaluation.run import Run
from harness.results.stored_plan import StoredPlan
from harness.results.training import Period, Training


def task_periods(plan: StoredPlan, runs: Mapping[str, Run | None]) -> dict[str, Period]:
    """The times of the first and last forecast step of each task, where a run has them."""
    periods: dict[str, Period] = {}
    for cell in plan.cells:
        run = runs[cell.key]
        if run is not None and run.period is not None:
            periods[cell.task] = run.period
    return periods


def overlap_fields(forecaster: str, plan: StoredPlan, periods: Mapping[str, Period]) -> dict[str, Any]:
    """The fields of a row on its training overlap.

    A dataset whose values were used only up to a date before the first forecast step is no overlap by dataset.
    """
    whole, training = plan.training_overlap.get(forecaster, ()), plan.training.get(forecaster)
    if training is None:
        return {"training_overlap": whole}
    earlier = {task: date for task, date in training.earlier.items() if training.is_earlier(task, periods.get(task))}
    by_dataset = {*whole, *(task for task in training.earlier if task not in earlier)}
    by_date = _date_overlaps(plan, training, periods)
    return {
        "training_overlap": tuple(task for task in plan.tasks if task in by_dataset),
        "date_overlap": tuple(task for task, overlaps in by_date.items() if overlaps),
        "date_overlap_unknown": tuple(task for task, overlaps in by_date.items() if overlaps is None),
        "earlier_training": earlier,
        "trained_until": training.until or "",
        "selected_on": training.selected_on,
    }


def _date_overlaps(plan: StoredPlan, training: Training, periods: Mapping[str, Period]) -> dict[str, bool | None]:
    """By task: whether the training data reaches its first forecast step; None where that is unknown."""
    return {task: training.overlaps_by_date(periods.get(task)) for task in plan.tasks}
