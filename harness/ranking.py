"""Scores → standings: how a board came out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.campaign import Campaign, PlannedCell, board_folder
from harness.imputation import scores_of_task
from harness.journal import Journal, read_json, write_json
from harness.metrics import Metric
from harness.protocols import Generation
from harness.run import Run, Status

SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """One forecaster's place on a board."""

    forecaster: str
    rank: int
    skill: float  # 1 − the geometric mean of its errors relative to the baseline's
    relative_error: float  # that mean
    scores: Mapping[str, float]  # by task, of the board's metric, mean over seeds; NaN where it has none
    metrics: Mapping[str, float]  # by metric, mean over the tasks it completed
    fit_seconds: float  # sum over tasks, mean over seeds
    predict_seconds: float
    completed: int  # cells
    missing: Mapping[str, int]  # cells by status, "not run" among them
    failed_windows: int
    reasons: tuple[str, ...] = ()  # why cells are missing


@dataclass(frozen=True)
class Standings:
    """A board's rows, best first, and what their reader should know."""

    board: str
    title: str
    metric: str
    baseline: str
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    logarithmic: bool = False  # errors are shown as log10

    def to_json(self) -> dict[str, Any]:
        """The standings as JSON values; what is not a number is null."""
        return {"schema": SCHEMA, **_without_nan(asdict(self))}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Standings:
        """The standings that `to_json` wrote."""
        known = {name: value for name, value in fields.items() if name != "schema"}
        rows = tuple(
            Row(
                **{
                    **row,
                    "skill": _number(row["skill"]),
                    "relative_error": _number(row["relative_error"]),
                    "scores": {name: _number(value) for name, value in row["scores"].items()},
                    "metrics": {name: _number(value) for name, value in row["metrics"].items()},
                    "reasons": tuple(row["reasons"]),
                }
            )
            for row in known["rows"]
        )
        return cls(**{**known, "tasks": tuple(known["tasks"]), "rows": rows, "notes": tuple(known["notes"])})

    def save(self, home: Path) -> None:
        """Store them beside the board's plan."""
        write_json(board_folder(home, self.board) / "standings.json", self.to_json())


def stored_standings(home: Path, board: str) -> Standings | None:
    """The standings as they were last computed, None if they never were."""
    fields = read_json(board_folder(home, board) / "standings.json")
    return Standings.from_json(fields) if fields is not None and fields.get("schema") == SCHEMA else None


def standings(campaign: Campaign, journal: Journal, metric: Metric, *, completed_only: bool = False) -> Standings:
    """The standings of a board from its journal, by any metric.

    A cell without a result counts as the worst completed one of its task and never better than the
    baseline, and so does a window within its cell; with `completed_only` they do not count. Who did not
    run at all has no place yet. Tasks on which the baseline has no result do not count, and a note says so.
    """
    runs = {one.key: journal.read(one.key) for one in campaign.cells}
    tasks = list(dict.fromkeys(one.task for one in campaign.cells))
    cells: dict[tuple[str, str], list[PlannedCell]] = {}
    for one in campaign.cells:
        cells.setdefault((one.title, one.task), []).append(one)
    found: dict[str, float] = {}
    for task in tasks:
        mine = [one for one in campaign.cells if one.task == task]
        found |= scores_of_task(mine, runs, metric, journal, impute=not completed_only)
    by_seed = {place: [found.get(one.key, math.nan) for one in mine] for place, mine in cells.items()}
    scores = {place: _mean(values) for place, values in by_seed.items()}
    ranked, notes = [], []
    for task in tasks:
        base = scores[campaign.board.baseline, task]
        if math.isnan(base):
            notes.append(f"{task} does not count: the baseline {campaign.board.baseline} has no {metric.name} there")
        else:
            ranked.append(task)
    distances = _distances(by_seed, cells, metric)
    relative = _relative_errors(distances, campaign, ranked, completed_only)
    for title in campaign.titles:
        if all(runs[one.key] is None for task in tasks for one in cells[title, task]):
            relative[title] = []
    rows = [_row(title, tasks, cells, runs, scores, relative[title]) for title in campaign.titles]
    unfinished = sum(run is None for run in runs.values())
    notes += _left_out(campaign, runs)
    if unfinished:
        notes.append(f"{unfinished} of {len(runs)} cells are not run yet")
    return Standings(
        campaign.name,
        campaign.board.title,
        metric.name,
        campaign.board.baseline,
        tuple(tasks),
        _ranked(rows),
        tuple(notes),
        dict(campaign.unavailable),
        metric.best == "lowest" and all(isinstance(task.protocol, Generation) for task in campaign.board.tasks),
    )


