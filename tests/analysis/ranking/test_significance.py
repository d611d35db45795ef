"""Significance: resamples, pairs, ranks, the confidence set, and unusual boards."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness import RollingOrigin, Standings, Task
from harness.analysis.ranking.bootstrap import MIN_RESAMPLED
from harness.analysis.ranking.compute import compute_standings
from harness.analysis.ranking.pair_tests import MIN_PAIRED
from harness.analysis.statistics.diebold_mariano import diebold_mariano
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.statistics.ranks import critical_difference, friedman
from harness.arrays import Floats
from harness.errors import UnknownName
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals
from harness.evaluation.run import Cell, Run, Status, WindowFailure
from harness.evaluation.scoring import Terms, score
from harness.results.board_results import BoardResults
from harness.results.stored_plan import StoredCell, StoredPlan

METRIC = {metric.name: metric for metric in METRICS}
NAMES = ("base", "good", "fair", "poor")


class Toy(BoardResults):
    """Losses by task, (window, forecaster); a forecaster whose losses are all NaN failed, one NaN is a window lost."""

    def __init__(
        self,
        losses: Mapping[str, Floats],
        names: Sequence[str] = NAMES,
        series: int = 1,
        sources: int = 1,
        protocol: RollingOrigin | None = None,
        order: Sequence[int] | None = None,
        same_windows: bool = False,  # in all tasks
    ) -> None:
        cells, self.runs, self.of_key, self.of_task = [], {}, {}, {}
        for i, (label, of_task) in enumerate(losses.items()):
            count = len(of_task)
            windows = np.arange(count) if order is None else np.array(order)
            of_series, numbers = windows % series, windows // series
            values = np.zeros((count, 1, 1))
            cutoffs = numbers + (0 if same_windows else 1000 * i)
            self.of_task[label] = Actuals(("s",) * series, of_series, cutoffs, numbers, values, (0.1, 0.9))
            task = Task(f"d{i % sources}", protocol or RollingOrigin(1), quantile_levels=(0.1, 0.9), name=label)
            for j, seeded in enumerate(names):
                name, _, seed = seeded.partition("#")
                cell = StoredCell(f"{seeded}-{label}", name, label, "aa")
                mine = of_task[windows, j][:, None]
                lost = np.isnan(mine[:, 0])
                self.of_key[cell.key] = Terms(np.where(np.isnan(mine), 0.0, mine), (~np.isnan(mine)).astype(float))
                failures = tuple(WindowFailure(int(window), Status.FAILED, "lost") for window in np.flatnonzero(lost))
                status = Status.FAILED if lost.all() else Status.COMPLETED
                run = Run(Cell(task, name, seed=int(seed or 0)), status, cell.key, windows=count)
                self.runs[cell.key] = run if lost.all() else replace(run, window_failures=failures)
                cells.append(cell)
        titles = tuple(dict.fromkeys(name.partition("#")[0] for name in names))
        self.plan = StoredPlan("toys", "Toys", "", "MAE", titles[0], tuple(cells), titles)

    def actuals(self, cell: StoredCell) -> Actuals:
        return self.of_task[cell.task]

    def terms(self, cell: StoredCell, metric: Metric) -> Terms:
        return self.of_key[cell.key]


def losses_of(tasks: int = 2, units: int = 30, sizes: Sequence[float] = (1.0, 0.5, 0.8, 1.5)) -> dict[str, Floats]:
    rng = np.random.default_rng(5)
    return {f"t{i}": rng.gamma(4, 1 / 4, size=(units, len(sizes))) * sizes for i in range(tasks)}


def found(results: BoardResults, metric: str = "MAE") -> Standings:
    return compute_standings(results, METRIC[metric])


def figures(one: Standings, of: str) -> dict[str, float]:
    return {row.forecaster: getattr(row, of) for row in one.rows}


class TestTasksOnTheSameWindows:
    """Tasks that differ in the covariates that are given, for instance: their errors are not independent."""

    @pytest.mark.parametrize(("series", "windows"), [(1, 40), (12, 24), (12, 240)])
    def test_a_task_repeated_is_no_further_evidence(self, series, windows) -> None:
        """Intervals, p-values and pairs are those of the task alone."""
        losses = losses_of(1, windows)["t0"]
        once, thrice = (
            found(Toy({f"t{i}": losses for i in range(count)}, series=series, same_windows=True)) for count in (1, 3)
        )

        assert once.significance is not None
        assert thrice.significance is not None
        assert thrice.significance.units == once.significance.units
        for alone, repeated in zip(once.rows, thrice.rows, strict=True):
            for name, ends in alone.intervals.items():
                np.testing.assert_allclose(repeated.intervals[name], ends, rtol=1e-9, err_msg=name)
            assert repeated.mcs_p_value == alone.mcs_p_value
        np.testing.assert_allclose(thrice.significance.skill_lows, once.significance.skill_lows, rtol=1e-9)

    def test_repeated_on_other_windows_it_is(self) -> None:
        losses = losses_of(1, 40)["t0"]
        once, thrice = (found(Toy({f"t{i}": losses for i in range(count)})) for count in (1, 3))

        for alone, repeated in zip(once.rows[1:], thrice.rows[1:], strict=True):
            if alone.forecaster != "base":
                widths = [np.ptp(row.intervals["skill"]) for row in (alone, repeated)]
                assert widths[1] < 0.75 * widths[0]

    def test_the_legend_says_so(self) -> None:
        few = found(Toy(losses_of(3, 40), same_windows=True)).significance

        assert few is not None
        assert few.method == (
            "10,000 resamples of 40 cutoffs in 3 tasks, the same ones in tasks on the same windows, "
            "in blocks of up to 3"
        )


class TestIntervals:
    @pytest.mark.parametrize("sources", [1, 12])
    @pytest.mark.parametrize("metric", ["MAE", "RMSE", "bias", "coverage"])
    def test_contain_the_estimate(self, metric, sources) -> None:
        one = found(Toy(losses_of(12), sources=sources), metric)

        for row in one.rows:
            for name, (low, high) in row.intervals.items():
                assert low <= getattr(row, name) <= high, name
        assert set(one.rows[0].intervals) == {"skill", "win_rate", "mean_rank", "median_relative_error"}

    @pytest.mark.parametrize("sources", [1, 12])
    def test_the_baseline_is_certain(self, sources) -> None:
        (row,) = (row for row in found(Toy(losses_of(12), sources=sources)).rows if row.forecaster == "base")

        assert (row.skill, row.interval("skill"), row.interval("median_relative_error")) == (0, (0, 0), (1, 1))

    def test_few_datasets_are_fixed_and_many_resampled(self) -> None:
        few, many = (found(Toy(losses_of(12), sources=count)) for count in (9, 10))

        assert few.significance is not None
        assert many.significance is not None
        assert few.significance.method == ("10,000 resamples of 360 cutoffs in 12 tasks, in blocks of up to 3")
        assert many.significance.method == "10,000 resamples of 10 datasets, each with all of its tasks"
        assert (few.significance.units, many.significance.units) == (159, 10)  # 12 tasks of 14.2 each, less 11

    @pytest.mark.parametrize(
        ("series", "windows", "method"),
        [
            (1, 30, "30 cutoffs, in blocks of up to 3"),
            (2, 60, "30 cutoffs, in blocks of up to 3, for these series only"),
            (12, 36, "12 series, for these cutoffs only"),
            (12, 120, "12 series and, independently, 10 cutoffs, in blocks of up to 2"),
        ],
    )
    def test_the_method_says_what_results_hold_for(self, series, windows, method) -> None:
        one = found(Toy(losses_of(1, windows), series=series))

        assert one.significance is not None
        assert one.significance.method == f"10,000 resamples of {method}"

    def test_of_equal_datasets_are_narrow_whatever_their_windows(self) -> None:
        same = np.random.default_rng(0).gamma(1, size=(5, 4))
        alike = {f"t{i}": same for i in range(12)}

        one = found(Toy(alike, sources=12))

        assert all(low == pytest.approx(high) for row in one.rows for low, high in row.intervals.values())

    def test_of_units_are_those_of_their_mean(self) -> None:
        """Hesterberg's percentiles are near t-intervals: log of a mean of 400, the baseline being constant."""
        mine = np.random.default_rng(1).gamma(4, 1 / 4, size=400)
        one = found(Toy({"a": np.stack([np.ones(400), mine], axis=1)}, names=("base", "mine")))

        low, high = next(row for row in one.rows if row.forecaster == "mine").interval("skill")

        half = 1.966 * mine.std(ddof=1) / 20
        assert low == pytest.approx(1 - mine.mean() - half, abs=0.01)
        assert high == pytest.approx(1 - mine.mean() + half, abs=0.01)

    def test_overlap_makes_them_wider(self) -> None:
        shocks = np.random.default_rng(2).gamma(1, size=(203, 2))
        moving = {"a": sum(shocks[i : i + 200] for i in range(4))}
        apart = Toy(moving, names=("base", "mine"))
        overlapping = Toy(moving, names=("base", "mine"), protocol=RollingOrigin(4, stride=1))

        rows = [{row.forecaster: row for row in found(each).rows} for each in (apart, overlapping)]

        narrow, wide = (float(np.diff(row["mine"].interval("skill"))[0]) for row in rows)
        assert wide > narrow > 0

    @pytest.mark.parametrize(("units", "known"), [(MIN_RESAMPLED - 1, False), (MIN_RESAMPLED, True)])
    def test_need_more_than_a_few_units(self, units, known) -> None:
        one = found(Toy(losses_of(1, units)))

        assert (one.significance is not None) == known
        assert bool(one.rows[0].intervals) == known
        assert ("independent units" in one.unsure) != known

    def test_series_without_defined_losses_are_not_resampled(self) -> None:
        class Dead(Toy):
            def terms(self, cell: StoredCell, metric: Metric) -> Terms:
                known = super().terms(cell, metric)
                counts = (np.arange(len(known.numerators)) % 24 < 12)[:, None]
                return Terms(known.numerators * counts, known.denominators * counts)

        whole = {"a": losses_of(1, 48)["t0"]}
        half = {"a": whole["a"][np.arange(48) % 24 < 12]}

        with_dead, without = found(Dead(whole, series=24)), found(Toy(half, series=12, names=NAMES))

        assert with_dead.significance is not None
        assert with_dead.significance.units == 12
        assert figures(with_dead, "mcs_p_value") == figures(without, "mcs_p_value")
        assert figures(with_dead, "skill") == pytest.approx(figures(without, "skill"))


