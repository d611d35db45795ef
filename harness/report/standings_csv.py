"""Standings as CSV."""

from __future__ import annotations

import csv
import io
import math

from harness.report.costs import FIGURES, csv_cells
from harness.results.standings import Standings


def standings_csv(standings: Standings) -> str:
    """One row a forecaster: rank, skill and its interval, the error on each task, every metric's mean, costs,
    what is missing, and where `harness bench` measured them its figures."""
    metrics = list(dict.fromkeys(name for row in standings.rows for name in row.metrics))
    statuses = list(dict.fromkeys(status for row in standings.rows for status in row.missing))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    tasks = [f"{standings.metric}[{task}]" for task in standings.tasks]
    figures = ("skill", "win_rate", "mean_rank", "median_relative_error")
    with_ends = [name for one in figures for name in (one, f"{one}_low", f"{one}_high")]
    headings = ["forecaster", "rank", "tied_for_first", *with_ends, "relative_error", "mcs_p_value", "skill_std"]
    headings += [*tasks, *metrics, "fit_seconds", "predict_seconds", "window_seconds"]
    measured = FIGURES if standings.measured else ()
    writer.writerow([*headings, "seeds", "completed", *statuses, "failed_windows", *measured])
    for row in standings.rows:
        numbers = [value for one in figures for value in (getattr(row, one), *row.interval(one))]
        numbers += [row.relative_error, row.mcs_p_value, row.skill_std, *(row.scores[task] for task in standings.tasks)]
        numbers += [row.metrics.get(name, math.nan) for name in metrics]
        numbers += [row.fit_seconds, row.predict_seconds, row.window_seconds]
        written = ["" if math.isnan(value) else repr(value) for value in numbers]
        counts = [row.seeds, row.completed, *(row.missing.get(status, 0) for status in statuses), row.failed_windows]
        costs = csv_cells(row) if measured else []
        tied = "yes" if row.tied_for_first else "no"
        writer.writerow([row.forecaster, row.rank or "", tied, *written, *counts, *costs])
    return file.getvalue()