def _distances(
    by_seed: Mapping[tuple[str, str], Sequence[float]],
    cells: Mapping[tuple[str, str], Sequence[PlannedCell]],
    metric: Metric,
) -> dict[tuple[str, str], float]:
    """How far from the best, mean over seeds: biases of opposite sign must not cancel."""
    distances = {}
    for place, scores in by_seed.items():
        levels = cells[place][0].cell.task.quantile_levels
        known = not any(math.isnan(score) for score in scores)
        distances[place] = _mean([metric.distance(score, levels) for score in scores]) if known else math.nan
    return distances


def _relative_errors(
    distances: Mapping[tuple[str, str], float], campaign: Campaign, tasks: Sequence[str], completed_only: bool
) -> dict[str, list[float]]:
    """Each forecaster's errors relative to the baseline's, task by task."""
    low, high = campaign.board.clip
    relative: dict[str, list[float]] = {title: [] for title in campaign.titles}
    for task in tasks:
        base = distances[campaign.board.baseline, task]
        mine = {title: _ratio(distances[title, task], base) for title in campaign.titles}
        worst = max(1.0, *(value for value in mine.values() if not math.isnan(value)))
        for title, value in mine.items():
            if math.isnan(value) and completed_only:
                continue
            relative[title].append(min(max(worst if math.isnan(value) else value, low), high))
    return relative


def _ratio(error: float, base: float) -> float:
    if math.isnan(error):
        return math.nan
    if base == 0:
        return 1.0 if error == 0 else math.inf
    return error / base


def _row(
    title: str,
    tasks: Iterable[str],
    cells: Mapping[tuple[str, str], Sequence[PlannedCell]],
    runs: Mapping[str, Run | None],
    scores: Mapping[tuple[str, str], float],
    relative: Sequence[float],
) -> Row:
    places = [(task, runs[one.key]) for task in tasks for one in cells[title, task]]
    mine = [run for _, run in places]
    known = [run for run in mine if run is not None]
    done = [run for run in known if run.status is Status.COMPLETED]
    lost = [run.status.value if run is not None else "not run" for run in mine]
    lost = [status for status in lost if status != Status.COMPLETED]
    seeds = max((len(cells[title, task]) for task in tasks), default=1)
    error = math.exp(_mean([math.log(value) for value in relative])) if relative else math.nan
    names = dict.fromkeys(name for run in done for name in run.scores)
    return Row(
        forecaster=title,
        rank=0,
        skill=1 - error,
        relative_error=error,
        scores={task: scores[title, task] for task in tasks},
        metrics={name: _mean([run.scores[name] for run in done if name in run.scores]) for name in names},
        fit_seconds=sum(run.costs.fit_seconds for run in known) / seeds,
        predict_seconds=sum(run.costs.predict_seconds for run in known) / seeds,
        completed=len(done),
        missing={status: lost.count(status) for status in sorted(set(lost))},
        failed_windows=sum(len(run.window_failures) for run in done),
        reasons=_reasons([(task, run) for task, run in places if run is not None]),
    )


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


def _left_out(campaign: Campaign, runs: Mapping[str, Run | None]) -> list[str]:
    """Which windows of a task were not forecast by anybody, as its runs note."""
    notes: dict[str, list[str]] = {}
    for one in campaign.cells:
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
    """Best first; of equal errors those without failures; who has no error at all comes last."""

    def place_of(row: Row) -> tuple[bool, float, bool]:
        unknown = math.isnan(row.relative_error)
        return unknown, 0.0 if unknown else row.relative_error, bool(row.missing)

    ranked: list[Row] = []
    for place, row in enumerate(sorted(rows, key=lambda row: (*place_of(row), row.forecaster)), start=1):
        tied = ranked and place_of(ranked[-1]) == place_of(row)
        ranked.append(replace(row, rank=ranked[-1].rank if tied else place))
    return tuple(ranked)


def _mean(values: Sequence[float]) -> float:
    if any(math.isinf(value) for value in values):
        return math.inf
    return math.fsum(values) / len(values) if values else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _without_nan(one) for name, one in value.items()}
    return [_without_nan(one) for one in value] if isinstance(value, list | tuple) else value
