"""Units and their sums: scores from weights equal those of repeated data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness import Forecast, Generation, RollingOrigin, Task
from harness.analysis.ranking.units import Units, UnitSums, unit_sums
from harness.analysis.statistics.resampling import Stratum
from harness.arrays import Floats, Ints
from harness.evaluation.metrics import METRICS, Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scoring import Terms, score, terms
from harness.tasks.protocols import Protocol

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
    return Units(kind, KINDS[kind], int(KINDS[kind].max()) + 1, 1)


def summed(metric: Metric) -> Terms:
    """(cell, window, target)."""
    each = [terms(metric, Outcomes(ACTUALS, forecast)) for forecast in FORECASTS]
    return Terms(np.stack([one.numerators for one in each]), np.stack([one.denominators for one in each]))


def sums_of(metric: Metric, kind: str) -> UnitSums:
    return unit_sums(metric, summed(metric), ACTUALS, units_of(kind))


def scores_of(metric: Metric, of: Terms, actuals: Actuals = ACTUALS) -> list[float]:
    return [score(metric, Terms(*both), actuals) for both in zip(of.numerators, of.denominators, strict=True)]


def repeated(metric: Metric, kind: str, weights: Ints) -> list[float]:
    """The scores of data in which each unit is as often as its weight says; a copy is a series, or cutoff, anew."""
    chosen = [(window, copy) for window, unit in enumerate(KINDS[kind]) for copy in range(weights[unit])]
    windows, copies = (np.array(one) for one in zip(*chosen, strict=True))
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

        expected = [repeated(metric, kind, one) for one in weights]
        np.testing.assert_allclose(found, expected, rtol=1e-10)

    def test_the_mean_loss_is_the_score_before_a_root(self, metric, aggregation, kind) -> None:
        metric = replace(metric, aggregation=aggregation)
        sums = sums_of(metric, kind)

        found = sums.losses().mean(axis=0)

        without_root = replace(sums, root=False).scores(np.ones((1, len(sums))))[0]
        np.testing.assert_allclose(found, without_root, rtol=1e-12)

    def test_each_unit_can_be_left_out(self, metric, aggregation, kind) -> None:
        metric = replace(metric, aggregation=aggregation)
        sums = sums_of(metric, kind)

        found = sums.leave_one_out_scores()

        np.testing.assert_allclose(found, sums.scores(1 - np.eye(len(sums))), rtol=1e-10)


class TestUnits:
    @pytest.mark.parametrize(
        ("series", "windows", "kind", "count"),
        [(10, 4, "series", 10), (9, 4, "cutoffs", 4), (9, 1, "series", 9), (1, 30, "cutoffs", 30), (1, 1, "series", 1)],
    )
    def test_many_series_are_units_else_cutoffs_are(self, series, windows, kind, count) -> None:
        of_series, numbers = np.repeat(np.arange(series), windows), np.tile(np.arange(windows), series)

        found = Units.of(actuals(of_series, numbers), Task("x", RollingOrigin(2)))

        assert (found.kind, found.count, found.overlap) == (kind, count, 1)
        np.testing.assert_array_equal(found.of_window, of_series if kind == "series" else numbers)

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
        units = Units("cutoffs", np.arange(100), 100, 4)

        assert units.stratum(100) == Stratum(100, 16)
        assert units.stratum(50) == Stratum(50, 10)
        assert Units("series", np.arange(100), 100, 1).stratum(100) == Stratum(100, 1)


class TestNonempty:
    def test_units_without_defined_losses_are_left_out(self) -> None:
        mase = metric_called("MASE")  # the second series has no scale
        sums = sums_of(mase, "series")

        found = sums.nonempty

        assert (len(sums), len(found)) == (5, 4)
        np.testing.assert_allclose(found.scores(np.ones((1, 4))), sums.scores(np.ones((1, 5))))
        np.testing.assert_allclose(found.losses().mean(axis=0), sums.losses().mean(axis=0))

    def test_units_whose_actuals_are_all_zero_are_kept_where_errors_are_summed(self) -> None:
        sums = sums_of(metric_called("WAPE"), "series")  # the last series is zero

        assert (sums.denominators[4] == 0).all()
        assert len(sums.nonempty) == 5


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
    return next(one for one in METRICS if one.name == name)