class TestPairs:
    def test_are_antisymmetric(self) -> None:
        pairs = found(Toy(losses_of())).significance

        assert pairs is not None
        skills, lows, highs, wins = (np.array(getattr(pairs, matrix)) for matrix in MATRICES)
        np.testing.assert_allclose(np.log(1 - skills), -np.log(1 - skills).T, atol=1e-5)
        np.testing.assert_allclose(np.log(1 - lows), -np.log(1 - highs).T, atol=1e-5)
        np.testing.assert_allclose(wins + wins.T, 1)
        assert ((lows <= skills) & (skills <= highs)).all()
        assert (np.diag(skills) == 0).all()
        assert (np.diag(lows) == 0).all()

    @pytest.mark.parametrize("sources", [1, 12])
    def test_with_the_baseline_are_the_skill(self, sources) -> None:
        one = found(Toy(losses_of(12), sources=sources))

        assert one.significance is not None
        base = one.significance.forecasters.index("base")
        for i, row in enumerate(one.rows):
            assert one.significance.skills[i][base] == pytest.approx(row.skill, abs=1e-6)
            both = (one.significance.skill_lows[i][base], one.significance.skill_highs[i][base])
            assert both == pytest.approx(row.interval("skill"), abs=1e-6)

    def test_are_won_task_by_task(self) -> None:
        one = found(Toy({"a": np.full((8, 2), [2.0, 1.0]), "b": np.full((8, 2), [1.0, 1.0])}, names=("x", "y")))

        assert one.significance is not None
        assert one.significance.forecasters == ("y", "x")
        assert one.significance.win_rates == ((0.5, 0.75), (0.25, 0.5))

    @pytest.mark.parametrize(
        ("protocol", "units", "overlap"),
        [(RollingOrigin(1), 30, 1), (RollingOrigin(2, stride=1), 40, 2), (RollingOrigin(1, gap=1, stride=1), 40, 2)],
    )
    def test_are_tested_by_diebold_and_mariano_and_holm(self, protocol, units, overlap) -> None:
        losses = losses_of(2, units)
        one = found(Toy(losses, protocol=protocol)).significance

        assert one is not None
        first, second = np.triu_indices(4, 1)
        for task, of_task in losses.items():
            p_values = diebold_mariano(of_task[:, first] - of_task[:, second], overlap).p_value
            for i, j, p_value in zip(first, second, holm(p_values), strict=True):
                for pair in ((NAMES[i], NAMES[j]), (NAMES[j], NAMES[i])):
                    assert one.p_value(task, *pair) == pytest.approx(p_value, abs=1e-5)
        assert math.isnan(one.p_value("t0", "good", "good"))
        assert math.isnan(one.p_value("nowhere", "good", "poor"))
        with pytest.raises(UnknownName, match="did you mean 'good'"):
            one.p_value("t0", "goood", "poor")

    def test_of_many_units_are_tested_in_parts(self, monkeypatch) -> None:
        results = Toy(losses_of())
        at_once = found(results).significance

        monkeypatch.setattr("harness.analysis.ranking.pair_tests.MAX_NUMBERS", 60)

        assert found(results).significance == at_once

    @pytest.mark.parametrize(
        ("stride", "units", "tested"), [(2, MIN_PAIRED, True), (2, 7, False), (1, 40, True), (1, 39, False)]
    )
    def test_are_tested_where_units_are_enough(self, stride, units, tested) -> None:
        one = found(Toy(losses_of(1, units), protocol=RollingOrigin(2, stride=stride))).significance

        assert one is not None
        assert bool(one.p_values) == tested

    def test_a_forecaster_without_a_score_is_not_tested(self) -> None:
        losses = losses_of()
        losses["t0"][:, 3] = math.nan

        one = found(Toy(losses)).significance

        assert one is not None
        assert math.isnan(one.p_value("t0", "good", "poor"))
        assert one.p_value("t0", "base", "good") < 0.01
        assert one.p_value("t1", "good", "poor") < 0.01


