"""Aggregate scores against plain loops over tasks and forecasters."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.analysis.aggregation import win_rates
from harness.analysis.ranking.error_table import Aggregates, ErrorTable, TaskErrors
from harness.analysis.ranking.units import Units, UnitSums
from harness.arrays import Floats
from harness.evaluation.metrics import METRICS

CLIP = (0.1, 10.0)
NAN = math.nan
# Few different values, so that many tie; the baseline, which comes first, always has a result.
DISTANCES = arrays(
    float, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.sampled_from([0.0, 0.01, 1.0, 2.0, 3.0, NAN])
).map(lambda found: np.concatenate([np.nan_to_num(found[:, :1], nan=1.0), found], axis=1))


def error_table(distances: Floats, impute: bool = True, clip: tuple[float, float] = CLIP) -> ErrorTable:
    tasks = [
        TaskErrors(f"{i}", f"{i}", one, np.arange(len(one)), (), None, None)
        for i, one in enumerate(np.asarray(distances))
    ]
    return ErrorTable(tuple(tasks), 0, clip, METRICS[0], impute)


def relative(mine: float, base: float) -> float:
    if math.isnan(mine):
        return NAN
    return 1.0 if mine == base else mine / base if base else math.inf


def relative_errors(distances: Floats, impute: bool) -> list[list[float]]:
    known = [[relative(each, task[0]) for each in task] for task in distances]
    own = [max([1.0, *(row[i] for row in known if not math.isnan(row[i]))]) for i in range(len(known[0]))]
    levels = [level(column) for column in zip(*known, strict=True)]
    rows = []
    for row in known:
        imputed = []
        for i, one in enumerate(row):
            donors = [error for j, error in enumerate(row) if levels[j] <= levels[0] + 1e-9 and not math.isnan(error)]
            worst = max(error for error in row if not math.isnan(error))
            donated = worst if math.isnan(levels[i]) else statistics.median_low(donors)
            imputed.append(max(own[i], donated) if math.isnan(one) and impute else one)
        rows.append(imputed)
    return rows


def level(errors: Sequence[float]) -> float:
    """The mean log of the relative errors of a forecaster; NaN where it has none."""
    logs = [math.log(max(error, CLIP[0])) for error in errors if not math.isnan(error)]
    return sum(logs) / len(logs) if logs else NAN


def won(mine: float, others: list[float]) -> float:
    return sum(1.0 if mine < other else 0.5 if mine == other else 0.0 for other in others) / len(others)


def of_forecaster(rows: list[list[float]], i: int) -> tuple[float, float, float, float]:
    """Mean log, win rate, mean rank and median by plain loops, NaN where it has no result."""
    logs, rates, places, clipped = [], [], [], []
    for row in rows:
        others = [one for j, one in enumerate(row) if j != i and not math.isnan(one)]
        if math.isnan(row[i]):
            continue
        clipped.append(min(max(row[i], CLIP[0]), CLIP[1]))
        logs.append(math.log(clipped[-1]))
        places.append(1 + sum(other < row[i] for other in others) + sum(other == row[i] for other in others) / 2)
        if others:
            rates.append(won(row[i], others))
    middle = statistics.median(clipped) if clipped else NAN
    return *(statistics.fmean(each) if each else NAN for each in (logs, rates, places)), middle


def assert_aggregates(found: Aggregates, rows: list[list[float]]) -> None:
    expected = np.array([of_forecaster(rows, i) for i in range(len(rows[0]))])
    aggregates = np.stack([found.logs, found.win_rates, found.mean_ranks, found.medians], axis=1)
    np.testing.assert_allclose(aggregates, expected, rtol=1e-12, atol=1e-12)


class TestAggregates:
    @given(DISTANCES)
    def test_missing_errors_are_imputed(self, distances) -> None:
        table = error_table(distances)

        assert_aggregates(Aggregates.of(table, table.errors), relative_errors(distances, impute=True))

    @given(DISTANCES)
    def test_or_ignored(self, distances) -> None:
        table = error_table(distances, impute=False)

        assert_aggregates(Aggregates.of(table, table.errors), relative_errors(distances, impute=False))

    @given(DISTANCES)
    def test_those_of_many_resamples_are_those_of_each(self, distances) -> None:
        table = error_table(distances)
        replicates = np.stack([table.errors, table.errors[::-1] * 2, table.errors])

        found = Aggregates.of(table, replicates)

        for i, errors in enumerate(replicates):
            assert_aggregates(Aggregates(*(array[i] for array in vars(found).values())), errors.tolist())

    @given(DISTANCES, st.data())
    def test_a_weight_of_two_equals_a_repeated_task(self, distances, data) -> None:
        table = error_table(distances)
        weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(distances), max_size=len(distances))))
        weights[0] += 1

        found = Aggregates.of(table, table.errors, np.stack([weights, np.ones_like(weights)]).astype(float))

        repeated = table.errors[np.repeat(np.arange(len(distances)), weights)]
        assert_aggregates(Aggregates(*(array[0] for array in vars(found).values())), repeated.tolist())
        assert_aggregates(Aggregates(*(array[1] for array in vars(found).values())), table.errors.tolist())

    @given(DISTANCES, st.booleans())
    def test_win_rates_are_those_of_the_verified_function(self, distances, impute) -> None:
        table = error_table(distances, impute)

        np.testing.assert_array_equal(Aggregates.of(table, table.errors).win_rates, win_rates(table.errors))

    def test_by_hand(self) -> None:
        table = error_table(np.array([[2.0, 1.0, NAN, 4.0], [1.0, 0.01, 3.0, 1.0]]))

        found = Aggregates.of(table, table.errors)

        np.testing.assert_allclose(table.errors, [[1, 0.5, 3, 2], [1, 0.01, 3, 1]])  # 3: its own worst elsewhere
        np.testing.assert_allclose(np.exp(found.logs), [1, math.sqrt(0.05), 3, math.sqrt(2)])
        np.testing.assert_allclose(found.mean_ranks, [2.25, 1, 4, 2.75])
        np.testing.assert_allclose(found.win_rates, [(2 / 3 + 1 / 2) / 2, 1, 0, (1 / 3 + 1 / 2) / 2])
        np.testing.assert_allclose(found.medians, [1, 0.3, 3, 1.5])


class TestMissing:
    def test_is_never_better_than_the_baseline(self) -> None:
        table = error_table(np.array([[2.0, 1.0, NAN]]))

        np.testing.assert_array_equal(table.errors, [[1, 0.5, 1]])

    def test_with_a_perfect_baseline_is_infinite_like_other_errors(self) -> None:
        table = error_table(np.array([[0.0, 1e-300, NAN, 0.0]]))

        np.testing.assert_array_equal(table.errors, [[1, math.inf, math.inf, 1]])
        np.testing.assert_allclose(np.exp(table.logs(table.errors)), [[1, 10, 10, 1]])


class TestTaskErrors:
    def task_errors(self, losses: Floats, owners: list[int], distances: list[float], overlap: int = 1) -> TaskErrors:
        units = Units("cutoffs", np.zeros(len(losses), dtype=int), np.arange(len(losses)), overlap)
        sums = UnitSums(losses[:, None, None], np.ones_like(losses)[:, None, None], root=False)
        return TaskErrors("a", "a", np.array(distances), np.array(owners), (), units, sums)

    def test_seeds_are_averaged_in_any_order(self) -> None:
        losses = np.array([[1.0, 10.0, 3.0, 5.0], [2.0, 20.0, 4.0, 6.0]])

        found = self.task_errors(losses, [2, 0, 2, 2], [15.0, NAN, 3.5]).losses

        np.testing.assert_array_equal(found, [[10, NAN, 3], [20, NAN, 4]])

    def test_a_forecaster_without_a_score_has_no_losses(self) -> None:
        losses = np.array([[1.0, 10.0], [2.0, 20.0]])

        found = self.task_errors(losses, [0, 1], [1.5, NAN]).losses  # another seed of the second failed

        np.testing.assert_array_equal(found, [[1, NAN], [2, NAN]])

    @pytest.mark.parametrize(("units", "resampled"), [(1, False), (2, True)])
    def test_two_units_can_be_resampled(self, units, resampled) -> None:
        assert self.task_errors(np.ones((units, 1)), [0], [1.0]).resampled == resampled
