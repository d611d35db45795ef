"""A forecaster's row of the standings, without what depends on the other forecasters."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from harness.analysis.ranking.overlap import overlap_fields
from harness.analysis.ranking.scores import Scores, mean, std
from harness.evaluation.run import Run, Status
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
) -> Row:
    """The row; metrics `in_units` of the data are not averaged over several tasks, whose units differ.

    `periods` has the times of the first and last forecast step of each task with a calendar. A completed cell whose
    forecasts lack what the board's metric needs counts as unsupported; `unsupported` has the reasons by key.
    """
    plan = results.plan
    runs = {key: _unsupported(run, unsupported.get(key, "")) for key, run in results.runs.items()}
    cells = [(cell.task, runs[cell.key]) for cell in plan.by_forecaster.get(name, ())]
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
    )


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
    """Why cells and windows failed, each reason once, with its tasks."""
    tasks: dict[str, list[str]] = {}
    for task, run in runs:
        reason = run.reason
        if run.status is Status.COMPLETED and run.window_failures:
            failed = f"{len(run.window_failures)} of {run.windows} windows failed"
            reason = f"{failed} and are scored as the worst completed ones; the first: {run.window_failures[0].reason}"
        if reason:
            tasks.setdefault(reason, []).append(task)
    return tuple(f"{', '.join(dict.fromkeys(names))}: {reason}" for reason, names in tasks.items())