MATRICES = ("skills", "skill_lows", "skill_highs", "win_rates")


class TestRanks:
    @pytest.mark.parametrize(("protocol", "step"), [(RollingOrigin(1), 1), (RollingOrigin(3, stride=1), 3)])
    def test_are_of_units_that_do_not_overlap(self, protocol, step) -> None:
        losses = losses_of(2, 31)

        one = found(Toy(losses, protocol=protocol)).significance

        assert one is not None
        assert one.rank_test is not None
        blocks = np.concatenate([of_task[::step] for of_task in losses.values()])
        expected = friedman(blocks)
        assert one.rank_test.blocks == len(blocks)
        assert one.rank_test.p_value == pytest.approx(expected.p_value)
        assert one.rank_test.mean_ranks == pytest.approx(dict(zip(NAMES, expected.mean_ranks, strict=True)))
        assert one.rank_test.critical_difference == critical_difference(4, len(blocks))

    def test_are_of_datasets_where_these_are_resampled(self) -> None:
        one = found(Toy(losses_of(24), sources=12)).significance

        assert one is not None
        assert one.rank_test is not None
        assert one.rank_test.blocks == 12

    def test_a_forecaster_without_a_score_shares_the_worst_rank(self) -> None:
        losses = {"a": np.full((9, 3), [1.0, 2.0, math.nan])}

        one = found(Toy(losses, names=("x", "y", "z"))).significance

        assert one is not None
        assert one.rank_test is not None
        assert one.rank_test.mean_ranks == {"x": 1, "y": 2.5, "z": 2.5}

    def test_of_a_metric_whose_best_is_not_the_lowest_are_not_tested(self) -> None:
        one = found(Toy(losses_of()), "bias")

        assert one.significance is not None
        assert one.significance.rank_test is None
        assert one.significance.p_values == {}
        assert math.isnan(one.rows[0].mcs_p_value)
        assert one.tied_for_first == ()


