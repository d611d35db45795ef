"""Standings with claimed results: rows of their own, which are ranked only where that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.analysis.aggregation import CLIP, mean_over_tasks, ranks, win_rates_of_ranks
from harness.arrays import Floats
from harness.errors import BadInput
from harness.results.claims import Claim, ClaimedResults
from harness.results.standings import Row, Standings, close_to_next

UNSURE = "claimed results have no losses of single windows"


def with_claims(
    standings: Standings, claims: ClaimedResults, *, ranked: bool = False, clip: tuple[float, float] = CLIP
) -> Standings:
    """The standings with a row for each claimed forecaster, after the others and without a rank.

    The claimed errors are relative to those of the board's own baseline. Where nothing is claimed for a task, the error
    is the baseline's. With `ranked`, all are ranked together: then there are no intervals and tests, which need more
    than scores. Raises BadInput where they are to be ranked, and none is by this metric.
    """
    base = next((row for row in standings.rows if row.forecaster == standings.baseline), None)
    tasks = (
        [] if base is None else [task for task in standings.tasks if not math.isnan(base.scores.get(task, math.nan))]
    )
    known = [claim for claim in claims.claims if set(claim.scores.get(standings.metric, ())) & set(tasks)]
    if ranked and not known:
        raise BadInput(f"board {standings.board!r} has no claimed results by {standings.metric} to rank")
    if ranked and standings.best != "lowest":
        raise BadInput(f"claimed results are ranked by metrics whose lowest score is best, not by {standings.metric}")
    if base is None or not known or standings.best != "lowest":
        return standings
    baseline = np.array([base.scores[task] for task in tasks])
    names = {row.forecaster for row in standings.rows}
    rows = [_row(claim, standings, tasks, baseline, clip, taken=claim.forecaster in names) for claim in known]
    notes = (*standings.notes, *_notes(known, rows, standings, tasks), *claims.left_out)
    if not ranked:
        return replace(standings, rows=(*standings.rows, *rows), notes=notes)
    ours = [row for row in standings.rows if row.rank and not math.isnan(row.relative_error)]
    others = tuple(row for row in standings.rows if row not in ours)
    together = _ranked([*ours, *rows], tasks, baseline, completed_only=standings.completed_only)
    return replace(standings, rows=(*together, *others), notes=notes, significance=None, unsure=UNSURE)


def _row(
    claim: Claim, standings: Standings, tasks: Sequence[str], baseline: Floats, clip: tuple[float, float], taken: bool
) -> Row:
    """The row of a claimed forecaster, without a rank."""
    claimed = claim.scores[standings.metric]
    errors = np.array([claimed.get(task, math.nan) for task in tasks])
    ratios = np.clip(_relative(errors, baseline), *clip)
    if not standings.completed_only:
        ratios = np.where(np.isnan(ratios), 1.0, ratios)
    relative = float(np.exp(np.nanmean(np.log(ratios))))
    return Row(
        forecaster=f"{claim.forecaster} (claimed)" if taken else claim.forecaster,
        rank=0,
        skill=1 - relative,
        relative_error=relative,
        win_rate=math.nan,
        mean_rank=math.nan,
        median_relative_error=float(np.nanmedian(ratios)),
        intervals={},
        mcs_p_value=math.nan,
        tied_for_first=False,
        seeds=1,
        skill_std=math.nan,
        close_to_next=False,
        scores={task: claimed.get(task, math.nan) for task in standings.tasks},
        score_stds={},
        metrics={},
        fit_seconds=math.nan,
        predict_seconds=math.nan,
        windows=0,
        completed=int(np.isfinite(errors).sum()),
        missing={},
        failed_windows=0,
        training_overlap=tuple(task for task in claim.training_overlap if task in standings.tasks),
        claimed_by=claim.source,
    )


def _relative(errors: Floats, baseline: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: Floats = np.where(errors == baseline, 1.0, errors / baseline)
    return ratios


def _ranked(rows: Sequence[Row], tasks: Sequence[str], baseline: Floats, *, completed_only: bool) -> tuple[Row, ...]:
    """Rows with ranks, win rates and mean ranks of all of them together, best first.

    A failed result of our own is not better than the baseline nor than the forecaster's own worst, a claimed one that
    is absent equals the baseline.
    """
    errors = np.array([[row.scores.get(task, math.nan) for row in rows] for task in tasks])
    if not completed_only:
        worst = np.fmax(np.nanmax(_relative(errors, baseline[:, None]), axis=0), 1.0)
        imputed = np.array([1.0 if row.claimed_by else worst[i] for i, row in enumerate(rows)]) * baseline[:, None]
        errors = np.where(np.isnan(errors), imputed, errors)
    positions = ranks(errors)
    rates, means = win_rates_of_ranks(positions), mean_over_tasks(positions)
    order = sorted(range(len(rows)), key=lambda i: (rows[i].relative_error, rows[i].forecaster))
    found: list[Row] = []
    for place, i in enumerate(order, start=1):
        is_equal = bool(found) and found[-1].relative_error == rows[i].relative_error
        found.append(
            replace(
                rows[i],
                rank=found[-1].rank if is_equal else place,
                win_rate=float(rates[i]),
                mean_rank=float(means[i]),
                intervals={},
                mcs_p_value=math.nan,
                tied_for_first=False,
            )
        )
    return close_to_next(found)


def _notes(claims: Sequence[Claim], rows: Sequence[Row], standings: Standings, tasks: Sequence[str]) -> list[str]:
    """Whose results are claimed, and on how many tasks they are absent."""
    by_source: dict[str, list[str]] = {}
    for claim, row in zip(claims, rows, strict=True):
        absent = len(tasks) - row.completed
        text = row.forecaster + (f" (not on {absent} of {len(tasks)} tasks)" if absent else "")
        by_source.setdefault(claim.source, []).append(text)
    rule = "ignored" if standings.completed_only else f"the error of {standings.baseline}"
    notes = [f"claimed by {source}, not measured here: {', '.join(names)}" for source, names in by_source.items()]
    if any(row.completed < len(tasks) for row in rows):
        notes.append(f"where nothing is claimed, the error is {rule}")
    return notes
