"""Boards of many forecasters: memory grows with their number, not with its square, and pairs are those of the best."""

from __future__ import annotations

import json
import math
import tracemalloc

import numpy as np
import pytest

from harness import RollingOrigin, Standings, Task
from harness.analysis.ranking.bootstrap import DifferenceVariances, sample_count
from harness.analysis.ranking.compute import compute_standings
from harness.analysis.statistics import confidence_set
from harness.analysis.statistics.clustering import TwoWaySums
from harness.analysis.statistics.confidence_set import MAX_PAIRED, confidence_set_of_replicates
from harness.analysis.statistics.resampling import Stratum
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Run, Status
from harness.evaluation.scoring import Terms
from harness.report.page.render import page
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell, StoredPlan

MAE = METRICS[0]
SERIES, CUTOFFS = 12, 10


class Invented(BoardResults):
    """Many forecasters on a task of many series and cutoffs and on one of cutoffs only."""

    def __init__(self, forecasters: int) -> None:
        rng, cells, self.runs, self.of_key, self.truth = np.random.default_rng(0), [], {}, {}, {}
        names = [f"forecaster {i}" for i in range(forecasters)]
        for label, series in (("panel", SERIES), ("single", 1)):
            windows = np.arange(SERIES * CUTOFFS)
            numbers, values = windows // series, np.zeros((len(windows), 1, 1))
            self.truth[label] = Actuals(("s",) * series, windows % series, numbers, numbers, values)
            hard = rng.gamma(4, 1 / 4, size=(len(windows), 1))
            for i, name in enumerate(names):
                losses = hard * rng.gamma(4, 1 / 4, size=hard.shape) * (0.5 + i / forecasters)
                cell = StoredCell(f"{name} {label}", name, label, "aa")
                self.of_key[cell.key] = Terms(losses, np.ones_like(losses))
                scores = {"MAE": float(losses.mean())}
                task = Task(label, RollingOrigin(1), name=label)
                self.runs[cell.key] = Run(
                    Cell(task, name), Status.COMPLETED, cell.key, scores=scores, windows=len(windows)
                )
                cells.append(cell)
        self.plan = StoredPlan("many", "Many", "", "MAE", names[0], tuple(cells), tuple(names))

    def actuals(self, cell: StoredCell) -> Actuals:
        return self.truth[cell.task]

    def terms(self, cell: StoredCell, metric: Metric) -> Terms:
        return self.of_key[cell.key]


@pytest.fixture(scope="module")
def sixty() -> Standings:
    return compute_standings(Invented(60), MAE)