class TestConfidenceSet:
    def test_a_clearly_best_forecaster_is_alone(self) -> None:
        one = found(Toy(losses_of()))

        assert one.rows[0].forecaster == "good"
        assert one.rows[0].mcs_p_value == 1
        assert all(row.mcs_p_value < 0.01 for row in one.rows[1:])
        assert one.tied_for_first == ()

    @pytest.mark.parametrize("metric", ["MAE", "RMSE", "MSE"])
    def test_equally_good_forecasters_are_tied(self, metric) -> None:
        one = found(Toy(losses_of(sizes=(1.0, 0.5, 0.5, 1.5))), metric)

        assert set(one.tied_for_first) == {"good", "fair"}

    def test_is_not_computed_from_few_units(self) -> None:
        one = found(Toy(losses_of(1, 8)))

        assert one.significance is not None
        assert all(math.isnan(row.mcs_p_value) for row in one.rows)
        assert one.tied_for_first == ()

    def test_a_failed_forecaster_is_scored_as_the_worst(self) -> None:
        losses = losses_of()
        losses["t0"][:, 1] = losses["t1"][:, 1] = math.nan
        twin = losses_of()
        twin["t0"][:, 1], twin["t1"][:, 1] = twin["t0"][:, 3], twin["t1"][:, 3]

        failed, copied = found(Toy(losses)), found(Toy(twin))

        assert figures(failed, "skill") == figures(copied, "skill")
        confidence = figures(failed, "mcs_p_value")
        assert math.isnan(confidence.pop("good"))  # nobody can say that what is missing was among the best
        assert confidence == pytest.approx(
            {name: p for name, p in figures(copied, "mcs_p_value").items() if name != "good"}, abs=0.002
        )


