"""Standings of a large board against a bare bootstrap of the same draws; reading them from a journal."""

from __future__ import annotations

import time

import numpy as np
import pytest
from floors import compare

from harness import Forecast, RollingOrigin, Task
from harness.analysis.ranking.compute import compute_standings
from harness.analysis.task_scores import task_scores
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Results, Run, Status
from harness.evaluation.scoring import Terms
from harness.results.board_results import BoardResults, JournalResults
from harness.results.journal import Journal
from harness.results.stored_plan import StoredCell, StoredPlan

FORECASTERS, TASKS, WINDOWS, SAMPLES, HORIZON = 100, 100, 20, 10_000, 4
MAE = METRICS[0]


class Invented(BoardResults):
    """Gamma-distributed errors of 100 forecasters on 100 tasks of so many sources."""

    def __init__(self, sources: int) -> None:
        rng = np.random.default_rng(0)
        self.errors = rng.gamma(5, size=(TASKS, WINDOWS, FORECASTERS))
        cells, self.runs, self.of_key = [], {}, {}
        numbers, one = np.arange(WINDOWS), np.ones((WINDOWS, 1))
        self.truth = Actuals(("s",), 0 * numbers, numbers, numbers, np.zeros((WINDOWS, HORIZON, 1)))
        for i, of_task in enumerate(self.errors):
            task = Task(f"source {i % sources}", RollingOrigin(HORIZON, windows=WINDOWS), name=f"task {i}")
            for j, errors in enumerate(of_task.T):
                cell = StoredCell(f"{i} {j}", f"forecaster {j}", task.label, "aa")
                self.of_key[cell.key] = Terms(errors[:, None], one)
                scores = {"MAE": float(errors.mean())}
                self.runs[cell.key] = Run(Cell(task, cell.forecaster), Status.COMPLETED, cell.key, scores=scores)
                cells.append(cell)
        titles = tuple(f"forecaster {j}" for j in range(FORECASTERS))
        self.plan = StoredPlan("large", "Large", "", "MAE", titles[0], tuple(cells), titles)

    def actuals(self, cell: StoredCell) -> Actuals:
        return self.truth

    def terms(self, cell: StoredCell, metric: Metric) -> Terms:
        return self.of_key[cell.key]

    def bare_sources(self) -> np.ndarray:
        """Skill, ranks and medians on resampled tasks."""
        errors = self.errors.mean(axis=1)
        logs, ranks = np.log(errors / errors[:, :1]), errors.argsort(axis=1).argsort(axis=1)
        rng = np.random.default_rng(0)
        drawn = rng.integers(TASKS, size=(SAMPLES, TASKS))
        means = np.stack([(logs[units].mean(axis=0), ranks[units].mean(axis=0)) for units in drawn])
        medians = np.stack([np.median(logs[units], axis=0) for units in drawn])
        return np.quantile(np.concatenate([means, medians[:, None]], axis=1), [0.025, 0.975], axis=0)

    def bare_units(self) -> np.ndarray:
        """The same on tasks of which each has resampled windows."""
        rng = np.random.default_rng(0)
        drawn = np.empty((SAMPLES, TASKS, FORECASTERS))
        for i, of_task in enumerate(self.errors):
            weights = rng.multinomial(WINDOWS, np.full(WINDOWS, 1 / WINDOWS), size=SAMPLES)
            drawn[:, i] = weights @ of_task / WINDOWS
        logs = np.log(drawn / drawn[..., :1])
        ranks = drawn.argsort(axis=-1).argsort(axis=-1)
        figures = np.stack([logs.mean(axis=1), ranks.mean(axis=1), np.median(logs, axis=1)], axis=1)
        return np.quantile(figures, [0.025, 0.975], axis=0)


# Beside what the floor does stand 4,950 pairs, with intervals and on each task with tests, and the confidence set.
@pytest.mark.parametrize(("sources", "bound"), [(100, 6.0), (5, 2.5)])
def test_standings_cost_little_more_than_a_bare_bootstrap(sources, bound, record_ratio, benchmark) -> None:
    results = Invented(sources)

    def ours() -> object:
        return compute_standings(results, MAE)

    floor = results.bare_sources if sources >= 10 else results.bare_units
    compared = compare(ours, floor, 3)
    record_ratio(f"standings of 100 × 100, {sources} sources, {SAMPLES:,} samples", compared, bound)
    benchmark.pedantic(ours, rounds=1, iterations=1)


CELLS_READ = 10_000


def test_reading_evidence(tmp_path, record_ratio) -> None:
    """A figure to look at: CPU seconds to read 10,000 cells of a journal."""
    journal, rng = Journal(tmp_path), np.random.default_rng(0)
    task = Task("trial", RollingOrigin(HORIZON, windows=WINDOWS))
    numbers, ones = np.arange(WINDOWS), np.ones((WINDOWS, 1))
    scale = {1: ones, 2: ones}
    values = np.zeros((WINDOWS, HORIZON, 1))
    journal.write_actuals("aa", task, Actuals(("s",), 0 * numbers, numbers, numbers, values, _scales=scale))
    results = Results(
        Forecast(rng.normal(size=values.shape)),
        {metric.name: Terms(ones, ones) for metric in METRICS},
        0 * numbers,
        numbers,
    )
    cells = []
    for i in range(CELLS_READ // 10):  # each is read ten times
        run = Run(Cell(task, f"{i}"), Status.COMPLETED, f"{i:032x}", scores={metric.name: 1.0 for metric in METRICS})
        journal.write(Run(**{**vars(run), "results": results, "windows": WINDOWS}))
        cells.append(StoredCell(run.key, f"{i}", "trial", "aa"))
    plan = StoredPlan("large", "Large", "", "MAE", "0", tuple(cells))

    start = time.process_time()
    for _ in range(10):
        assert len(task_scores("trial", JournalResults(plan, journal), MAE, impute=True).cells) == len(cells)
    record_ratio("results of 10,000 cells, CPU s", round(time.process_time() - start, 2), 5)
