"""Evidence → standings: how a board came out, by any metric, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.ranking.error_table import Aggregates, ErrorTable, TaskErrors
from harness.analysis.ranking.significance import Bootstrap, bootstrap, confidence, intervals, significance
from harness.analysis.ranking.units import Units, unit_sums
from harness.analysis.task_scores import TaskScores, task_scores
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.run import Run, Status
from harness.results.board_results import BoardResults
from harness.results.standings import Row, Significance, Standings, close_to_next
from harness.results.stored_plan import StoredCell, StoredPlan

TIED = 0.05  # with a larger p-value a forecaster is in the confidence set
Place = tuple[str, str]  # forecaster, task


@dataclass(frozen=True, eq=False)
class Scores:
    """What each forecaster scored on each task, by seed."""

    metric: Metric
    cells: Mapping[Place, tuple[StoredCell, ...]]
    by_seed: Mapping[Place, tuple[float, ...]]
    levels: Mapping[str, tuple[float, ...]]  # quantile levels by task

    def mean(self, place: Place) -> float:
        """The mean over seeds; NaN if one has no score."""
        return _mean(self.by_seed.get(place, ()))

    def spread(self, place: Place) -> float:
        """The standard deviation over seeds."""
        return _deviation(self.by_seed.get(place, ()))

    def distances(self, place: Place) -> list[float]:
        """How far from the best each seed is: biases of opposite sign must not cancel."""
        levels = self.levels[place[1]]
        return [
            score if math.isnan(score) else self.metric.distance(score, levels) for score in self.by_seed.get(place, ())
        ]


def compute_standings(
    results: BoardResults, metric: Metric, *, metrics: Iterable[Metric] = METRICS, completed_only: bool = False
) -> Standings:
    """The standings of a board by any metric; `metrics` are all whose scores may be in the runs.

    A cell without a result counts as the worst completed one of its task, never better than the baseline nor
    than the forecaster's own worst; so does a window within its cell, as the worst completed one. With
    `completed_only` they do not count. Who completed nothing comes last; who was not tried on all tasks has no
    place yet. Tasks on which the baseline has no result do not count, and a note says so.
    """
    plan, runs = results.plan, results.runs
    sheets = {task: task_scores(task, results, metric, impute=not completed_only) for task in plan.tasks}
    scores = _scores(results, sheets, metric)
    counted, notes = [], []
    for task in plan.tasks:
        if math.isnan(scores.mean((plan.baseline, task))):
            notes.append(f"{task} does not count: the baseline {plan.baseline} has no {metric.name} there")
        else:
            counted.append(task)
    placed = [one for one in plan.forecasters if one == plan.baseline or _tried(one, plan, runs)]
    in_units = {known.name for known in (*metrics, metric) if known.in_units}
    rows = [_row(one, results, scores, in_units) for one in plan.forecasters]
    table = _ring(counted, placed, results, sheets, scores, metric, impute=not completed_only)
    drawing = bootstrap(table)
    ranked = _ranked(_with_figures(rows, placed, table, drawing))
    notes += _left_out(plan, runs)
    unfinished = sum(run is None for run in runs.values())
    if unfinished:
        notes.append(f"{unfinished} of {len(runs)} cells are not run yet")
    done = [run for run in runs.values() if run is not None]
    return Standings(
        plan.name,
        plan.title,
        metric.name,
        plan.baseline,
        plan.tasks,
        ranked,
        tuple(notes),
        dict(plan.unavailable),
        metric.best == "lowest" and plan.generation,
        plan.description.strip(),
        completed_only,
        _significance(table, drawing, placed, ranked),
        _machines(done),
        max((run.finished for run in done), default=""),
        drawing if isinstance(drawing, str) else "",
    )


def _scores(results: BoardResults, sheets: Mapping[str, TaskScores], metric: Metric) -> Scores:
    cells: dict[Place, list[StoredCell]] = {}
    for one in results.plan.cells:
        cells.setdefault((one.forecaster, one.task), []).append(one)
    known = {
        cell.key: score for sheet in sheets.values() for cell, score in zip(sheet.cells, sheet.scores, strict=True)
    }
    by_seed = {place: tuple(known.get(one.key, math.nan) for one in mine) for place, mine in cells.items()}
    levels = {}
    for task, sheet in sheets.items():
        run = results.runs[sheet.cells[0].key] if sheet.cells else None
        levels[task] = () if run is None else run.cell.task.quantile_levels
    return Scores(metric, {place: tuple(mine) for place, mine in cells.items()}, by_seed, levels)


def _ring(
    counted: Sequence[str],
    placed: Sequence[str],
    results: BoardResults,
    sheets: Mapping[str, TaskScores],
    scores: Scores,
    metric: Metric,
    impute: bool,
) -> ErrorTable:
    """The tasks that count, in arrays over the forecasters that have a place."""
    tasks, places = [], {one: i for i, one in enumerate(placed)}
    for task in counted:
        sheet, units, sums = sheets[task].scored(places), None, None
        run = results.runs[sheet.cells[0].key]
        assert run is not None
        if sheet.terms is not None and sheet.actuals is not None and impute:
            units = Units.of(sheet.actuals, run.cell.task)
            sums = unit_sums(metric, sheet.terms, sheet.actuals, units).counted
        apart = np.array([_mean(scores.distances((one, task))) for one in placed])
        owners = np.array([places[cell.forecaster] for cell in sheet.cells])
        tasks.append(TaskErrors(task, run.cell.task.dataset, apart, owners, scores.levels[task], units, sums))
    baseline = places.get(results.plan.baseline, 0)
    return ErrorTable(tuple(tasks), baseline, results.plan.clip, metric, impute)


def _row(title: str, results: BoardResults, scores: Scores, in_units: Collection[str]) -> Row:
    """What is known of a forecaster by itself; its place among the others comes later."""
    plan, runs = results.plan, results.runs
    places = [(one.task, runs[one.key]) for one in plan.by_forecaster.get(title, ())]
    known = [run for _, run in places if run is not None]
    done = [run for run in known if run.status is Status.COMPLETED]
    lost = [run.status.value if run is not None else "not run" for _, run in places]
    lost = [status for status in lost if status != Status.COMPLETED]
    seeds = max((len(scores.cells[title, task]) for task in plan.tasks if (title, task) in scores.cells), default=1)
    names = dict.fromkeys(name for run in done for name in run.scores)
    if len(plan.tasks) > 1:  # a mean over tasks of different units is meaningless
        names = {name: None for name in names if name not in in_units}
    return Row(
        forecaster=title,
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
        skill_std=_spread_of_skill(title, plan, scores),
        close_to_next=False,
        scores={task: scores.mean((title, task)) for task in plan.tasks},
        score_stds={task: scores.spread((title, task)) for task in plan.tasks},
        metrics={name: _mean([run.scores[name] for run in done if name in run.scores]) for name in names},
        fit_seconds=sum(run.costs.fit_seconds for run in known) / seeds if done else math.nan,
        predict_seconds=sum(run.costs.predict_seconds for run in known) / seeds if done else math.nan,
        windows=round(sum(run.windows for run in done) / seeds),
        completed=len(done),
        missing={status: lost.count(status) for status in sorted(set(lost))},
        failed_windows=sum(len(run.window_failures) for run in done),
        reasons=_reasons([(task, run) for task, run in places if run is not None]),
        training_overlap=plan.training_overlap.get(title, ()),
    )


def _spread_of_skill(title: str, plan: StoredPlan, scores: Scores) -> float:
    """The standard deviation of a forecaster's skill over its seeds, on the tasks that all of them completed."""
    seeds: list[list[float]] = []
    for task in plan.tasks:
        base = _mean(scores.distances((plan.baseline, task)))
        mine = scores.distances((title, task))
        if len(mine) < 2 or math.isnan(base) or base == 0 or any(math.isnan(one) for one in mine):
            continue
        low, high = plan.clip
        seeds.append([math.log(min(max(one / base, low), high)) for one in mine])
    if not seeds or len({len(one) for one in seeds}) > 1:
        return math.nan
    return _deviation([1 - math.exp(_mean(one)) for one in zip(*seeds, strict=True)])