def doubled(losses: Mapping[str, Floats]) -> dict[str, Floats]:
    return {task: of_task * (1024.0 if task == "t0" else 1.0) for task, of_task in losses.items()}


class TestOrderDoesNotMatter:
    """Order changes nothing, or replicates by no more than another seed would."""

    LOSSES = losses_of(3, 20)

    def assert_alike(self, one: Standings, other: Standings, draws: float = 0.0) -> None:
        assert [row.forecaster for row in one.rows] == [row.forecaster for row in other.rows]
        for mine, its in zip(one.rows, other.rows, strict=True):
            assert (mine.skill, mine.win_rate, mine.mean_rank) == pytest.approx(
                (its.skill, its.win_rate, its.mean_rank)
            )
            assert mine.mcs_p_value == pytest.approx(its.mcs_p_value, abs=max(draws, 1e-9))
            for name, interval in mine.intervals.items():
                assert interval == pytest.approx(its.intervals[name], abs=max(draws, 1e-9))
        assert one.significance is not None
        assert other.significance is not None
        assert one.significance.forecasters == other.significance.forecasters
        for task, p_values in one.significance.p_values.items():
            assert p_values == pytest.approx(other.significance.p_values[task], abs=1.1e-5)

    @pytest.mark.parametrize("series", [1, 10])
    def test_of_windows(self, series) -> None:
        order = np.random.default_rng(0).permutation(20)

        self.assert_alike(found(Toy(self.LOSSES, series=series)), found(Toy(self.LOSSES, series=series, order=order)))

    def test_of_forecasters(self) -> None:
        changed = {task: of_task[:, [0, 3, 2, 1]] for task, of_task in self.LOSSES.items()}
        names = ("base", "poor", "fair", "good")

        self.assert_alike(found(Toy(self.LOSSES)), found(Toy(changed, names=names)))

    def test_of_tasks(self) -> None:
        changed = dict(reversed(self.LOSSES.items()))

        self.assert_alike(found(Toy(self.LOSSES)), found(Toy(changed)), draws=0.06)

    @pytest.mark.parametrize("sources", [1, 3])
    def test_a_scale_changes_nothing(self, sources) -> None:
        self.assert_alike(found(Toy(self.LOSSES, sources=sources)), found(Toy(doubled(self.LOSSES), sources=sources)))

    def test_results_are_reproducible(self) -> None:
        assert repr(found(Toy(self.LOSSES))) == repr(found(Toy(self.LOSSES)))


