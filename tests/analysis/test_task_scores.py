"""Failed windows are imputed, never better than the baseline."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from harness import Context, Floats, LocalForecaster, Panel, RollingOrigin, Task
from harness.analysis.ranking.compute import compute_standings
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, PlannedCell
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell
from harness.results.board_results import JournalResults
from harness.results.journal import Journal
from harness.results.standings import Row
from harness.tasks.folds import backtest

from ..numeric_metrics import METRICS

PANEL = Panel.of([np.cumsum(np.random.default_rng(seed).normal(size=60)) for seed in range(3)])
TASK = Task("walks", RollingOrigin(4, windows=5))


@dataclass
class Last(LocalForecaster):
    """The last value, `off` by something; raises where the last step was a `dread`ed one."""

    off: float = 0.0
    dread: float = np.inf

    def predict_series(self, context: Context) -> Floats:
        if abs(context.target[-1, 0] - context.target[-2, 0]) > self.dread:
            raise RuntimeError("too wild")
        return np.full((context.horizon, 1), context.target[-1, 0] + self.off)


def rows(home: Path, forecasters: dict[str, Last], metric: Metric, **options: bool) -> dict[str, Row]:
    journal, cells = Journal(home), []
    journal.write_actuals("aa", TASK, Actuals.of(backtest(TASK, PANEL)))
    for title, forecaster in forecasters.items():
        cell = Cell(TASK, title)
        run = evaluate(forecaster, TASK, PANEL, cell=cell)
        key = cell.key("aa", "toys==1")
        journal.write(replace(run, key=key))
        cells.append(PlannedCell(key, title, TASK.label, cell, "aa"))
    entries = tuple(Entry(title) for title in forecasters)
    board = Leaderboard("Walks", metric.name, "base", (TASK,), forecasters=entries)
    stored = BoardPlan("walks", board, tuple(cells), tuple(forecasters)).to_stored()
    found = compute_standings(JournalResults(stored, journal), metric, **options)
    return {row.forecaster: row for row in found.rows}


LOSSES = [metric for metric in METRICS if metric.best != "nominal" and not metric.quantiles]


@pytest.mark.parametrize("metric", LOSSES, ids=lambda metric: metric.name)
def test_failing_on_some_windows_does_not_improve_a_score(tmp_path, metric) -> None:
    found = rows(tmp_path, {"base": Last(), "coward": Last(dread=0.8)}, metric)

    assert found["coward"].failed_windows > 0
    assert found["coward"].scores["walks"] == pytest.approx(found["base"].scores["walks"])


def test_a_failed_window_is_scored_as_the_worst_of_those_no_worse_than_the_baseline(tmp_path) -> None:
    mae = next(metric for metric in METRICS if metric.name == "MAE")

    found = rows(tmp_path, {"base": Last(), "far": Last(off=100.0), "coward": Last(dread=0.8)}, mae)

    assert 0 < found["coward"].failed_windows < 15
    assert found["coward"].scores["walks"] == pytest.approx(found["base"].scores["walks"])
    assert found["far"].scores["walks"] > 90


def test_failed_windows_are_ignored_with_completed_only(tmp_path) -> None:
    mae = next(metric for metric in METRICS if metric.name == "MAE")

    found = rows(tmp_path, {"base": Last(), "coward": Last(dread=0.8)}, mae, completed_only=True)

    assert found["coward"].scores["walks"] == found["coward"].metrics["MAE"]
    assert found["coward"].scores["walks"] != pytest.approx(found["base"].scores["walks"])


def test_the_reason_is_reported(tmp_path) -> None:
    mae = next(metric for metric in METRICS if metric.name == "MAE")

    found = rows(tmp_path, {"base": Last(), "coward": Last(dread=0.8)}, mae)

    (reason,) = found["coward"].reasons
    assert reason.startswith(f"walks: {found['coward'].failed_windows} of 15 windows failed")
    assert re.search(r"the first: series '\d+' at cutoff \d+: RuntimeError: too wild \(", reason)
