"""Units and their sums: scores from weights equal those of repeated data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness import Forecast, Generation, RollingOrigin, Task
from harness.analysis.ranking.deviations import by_series_and_cutoff, linearised_scores
from harness.analysis.ranking.units import Units, UnitSums, known_windows, resampled_scores, unit_sums
from harness.analysis.statistics.resampling import Stratum
from harness.arrays import Floats, Ints
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scoring import Terms, score, terms
from harness.tasks.protocols import Protocol

from ...numeric_metrics import METRICS

LEVELS = (0.1, 0.5, 0.9)
HORIZON, TARGETS, CELLS = 3, 2, 3
WINDOWS = (4, 1, 3, 4, 2)  # of each series, the last ones that it could have


def ragged() -> Actuals:
    """Five series with one to four of four cutoffs, two targets, gaps, a dead series, scales that are undefined."""
    rng = np.random.default_rng(1)
    series = np.repeat(np.arange(len(WINDOWS)), WINDOWS)
    numbers = np.concatenate([np.arange(4 - count, 4) for count in WINDOWS])
    order = rng.permutation(len(series))
    series, numbers = series[order], numbers[order]
    values = rng.normal(size=(len(series), HORIZON, TARGETS))
    values[rng.random(values.shape) < 0.2] = np.nan
    values[3] = np.nan
    values[series == 4] = 0.0
    scale = rng.gamma(3, size=(len(series), TARGETS))
    scale[series == 1] = np.nan
    scale[5, 0] = np.nan
    return Actuals(
        tuple("abcde"), series, numbers, numbers, values, LEVELS, ("x", "y"), _scales={1: scale, 2: scale * scale}
    )


ACTUALS = ragged()
FORECASTS = [
    Forecast(mean, LEVELS, np.stack([mean - 1.0, mean, mean + 1.0], axis=-1))
    for mean in np.random.default_rng(2).normal(size=(CELLS, *ACTUALS.values.shape))
]
KINDS = {"series": ACTUALS.series, "cutoffs": ACTUALS.cutoff_index}
AGGREGATIONS = ("pooled", "series", "cutoff", "window")
EVERY_METRIC = pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
EVERY_AGGREGATION = pytest.mark.parametrize("aggregation", AGGREGATIONS)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def units_of(kind: str) -> Units:
    return Units(kind, ACTUALS.series, ACTUALS.cutoff_index)


def summed(metric: Metric) -> Terms:
    """(cell, window, target)."""
    each = [terms(metric, Outcomes(ACTUALS, forecast)) for forecast in FORECASTS]
    return Terms(np.stack([terms.numerators for terms in each]), np.stack([terms.denominators for terms in each]))


def sums_of(metric: Metric, kind: str) -> UnitSums:
    return unit_sums(metric, summed(metric), units_of(kind))


def scores_of(metric: Metric, of: Terms, actuals: Actuals = ACTUALS) -> list[float]:
    return [score(metric, Terms(*both), actuals) for both in zip(of.numerators, of.denominators, strict=True)]


def repeated(metric: Metric, kind: str, weights: Ints) -> list[float]:
    """The scores of data in which each unit is as often as its weight says; a copy is a series, or cutoff, anew."""
    chosen = [(window, copy) for window, unit in enumerate(KINDS[kind]) for copy in range(weights[unit])]
    windows, copies = (np.array(part) for part in zip(*chosen, strict=True))
    anew = KINDS[kind][windows] + copies * (KINDS[kind].max() + 1)
    data = replace(ACTUALS, series=ACTUALS.series[windows], cutoff_index=ACTUALS.cutoff_index[windows])
    data = replace(data, series=anew) if kind == "series" else replace(data, cutoff_index=anew)
    of = summed(metric)
    return scores_of(metric, Terms(of.numerators[:, windows], of.denominators[:, windows]), data)


@EVERY_METRIC
@EVERY_AGGREGATION
@EVERY_KIND
class TestEveryMetric:
    def test_weights_of_one_give_the_score(self, metric, aggregation, kind) -> None:
        metric = replace(metric, aggregation=aggregation)
        sums = sums_of(metric, kind)

        found = sums.scores(np.ones((1, len(sums))))

        np.testing.assert_allclose(found[0], scores_of(metric, summed(metric)), rtol=1e-12)
        assert np.isfinite(found).all()

    def test_other_weights_give_the_score_of_repeated_data(self, metric, aggregation, kind) -> None:
        metric = replace(metric, aggregation=aggregation)
        sums = sums_of(metric, kind)
        weights = np.random.default_rng(3).integers(0, 4, size=(5, len(sums)))

        found = sums.scores(weights.astype(float))

        expected = [repeated(metric, kind, weight) for weight in weights]
        np.testing.assert_allclose(found, expected, rtol=1e-10)

    def test_the_mean_loss_is_the_score_before_a_root(self, metric, aggregation, kind) -> None:
        metric = replace(metric, aggregation=aggregation)
        sums = sums_of(metric, kind)

        found = sums.losses().mean(axis=0)

        without_root = replace(sums, root=False).scores(np.ones((1, len(sums))))[0]
        np.testing.assert_allclose(found, without_root, rtol=1e-12)


class TestUnits:
    @pytest.mark.parametrize(
        ("series", "windows", "kind", "count"),
        [
            (10, 4, "series", 10),
            (10, 5, "series and cutoffs", 50),
            (9, 50, "cutoffs", 50),
            (9, 4, "cutoffs", 4),
            (9, 1, "series", 9),
            (1, 30, "cutoffs", 30),
            (1, 1, "series", 1),
        ],
    )
    def test_many_series_and_many_cutoffs_are_units(self, series, windows, kind, count) -> None:
        of_series, numbers = np.repeat(np.arange(series), windows), np.tile(np.arange(windows), series)

        found = Units.of(actuals(of_series, numbers), Task("x", RollingOrigin(2)))

        assert (found.kind, found.count, found.overlap) == (kind, count, 1)
        assert (found.series_count, found.cutoff_count) == (series, windows)
        if kind != "series and cutoffs":
            np.testing.assert_array_equal(found.of_window, of_series if kind == "series" else numbers)

    def test_cutoffs_that_fill_few_blocks_are_no_units(self) -> None:
        of_series, numbers = np.repeat(np.arange(20), 12), np.tile(np.arange(12), 20)

        found = Units.of(actuals(of_series, numbers), Task("x", RollingOrigin(4, stride=1)))

        assert found.cutoff_stratum.block == 2  # four overlaps would leave less than one block
        assert found.kind == "series and cutoffs"

    def test_the_fewer_of_two_kinds_are_independent(self) -> None:
        of_series, numbers = np.repeat(np.arange(10), 200), np.tile(np.arange(200), 10)

        found = Units.of(actuals(of_series, numbers), Task("x", RollingOrigin(2)))

        assert found.independent == 10
        assert found.strata == (Stratum(10), Stratum(200, 6))

    def test_windows_without_a_loss_do_not_make_units(self) -> None:
        of_series, numbers = np.repeat(np.arange(10), 5), np.tile(np.arange(5), 10)

        found = Units.of(actuals(of_series, numbers), Task("x", RollingOrigin(2)), of_series > 0)

        assert (found.kind, found.series_count, found.count) == ("cutoffs", 9, 5)

    def test_series_without_windows_are_none(self) -> None:
        found = Units.of(actuals(np.array([2, 2, 7]), np.zeros(3, dtype=int)), Task("x", RollingOrigin(2)))

        assert found.count == 2
        np.testing.assert_array_equal(found.of_window, [0, 0, 1])

    @pytest.mark.parametrize(
        ("protocol", "overlap"),
        [
            (RollingOrigin(24), 1),
            (RollingOrigin(24, stride=12), 2),
            (RollingOrigin(24, stride=1), 24),
            (RollingOrigin(24, stride=23), 2),
            (RollingOrigin(24, stride=48), 1),
            (RollingOrigin(1, gap=23, stride=1), 24),  # an error a day ahead holds the surprises of a day
            (RollingOrigin(12, gap=12, stride=24), 1),
            (Generation(10, 100), 1),
        ],
    )
    def test_cutoffs_overlap_where_forecasts_share_steps(self, protocol: Protocol, overlap) -> None:
        found = Units.of(actuals(np.zeros(50, dtype=int), np.arange(50)), Task("x", protocol))

        assert found.overlap == overlap

    def test_overlapping_ones_are_resampled_in_blocks(self) -> None:
        units = Units("cutoffs", np.zeros(100, dtype=int), np.arange(100), 4)

        assert units.strata == (Stratum(100, 16, overlapping=True),)
        assert Units("series", np.arange(100), np.zeros(100, dtype=int)).strata == (Stratum(100),)


class TestSeriesAndCutoffs:
    """A window is as often in a resample as the product of how often its series and its cutoff are."""

    @pytest.mark.parametrize("densest", [0, 2])  # whether series without some cutoffs are summed window by window
    @EVERY_METRIC
    @EVERY_AGGREGATION
    def test_weights_give_the_score_of_repeated_data(self, metric, aggregation, densest, monkeypatch) -> None:
        monkeypatch.setattr("harness.analysis.ranking.units.DENSEST", densest)
        metric = replace(metric, aggregation=aggregation)
        units = units_of("series and cutoffs")
        rng = np.random.default_rng(3)
        series, cutoffs = rng.integers(0, 3, size=(6, 5)), rng.integers(0, 3, size=(6, 4))
        series[:, 0] = cutoffs[:, 3] = 1  # a window with losses is always left
        sums = sums_of(metric, "series and cutoffs")

        found = resampled_scores(sums, units, metric, [series.astype(float), cutoffs.astype(float)])

        expected = [repeated_twice(metric, *pair) for pair in zip(series, cutoffs, strict=True)]
        np.testing.assert_allclose(found, expected, rtol=1e-10)

    @pytest.mark.parametrize("densest", [0, 2])
    def test_samples_are_weighted_in_parts(self, densest, monkeypatch) -> None:
        metric, units = METRICS[0], units_of("series and cutoffs")
        weights = [np.random.default_rng(0).integers(0, 3, size=(7, count)).astype(float) for count in (5, 4)]
        at_once = resampled_scores(sums_of(metric, units.kind), units, metric, weights)

        monkeypatch.setattr("harness.analysis.ranking.units.MAX_NUMBERS", 2 * len(ACTUALS))
        monkeypatch.setattr("harness.analysis.ranking.units.DENSEST", densest)

        np.testing.assert_allclose(resampled_scores(sums_of(metric, units.kind), units, metric, weights), at_once)


def repeated_twice(metric: Metric, series_weights: Ints, cutoff_weights: Ints) -> list[float]:
    chosen = [
        (window, i, j)
        for window in range(len(ACTUALS))
        for i in range(series_weights[ACTUALS.series[window]])
        for j in range(cutoff_weights[ACTUALS.cutoff_index[window]])
    ]
    windows, series_copies, cutoff_copies = (np.array(column) for column in zip(*chosen, strict=True))
    series = np.unique(ACTUALS.series[windows] + 100 * series_copies, return_inverse=True)[1]
    cutoffs = np.unique(ACTUALS.cutoff_index[windows] + 100 * cutoff_copies, return_inverse=True)[1]
    of = summed(metric)
    return scores_of(
        metric,
        Terms(of.numerators[:, windows], of.denominators[:, windows]),
        replace(ACTUALS, series=series, cutoff_index=cutoffs),
    )


@EVERY_METRIC
class TestLinearisedScores:
    @EVERY_AGGREGATION
    def test_are_the_scores_and_deviations_that_sum_to_zero(self, metric, aggregation) -> None:
        metric = replace(metric, aggregation=aggregation)

        scores, deviations = linearised_scores(metric, summed(metric), units_of("series"))

        np.testing.assert_allclose(scores, scores_of(metric, summed(metric)), rtol=1e-12)
        np.testing.assert_allclose(deviations.sum(axis=0), 0, atol=1e-12 * max(1, np.abs(scores).max()))

    @pytest.mark.parametrize(
        ("aggregation", "kind"),
        [("pooled", "series"), ("pooled", "cutoffs"), ("series", "series"), ("cutoff", "cutoffs")],
    )
    def test_deviations_are_derivatives_by_weight(self, metric, aggregation, kind) -> None:
        metric = replace(metric, aggregation=aggregation)
        units, sums, step = units_of(kind), sums_of(metric, kind), 1e-6
        weights = np.ones((units.count, units.count)) + step * np.eye(units.count)

        _, deviations = linearised_scores(metric, summed(metric), units)

        slopes = (sums.scores(weights) - sums.scores(2 - weights)) / (2 * step)
        found = by_series_and_cutoff(deviations, units).sum(axis=1 if kind == "series" else 0)
        np.testing.assert_allclose(found, slopes, rtol=1e-5, atol=1e-7 * max(1, np.abs(slopes).max()))


class TestKnownWindows:
    def test_windows_without_a_scale_are_none(self) -> None:
        mase = metric_called("MASE")  # the second series has no scale

        known = known_windows(summed(mase))

        assert not known[ACTUALS.series == 1].any()
        assert Units.of(ACTUALS, Task("x", RollingOrigin(2)), known).series_count == 4

    def test_windows_whose_actuals_are_all_zero_are_kept_where_errors_are_summed(self) -> None:
        wape = metric_called("WAPE")  # the last series is zero

        assert known_windows(summed(wape))[ACTUALS.series == 4].all()


def test_large_sums_are_weighted_in_parts(monkeypatch) -> None:
    sums = sums_of(METRICS[0], "series")
    weights = np.random.default_rng(0).integers(0, 3, size=(7, 5)).astype(float)
    at_once = sums.scores(weights)

    monkeypatch.setattr("harness.analysis.ranking.units.MAX_NUMBERS", 2 * CELLS)

    np.testing.assert_allclose(sums.scores(weights), at_once)


def actuals(series: Ints, numbers: Ints) -> Actuals:
    values: Floats = np.zeros((len(series), 2, 1))
    return Actuals(tuple(map(str, range(int(series.max()) + 1))), series, numbers, numbers, values)


def metric_called(name: str) -> Metric:
    return next(metric for metric in METRICS if metric.name == name)
