"""Standings, slices and comparisons by a metric that breaks on stored forecasts, on all of them or on some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from harness import Context, Floats, Forecast, LocalForecaster, Outcomes, Panel, RollingOrigin, Task
from harness.analysis.ranking.compute import compute_standings
from harness.analysis.slicing.compute import compute_slices
from harness.analysis.slicing.slices import SliceRequest
from harness.analysis.task_scores import task_scores
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, PlannedCell
from harness.errors import BadInput, InvalidMetric
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell
from harness.results.board_results import JournalResults
from harness.results.journal import Journal
from harness.results.publication.published_results import PublishedResults
from harness.results.publication.writing import publish
from harness.tasks.folds import backtest
from harness_models.naive import Naive

PANEL = Panel.of([10 + np.cumsum(np.random.default_rng(seed).normal(size=60)) for seed in range(3)], season_length=4)
TASK = Task("walks", RollingOrigin(4, windows=5))
MAE = METRICS[0]
METRIC = {metric.name: metric for metric in METRICS}


@dataclass
class Last(LocalForecaster):
    """The last value and something; raises where the series is not long enough."""

    off: float = 0.0
    shortest: int = 0

    def predict_series(self, context: Context) -> Floats:
        if len(context.target) < self.shortest:
            raise RuntimeError("too short")
        return np.full((context.horizon, 1), context.target[-1, 0] + self.off)


def log_error(outcomes: Outcomes) -> Floats:
    """Breaks on forecasts of 500 and more."""
    if np.nanmax(outcomes.mean) >= 500:
        raise ValueError("forecasts are too large")
    return outcomes.absolute_error


def always(outcomes: Outcomes) -> Floats:
    raise ValueError("never works")


SOMETIMES, NEVER = Metric("M", log_error), Metric("M", always)
FORECASTERS = {"base": Last(), "worse": Last(off=1.0), "large": Last(off=1000.0), "short": Last(shortest=44)}


def results(
    home: Path, *metrics: Metric, forecasters: Mapping[str, LocalForecaster] = FORECASTERS, task: Task = TASK
) -> JournalResults:
    """The results of forecasters, scored by these metrics when they were run."""
    journal, cells = Journal(home), []
    journal.write_actuals("aa", task, Actuals.of(backtest(task, PANEL)))
    for title, forecaster in forecasters.items():
        cell = Cell(task, title)
        key = cell.key("aa", "toys==1")
        journal.write(replace(evaluate(forecaster, task, PANEL, cell=cell, metrics=(MAE, *metrics)), key=key))
        cells.append(PlannedCell(key, title, task.label, cell, "aa"))
    entries = tuple(Entry(title) for title in forecasters)
    board = Leaderboard("Walks", "M", "base", (task,), forecasters=entries)
    return JournalResults(BoardPlan("walks", board, tuple(cells), tuple(forecasters)).to_stored(), journal)


def test_a_forecaster_on_which_the_metric_breaks_has_no_score_and_the_others_have_theirs(tmp_path: Path) -> None:
    standings = compute_standings(results(tmp_path, SOMETIMES), SOMETIMES)
    expected = compute_standings(results(tmp_path, SOMETIMES), MAE)

    rows = {row.forecaster: row for row in standings.rows}
    assert np.isnan(rows["large"].scores["walks"])
    assert (
        rows["worse"].scores["walks"] == next(row for row in expected.rows if row.forecaster == "worse").scores["walks"]
    )
    assert rows["large"].relative_error == max(row.relative_error for row in standings.rows)
    note = "large has no M on walks: losses of metric 'M' raised ValueError: forecasts are too large"
    assert note in standings.notes


def test_failed_windows_are_not_scored_as_those_on_which_the_metric_breaks(tmp_path: Path) -> None:
    found = task_scores("walks", results(tmp_path), SOMETIMES, impute=True)

    scores = dict(zip((cell.forecaster for cell in found.cells), found.scores, strict=True))
    assert scores["base"] <= scores["short"] < scores["worse"] + 1
    assert len(found.invalid) == 1


@pytest.mark.parametrize("completed_only", [False, True])
def test_a_metric_that_breaks_everywhere_ranks_nothing(tmp_path: Path, completed_only: bool) -> None:
    board = results(tmp_path)

    with pytest.raises(InvalidMetric) as raised:
        compute_standings(board, NEVER, completed_only=completed_only)

    assert str(raised.value) == (
        "board 'walks' cannot be ranked by M: losses of metric 'M' raised ValueError: never works"
    )
    assert compute_standings(board, MAE).rows[0].forecaster == "base"


@pytest.mark.parametrize("by", ["step", "season", "series", "length", "task"])
def test_slices_leave_out_where_the_metric_breaks(tmp_path: Path, by: str) -> None:
    board = results(tmp_path)
    standings = compute_standings(board, MAE)

    slices, expected = (
        compute_slices(board, metric, SliceRequest(by), standings, lambda cell, task: 4) for metric in (SOMETIMES, MAE)
    )

    large = slices.forecasters.index("large")
    assert np.isnan(slices.tasks["walks"].values[:, large]).all()
    for forecaster in ("base", "worse"):
        i = slices.forecasters.index(forecaster)
        np.testing.assert_allclose(slices.tasks["walks"].values[:, i], expected.tasks["walks"].values[:, i])


def test_a_metric_that_is_mended_scores_the_stored_forecasts(tmp_path: Path) -> None:
    board = results(tmp_path, NEVER)
    assert all("M" not in run.scores for run in board.runs.values() if run is not None)

    standings = compute_standings(board, Metric("M", lambda outcomes: outcomes.absolute_error))

    by_mae = compute_standings(board, MAE)
    assert {row.forecaster: row.scores for row in standings.rows} == {row.forecaster: row.scores for row in by_mae.rows}


def test_a_metric_that_is_uninstalled_leaves_nothing_behind(tmp_path: Path) -> None:
    with_broken, without = results(tmp_path / "with", NEVER), results(tmp_path / "without")

    assert compute_standings(with_broken, MAE).rows[0].scores == compute_standings(without, MAE).rows[0].scores
    assert not any("M" in row.metrics for row in compute_standings(with_broken, MAE).rows)


def board_with_levels(home: Path, *levels: tuple[float, ...]) -> JournalResults:
    """The results of two forecasters on a task for each of these quantile levels."""
    journal, cells, tasks = Journal(home), [], []
    for number, of_task in enumerate(levels):
        task = Task("walks", RollingOrigin(4, windows=5), name=f"walks-{number}", quantile_levels=of_task)
        tasks.append(task)
        journal.write_actuals("aa", task, Actuals.of(backtest(task, PANEL)))
        for title in ("base", "worse"):
            cell = Cell(task, title)
            key = cell.key("aa", "toys==1")
            journal.write(replace(evaluate(Naive(), task, PANEL, cell=cell), key=key))
            cells.append(PlannedCell(key, title, task.label, cell, "aa"))
    entries = (Entry("base"), Entry("worse"))
    board = Leaderboard("Walks", "MAE", "base", tuple(tasks), forecasters=entries)
    return JournalResults(BoardPlan("walks", board, tuple(cells), ("base", "worse")).to_stored(), journal)


@pytest.mark.parametrize(
    ("metric", "levels", "count"),
    [
        ("coverage", [(0.5,), (0.5,)], "one"),
        ("MSIS", [(0.5,), ()], "one or none"),
        ("WQL", [()], "none"),
    ],
)
def test_a_metric_for_which_all_tasks_have_too_few_quantile_levels_ranks_nothing(
    tmp_path: Path, metric: str, levels: list[tuple[float, ...]], count: str
) -> None:
    named = next(known for known in METRICS if known.name == metric)

    with pytest.raises(BadInput) as raised:
        compute_standings(board_with_levels(tmp_path, *levels), named)

    needed = "needs quantile levels" if metric == "WQL" else "needs at least two quantile levels"
    said = f"board 'walks' cannot be ranked by {metric}, which {needed}; its tasks ask for {count}"
    assert str(raised.value) == said


def test_where_some_tasks_have_too_few_quantile_levels_a_note_says_so(tmp_path: Path) -> None:
    coverage = next(known for known in METRICS if known.name == "coverage")

    standings = compute_standings(board_with_levels(tmp_path, (0.5,), (0.1, 0.9), ()), coverage)

    assert [note for note in standings.notes if "ignored" in note] == [
        "walks-0 is ignored: coverage needs at least two quantile levels, and the task asks for one",
        "walks-2 is ignored: coverage needs at least two quantile levels, and the task asks for none",
    ]
    assert all(np.isfinite(row.scores["walks-1"]) for row in standings.rows)


@dataclass
class Narrow(LocalForecaster):
    """A model that has quantiles of its own levels only."""

    levels: tuple[float, ...] = (0.2, 0.5, 0.8)

    def predict_series(self, context: Context) -> Forecast:
        middle = np.full((1, context.horizon, 1, 1), context.target[-1, 0])
        return Forecast.quantiles_only(self.levels, middle + np.array(self.levels) - 0.5)


class TestLevelsThatAForecasterDoesNotGive:
    FORECASTERS: ClassVar[dict[str, LocalForecaster]] = {
        "base": Narrow((0.1, 0.5, 0.9)),
        "worse": Narrow((0.05, 0.1, 0.2, 0.9)),
        "narrow": Narrow(),
    }
    REASON = (
        "the forecaster gives levels 0.2 to 0.8 and the task asks for 0.1; "
        "return this level, or levels on both sides of it"
    )

    @pytest.fixture
    def board(self, tmp_path: Path) -> JournalResults:
        task = replace(TASK, quantile_levels=(0.1, 0.5, 0.9))
        return results(tmp_path, METRIC["WQL"], METRIC["MQL"], forecasters=self.FORECASTERS, task=task)

    def test_the_cell_counts_as_unsupported_with_the_reason(self, board: JournalResults) -> None:
        standings = compute_standings(board, METRIC["WQL"])

        rows = {row.forecaster: row for row in standings.rows}
        assert (rows["narrow"].completed, dict(rows["narrow"].missing)) == (0, {"unsupported": 1})
        assert rows["narrow"].reasons == (f"walks: {self.REASON}",)
        assert standings.notes == ()
        assert rows["base"].completed == 1
        assert standings.rows[-1].forecaster == "narrow"

    def test_it_is_ranked_by_a_metric_for_which_it_gives_enough(self, board: JournalResults) -> None:
        standings = compute_standings(board, METRIC["MAE"])

        rows = {row.forecaster: row for row in standings.rows}
        assert rows["narrow"].missing == {}
        assert rows["narrow"].scores["walks"] == pytest.approx(rows["base"].scores["walks"])

    def test_the_reason_is_published(self, board: JournalResults, tmp_path: Path) -> None:
        mql = METRIC["MQL"]
        board.plan = replace(board.plan, metric="MQL")
        standings = compute_standings(board, mql)

        publish(board, [mql], standings, "# Walks", tmp_path / "published")
        published = PublishedResults(tmp_path / "published")

        rows = {row.forecaster: row for row in compute_standings(published, mql).rows}
        assert rows["narrow"].missing == {"unsupported": 1}
        assert rows["narrow"].reasons == (f"walks: {self.REASON}",)