def _with_figures(rows: Sequence[Row], placed: Sequence[str], table: ErrorTable, drawing: Bootstrap | str) -> list[Row]:
    if not table.tasks:
        return list(rows)
    figures = Aggregates.of(table, table.errors) if isinstance(drawing, str) else drawing.estimates
    ends = {} if isinstance(drawing, str) else intervals(drawing)
    sure = None if isinstance(drawing, str) else confidence(table, drawing)
    whole = {row.forecaster for row in rows if not row.missing}  # who lacks a result may be worse than anybody
    chances = [] if sure is None else zip(placed, sure.tolist(), strict=True)
    best = [one for one, p in chances if p > TIED and one in whole]
    found = []
    for row in rows:
        if row.forecaster not in placed:
            found.append(row)
            continue
        i = placed.index(row.forecaster)
        error = math.exp(figures.logs[i])
        found.append(
            replace(
                row,
                skill=1 - error,
                relative_error=error,
                win_rate=float(figures.win_rates[i]),
                mean_rank=float(figures.mean_ranks[i]),
                median_relative_error=float(figures.medians[i]),
                intervals={name: (float(low[i]), float(high[i])) for name, (low, high) in ends.items()}
                if row.completed
                else {},
                mcs_p_value=math.nan if sure is None or row.missing else float(sure[i]),
                tied_for_first=len(best) > 1 and row.forecaster in best,
            )
        )
    return found


