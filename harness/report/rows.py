"""What tables say of a row of standings, besides its numbers."""

from __future__ import annotations

import math
from typing import Protocol

from harness.report.numbers import NOTHING, plural
from harness.report.overlap import is_marked
from harness.results.standings import Row, Standings

TIED, CLOSE = "=", "≈"  # marks: not significantly worse than the best; the next is within the spread of seeds
OVERLAP = "†"  # marks training overlap: a score, and a forecaster that has any or was selected on test windows


def rank_text(row: Row) -> str:
    """Its rank, marked where it is not significantly worse than the best; a dash where it has none."""
    if not row.rank or math.isnan(row.skill):
        return NOTHING
    return str(row.rank) + (TIED if row.tied_for_first else "")


def name_text(row: Row) -> str:
    """Its name, marked where it has training overlap or was selected on test windows."""
    return f"{row.forecaster} {OVERLAP}" if is_marked(row) else row.forecaster


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
