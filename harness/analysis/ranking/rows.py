"""A forecaster's row of the standings, without what depends on the other forecasters."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from harness.analysis.ranking.overlap import overlap_fields
from harness.analysis.ranking.scores import Scores, mean, std
from harness.evaluation.notes import DEGENERATE, NO_ERROR
from harness.evaluation.run import Run, Status, explained
from harness.results.board_results import BoardResults
from harness.results.standings import Row
from harness.results.stored_plan import StoredPlan
from harness.results.training import Period


def forecaster_row(
    name: str,
    results: BoardResults,
    scores: Scores,
    in_units: Container[str],
    periods: Mapping[str, Period],
    unsupported: Mapping[str, str],
    *,
    scores_quantiles: bool = False,
) -> Row:
    """The row; metrics `in_units` of the data are not averaged over several tasks, whose units differ.

    `periods` has the times of the first and last forecast step of each task with a calendar. A completed cell whose
    forecasts lack what the board's metric needs counts as unsupported; `unsupported` has the reasons by key.
    `scores_quantiles` tells whether the board's metric scores quantiles.
    """
    plan = results.plan
    cells = [
        (cell.task, _unsupported(results.runs[cell.key], unsupported.get(cell.key, "")))
        for cell in plan.by_forecaster.get(name, ())
    ]
    known = [run for _, run in cells if run is not None]
    done = [run for run in known if run.status is Status.COMPLETED]
    statuses = [run.status.value if run is not None else "not run" for _, run in cells]
    missing = [status for status in statuses if status != Status.COMPLETED]
    seeds = max((len(scores.cells[name, task]) for task in plan.tasks if (name, task) in scores.cells), default=1)
    metrics = dict.fromkeys(metric for run in done for metric in run.scores)
    metrics = {metric: None for metric in metrics if len(plan.tasks) == 1 or metric not in in_units}
    return Row(
        forecaster=name,
        rank=0,
        skill=math.nan,
        relative_error=math.nan,
        win_rate=math.nan,
        mean_rank=math.nan,
        median_relative_error=math.nan,
        intervals={},
        mcs_p_value=math.nan,
        tied_for_first=False,
        seeds=seeds,
        skill_std=_skill_std(name, plan, scores),
        close_to_next=False,
        scores={task: scores.mean(name, task) for task in plan.tasks},
        score_stds={task: scores.std(name, task) for task in plan.tasks},
        metrics={metric: mean([run.scores[metric] for run in done if metric in run.scores]) for metric in metrics},
        fit_seconds=sum(run.costs.fit_seconds for run in known) / seeds if done else math.nan,
        predict_seconds=sum(run.costs.predict_seconds for run in known) / seeds if done else math.nan,
        windows=round(sum(run.windows for run in done) / seeds),
        completed=len(done),
        missing={status: missing.count(status) for status in sorted(set(missing))},
        failed_windows=sum(len(run.window_failures) for run in done),
        reasons=_failure_reasons([(task, run) for task, run in cells if run is not None]),
        **overlap_fields(name, plan, periods),
        pool=plan.pools.get(name),
        strict=bool(done) and all(run.strict for run in done),
        batch_differences=_batch_differences(cells),
        ignored_covariates={
            task: run.ignored_covariates for task, run in cells if run is not None and run.ignored_covariates
        },
        degenerate_quantiles=_tasks_with(DEGENERATE, cells) if scores_quantiles else (),
        exact_forecasts=_tasks_with(NO_ERROR, cells),
    )


def _tasks_with(note: str, cells: Sequence[tuple[str, Run | None]]) -> tuple[str, ...]:
    """The tasks of runs with a note, each once."""
    return tuple(dict.fromkeys(task for task, run in cells if run is not None and note in run.notes))


def _batch_differences(cells: Sequence[tuple[str, Run | None]]) -> dict[str, float]:
    """By task, the largest difference of forecasts in other batches over seeds, where there is any."""
    found: dict[str, float] = {}
    for task, run in cells:
        if run is not None and run.status is Status.COMPLETED and run.batch_difference is not None:
            found[task] = max(run.batch_difference, found.get(task, 0.0))
    return found


def _unsupported(run: Run | None, reason: str) -> Run | None:
    """The run, with the status of an unsupported one where there is a reason."""
    return replace(run, status=Status.UNSUPPORTED, reason=reason) if run is not None and reason else run


def _skill_std(name: str, plan: StoredPlan, scores: Scores) -> float:
    """The standard deviation of a forecaster's skill over its seeds, on the tasks that all of them completed."""
    logs: list[list[float]] = []
    for task in plan.tasks:
        base, errors = mean(scores.distances(plan.baseline, task)), scores.distances(name, task)
        if len(errors) < 2 or math.isnan(base) or base == 0 or any(math.isnan(error) for error in errors):
            continue
        low, high = plan.clip
        logs.append([math.log(min(max(error / base, low), high)) for error in errors])
    if not logs or len({len(seeds) for seeds in logs}) > 1:
        return math.nan
    return std([1 - math.exp(mean(tasks)) for tasks in zip(*logs, strict=True)])


def _failure_reasons(runs: Sequence[tuple[str, Run]]) -> tuple[str, ...]:
    """Why cells and windows failed, each reason once, with its tasks.

    Reasons that differ in windows and shapes alone are one; it is given as on the first task.
    """
    reasons: dict[str, dict[str, str]] = {}
    for task, run in runs:
        if reason := _failure_reason(run):
            reasons.setdefault(_without_details(reason), {}).setdefault(task, reason)
    return tuple(map(_with_tasks, reasons.values()))


def _failure_reason(run: Run) -> str:
    """Why a cell, or the first of its windows, failed; empty if none did."""
    if run.status is Status.COMPLETED and run.window_failures:
        failed = f"{len(run.window_failures)} of {run.windows} windows failed"
        return f"{failed} and are imputed; the first: {run.window_failures[0].explanation}"
    return explained(run.reason, run.place)


def _without_details(reason: str) -> str:
    """A reason without the name of a window and without shapes."""
    return re.sub(r"\(\d+(, ?\d+)*,?\)", "()", re.sub(r"series .*? at cutoff \d+", "", reason))


def _with_tasks(reasons: Mapping[str, str]) -> str:
    """A reason by task, as a sentence."""
    first, text = next(iter(reasons.items()))
    details = f" (details of {first})" if len(set(reasons.values())) > 1 else ""
    return f"{', '.join(reasons)}: {text}{details}"
