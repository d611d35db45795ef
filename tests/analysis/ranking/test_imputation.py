"""What failed windows and cells are scored as: never better than the baseline, and nobody can sabotage another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from harness import RollingOrigin, Standings, Task
from harness.analysis.ranking.compute import compute_standings
from harness.arrays import Floats
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Run, Status, WindowFailure
from harness.evaluation.scoring import Terms
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell, StoredPlan

MAE = METRICS[0]


class Losses(BoardResults):
    """A board of losses by task, (window, forecaster): NaN where a window is lost; all of them: a failed cell."""

    def __init__(self, losses: Mapping[str, Floats], names: Sequence[str]) -> None:
        cells, self.runs, self.of_key = [], {}, {}
        for task, of_task in losses.items():
            for j, name in enumerate(names):
                cell, lost = StoredCell(f"{name} {task}", name, task, "aa"), np.isnan(of_task[:, j])
                self.of_key[cell.key] = Terms(np.where(lost, 0.0, of_task[:, j])[:, None], 1.0 - lost[:, None])
                failures = tuple(WindowFailure(int(i), Status.FAILED, "lost") for i in np.flatnonzero(lost))
                status = Status.FAILED if lost.all() else Status.COMPLETED
                planned = Cell(Task(task, RollingOrigin(1)), name)
                run = Run(planned, status, cell.key, windows=len(of_task), window_failures=failures)
                self.runs[cell.key] = run
                cells.append(cell)
        self.plan = StoredPlan("toys", "Toys", "", "MAE", names[0], tuple(cells), tuple(names))

    def actuals(self, cell: StoredCell) -> Actuals:
        windows = np.arange(len(self.of_key[cell.key].numerators))
        return Actuals(("s",), 0 * windows, windows, windows, np.zeros((len(windows), 1, 1)))

    def terms(self, cell: StoredCell, metric: Metric) -> Terms:
        return self.of_key[cell.key]


def standings(losses: Mapping[str, Floats], *names: str) -> Standings:
    return compute_standings(Losses(losses, names), MAE)


def scores(losses: Floats, *names: str) -> dict[str, float]:
    return {row.forecaster: row.scores["t"] for row in standings({"t": losses}, *names).rows}


def drawn(*sizes: float, windows: int = 48) -> Floats:
    return np.random.default_rng(3).gamma(4, 1 / 4, size=(windows, len(sizes))) * sizes


class TestWindows:
    def test_one_gets_the_median_loss_of_those_that_are_no_worse_than_the_baseline_or_its_loss(self) -> None:
        losses = drawn(1.0, 0.9, 0.5, 4.0, 0.8)
        losses[:6, 2] = np.nan

        found = scores(losses, "base", "fair", "coward", "poor", "good")

        imputed = np.maximum(np.median(losses[:6, [0, 1, 4]], axis=1), losses[:6, 0])
        assert (imputed > losses[:6, 0]).any()
        assert found["coward"] == pytest.approx((losses[6:, 2].sum() + imputed.sum()) / 48)

    def test_an_absurd_forecaster_moves_nobody(self) -> None:
        """One that states 1e9 moved another, of whose 48 windows three were lost, from rank 1 to 4."""
        losses, names = drawn(1.0, 0.5, 0.7, 0.9, 1e9), ("base", "best", "second", "third", "absurd")
        losses[[3, 17, 40], 1] = np.nan

        with_it = standings({"t": losses}, *names)
        without = standings({"t": losses[:, :4]}, *names[:4])

        assert [row.forecaster for row in with_it.rows] == ["best", "second", "third", "base", "absurd"]
        for row, same in zip(with_it.rows[:4], without.rows, strict=True):
            assert (row.forecaster, row.skill, row.scores) == (same.forecaster, same.skill, same.scores)
            assert row.intervals["skill"] == same.intervals["skill"]

    @pytest.mark.parametrize("others", [2, 1, 0])
    def test_nobody_moves_another_by_concentrating_errors(self, others: int) -> None:
        """A forecaster as good as the baseline had its margin in three windows that the best one lost, and moved that
        one from rank 1 (skill 0.493) to 3 (0.237)."""
        losses = drawn(1.0, 0.5, 0.7, 0.65, 0.7)[:, [0, 1, 4, 2, 3][: 3 + others]]
        names, lost = ("base", "victim", "saboteur", "second", "third")[: 3 + others], [3, 17, 40]
        losses[lost, 1] = np.nan
        sabotaged = losses.copy()
        sabotaged[lost, 2] += (losses[:, 0].sum() - losses[:, 2].sum()) / 3 * 0.98

        before, after = standings({"t": losses}, *names).rows, standings({"t": sabotaged}, *names).rows

        assert after[0].forecaster == before[0].forecaster == "victim"
        assert next(row.skill for row in after if row.forecaster == "saboteur") > 0
        honest = np.delete(losses, 2, axis=1)[lost]
        assert after[0].scores["t"] <= (np.nansum(losses[:, 1]) + np.nanmax(honest, axis=1).sum()) / 48 + 1e-12

    def test_one_costs_the_baseline_loss_at_least(self) -> None:
        losses = drawn(1.0, 0.5, 0.6, 0.4)
        losses[:20, 1] = np.nan

        found = scores(losses, "base", "coward", "second", "third")

        assert found["coward"] >= (np.nansum(losses[:, 1]) + losses[:20, 0].sum()) / 48 - 1e-12

    def test_a_forecaster_that_is_worse_than_the_baseline_gains_nothing(self) -> None:
        """Its lost windows are scored as the worst ones of others that are as bad."""
        losses, names = drawn(1.0, 3.0, 2.5, 1e9), ("base", "coward", "brave", "absurd")
        lost = losses.copy()
        lost[:6, 1] = np.nan
        assert np.nanmean(lost[:, 1]) > losses[:, 2].mean()

        found = scores(lost, *names)

        expected = np.where(np.isnan(lost[:, 1]), losses[:, [0, 2]].max(axis=1), lost[:, 1]).mean()
        assert found["coward"] == pytest.approx(expected)

    def test_one_that_only_worse_forecasters_completed_gets_the_loss_of_the_best_of_them(self) -> None:
        losses = drawn(1.0, 0.5, 5.0, 1e9)
        losses[7, :2] = np.nan

        found = scores(losses, "base", "good", "poor", "absurd")

        assert found["good"] == pytest.approx((np.nansum(losses[:, 1]) + losses[7, 2]) / 48)

    def test_one_that_nobody_completed_is_ignored(self) -> None:
        losses = drawn(1.0, 0.5)
        losses[7] = np.nan

        assert scores(losses, "base", "good")["good"] == pytest.approx(np.nanmean(losses[:, 1]))


class TestCells:
    def test_an_absurd_forecaster_moves_nobody(self) -> None:
        names = ("base", "best", "second", "third", "absurd")
        losses = {f"t{i}": drawn(1.0, 0.5, 0.7, 0.9, 1e9) for i in range(3)}
        losses["t1"] = losses["t1"].copy()
        losses["t1"][:, 1] = np.nan

        with_it = standings(losses, *names)
        without = standings({task: of_task[:, :4] for task, of_task in losses.items()}, *names[:4])

        for row, same in zip(with_it.rows[:4], without.rows, strict=True):
            assert (row.forecaster, row.skill) == (same.forecaster, same.skill)
            assert row.intervals["skill"] == same.intervals["skill"]

    def test_one_is_no_better_than_the_median_of_those_that_are_no_worse_than_the_baseline(self) -> None:
        easy, hard = np.full((48, 5), (1.0, 0.5, 0.5, 0.4, 2.0)), np.full((48, 5), (1.0, np.nan, 1.5, 2.0, 9.0))

        found = standings({"easy": easy, "hard": hard}, "base", "coward", "fair", "bold", "poor")

        skills = {row.forecaster: row.skill for row in found.rows}
        assert skills["coward"] == skills["fair"] == pytest.approx(1 - np.sqrt(0.5 * 1.5))

    def test_nobody_moves_another_by_concentrating_errors(self) -> None:
        """One as good as the baseline has its margin on the task on which another failed."""
        easy, hard = np.full((48, 4), (1.0, 0.5, 0.6, 0.05)), np.full((48, 4), (1.0, np.nan, 0.6, 19.0))

        found = standings({"easy": easy, "hard": hard}, "base", "victim", "second", "saboteur")

        skills = {row.forecaster: row.skill for row in found.rows}
        assert skills["saboteur"] > 0
        assert skills["victim"] == pytest.approx(1 - np.sqrt(0.5))

    def test_one_is_no_better_than_the_own_worst(self) -> None:
        easy, hard = np.full((48, 3), (1.0, 3.0, 0.5)), np.full((48, 3), (1.0, np.nan, 0.5))

        found = standings({"easy": easy, "hard": hard}, "base", "coward", "fair")

        skills = {row.forecaster: row.skill for row in found.rows}
        assert skills["coward"] == pytest.approx(1 - 3)

    def test_errors_that_are_too_large_for_a_number_are_no_score_and_come_last(self) -> None:
        losses = drawn(1.0, 2.0, 1.0)
        losses[:, 2] = np.inf

        found = standings({"t": losses}, "base", "poor", "huge")
        alone = standings({"t": losses[:, [0, 2]]}, "base", "huge")

        assert [(row.forecaster, row.rank) for row in found.rows] == [("base", 1), ("poor", 2), ("huge", 3)]
        assert [(row.forecaster, row.rank) for row in alone.rows] == [("base", 1), ("huge", 2)]
        assert [row.has_score for row in found.rows] == [True, True, False]
        assert not found.rows[2].intervals