def _significance(
    table: ErrorTable, drawing: Bootstrap | str, placed: Sequence[str], rows: Sequence[Row]
) -> Significance | None:
    if isinstance(drawing, str) or len(placed) < 2:
        return None
    order = np.array([placed.index(row.forecaster) for row in rows if row.forecaster in placed])
    return significance(table, drawing, placed, order)


def _machines(done: Iterable[Run]) -> tuple[str, ...]:
    """The kinds of machines that the runs were made on; their names are nobody's business."""
    kinds = (run.provenance.get("machine", {}) for run in done)
    named = (f"{one['processor']}, {one['cores']} cores" for one in kinds if one.get("processor"))
    return tuple(dict.fromkeys(named))


def _tried(title: str, plan: StoredPlan, runs: Mapping[str, Run | None]) -> bool:
    """Whether all cells of a forecaster were run, whatever came of them."""
    return all(runs[one.key] is not None for one in plan.by_forecaster.get(title, ()))


def _reasons(places: Sequence[tuple[str, Run]]) -> tuple[str, ...]:
    """Why cells and windows are missing, each reason once, with the tasks where it was met."""
    tasks: dict[str, list[str]] = {}
    for task, run in places:
        reason = run.reason
        if run.status is Status.COMPLETED and run.window_failures:
            lost = f"{len(run.window_failures)} of {run.windows} windows failed"
            reason = f"{lost} and count as the worst completed ones; the first: {run.window_failures[0].reason}"
        if reason:
            tasks.setdefault(reason, []).append(task)
    return tuple(f"{', '.join(dict.fromkeys(mine))}: {reason}" for reason, mine in tasks.items())


def _left_out(plan: StoredPlan, runs: Mapping[str, Run | None]) -> list[str]:
    """Which windows of a task were not forecast by anybody, as its runs note."""
    notes: dict[str, list[str]] = {}
    for one in plan.cells:
        run = runs[one.key]
        if run is not None and one.task not in notes:
            notes[one.task] = [note for note in run.notes if "windows left out" in note]
    lines = []
    for task, mine in notes.items():
        lines += [f"{task}: {note}" for note in mine[:2]]
        if len(mine) > 2:
            lines.append(f"{task}: windows of {len(mine) - 2} more series were left out")
    return lines


def _ranked(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Best first; of equal errors those without failures; then who completed nothing; last who has no place."""

    def place_of(row: Row) -> tuple[bool, bool, float, bool]:
        unknown = math.isnan(row.relative_error)
        return unknown, not row.completed, 0.0 if unknown else row.relative_error, bool(row.missing)

    ranked: list[Row] = []
    for place, row in enumerate(sorted(rows, key=lambda row: (*place_of(row), row.forecaster)), start=1):
        tied = ranked and place_of(ranked[-1]) == place_of(row)
        ranked.append(replace(row, rank=ranked[-1].rank if tied else place))
    return close_to_next(ranked)


def _mean(values: Sequence[float]) -> float:
    if any(math.isinf(value) for value in values):
        return math.inf
    return math.fsum(values) / len(values) if values else math.nan


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
