"""Results of a board → standings: scores by any metric, their intervals, and ranks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.analysis.ranking.bootstrap import Bootstrap, bootstrap
from harness.analysis.ranking.error_table import Aggregates, ErrorTable, TaskErrors
from harness.analysis.ranking.overlap import task_periods
from harness.analysis.ranking.rounding import without_rounding
from harness.analysis.ranking.rows import forecaster_row
from harness.analysis.ranking.scores import Scores, mean, seed_scores
from harness.analysis.ranking.significance import intervals, mcs_p_values, significance
from harness.analysis.ranking.units import Units, known_windows, unit_sums
from harness.analysis.task_scores import TaskScores, task_scores
from harness.errors import BadInput, InvalidMetric
from harness.evaluation.metrics import FORMER_NAMES, METRICS, Metric
from harness.evaluation.run import Run
from harness.evaluation.scoring import Terms, applies
from harness.plugins.installation import left_out_lines, not_installed_text
from harness.results.board_results import BoardResults
from harness.results.provenance import machine_kind
from harness.results.standings import Row, Significance, Standings, close_to_next, pending_note
from harness.results.stored_plan import StoredPlan

MCS_LEVEL = 0.05  # with a larger p-value a forecaster is in the model confidence set


def compute_standings(
    results: BoardResults, metric: Metric, *, metrics: Iterable[Metric] = METRICS, completed_only: bool = False
) -> Standings:
    """The standings of a board by any metric.

    A cell without a result is scored as the median of its task among `ErrorTable.donors`, never better than the
    baseline nor than the forecaster's own worst; a failed window within its cell never better than the baseline's. With
    `completed_only` they are ignored. Forecasters without a score come last; those with pending cells are
    not ranked yet. Tasks on which the baseline has no result are ignored, and a note names them. Of other metrics
    a row has the mean over tasks; `metrics`, the catalog's, say which are in units of the data and have none.
    Raises InvalidMetric where no task can be ranked because the metric raises on the stored forecasts, and BadInput
    where none can because the tasks ask for too few quantile levels, or have targets of another kind.
    """
    plan, runs, metrics = results.plan, results.runs, tuple(metrics)
    by_task = {task: task_scores(task, results, metric, impute=not completed_only) for task in plan.tasks}
    scores = seed_scores(results, by_task, metric)
    tasks = [task for task in plan.tasks if not math.isnan(scores.mean(plan.baseline, task))]
    invalid = [reason for of_task in by_task.values() for reason in of_task.invalid.values()]
    if invalid and not tasks:
        raise InvalidMetric(f"board {plan.name!r} cannot be ranked by {metric.name}: {invalid[0]}")
    lacking = _tasks_without_levels(plan, runs, metric, tasks)
    if lacking and not tasks and all(runs[cell.key] is None for cell in plan.cells if cell.task not in lacking):
        raise BadInput(
            f"board {plan.name!r} cannot be ranked by {metric.name}, which {metric.requirement}; its tasks ask for "
            f"{' or '.join(dict.fromkeys(lacking.values()))}"
        )
    if not tasks and not lacking and any(not of_task.applies for of_task in by_task.values()):
        raise BadInput(f"board {plan.name!r} cannot be ranked by {metric.name}, which needs {metric.targets}")
    ranked = [name for name in plan.forecasters if name == plan.baseline or not _has_pending_cells(name, plan, runs)]
    table = _error_table(tasks, ranked, results, by_task, scores, impute=not completed_only)
    replicates = bootstrap(table)
    in_units = {known.name for known in (*metrics, metric) if known.in_units}
    in_units |= FORMER_NAMES.keys() - {known.name for known in metrics}
    unsupported = {key: reason for of_task in by_task.values() for key, reason in of_task.unsupported.items()}
    periods = task_periods(plan, runs)
    quantiles = metric.functional == "quantiles"
    rows = [
        forecaster_row(name, results, scores, in_units, periods, unsupported, scores_quantiles=quantiles)
        for name in plan.forecasters
    ]
    ordered = _rank_rows(_with_aggregates(rows, ranked, table, replicates))
    done = [run for run in runs.values() if run is not None]
    return Standings(
        plan.name,
        plan.title,
        metric.name,
        plan.baseline,
        plan.tasks,
        close_to_next(ordered),
        (*_notes(results, metric, tasks, lacking), *_invalid_notes(by_task, metric)),
        dict(plan.unavailable),
        metric.best == "lowest" and plan.generation,
        plan.description.strip(),
        completed_only,
        _significance(table, replicates, ranked, ordered),
        _machines(done),
        max((run.finished for run in done), default=""),
        replicates if isinstance(replicates, str) else "",
        best=metric.best,
        rounding=_rounding_scores(table, ranked, scores),
    )


def _error_table(
    tasks: Sequence[str],
    ranked: Sequence[str],
    results: BoardResults,
    by_task: Mapping[str, TaskScores],
    scores: Scores,
    impute: bool,
) -> ErrorTable:
    """The tasks with a score of the baseline, over the ranked forecasters."""
    positions = {name: i for i, name in enumerate(ranked)}
    errors = [_task_errors(by_task[task].select(positions), positions, results, scores, impute) for task in tasks]
    return ErrorTable(tuple(errors), positions.get(results.plan.baseline, 0), results.plan.clip, scores.metric, impute)


def _task_errors(
    task: TaskScores, positions: Mapping[str, int], results: BoardResults, scores: Scores, impute: bool
) -> TaskErrors:
    run = results.runs[task.cells[0].key]
    assert run is not None
    distances = np.array([mean(scores.distances(name, task.task)) for name in positions])
    owners = np.array([positions[cell.forecaster] for cell in task.cells])
    levels, source = scores.levels[task.task], run.cell.task.dataset
    if task.terms is not None and task.actuals is not None:
        terms, distances = without_rounding(scores.metric, task.terms, task.actuals, distances)
        task = replace(task, terms=terms)
    known = None if task.terms is None else known_windows(task.terms)
    if task.terms is None or task.actuals is None or known is None or not known.any() or not impute:
        return TaskErrors(task.task, source, distances, owners, levels, None, None)
    terms = Terms(task.terms.numerators[:, known], task.terms.denominators[:, known])
    units = Units.of(task.actuals, run.cell.task, known)
    return TaskErrors(
        task.task, source, distances, owners, levels, units, unit_sums(scores.metric, terms, units), terms
    )


def _rounding_scores(table: ErrorTable, ranked: Sequence[str], scores: Scores) -> dict[str, float]:
    """The score that is rounding, by task, of tasks where a score below it was raised to it."""
    levels = {}
    for task in table.tasks:
        own = np.array([mean(scores.distances(name, task.task)) for name in ranked])
        raised = task.distances[task.distances > own]
        if len(raised):
            levels[task.task] = float(raised[0])
    return levels


def _with_aggregates(
    rows: Sequence[Row], ranked: Sequence[str], table: ErrorTable, replicates: Bootstrap | str
) -> list[Row]:
    """The rows with aggregate scores, their intervals and p-values, where a forecaster is ranked."""
    if not table.tasks:
        return list(rows)
    aggregates = Aggregates.of(table, table.errors) if isinstance(replicates, str) else replicates.estimates
    ends = {} if isinstance(replicates, str) else intervals(replicates, table.baseline)
    p_values = None if isinstance(replicates, str) else mcs_p_values(table, replicates)
    best = _confidence_set(rows, ranked, [] if p_values is None else p_values.tolist())
    positions = {name: i for i, name in enumerate(ranked)}
    completed = []
    for row in rows:
        if row.forecaster not in positions:
            completed.append(row)
            continue
        i = positions[row.forecaster]
        error = math.exp(aggregates.logs[i])
        completed.append(
            replace(
                row,
                skill=1 - error,
                relative_error=error,
                win_rate=float(aggregates.win_rates[i]),
                mean_rank=float(aggregates.mean_ranks[i]),
                median_relative_error=float(aggregates.medians[i]),
                intervals={name: (float(low[i]), float(high[i])) for name, (low, high) in ends.items()}
                if row.has_score
                else {},
                mcs_p_value=math.nan if p_values is None or row.missing else float(p_values[i]),
                tied_for_first=len(best) > 1 and row.forecaster in best,
            )
        )
    return completed


def _confidence_set(rows: Sequence[Row], ranked: Sequence[str], p_values: Sequence[float]) -> set[str]:
    """The forecasters in the model confidence set; one with failed results is not, as its true errors are unknown."""
    complete = {row.forecaster for row in rows if not row.missing}
    pairs = zip(ranked, p_values, strict=True) if p_values else ()
    return {name for name, p_value in pairs if p_value > MCS_LEVEL and name in complete}


def _significance(
    table: ErrorTable, replicates: Bootstrap | str, ranked: Sequence[str], rows: Sequence[Row]
) -> Significance | None:
    if isinstance(replicates, str) or len(ranked) < 2:
        return None
    positions = {name: i for i, name in enumerate(ranked)}
    order = np.array([positions[row.forecaster] for row in rows if row.forecaster in positions])
    return significance(table, replicates, ranked, order)


def _machines(done: Iterable[Run]) -> tuple[str, ...]:
    """The kinds of machines that the runs were made on, without their names, which are private."""
    return tuple(dict.fromkeys(filter(None, (machine_kind(run.provenance) for run in done))))


def _has_pending_cells(name: str, plan: StoredPlan, runs: Mapping[str, Run | None]) -> bool:
    return any(runs[cell.key] is None for cell in plan.by_forecaster.get(name, ()))


def _tasks_without_levels(
    plan: StoredPlan, runs: Mapping[str, Run | None], metric: Metric, tasks: Sequence[str]
) -> dict[str, str]:
    """The tasks without scores that ask for too few quantile levels for the metric, and how many they ask for."""
    lacking = {}
    for cell in plan.cells:
        run = runs[cell.key]
        if run is not None and cell.task not in tasks and not applies(metric, run.cell.task.quantile_levels):
            lacking[cell.task] = "one" if run.cell.task.quantile_levels else "none"
    return lacking


def _notes(results: BoardResults, metric: Metric, tasks: Sequence[str], lacking: Mapping[str, str]) -> list[str]:
    """Which tasks and windows are ignored, and how many cells are pending."""
    plan, runs = results.plan, results.runs
    notes = [
        f"{task} is ignored: {metric.name} {metric.requirement}, and the task asks for {lacking[task]}"
        if task in lacking
        else f"{task} is ignored: the baseline {plan.baseline} has no {metric.name} there"
        for task in plan.tasks
        if task not in tasks
    ]
    notes += _left_out_notes(plan, runs)
    if plan.not_installed:
        notes.append(not_installed_text(plan.not_installed))
    notes += left_out_lines(plan.left_out)
    if plan.only_pools:
        notes.append(
            f"ranked are the forecasters of pool {' or '.join(plan.only_pools)} and the baseline {plan.baseline}"
        )
    lacking_runs = [key for key, run in runs.items() if run is None]
    pending = [key for key in lacking_runs if key in results.selected]
    not_selected = len(lacking_runs) - len(pending)
    return [*notes, pending_note(len(pending), len(runs), not_selected)] if lacking_runs else notes


def _invalid_notes(by_task: Mapping[str, TaskScores], metric: Metric) -> list[str]:
    """Which forecasters have no score because the metric raises on their forecasts."""
    return [
        f"{cell.forecaster} has no {metric.name} on {task}: {of_task.invalid[cell.key]}"
        for task, of_task in by_task.items()
        for cell in of_task.cells
        if cell.key in of_task.invalid and cell.key not in of_task.unsupported  # these are among the row's reasons
    ]


def _left_out_notes(plan: StoredPlan, runs: Mapping[str, Run | None]) -> list[str]:
    """Which windows of a task no forecaster had to forecast, as its runs note."""
    notes: dict[str, list[str]] = {}
    for cell in plan.cells:
        run = runs[cell.key]
        if run is not None and cell.task not in notes:
            notes[cell.task] = [note for note in run.notes if "windows left out" in note]
    lines = []
    for task, of_task in notes.items():
        lines += [note if note.startswith(f"{task}: ") else f"{task}: {note}" for note in of_task[:2]]
        if len(of_task) > 2:
            lines.append(f"{task}: windows of {len(of_task) - 2} more series were left out")
    return lines


def _rank_rows(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with ranks, best first.

    Of equal errors those without failures come first; then those without a score; last those not ranked.
    """

    def sort_key(row: Row) -> tuple[bool, bool, float, bool]:
        unknown = math.isnan(row.relative_error)
        return unknown, not row.has_score, 0.0 if unknown else row.relative_error, bool(row.missing)

    ordered: list[Row] = []
    for position, row in enumerate(sorted(rows, key=lambda row: (*sort_key(row), row.forecaster)), start=1):
        tied = ordered and sort_key(ordered[-1]) == sort_key(row)
        ordered.append(replace(row, rank=ordered[-1].rank if tied else position))
    return tuple(ordered)