HASHED = """
import sys
sys.path.insert(0, {folder!r})
import {module} as here
print(here.fingerprint())
"""


def fingerprint() -> str:
    return hashlib.sha256(repr(found(Toy(losses_of(12, 10), sources=4))).encode()).hexdigest()


def test_another_process_computes_the_same() -> None:
    folder, module = os.path.split(__file__)
    program = HASHED.format(folder=folder, module=module.removesuffix(".py"))
    environment = {**os.environ, "PYTHONHASHSEED": "77"}

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)

    assert finished.stdout.strip() == fingerprint(), finished.stderr


class TestSeeds:
    NAMES = ("base", "drawing#0", "drawing#1", "other")

    def test_skill_spreads_over_them(self) -> None:
        losses = {"a": np.tile([1.0, 0.4, 0.6, 0.55], (10, 1)), "b": np.tile([1.0, 0.4, 0.6, 0.55], (10, 1))}

        one = found(Toy(losses, names=self.NAMES))

        row = one.rows[0]
        assert (row.forecaster, row.seeds, row.skill) == ("drawing", 2, pytest.approx(0.5))
        assert row.skill_std == pytest.approx(np.std([0.6, 0.4], ddof=1))
        assert row.score_stds == pytest.approx({"a": np.std([0.4, 0.6], ddof=1), "b": np.std([0.4, 0.6], ddof=1)})
        assert math.isnan(one.rows[1].skill_std)

    @pytest.mark.parametrize(("other", "close"), [(0.55, True), (0.7, False)])
    def test_a_gap_within_the_std_over_seeds_is_close(self, other, close) -> None:
        one = found(Toy({"a": np.tile([1.0, 0.4, 0.6, other], (10, 1))}, names=self.NAMES))  # spread 0.14

        assert [row.close_to_next for row in one.rows] == [close, False, False]


def odd(change: Callable[[dict[str, Floats]], object], **options: int) -> Standings:
    losses = losses_of(2, options.pop("units", 20))
    change(losses)
    return found(Toy(losses, **options))


def set_all(forecaster: int, value: float) -> Callable[[dict[str, Floats]], None]:
    def change(losses: dict[str, Floats]) -> None:
        for of_task in losses.values():
            of_task[:, forecaster] = value

    return change


