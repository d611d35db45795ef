"""Standings: worked by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import (
    DataUnavailable,
    Generation,
    Leaderboard,
    Panel,
    RollingOrigin,
    Run,
    Standings,
    Status,
    Task,
    stored_standings,
)
from harness.analysis.ranking.compute import compute_standings
from harness.boards.leaderboard import Entry
from harness.boards.planning import BoardPlan, PlannedCell
from harness.errors import BadInput
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Costs, WindowFailure
from harness.results.board_results import JournalResults
from harness.results.journal import Journal
from harness.results.standings import Row
from harness.tasks.folds import backtest
from harness_models.naive import Mean, Naive

from ...whole_values import whole

LEVELS = (0.1, 0.5, 0.9)
MAE, BIAS, COVERAGE = (
    next(metric for metric in METRICS if metric.name == name) for name in ("MAE", "bias", "coverage")
)
Came = float | Status | None | list[float | Status | None]  # a score, a failure, not run; or one a seed


class Board:
    """A board called 'toys' with the baseline 'base', and a journal of what came of each cell."""

    def __init__(self, home: Path, came: Mapping[str, Mapping[str, Came]], **board: Any) -> None:
        self.home, self.journal = home, Journal(home)
        labels = list(dict.fromkeys(task for tasks in came.values() for task in tasks))
        tasks = [Task(label, RollingOrigin(1, windows=1), quantile_levels=LEVELS) for label in labels]
        entries = tuple(Entry(title) for title in came)
        board = {"tasks": tuple(tasks), "metric": "MAE", "forecasters": entries, **board}
        cells = []
        for title, by_task in came.items():
            for task in tasks:
                of_task = by_task[task.label]
                seeds = of_task if isinstance(of_task, list) else [of_task]
                cells += [self.ran(title, task, seed, one) for seed, one in enumerate(seeds)]
        self.plan = BoardPlan("toys", Leaderboard("Toys", baseline="base", **board), tuple(cells), tuple(came))

    def ran(self, title: str, task: Task, seed: int, came: float | Status | None) -> PlannedCell:
        cell = Cell(task, title, {}, seed)
        key = cell.key("aa", "toys==1")
        if isinstance(came, Status):
            self.journal.write(Run(cell, came, key, f"{came} on purpose", costs=Costs(1.0, 2.0)))
        elif came is not None:
            scores = {"MAE": came, "bias": came, "coverage": came}
            self.journal.write(Run(cell, Status.COMPLETED, key, scores=scores, costs=Costs(1.0, 2.0)))
        return PlannedCell(key, title, task.label, cell, "aa")

    def standings(self, metric: Metric = MAE, *, completed_only: bool = False) -> Standings:
        results = JournalResults(self.plan.to_stored(), self.journal)
        return compute_standings(results, metric, completed_only=completed_only)

    def rows(self, metric: Metric = MAE, *, completed_only: bool = False) -> dict[str, Row]:
        return {row.forecaster: row for row in self.standings(metric, completed_only=completed_only).rows}


@pytest.mark.parametrize(("series", "note"), [("a", "a: 2 windows left out"), ("s", "a: s: 2 windows left out")])
def test_windows_left_out_are_noted_with_task_and_series_each_name_once(tmp_path: Path, series: str, note: str) -> None:
    board = Board(tmp_path, {"base": {"a": 1.0}})
    run = board.journal.read(board.plan.cells[0].key)
    assert run is not None
    board.journal.write(replace(run, notes=(f"{series}: 2 windows left out, too short",)))

    assert board.standings().notes == (f"{note}, too short",)


class TestSkill:
    def test_it_is_one_minus_the_geometric_mean_of_relative_errors(self, tmp_path: Path) -> None:
        rows = Board(
            tmp_path, {"base": {"a": 2.0, "b": 4.0}, "good": {"a": 1.0, "b": 0.5}, "bad": {"a": 4.0, "b": 8.0}}
        ).rows()

        assert rows["base"].skill == 0
        assert rows["good"].relative_error == pytest.approx(0.25)  # sqrt(1/2 · 1/8)
        assert rows["good"].skill == pytest.approx(0.75)
        assert rows["bad"].skill == pytest.approx(-1)

    def test_tasks_have_equal_weight_whatever_their_scale(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 1e-6, "b": 1e6}, "other": {"a": 2e-6, "b": 5e5}}).rows()

        assert rows["other"].skill == pytest.approx(0)

    def test_errors_are_clipped(self, tmp_path: Path) -> None:
        came = {"base": {"a": 1.0}, "perfect": {"a": 0.0}, "awful": {"a": 1e9}}

        rows = Board(tmp_path, came, clip=(0.1, 10.0)).rows()

        assert rows["perfect"].relative_error == pytest.approx(0.1)
        assert rows["awful"].relative_error == pytest.approx(10)

    def test_nothing_is_better_than_a_perfect_baseline(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 0.0}, "same": {"a": 0.0}, "worse": {"a": 1e-9}}).rows()

        assert rows["same"].skill == 0
        assert rows["worse"].relative_error == pytest.approx(100)

    def test_seeds_are_averaged(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 4.0}, "drawing": {"a": [1.0, 2.0, 3.0]}}).rows()

        assert rows["drawing"].scores == {"a": 2.0}
        assert rows["drawing"].skill == pytest.approx(0.5)


class TestRanks:
    def test_the_best_is_first_and_ties_share_a_rank(self, tmp_path: Path) -> None:
        came = {"base": {"a": 2.0}, "last": {"a": 3.0}, "best": {"a": 1.0}, "twin": {"a": 2.0}}

        found = Board(tmp_path, came).standings()

        assert [(row.rank, row.forecaster) for row in found.rows] == [
            (1, "best"),
            (2, "base"),
            (2, "twin"),
            (4, "last"),
        ]

    def test_bias_ranks_by_its_distance_from_zero(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": -4.0}, "over": {"a": 1.0}, "under": {"a": -2.0}}).rows(BIAS)

        assert {name: row.rank for name, row in rows.items()} == {"over": 1, "under": 2, "base": 3}
        assert rows["over"].skill == pytest.approx(0.75)
        assert rows["under"].scores == {"a": -2.0}

    def test_biases_of_several_seeds_do_not_cancel(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 1.0}, "drawing": {"a": [-2.0, 2.0]}}).rows(BIAS)

        assert rows["drawing"].relative_error == pytest.approx(2)

    def test_coverage_ranks_by_its_distance_from_the_nominal(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 0.4}, "wide": {"a": 1.0}, "right": {"a": 0.75}}).rows(COVERAGE)

        assert rows["wide"].relative_error == pytest.approx(0.5)  # |1.0 − 0.8| / |0.4 − 0.8|
        assert rows["right"].relative_error == pytest.approx(0.125)


class TestFailures:
    """Nobody gains more by failing than the baseline has."""

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
    def test_one_is_scored_as_the_median_of_those_no_worse_than_the_baseline(
        self, tmp_path: Path, status: Status
    ) -> None:
        came: dict[str, dict[str, Came]] = {
            "base": {"a": 2.0, "b": 1.0},
            "worst": {"a": 8.0, "b": 0.125},
            "second": {"a": 6.0, "b": 0.25},
            "absurd": {"a": 1e9, "b": 1.0},
            "failing": {"a": status, "b": 0.5},
        }

        rows = Board(tmp_path, came).rows()

        assert rows["failing"].relative_error == pytest.approx(math.sqrt(3 * 0.5))
        assert math.isnan(rows["failing"].scores["a"])
        assert rows["failing"].missing == {status.value: 1}
        assert rows["failing"].reasons == (f"a: {status} on purpose",)
        assert rows["failing"].completed == 1

    def test_one_is_never_better_than_its_own_worst(self, tmp_path: Path) -> None:
        came: dict[str, dict[str, Came]] = {
            "base": {"a": 2.0, "b": 1.0},
            "good": {"a": 1.0, "b": 0.5},
            "coward": {"a": Status.FAILED, "b": 4.0},
        }

        rows = Board(tmp_path, came).rows()

        assert rows["coward"].relative_error == pytest.approx(4)

    def test_a_forecaster_that_completed_nothing_comes_last_without_an_interval(self, tmp_path: Path) -> None:
        came: dict[str, dict[str, Came]] = {"base": {"a": 2.0}, "bad": {"a": 9.0}, "broken": {"a": Status.FAILED}}

        found = Board(tmp_path, came).standings()

        assert [row.forecaster for row in found.rows] == ["base", "bad", "broken"]
        assert found.rows[-1].intervals == {}
        assert not found.rows[-1].tied_for_first

    def test_one_is_never_better_than_the_baseline(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 2.0}, "good": {"a": 1.0}, "failing": {"a": Status.FAILED}}).rows()

        assert rows["failing"].skill == 0

    def test_one_seed_that_fails_is_enough(self, tmp_path: Path) -> None:
        came: dict[str, dict[str, Came]] = {"base": {"a": 2.0}, "drawing": {"a": [0.1, Status.CRASHED, 0.1]}}

        row = Board(tmp_path, came).rows()["drawing"]

        assert row.skill == 0
        assert row.missing == {"crashed": 1}
        assert row.completed == 2

    def test_a_nan_score_is_a_failure(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 2.0}, "good": {"a": 1.0}, "infinite": {"a": math.inf}}).rows()

        assert rows["infinite"].relative_error == pytest.approx(1)

    def test_with_completed_only_failures_are_ignored(self, tmp_path: Path) -> None:
        came: dict[str, dict[str, Came]] = {
            "base": {"a": 2.0, "b": 1.0},
            "worst": {"a": 6.0, "b": 1.0},
            "failing": {"a": Status.FAILED, "b": 0.5},
            "nothing": {"a": Status.FAILED, "b": Status.FAILED},
        }

        found = Board(tmp_path, came).standings(completed_only=True)

        rows = {row.forecaster: row for row in found.rows}
        assert rows["failing"].relative_error == pytest.approx(0.5)
        assert math.isnan(rows["nothing"].skill)
        assert found.rows[-1].forecaster == "nothing"

    def test_a_task_without_a_baseline_is_ignored(self, tmp_path: Path) -> None:
        came: dict[str, dict[str, Came]] = {"base": {"a": Status.FAILED, "b": 1.0}, "good": {"a": 1.0, "b": 0.5}}

        found = Board(tmp_path, came).standings()

        assert found.notes == ("a is ignored: the baseline base has no MAE there",)
        assert found.rows[0].relative_error == pytest.approx(0.5)
        assert found.rows[0].scores == {"a": 1.0, "b": 0.5}

    def test_without_a_baseline_no_forecaster_has_a_skill(self, tmp_path: Path) -> None:
        found = Board(tmp_path, {"base": {"a": Status.FAILED}, "good": {"a": 1.0}}).standings()

        assert [math.isnan(row.skill) for row in found.rows] == [True, True]

    def test_failed_windows_are_counted(self, tmp_path: Path) -> None:
        board = Board(tmp_path, {"base": {"a": 1.0}})
        run = board.journal.read(board.plan.cells[0].key)
        assert run is not None
        lost = (WindowFailure(0, Status.INVALID, "NaN"), WindowFailure(1, Status.FAILED, "ValueError"))

        board.journal.write(replace(run, window_failures=lost))

        assert board.rows(completed_only=True)["base"].failed_windows == 2


class TestUnfinished:
    def test_a_forecaster_with_pending_cells_is_not_ranked(self, tmp_path: Path) -> None:
        came: dict[str, dict[str, Came]] = {
            "base": {"a": 2.0, "b": 1.0},
            "slow": {"a": 1.0, "b": None},
            "bad": {"a": 9.0, "b": 9.0},
        }

        found = Board(tmp_path, came).standings()

        assert found.notes == ("1 of 6 cells is pending",)
        assert [row.forecaster for row in found.rows] == ["base", "bad", "slow"]
        slow = found.rows[-1]
        assert slow.missing == {"not run": 1}
        assert slow.scores["a"] == 1.0
        assert math.isnan(slow.skill)

    def test_the_others_are_ranked_without_it(self, tmp_path: Path) -> None:
        came: dict[str, dict[str, Came]] = {"base": {"a": 2.0, "b": 1.0}, "bad": {"a": 9.0, "b": 9.0}}
        alone = Board(tmp_path / "alone", came).rows()

        beside = Board(tmp_path / "beside", {**came, "slow": {"a": 1.0, "b": None}}).rows()

        for name in came:
            assert whole(beside[name]) == whole(alone[name])

    def test_a_forecaster_without_any_run_is_not_ranked(self, tmp_path: Path) -> None:
        found = Board(tmp_path, {"base": {"a": 2.0}, "late": {"a": None}, "bad": {"a": 9.0}}).standings()

        assert [row.forecaster for row in found.rows] == ["base", "bad", "late"]
        late = found.rows[-1]
        assert all(math.isnan(value) for value in (late.skill, late.fit_seconds, late.predict_seconds))


class TestRows:
    def test_costs_are_summed_over_tasks_and_averaged_over_seeds(self, tmp_path: Path) -> None:
        rows = Board(tmp_path, {"base": {"a": 1.0, "b": 1.0}, "drawing": {"a": [1.0, 1.0], "b": [1.0, 1.0]}}).rows()

        for name in ("base", "drawing"):
            assert (rows[name].fit_seconds, rows[name].predict_seconds) == (2, 4)

    def test_each_metric_is_averaged_over_what_completed(self, tmp_path: Path) -> None:
        board = Board(tmp_path, {"base": {"a": 1.0, "b": 3.0, "c": Status.FAILED}})

        assert board.rows()["base"].metrics["coverage"] == 2

    def test_a_metric_in_units_of_the_data_is_not_averaged_over_tasks(self, tmp_path: Path) -> None:
        one = Board(tmp_path / "one", {"base": {"a": 1.0}}).rows()["base"]
        two = Board(tmp_path / "two", {"base": {"a": 1.0, "b": 3.0}}).rows()["base"]

        assert one.metrics["MAE"] == 1
        assert "MAE" not in two.metrics
        assert "bias" not in two.metrics

    def test_nor_is_one_that_only_the_catalog_knows(self, tmp_path: Path) -> None:
        board = Board(tmp_path, {"base": {"a": 1.0, "b": 3.0}})
        declared = [replace(COVERAGE, in_units=True), replace(BIAS, in_units=False)]  # of the same names as in the runs

        found = compute_standings(JournalResults(board.plan.to_stored(), board.journal), MAE, metrics=declared)

        assert set(found.rows[0].metrics) == {"bias"}

    @pytest.mark.parametrize(("protocol", "logarithmic"), [(Generation(1, 1), True), (RollingOrigin(1), False)])
    def test_generation_is_shown_by_logarithm(self, tmp_path: Path, protocol: Any, logarithmic: bool) -> None:
        board = Board(tmp_path, {"base": {"a": 1.0}})
        plan = replace(board.plan, board=replace(board.plan.board, tasks=(Task("a", protocol),)))

        assert compute_standings(JournalResults(plan.to_stored(), board.journal), MAE).logarithmic is logarithmic


class TestOtherMetrics:
    """A metric that no run holds is computed from the stored forecasts."""

    TASK = Task("a", RollingOrigin(2, windows=2))
    WORST = Metric("worst", lambda o: o.absolute_error**4, description="the fourth power of errors")

    def board(self, home: Path) -> Board:
        board = Board(home, {"base": {"a": None}, "mean": {"a": None}}, tasks=(self.TASK,))
        panel = Panel.of([[1.0, 3.0, 5.0, 7.0, 6.0]])
        cells = []
        for title, forecaster in (("base", Naive()), ("mean", Mean())):
            cell = Cell(self.TASK, title)
            key = cell.key("aa", "toys==1")
            board.journal.write(replace(evaluate(forecaster, self.TASK, panel, cell=cell), key=key))
            cells.append(PlannedCell(key, title, "a", cell, "aa"))
        board.journal.write_actuals("aa", self.TASK, Actuals.of(backtest(self.TASK, panel)))
        board.plan = replace(board.plan, cells=tuple(cells))
        return board

    def test_it_needs_no_model(self, tmp_path: Path) -> None:
        rows = self.board(tmp_path).rows(self.WORST)

        # Cutoffs after 1 observation and after 3: the last values are 1 and 5, the means 1 and 3.
        assert rows["base"].scores["a"] == (2**4 + 4**4 + 2**4 + 1**4) / 4
        assert rows["mean"].scores["a"] == (2**4 + 4**4 + 4**4 + 3**4) / 4

    def test_it_agrees_with_what_the_run_holds(self, tmp_path: Path) -> None:
        again = replace(MAE, name="MAE again")
        board = self.board(tmp_path)

        assert board.rows(again)["mean"].scores == board.rows(MAE)["mean"].scores

    def test_one_of_quantiles_is_refused_where_there_are_none(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="which needs at least two quantile levels; its tasks ask for none"):
            self.board(tmp_path).standings(COVERAGE)

    def test_lost_forecasts_raise(self, tmp_path: Path) -> None:
        board = self.board(tmp_path)
        for path in board.journal.actuals.glob("*/record.json"):
            path.unlink()

        with pytest.raises(DataUnavailable, match="run its board again"):
            board.rows(self.WORST)


class TestStored:
    @pytest.fixture
    def found(self, tmp_path: Path) -> Standings:
        came: dict[str, dict[str, Came]] = {
            "base": {"a": 2.0, "b": 1.0},
            "failing": {"a": Status.FAILED, "b": 0.1 + 0.2},
            "late": {"a": None, "b": None},
        }
        board = Board(tmp_path, came)
        board.plan = replace(board.plan, unavailable={"c": "file 'c.csv' is missing"})
        return board.standings()

    def test_they_come_back_as_they_were(self, tmp_path: Path, found: Standings) -> None:
        found.save(tmp_path)

        again = stored_standings(tmp_path, "toys")

        assert again is not None
        assert whole(again) == whole(found)

    def test_they_are_strict_json(self, found: Standings) -> None:
        text = json.dumps(found.to_json(), allow_nan=False)

        assert whole(Standings.from_json(json.loads(text))) == whole(found)

    def test_what_is_not_there_is_none(self, tmp_path: Path) -> None:
        assert stored_standings(tmp_path, "toys") is None

    @pytest.mark.parametrize("text", ["", "{", '{"schema": 0}', "[]", '{"schema": 4}', '{"schema": 4, "board": 1}'])
    def test_what_is_damaged_or_older_is_none(self, tmp_path: Path, found: Standings, text: str) -> None:
        found.save(tmp_path)
        (tmp_path / "boards" / "toys" / "standings.json").write_text(text, encoding="utf-8")

        assert stored_standings(tmp_path, "toys") is None