class TestOnlyTheBestAreComparedInPairs:
    def test_all_others_have_intervals_and_p_values(self, sixty: Standings) -> None:
        assert len(sixty.rows) == 60
        for row in sixty.rows[1:]:
            assert row.interval("skill")[0] <= row.skill <= row.interval("skill")[1]
            assert 0 <= row.mcs_p_value <= 1

    def test_pairs_ranks_and_tests_are_of_the_best_fifty(self, sixty: Standings) -> None:
        found = sixty.significance

        assert found is not None
        assert found.only_best
        assert (found.ranked, len(found.forecasters)) == (60, MAX_PAIRED)
        assert found.forecasters == tuple(row.forecaster for row in sixty.rows[:MAX_PAIRED])
        for matrix in (found.win_rates, found.skills, found.skill_lows, found.skill_highs):
            assert np.shape(matrix) == (MAX_PAIRED, MAX_PAIRED)
        assert {len(p_values) for p_values in found.p_values.values()} == {MAX_PAIRED * (MAX_PAIRED - 1) // 2}

    def test_the_p_value_of_another_pair_is_not_known(self, sixty: Standings) -> None:
        found, best, last = sixty.significance, sixty.rows[0].forecaster, sixty.rows[-1].forecaster

        assert found is not None
        assert math.isnan(found.p_value("panel", best, last))
        assert found.p_value("panel", best, sixty.rows[49].forecaster) < 1

    def test_the_page_says_so(self, sixty: Standings) -> None:
        text = page(sixty)

        assert "Only the best 50 of 60 forecasters are compared in pairs" in text

    def test_of_fifty_all_are(self) -> None:
        standings = compute_standings(Invented(12), MAE)

        assert standings.significance is not None
        assert not standings.significance.only_best
        assert "Only the best" not in page(standings)

    def test_standings_stored_before_compared_all(self, sixty: Standings) -> None:
        fields = compute_standings(Invented(12), MAE).to_json()
        del fields["significance"]["ranked"]

        loaded = Standings.from_json(json.loads(json.dumps(fields)))

        assert loaded.significance is not None
        assert not loaded.significance.only_best


@pytest.mark.slow
def test_memory_and_files_grow_with_the_forecasters() -> None:
    """With the square of them, both would be four times as large."""
    sizes, peaks = [], []
    for forecasters in (100, 200):
        results = Invented(forecasters)
        tracemalloc.start()
        standings = compute_standings(results, MAE)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(len(json.dumps(standings.to_json())))

    assert peaks[1] < 2.6 * peaks[0]
    assert sizes[1] < 2.2 * sizes[0]


def test_replicates_have_bounded_memory() -> None:
    assert sample_count(1) == sample_count(1_000) == 10_000
    assert sample_count(5_000) == sample_count(50_000) == 2_000


class TestVariances:
    @pytest.mark.parametrize("kind", ["series", "cutoffs", "both"])
    def test_row_by_row_they_are_those_of_the_matrix(self, kind: str) -> None:
        series = None if kind == "cutoffs" else Stratum(SERIES)
        cutoffs = None if kind == "series" else Stratum(CUTOFFS, 2)
        deviations = np.random.default_rng(0).normal(size=(SERIES, CUTOFFS, 7))
        sums = TwoWaySums.of(deviations - deviations.mean(axis=(0, 1)), series, cutoffs, corrected=True)
        variances = DifferenceVariances((sums, sums), 2)

        matrix = variances.among(np.arange(7))

        np.testing.assert_allclose(variances.from_one(3), matrix[:, 3], atol=1e-12)
        np.testing.assert_allclose(variances.among(np.array([4, 1])), matrix[np.ix_([4, 1], [4, 1])], rtol=1e-12)

    def test_those_from_the_mean_are_those_of_another_forecaster(self) -> None:
        deviations = np.random.default_rng(0).normal(size=(SERIES, CUTOFFS, 6))
        with_mean = np.concatenate([deviations, deviations.mean(axis=2, keepdims=True)], axis=2)
        strata = Stratum(SERIES), Stratum(CUTOFFS)

        found = TwoWaySums.of(deviations, *strata, corrected=False).variances_from(None)

        expected = TwoWaySums.of(with_mean, *strata, corrected=False).variances_from(6)
        np.testing.assert_allclose(found, expected[:6], rtol=1e-9)


class TestConfidenceSet:
    def test_eliminating_many_at_once_gives_the_same_to_a_hundredth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(1)
        estimates = np.sort(rng.normal(scale=0.3, size=80))
        replicates = estimates + rng.normal(scale=0.1, size=(2_000, 80))
        one_by_one = confidence_set_of_replicates(estimates, replicates, 40, 40)

        monkeypatch.setattr(confidence_set, "MAX_SINGLE", 60)
        at_once = confidence_set_of_replicates(estimates, replicates, 40, 40)

        np.testing.assert_allclose(at_once, one_by_one, atol=0.015)
        np.testing.assert_array_equal(at_once > 0.05, one_by_one > 0.05)

    def test_equals_share_their_p_value(self) -> None:
        rng = np.random.default_rng(1)
        replicates = np.repeat(rng.normal(scale=0.1, size=(500, 60)), 2, axis=1)

        found = confidence_set_of_replicates(replicates.mean(axis=0), replicates, 40, 40)

        np.testing.assert_array_equal(found[::2], found[1::2])

    def test_equally_good_ones_are_rarely_left_out(self) -> None:
        rng, left_out = np.random.default_rng(1), 0
        for _ in range(20):
            losses = rng.normal(size=(50, 120))
            means = rng.multinomial(50, np.full(50, 1 / 50), size=400) / 50 @ losses
            left_out += confidence_set_of_replicates(losses.mean(axis=0), means, 50, 50).min() <= 0.05

        assert left_out <= 5  # of 20 at 5 %: more has a probability below 0.1 %