class TestOddBoards:
    """No warning, which would be an error, no exception, and what a reader would expect."""

    @pytest.mark.parametrize("metric", ["MAE", "RMSE", "bias", "coverage"])
    @pytest.mark.parametrize(("units", "series"), [(1, 1), (2, 1), (20, 1), (20, 20), (10, 10)])
    def test_of_any_size(self, metric, units, series) -> None:
        one = found(Toy(losses_of(2, units), series=series), metric)

        assert not any(math.isnan(row.skill) for row in one.rows)
        assert (one.significance is None) == (units < 4)  # two tasks of four: seven independent units

    def test_one_forecaster(self) -> None:
        one = found(Toy({"a": np.ones((20, 1))}, names=("base",)))

        assert one.rows[0].skill == 0
        assert one.rows[0].interval("skill") == (0, 0)
        assert math.isnan(one.rows[0].win_rate)
        assert one.significance is None
        assert one.tied_for_first == ()

    def test_the_baseline_failed(self) -> None:
        one = odd(set_all(0, math.nan))

        assert all(math.isnan(row.skill) for row in one.rows)
        assert one.unsure == "the baseline has a score on no task"
        assert one.significance is None

    def test_everyone_failed(self) -> None:
        one = odd(lambda losses: [set_all(i, math.nan)(losses) for i in range(4)])

        assert all(math.isnan(row.skill) for row in one.rows)
        assert one.significance is None

    def test_all_but_the_baseline_failed(self) -> None:
        one = odd(lambda losses: [set_all(i, math.nan)(losses) for i in range(1, 4)])

        assert all(row.skill == 0 for row in one.rows)
        assert one.rows[0].forecaster == "base"
        assert one.tied_for_first == ()
        assert all(row.intervals == {} for row in one.rows[1:])

    def test_identical_forecasters(self) -> None:
        one = odd(lambda losses: [of_task.__setitem__(slice(None), of_task[:, :1]) for of_task in losses.values()])

        assert [row.rank for row in one.rows] == [1, 1, 1, 1]
        assert all(row.interval("skill") == (0, 0) for row in one.rows)
        assert set(one.tied_for_first) == set(NAMES)
        assert one.significance is not None
        assert set(one.significance.p_values["t0"]) == {1}
        assert one.significance.rank_test is not None
        assert one.significance.rank_test.p_value == 1

    def test_a_perfect_forecaster(self) -> None:
        one = odd(set_all(1, 0.0))

        assert (one.rows[0].forecaster, one.rows[0].skill) == ("good", pytest.approx(0.99))
        assert one.rows[0].interval("skill") == pytest.approx((0.99, 0.99))
        assert one.tied_for_first == ()
        assert one.rows[0].mcs_p_value == 1

    def test_a_perfect_baseline(self) -> None:
        one = odd(set_all(0, 0.0))

        assert one.rows[0].forecaster == "base"
        assert [row.relative_error for row in one.rows] == pytest.approx([1, 100, 100, 100])
        assert one.tied_for_first == ()

    def test_all_are_perfect(self) -> None:
        one = odd(lambda losses: [set_all(i, 0.0)(losses) for i in range(4)])

        assert all(row.skill == 0 for row in one.rows)
        assert set(one.tied_for_first) == set(NAMES)

    @pytest.mark.parametrize("value", [math.inf, 1e308, 1e-308, 1e200])
    @pytest.mark.parametrize("metric", ["MAE", "RMSE", "bias", "coverage"])
    def test_huge_losses(self, value, metric) -> None:
        def change(losses: dict[str, Floats]) -> None:
            losses["t0"][3, 1] = value

        one = compute_standings(Toy(change_of(losses_of(2, 20), change)), METRIC[metric])

        assert not any(math.isnan(row.skill) for row in one.rows)
        assert one.significance is not None

    def test_an_infinite_loss_is_no_result(self) -> None:
        infinite, failed = losses_of(), losses_of()
        infinite["t0"][3, 1] = math.inf
        failed["t0"][:, 1] = math.nan

        assert figures(found(Toy(infinite)), "skill") == figures(found(Toy(failed)), "skill")

    def test_an_infinite_loss_affects_no_other_forecaster(self) -> None:
        losses = losses_of()
        losses["t0"][3, 1], losses["t0"][3, 0] = math.inf, math.nan  # the baseline lost the window

        one = found(Toy(losses))

        expected = losses["t0"][:, 0].copy()
        expected[3] = losses["t0"][3, 2]  # of "fair": "poor" is worse than the baseline
        assert next(row for row in one.rows if row.forecaster == "base").scores["t0"] == pytest.approx(expected.mean())

    def test_constant_differences(self) -> None:
        one = found(Toy({"a": np.tile([1.0, 2.0, 3.0, 4.0], (20, 1))}))

        assert [row.forecaster for row in one.rows] == list(NAMES)
        assert one.tied_for_first == ()
        assert one.significance is not None
        assert set(one.significance.p_values["a"]) == {0}

    def test_a_task_on_which_the_baseline_failed_is_left_out(self) -> None:
        def change(losses: dict[str, Floats]) -> None:
            losses["t0"][:, 0] = math.nan

        one = odd(change)

        assert one.significance is not None
        assert list(one.significance.p_values) == ["t1"]
        assert len(one.notes) == 1


def change_of(losses: dict[str, Floats], change: Callable[[dict[str, Floats]], None]) -> dict[str, Floats]:
    change(losses)
    return losses


def test_scores_of_toys_are_those_of_their_terms() -> None:
    toy = Toy(losses_of())

    row = next(row for row in found(toy).rows if row.forecaster == "fair")

    cell = next(cell for cell in toy.plan.cells if cell.forecaster == "fair")
    assert row.scores["t0"] == score(METRIC["MAE"], toy.terms(cell, METRIC["MAE"]), toy.actuals(cell))
