"""Scores and terms by a plugin's metric in another version than a run was scored by."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Context, Floats, Forecast, LocalForecaster, Metric, Outcomes, Panel, RollingOrigin, Task, hookimpl
from harness.analysis.ranking.compute import compute_standings
from harness.analysis.slicing.compute import compute_slices
from harness.analysis.slicing.slices import SliceRequest
from harness.boards.leaderboard import Entry, Leaderboard
from harness.boards.planning import BoardPlan, PlannedCell
from harness.errors import DataUnavailable, InvalidMetric
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell
from harness.plugins.catalog import Catalog, load_catalog
from harness.results.board_results import JournalResults
from harness.results.journal import Journal
from harness.results.rescoring import changed_metrics, rescored
from harness.tasks.folds import backtest

PANEL = Panel.of([np.arange(40.0) ** 1.5, np.arange(30.0) ** 1.2], season_length=3)
TASK = Task("toy", RollingOrigin(3, windows=4))
MAE = METRICS[0]
PRESENT, FORMER = "plugin==0", "plugin==0:former"  # of a plugin given by the caller


class Last(LocalForecaster):
    def predict_series(self, context: Context) -> Floats:
        return np.full((context.horizon, 1), context.target[-1, 0])


def tripled(outcomes: Outcomes) -> Floats:
    return 3 * outcomes.absolute_error


def broken(outcomes: Outcomes) -> Floats:
    raise ValueError("no luck")


FORMERLY = Metric("M", lambda outcomes: outcomes.absolute_error)


def catalog(metric: Metric) -> Catalog:
    class Plugin:
        @staticmethod
        @hookimpl
        def harness_metrics() -> list[Metric]:
            return [metric]

    return load_catalog({"plugin": Plugin})


def results(
    home: Path, metric: Metric, provenance: dict[str, Any], scored_by: Metric | None = FORMERLY
) -> JournalResults:
    """The results of a run that was scored by MAE and by the former metric, read with the present one."""
    journal, cell = Journal(home), Cell(TASK, "base")
    key = cell.key("aa", "toys==1")
    metrics = (MAE,) if scored_by is None else (scored_by, MAE)
    journal.write_actuals("aa", TASK, Actuals.of(backtest(TASK, PANEL)))
    run = evaluate(Last(), TASK, PANEL, cell=cell, metrics=metrics)
    journal.write(replace(run, key=key, provenance=provenance))
    board = Leaderboard("Toys", "M", "base", (TASK,), forecasters=(Entry("base"),))
    planned = PlannedCell(key, "base", TASK.label, cell, "aa")
    return JournalResults(BoardPlan("toys", board, (planned,), ("base",)).to_stored(), journal, catalog(metric))


def scores(board: JournalResults) -> dict[str, float]:
    (run,) = board.runs.values()
    assert run is not None
    return dict(run.scores)


@pytest.mark.parametrize(
    "provenance", [{}, {"metrics": {"M": FORMER}}, {"metrics": {}}, {"metrics": None}, {"metrics": ["M"]}]
)
def test_another_or_an_unknown_version_is_scored_again(tmp_path: Path, provenance: dict[str, Any]) -> None:
    board = results(tmp_path, Metric("M", tripled), provenance)
    (cell,) = board.plan.cells

    found, own, mae = scores(board), board.terms(cell, Metric("M", tripled)), board.terms(cell, MAE)

    assert list(found) == ["M", "MAE"]
    assert found["M"] == pytest.approx(3 * found["MAE"])
    assert own is not None
    assert mae is not None
    np.testing.assert_allclose(own.numerators, 3 * mae.numerators)
    standings = compute_standings(board, Metric("M", tripled))
    assert standings.rows[0].scores["toy"] == standings.rows[0].metrics["M"] == found["M"]
    slices = compute_slices(board, Metric("M", tripled), SliceRequest("series"), standings, lambda cell, task: 4)
    by_mae = compute_slices(board, MAE, SliceRequest("series"), standings, lambda cell, task: 4)
    np.testing.assert_allclose(slices.tasks["toy"].values, 3 * by_mae.tasks["toy"].values)


def test_the_present_version_is_not_scored_again(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("M", tripled), {"metrics": {"M": PRESENT}})

    found = scores(board)

    assert found["M"] == found["MAE"]
    assert board.rescored == {}


def test_included_metrics_and_those_of_plugins_that_are_gone_keep_their_scores(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("N", tripled), {})

    assert scores(board) == scores(JournalResults(board.plan, board.journal))
    assert board.rescored == {}


def test_a_metric_that_breaks_now_has_no_score(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("M", broken), {"metrics": {"M": FORMER}})

    assert list(scores(board)) == ["MAE"]
    (run,) = board.runs.values()
    assert run is not None
    assert any(note.startswith("no score by M: ") and "no luck" in note for note in run.notes)
    with pytest.raises(InvalidMetric, match="no luck"):
        board.terms(board.plan.cells[0], Metric("M", broken))


def test_a_metric_that_broke_and_is_mended_has_a_score_and_no_note(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("M", tripled), {"metrics": {"M": FORMER}}, scored_by=Metric("M", broken))

    found = scores(board)

    assert found["M"] == pytest.approx(3 * found["MAE"])
    (run,) = board.runs.values()
    assert run is not None
    assert not any("no score by" in note for note in run.notes)


class OnlyMean(LocalForecaster):
    """The mean, and quantiles above it where the task asks for some."""

    def predict_series(self, context: Context) -> Forecast:
        last = np.full((1, context.horizon, 1), context.target[-1, 0])
        return (
            Forecast(last, (0.8, 0.9), np.stack([last, last + 1], axis=-1))
            if context.quantile_levels
            else Forecast(last)
        )


def stands_for_the_median(names: str) -> str:
    return f"{names}: the mean stands for the median, which the forecaster does not give"


def test_notes_on_what_was_scored_are_those_of_the_present_metrics() -> None:
    median = Metric("M", lambda outcomes: outcomes.absolute_error, functional="median")
    run = evaluate(OnlyMean(), TASK, PANEL, metrics=(FORMERLY, MAE))
    actuals = Actuals.of(backtest(TASK, PANEL))

    by_median = rescored(run, actuals, [median], {"M": PRESENT})
    by_mean = rescored(by_median, actuals, [FORMERLY], {"M": FORMER})

    assert run.notes == (stands_for_the_median("MAE"),)
    assert by_median.functionals == {"M": "median", "MAE": "median"}
    assert by_median.notes == (stands_for_the_median("M, MAE"),)
    assert by_mean.notes == run.notes


def test_the_reasons_of_missing_scores_are_those_of_the_present_metrics() -> None:
    task = replace(TASK, quantile_levels=(0.1, 0.9))
    lower, upper = (
        Metric("M", lambda outcomes, level=level: outcomes.actuals - outcomes.quantile(level), quantiles=True)
        for level in (0.1, 0.9)
    )
    run = evaluate(OnlyMean(), task, PANEL, metrics=(MAE, lower, replace(lower, name="N")))
    actuals = Actuals.of(backtest(task, PANEL))

    mended = rescored(run, actuals, [upper], {"M": PRESENT})
    broken_again = rescored(mended, actuals, [lower], {"M": FORMER})

    reason = run.unsupported["M"]
    assert "the forecaster gives levels 0.8 to 0.9 and the task asks for 0.1" in reason
    assert f"no score by M, N: unsupported, {reason}" in run.notes
    assert changed_metrics(run, {"M": PRESENT}) == ["M"]
    assert (set(mended.scores), dict(mended.unsupported)) == ({"MAE", "M"}, {"N": reason})
    assert f"no score by N: unsupported, {reason}" in mended.notes
    assert set(broken_again.unsupported) == {"M", "N"}
    assert sum("no score by" in note for note in broken_again.notes) == 1


def test_without_forecasts_there_is_no_score_rather_than_a_former_one(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("M", tripled), {"metrics": {"M": FORMER}})
    (mean,) = board.journal.cells.glob("*/*-mean.npy")
    mean.unlink()

    assert list(scores(board)) == ["MAE"]
    with pytest.raises(DataUnavailable):
        board.terms(board.plan.cells[0], Metric("M", tripled))
    assert compute_standings(board, MAE).rows[0].scores["toy"] == scores(board)["MAE"]


def test_a_score_of_an_unknown_version_is_kept_where_it_cannot_be_computed_again(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("M", tripled), {})
    (actuals,) = board.journal.actuals.iterdir()
    shutil.rmtree(actuals)
    (cell,) = board.plan.cells

    found, own, mae = scores(board), board.terms(cell, Metric("M", tripled)), board.terms(cell, MAE)

    assert found["M"] == found["MAE"]
    assert own is not None
    assert mae is not None
    assert np.array_equal(own.numerators, mae.numerators)


def test_scores_are_stored_beside_the_same_forecasts(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("M", tripled), {"metrics": {"M": FORMER, "other": "1"}, "harness": "0"})
    (key,) = board.runs
    before = board.journal.read_with_results(key)

    board.journal.write_scores(board.rescored[key])

    after = Journal(tmp_path).read_with_results(key)
    assert before is not None
    assert before.results is not None
    assert after is not None
    assert after.results is not None
    assert after.scores == scores(board)
    assert after.provenance == {"metrics": {"M": PRESENT, "other": "1"}, "harness": "0"}
    assert np.array_equal(after.results.forecast.mean, before.results.forecast.mean)
    np.testing.assert_allclose(after.results.terms["M"].numerators, 3 * after.results.terms["MAE"].numerators)
    assert len(list((board.journal.cells / key).iterdir())) == 5  # the record, series, cutoffs, forecasts, and terms
    assert JournalResults(board.plan, Journal(tmp_path), board.catalog).rescored == {}


def test_scores_are_not_stored_where_the_cell_was_run_again(tmp_path: Path) -> None:
    board = results(tmp_path, Metric("M", tripled), {"metrics": {"M": FORMER}})
    (key,) = board.runs
    run = board.journal.read_with_results(key)
    assert run is not None
    board.journal.write(replace(run, reason="later"))

    board.journal.write_scores(board.rescored[key])

    kept = board.journal.read(key)
    assert kept is not None
    assert kept.reason == "later"
    assert kept.scores["M"] == kept.scores["MAE"]
