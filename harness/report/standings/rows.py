"""What tables say of a row of standings, besides its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.fields.names import joined_names
from harness.report.numbers import NOTHING, plural
from harness.report.standings.overlap import is_marked
from harness.report.tables import some_of
from harness.results.standings import Row, Standings

MOST_AFFECTED = 10  # forecasters, and tasks of each, that a remark on batches names
TIED, CLOSE = "=", "≈"  # marks: not significantly worse than the best; the next is within the spread of seeds
STRICT, BATCH = "§", "‡"  # mark forecasters: run in strict mode; whose forecasts depend on the batch
IGNORES, DEGENERATE = "¶", "°"  # mark forecasters: that cannot use covariates of a task; scored by point forecasts
CLAIMED = "◊"  # marks forecasters: whose scores are claimed by others
EXACT = "!"  # marks forecasters: whose forecasts of a task equal the actuals exactly
OVERLAP = "†"  # marks training overlap: a score, and a forecaster that has any or was selected on test windows


def rank_text(row: Row) -> str:
    """Its rank, marked where it is not significantly worse than the best; a dash where it has none."""
    if not row.rank or math.isnan(row.skill):
        return NOTHING
    return str(row.rank) + (TIED if row.tied_for_first else "")


def name_text(row: Row) -> str:
    """Its name, and its marks."""
    marks = (
        (OVERLAP, is_marked(row)),
        (BATCH, bool(row.batch_differences)),
        (STRICT, row.strict),
        (IGNORES, bool(row.ignored_covariates)),
        (DEGENERATE, bool(row.degenerate_quantiles)),
        (EXACT, bool(row.exact_forecasts)),
        (CLAIMED, bool(row.claimed_by)),
    )
    return f"{row.forecaster} {''.join(mark for mark, applies in marks if applies)}".removesuffix(" ")


def mark_legend(standings: Standings) -> dict[str, str]:
    """The marks of what forecasters could not do and of exact forecasts, where there are any, and what they mean."""
    meanings = {
        CLAIMED: (
            any(row.claimed_by for row in standings.rows),
            "claimed: scores that others publish, not measured here: see the notes",
        ),
        EXACT: (
            any(row.exact_forecasts for row in standings.rows),
            "all forecasts of a task equal the actuals exactly: check for leakage (see its line below)",
        ),
        IGNORES: (
            any(row.ignored_covariates for row in standings.rows),
            "cannot use covariates that a task offers: see its line below",
        ),
        DEGENERATE: (
            any(row.degenerate_quantiles for row in standings.rows),
            f"gives point forecasts, which {standings.metric} scores as quantiles of no width",
        ),
    }
    return {mark: meaning for mark, (applies, meaning) in meanings.items() if applies}


def imputation_lines(standings: Standings) -> list[str]:
    """How failed results are scored, and what is shown of them; none where nothing failed."""
    cells = any(set(row.missing) - {"not run"} for row in standings.rows)
    windows = any(row.failed_windows for row in standings.rows)
    if standings.completed_only:
        return ["failed results are ignored"] if cells or windows else []
    cell = "of a cell: the largest relative error of its own others, the task's median and the baseline"
    window = "of a window: the losses of the baseline, or of the median cell if larger"
    parts = [*[cell][: int(cells)], *[window][: int(windows)]]
    lines = [f"failed results are imputed; {'; '.join(parts)}"] if parts else []
    if cells:
        lines.append(
            "statistics of all tasks include imputed errors, those of one task do not; a forecaster without any result "
            f"is ranked by imputed errors, and {NOTHING} takes the place of its statistics"
        )
    return lines


def mark_lines(standings: Standings) -> list[str]:
    """What marks of forecasters stand for, in detail: exact forecasts, dependence on the batch, ignored covariates."""
    return [*_exact_lines(standings), *_batch_lines(standings), *_ignored_lines(standings)]


def _ignored_lines(standings: Standings) -> list[str]:
    """Which covariates of which tasks forecasters cannot use; those with the same ones share a line."""
    names: dict[tuple[tuple[str, tuple[str, ...]], ...], list[str]] = {}
    for row in standings.rows:
        if row.ignored_covariates:
            names.setdefault(tuple(row.ignored_covariates.items()), []).append(row.forecaster)
    return [f"{joined_names(group)}: cannot use covariates {_covariates(ignored)}" for ignored, group in names.items()]


def _covariates(ignored: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """Covariates with their tasks; tasks with the same covariates together."""
    tasks: dict[tuple[str, ...], list[str]] = {}
    for task, covariates in ignored:
        tasks.setdefault(covariates, []).append(task)
    return "; ".join(
        f"of {some_of(names, MOST_AFFECTED)}: {some_of(covariates, MOST_AFFECTED)}"
        for covariates, names in tasks.items()
    )


def _exact_lines(standings: Standings) -> list[str]:
    """On which tasks all forecasts of a forecaster equal the actuals exactly."""
    return [
        f"{row.forecaster}: all forecasts equal the actuals exactly on {some_of(row.exact_forecasts, MOST_AFFECTED)}: "
        "check for leakage"
        for row in standings.rows
        if row.exact_forecasts
    ]


def _batch_lines(standings: Standings) -> list[str]:
    """Whose forecasts depend on the batch, on which tasks and by how much."""
    affected = [row for row in standings.rows if row.batch_differences]
    lines = [
        f"{row.forecaster}: forecasts depend on the other windows of the batch, by up to a relative "
        + _largest(row.batch_differences)
        for row in affected[:MOST_AFFECTED]
    ]
    more = len(affected) - MOST_AFFECTED
    return [*lines, f"and {plural(more, 'other forecaster')}, marked {BATCH}"] if more > 0 else lines


def _largest(differences: Mapping[str, float]) -> str:
    """The largest differences, with their tasks."""
    largest = sorted(differences.items(), key=lambda item: -item[1])
    text = ", ".join(f"{difference:.2g} on {task}" for task, difference in largest[:MOST_AFFECTED])
    more = len(largest) - MOST_AFFECTED
    return f"{text} and on {plural(more, 'other task')}" if more > 0 else text


def has_failed(row: Row) -> bool:
    """Whether it has failed cells or windows, beside cells that were not run."""
    return bool(set(row.missing) - {"not run"}) or row.failed_windows > 0


def failures(row: Row) -> str:
    """Its failed results: cells by status, and windows."""
    parts = [f"{count} {status.replace('_', ' ')}" for status, count in row.missing.items()]
    if row.failed_windows:
        parts.append(plural(row.failed_windows, "window"))
    return ", ".join(parts)


def measurement(row: Row) -> str:
    """On which task, where and when its costs were measured; empty where they were not."""
    costs = row.costs
    if costs is None:
        return ""
    threads = f"{costs.threads} thread{'s' if costs.threads > 1 else ''}"
    return f"on {costs.task}: {costs.processor}, {threads}, {costs.device}, {costs.measured}"


class Scaled(Protocol):
    """A table of errors by one metric."""

    @property
    def metric(self) -> str:
        """The name of the metric."""

    @property
    def logarithmic(self) -> bool:
        """Whether errors are shown as log10."""


def scale(table: Scaled) -> str:
    """The scale in which errors are shown."""
    return f"log10 {table.metric}" if table.logarithmic else table.metric


def several_seeds(standings: Standings) -> bool:
    """Whether any forecaster's skill has a spread over seeds."""
    return any(math.isfinite(row.skill_std) for row in standings.rows)
