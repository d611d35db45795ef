"""Skill, win rates and ranks: by hand, by loops, by SciPy, and as fev-bench publishes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from harness.analysis.aggregation import mean_ranks, ranks, relative_errors, skill, win_rates
from harness.arrays import Floats
from harness.verification.published import FEV_BENCH

NAN, INF = math.nan, math.inf
CLIP = (0.01, 100.0)

ERRORS = np.array([[1.0, 2.0, 2.0], [3.0, 1.0, 2.0]])  # (task, forecaster)

few = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 1e3, INF, NAN])  # so that there are ties
any_errors = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=few)
known_errors = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(2, 6)), elements=st.floats(0.1, 10).map(lambda x: round(x, 1))
)


def wins_by_loop(errors: Floats, mine: int) -> float:
    """The share of the others that a forecaster beats, one after the other, mean over tasks."""
    shares = []
    for here, *others in ([row[mine], *np.delete(row, mine)] for row in errors):
        won = [1.0 if here < there else 0.5 if here == there else 0.0 for there in others if not np.isnan(there)]
        if won and not np.isnan(here):
            shares.append(math.fsum(won) / len(won))
    return math.fsum(shares) / len(shares) if shares else NAN


class TestRelativeErrors:
    def test_are_ratios_to_the_baseline(self) -> None:
        assert relative_errors(ERRORS, 1).tolist() == [[0.5, 1.0, 1.0], [3.0, 1.0, 2.0]]

    def test_are_clipped(self) -> None:
        assert relative_errors(np.array([[1.0, 1e-3, 1e3]]), 0, CLIP).tolist() == [[1.0, 0.01, 100.0]]

    def test_of_nothing_over_nothing_are_one_and_of_something_over_nothing_infinite(self) -> None:
        errors = np.array([[0.0, 0.0, 2.0], [INF, INF, 2.0]])

        assert relative_errors(errors, 0, None).tolist() == [[1.0, 1.0, INF], [1.0, 1.0, 0.0]]
        assert relative_errors(errors, 0, CLIP).tolist() == [[1.0, 1.0, 100.0], [1.0, 1.0, 0.01]]

    def test_without_an_error_or_a_baseline_are_not_numbers(self) -> None:
        relative = relative_errors(np.array([[1.0, NAN, 2.0], [NAN, 1.0, 2.0]]), 0)

        assert np.isnan(relative).tolist() == [[False, True, False], [True, True, True]]


class TestSkill:
    def test_is_one_minus_the_geometric_mean(self) -> None:
        assert skill(ERRORS, ERRORS[:, 1]) == pytest.approx([1 - math.sqrt(1.5), 0.0, 1 - math.sqrt(2.0)])

    def test_tasks_without_a_result_are_ignored(self) -> None:
        errors = np.array([[1.0, 2.0], [1.0, NAN], [NAN, 3.0]])

        assert skill(errors, errors[:, 0]) == pytest.approx([0.0, -1.0])

    def test_without_any_task_is_not_a_number(self) -> None:
        assert np.isnan(skill(np.array([[NAN, 1.0]]), np.array([NAN]))).all()

    def test_without_a_clip_a_perfect_forecaster_has_all_of_it(self) -> None:
        assert skill(np.array([[0.0, 1.0], [3.0, 1.0]]), np.ones(2), None) == pytest.approx([1.0, 1 - math.sqrt(1.0)])

    @given(known_errors, st.integers(0, 1))
    def test_is_nothing_for_the_baseline_and_the_same_in_all_units(self, errors: Floats, baseline: int) -> None:
        units = 10.0 ** np.arange(len(errors))

        skills = skill(errors, errors[:, baseline], CLIP)

        assert skills[baseline] == 0
        assert skill(errors * units[:, None], errors[:, baseline] * units, CLIP) == pytest.approx(skills)

    @given(known_errors)
    def test_is_that_of_the_relative_errors(self, errors: Floats) -> None:
        means = np.prod(relative_errors(errors, 1, CLIP), axis=0) ** (1 / len(errors))

        assert skill(errors, errors[:, 1], CLIP) == pytest.approx(1 - means)


class TestWinRates:
    def test_count_ties_one_half(self) -> None:
        assert win_rates(ERRORS).tolist() == [(2 + 0) / 4, (0.5 + 2) / 4, (0.5 + 1) / 4]

    def test_tasks_have_equal_weight_however_many_forecasters_they_compare(self) -> None:
        errors = np.array([[1.0, 2.0, 2.0], [3.0, 1.0, NAN]])

        assert win_rates(errors).tolist() == [(1 + 0) / 2, (0.25 + 1) / 2, 0.25]

    def test_of_one_alone_are_not_numbers(self) -> None:
        assert np.isnan(win_rates(np.array([[1.0], [2.0]]))).all()

    @given(any_errors)
    def test_are_those_of_a_loop(self, errors: Floats) -> None:
        expected = [wins_by_loop(errors, mine) for mine in range(errors.shape[1])]

        assert win_rates(errors) == pytest.approx(expected, nan_ok=True)

    @given(known_errors)
    def test_are_one_half_on_average(self, errors: Floats) -> None:
        assert win_rates(errors).mean() == pytest.approx(0.5)


class TestRanks:
    def test_of_ties_are_the_mean(self) -> None:
        assert ranks(ERRORS).tolist() == [[1.0, 2.5, 2.5], [3.0, 1.0, 2.0]]
        assert mean_ranks(ERRORS).tolist() == [2.0, 1.75, 2.25]

    @given(any_errors)
    def test_are_those_of_scipy(self, errors: Floats) -> None:
        assert np.array_equal(ranks(errors), rankdata(errors, axis=-1, nan_policy="omit"), equal_nan=True)

    def test_leave_out_tasks_without_a_result(self) -> None:
        assert mean_ranks(np.array([[1.0, NAN, 2.0], [2.0, 1.0, 3.0]])).tolist() == [1.5, 1.0, 2.5]


@given(arrays.arrays(np.float64, (2, 3, 4, 5), elements=few))
def test_leading_axes_are_samples(errors: Floats) -> None:
    together = [
        *(aggregate(errors) for aggregate in (win_rates, mean_ranks)),
        skill(errors, errors[..., 1]),
        relative_errors(errors, 1),
    ]

    for i, j in np.ndindex(2, 3):
        alone = [
            *(aggregate(errors[i, j]) for aggregate in (win_rates, mean_ranks)),
            skill(errors[i, j], errors[i, j, :, 1]),
            relative_errors(errors[i, j], 1),
        ]
        for one, many in zip(alone, together, strict=True):
            assert np.array_equal(one, many[i, j], equal_nan=True)


def test_fev_bench_is_as_published(real_file: Callable[[str], Path]) -> None:
    names = ["autoarima", "autotheta", "autoets", "seasonal_naive", "naive", "drift"]
    results = pd.concat([pd.read_csv(real_file(f"fev_bench/{name}.csv")) for name in names])
    table = results.pivot(index="task_name", columns="model_name", values="MASE")
    table = table.apply(lambda column: column.fillna(table["Seasonal Naive"]))[list(FEV_BENCH.numbers)]
    errors = table.to_numpy()

    rates, skills = win_rates(errors), skill(errors, table["Seasonal Naive"].to_numpy())

    assert errors.shape == (100, 6)
    for published, rate, gained in zip(FEV_BENCH.numbers.values(), rates, skills, strict=True):
        assert f"{rate:.3f}" == published["win rate"]
        assert gained == pytest.approx(float(published["skill"]), abs=5e-7)
