"""Error rates of tests under a true null hypothesis: at the level for pairs, at most the level for many.

Everything is simulated with fixed seeds; a rate is compared with the 99.9 % interval of the binomial distribution.
The rates here are those of docs/statistics.md.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.analysis.statistics.confidence_set import MIN_UNITS, confidence_set, expansion
from harness.analysis.statistics.diebold_mariano import cosine_diebold_mariano, diebold_mariano
from harness.analysis.statistics.multiplicity import holm
from harness.analysis.statistics.ranks import critical_difference, friedman
from harness.analysis.statistics.resampling import Stratum, block_length, counts, expanded_interval, resamples
from harness.arrays import Bools, Floats, Ints

SEED = 20_240_501
LEVELS = (0.05, 0.10)
PAIRS = np.triu_indices(5, 1)


def overlapping(units: int, horizon: int, simulations: int) -> Floats:
    """(unit, simulation): sums of `horizon` shocks, of which neighbours share all but one; MA(horizon − 1)."""
    shocks = np.random.default_rng(SEED).standard_normal((units + horizon - 1, simulations))
    return sum((shocks[lag : lag + units] for lag in range(1, horizon)), shocks[:units].copy())


def equally_good(blocks: int, simulations: int, forecasters: int, skewed: bool = False) -> Floats:
    """(unit, simulation, forecaster): independent normal losses, or squares of them."""
    errors = np.random.default_rng(SEED).standard_normal((blocks, simulations, forecasters))
    return errors**2 if skewed else errors


def bounds(rate: float, simulations: int) -> tuple[float, float]:
    """Where 99.9 % of simulated rates lie."""
    low, high = stats.binom.interval(0.999, simulations, rate)
    return low / simulations, high / simulations


def assert_rate(came: Bools, rate: float) -> None:
    low, high = bounds(rate, len(came))
    assert low <= came.mean() <= high


def assert_at_most(came: Bools, rate: float) -> None:
    assert came.mean() <= bounds(rate, len(came))[1]


@pytest.mark.parametrize(
    ("units", "horizon", "simulations"),
    [
        (10, 1, 20_000),
        (20, 1, 20_000),
        (50, 1, 20_000),
        (200, 1, 20_000),
        (200, 2, 10_000),
        (400, 4, 10_000),
        (1600, 12, 5_000),
    ],
)
def test_diebold_mariano_has_its_nominal_size(units, horizon, simulations) -> None:
    found = diebold_mariano(overlapping(units, horizon, simulations), horizon)

    for level in LEVELS:
        assert_rate(found.p_value < level, level)
        assert_rate(found.p_greater < level, level)


@pytest.mark.parametrize(
    ("units", "horizon", "rate"),
    [
        (20, 2, 0.068),
        (50, 2, 0.057),
        (20, 4, 0.117),
        (50, 4, 0.076),
        (100, 4, 0.063),
        (50, 12, 0.168),
        (100, 12, 0.103),
        (200, 12, 0.075),
    ],
)
def test_diebold_mariano_rejects_too_often_where_few_units_overlap_much(units, horizon, rate) -> None:
    found = diebold_mariano(overlapping(units, horizon, 10_000), horizon)

    assert_rate(found.p_value < 0.05, rate)


@pytest.mark.parametrize(
    ("units", "overlap", "rate"),
    [(20, 2, 0.06), (50, 2, 0.055), (20, 4, 0.087), (50, 4, 0.061), (100, 4, 0.058), (100, 12, 0.07), (200, 12, 0.058)],
)
def test_block_means_reject_less_often_where_few_units_overlap_much(units, overlap, rate) -> None:
    losses = overlapping(units, overlap, 10_000)
    block = block_length(units, overlap)
    means = losses[units % block :].reshape(units // block, block, -1).mean(axis=1)

    found = diebold_mariano(means)

    assert_rate(found.p_value < 0.05, rate)


@pytest.mark.parametrize("units", [50, 200])
def test_diebold_mariano_has_its_nominal_size_with_squared_errors(units) -> None:
    losses = equally_good(units, 10_000, 2, skewed=True)

    found = diebold_mariano(losses[..., 0] - losses[..., 1])

    for level in LEVELS:
        assert_rate(found.p_value < level, level)
        assert_rate(found.p_greater < level, level)


@pytest.mark.parametrize("units", [10, 20])
def test_diebold_mariano_is_conservative_with_few_squared_errors(units) -> None:
    losses = equally_good(units, 10_000, 2, skewed=True)

    found = diebold_mariano(losses[..., 0] - losses[..., 1])

    for level in LEVELS:
        assert_at_most(found.p_value < level, level)


@pytest.mark.parametrize("units", [10, 20, 50])
@pytest.mark.parametrize("field", ["p_value", "p_greater"])
@pytest.mark.parametrize("skewed", [False, True])
def test_holm_controls_the_family_wise_error_rate_of_all_pairs(units, field, skewed) -> None:
    losses = equally_good(units, 2_000, 5, skewed)
    differences = losses[..., PAIRS[0]] - losses[..., PAIRS[1]]

    p_values = getattr(diebold_mariano(differences.reshape(units, -1)), field).reshape(2_000, -1)

    smallest = np.array([holm(value).min() for value in p_values])
    for level in LEVELS:
        assert_at_most(smallest < level, level)


@pytest.mark.parametrize(("blocks", "forecasters"), [(20, 3), (50, 3), (50, 5), (50, 10), (50, 30)])
def test_friedman_has_its_nominal_size(blocks, forecasters) -> None:
    losses = equally_good(blocks, 3_000, forecasters)

    p_values = np.array([friedman(losses[:, i]).p_value for i in range(3_000)])

    for level in LEVELS:
        assert_rate(p_values < level, level)


@pytest.mark.parametrize(("blocks", "forecasters"), [(5, 5), (8, 5), (10, 5), (20, 5), (10, 10), (10, 30), (50, 10)])
def test_friedman_and_nemenyi_have_at_most_their_nominal_size(blocks, forecasters) -> None:
    losses = equally_good(blocks, 2_000, forecasters)

    found = [friedman(losses[:, i]) for i in range(2_000)]

    p_values = np.array([test.p_value for test in found])
    spread = np.array([np.ptp(test.mean_ranks) for test in found])
    for level in LEVELS:
        assert_at_most(p_values < level, level)
        assert_at_most(spread > critical_difference(forecasters, blocks, level), level)


def confidence_sets(losses: Floats, indices: Ints) -> Floats:
    """(simulation, forecaster): what `confidence_set` says of each simulation, without its checks."""
    units, _, forecasters = losses.shape
    wider = expansion(units, forecasters)
    weights = counts(indices, units) / units
    return np.array([_confidence_set(losses[:, i], weights, wider) for i in range(losses.shape[1])])


def _confidence_set(losses: Floats, weights: Floats, wider: float) -> Floats:
    mean = losses.mean(axis=0)
    drawn = weights @ (wider * (losses - mean))
    drawn = drawn[:, :, None] - drawn[:, None, :]
    deviation = np.sqrt((drawn**2).mean(axis=0)) + np.eye(len(mean))
    statistic, drawn = (mean[:, None] - mean) / deviation, drawn / deviation
    left, found, p_value = np.arange(len(mean)), np.ones(len(mean)), 0.0
    while len(left) > 1:
        worst = int(statistic.max(axis=1).argmax())
        p_value = max(p_value, float((drawn.max(axis=(1, 2)) > statistic.max()).mean()))
        found[left[worst]] = p_value
        left = np.delete(left, worst)
        statistic = np.delete(np.delete(statistic, worst, 0), worst, 1)
        drawn = np.delete(np.delete(drawn, worst, 1), worst, 2)
    return found


def test_many_confidence_sets_at_once_are_as_one_by_one() -> None:
    losses = equally_good(12, 10, 4)
    indices = resamples([Stratum(12)], 100, SEED)

    found = confidence_sets(losses, indices)

    for i in range(10):
        np.testing.assert_array_equal(found[i], confidence_set(losses[:, i], indices))


@pytest.mark.parametrize("units", [MIN_UNITS, 20, 50])
@pytest.mark.parametrize("forecasters", [2, 3, 5])
@pytest.mark.parametrize("skewed", [False, True])
def test_a_best_forecaster_is_left_out_of_the_set_at_most_at_the_level(units, forecasters, skewed) -> None:
    p_values = confidence_sets(equally_good(units, 2_000, forecasters, skewed), resamples([Stratum(units)], 500, SEED))

    for level in LEVELS:
        assert_at_most(p_values[:, 0] <= level, level)


@pytest.mark.parametrize("units", [MIN_UNITS, 20, 50, 200])
@pytest.mark.parametrize(("forecasters", "simulations"), [(2, 1_000), (5, 1_000), (10, 400), (20, 200)])
@pytest.mark.parametrize("skewed", [False, True])
def test_any_best_forecaster_is_left_out_at_most_at_the_level(units, forecasters, simulations, skewed) -> None:
    losses = equally_good(units, simulations, forecasters, skewed)

    p_values = confidence_sets(losses, resamples([Stratum(units)], 500, SEED))

    for level in LEVELS:
        assert_at_most(p_values.min(axis=1) <= level, level)


@pytest.mark.parametrize("units", [MIN_UNITS, 20, 50, 200])
def test_one_of_two_is_left_out_at_the_level(units) -> None:
    p_values = confidence_sets(equally_good(units, 2_000, 2), resamples([Stratum(units)], 500, SEED))

    for level in LEVELS:
        assert_rate(p_values.min(axis=1) <= level, level)


def covered(
    losses: Floats, mean: float, block: int = 1, level: float = 0.95, overlapping: bool = True
) -> tuple[Bools, Bools]:
    """(simulation,), twice: whether the expanded and the plain percentile interval hold the true mean."""
    units = len(losses)
    stratum = Stratum(units, block, overlapping)
    replicates = counts(resamples([stratum], 500, SEED), units) @ losses / units
    low, high = expanded_interval(replicates, stratum.blocks, level, freedom=stratum.independent - 1)
    plain_low, plain_high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return (low <= mean) & (mean <= high), (plain_low <= mean) & (mean <= plain_high)


@pytest.mark.parametrize(
    ("units", "normal", "exponential", "plain"),
    [
        (5, 0.93, 0.88, 0.83),
        (8, 0.94, 0.90, 0.88),
        (10, 0.945, 0.91, 0.90),
        (20, 0.95, 0.925, 0.93),
        (50, 0.95, 0.94, 0.94),
    ],
)
def test_intervals_cover_the_mean(units, normal, exponential, plain) -> None:
    rng = np.random.default_rng(SEED)

    of_normal, of_normal_plainly = covered(rng.standard_normal((units, 4_000)), 0)
    of_exponential, _ = covered(rng.standard_exponential((units, 4_000)), 1)

    assert of_normal.mean() == pytest.approx(normal, abs=0.015)
    assert of_exponential.mean() == pytest.approx(exponential, abs=0.015)
    assert of_normal_plainly.mean() == pytest.approx(plain, abs=0.015)


@pytest.mark.parametrize("units", [5, 8])
def test_intervals_of_few_units_cover_the_mean_more_often_than_percentiles(units) -> None:
    losses = np.random.default_rng(SEED).standard_normal((units, 4_000))

    expanded, plain = covered(losses, 0)

    assert expanded.mean() > plain.mean() + 0.05


@pytest.mark.parametrize(
    ("units", "overlap", "rate"),
    [
        (20, 2, 0.94),
        (50, 2, 0.955),
        (200, 2, 0.95),
        (20, 4, 0.89),
        (50, 4, 0.94),
        (100, 4, 0.95),
        (200, 4, 0.95),
        (50, 12, 0.855),
        (100, 12, 0.915),
        (200, 12, 0.945),
    ],
)
def test_intervals_of_overlapping_units_cover_the_mean(units, overlap, rate) -> None:
    losses = overlapping(units, overlap, 2_000)

    found, _ = covered(losses, 0, block_length(units, overlap))

    assert found.mean() == pytest.approx(rate, abs=0.02)


def autoregressive(units: int, correlation: float, simulations: int) -> Floats:
    """(unit, simulation): losses that depend on the one before, though forecasts do not overlap; AR(1)."""
    shocks = np.random.default_rng(SEED).standard_normal((units, simulations))
    losses, scale = [shocks[0]], np.sqrt(1 - correlation**2)
    for shock in shocks[1:]:
        losses.append(correlation * losses[-1] + scale * shock)
    return np.array(losses)


@pytest.mark.parametrize(
    ("units", "correlation", "rate", "single"),
    [
        (10, 0, 0.945, 0.95),
        (20, 0, 0.945, 0.95),
        (50, 0, 0.945, 0.95),
        (200, 0, 0.95, 0.95),
        (20, 0.3, 0.91, 0.85),
        (50, 0.3, 0.925, 0.85),
        (200, 0.3, 0.935, 0.855),
        (20, 0.6, 0.815, 0.665),
        (50, 0.6, 0.86, 0.67),
        (200, 0.6, 0.895, 0.665),
    ],
)
def test_intervals_of_serially_dependent_units_cover_the_mean(units, correlation, rate, single) -> None:
    losses = autoregressive(units, correlation, 2_000)

    found, _ = covered(losses, 0, block_length(units, 1), overlapping=False)
    without_blocks, _ = covered(losses, 0, overlapping=False)

    assert found.mean() == pytest.approx(rate, abs=0.02)
    assert without_blocks.mean() == pytest.approx(single, abs=0.02)


@pytest.mark.parametrize(
    ("units", "correlation", "rate", "plain"),
    [
        (20, 0, 0.047, 0.05),
        (50, 0, 0.05, 0.05),
        (200, 0, 0.05, 0.05),
        (20, 0.3, 0.052, 0.147),
        (50, 0.3, 0.058, 0.153),
        (200, 0.3, 0.052, 0.148),
        (20, 0.6, 0.064, 0.328),
        (50, 0.6, 0.067, 0.327),
        (200, 0.6, 0.056, 0.328),
    ],
)
def test_cosines_allow_for_serial_dependence(units, correlation, rate, plain) -> None:
    losses = autoregressive(units, correlation, 10_000)

    assert_rate(cosine_diebold_mariano(losses).p_value < 0.05, rate)
    assert_rate(diebold_mariano(losses).p_value < 0.05, plain)


@pytest.mark.parametrize(("units", "overlap", "rate"), [(50, 2, 0.054), (80, 4, 0.055), (240, 12, 0.073)])
def test_cosines_allow_for_overlap(units, overlap, rate) -> None:
    assert_rate(cosine_diebold_mariano(overlapping(units, overlap, 10_000)).p_value < 0.05, rate)


@pytest.mark.parametrize(("units", "power"), [(20, 0.39), (50, 0.68), (200, 0.80)])
def test_cosines_have_less_power_with_few_units(units, power) -> None:
    losses = autoregressive(units, 0, 10_000) + 3 / np.sqrt(units)

    assert (cosine_diebold_mariano(losses).p_value < 0.05).mean() == pytest.approx(power, abs=0.02)
    assert (diebold_mariano(losses).p_value < 0.05).mean() == pytest.approx(0.83, abs=0.03)


@pytest.mark.parametrize(("units", "overlap"), [(50, 2), (50, 4), (200, 4), (200, 12)])
def test_blocks_of_one_overlap_cover_the_mean_less_often(units, overlap) -> None:
    losses = overlapping(units, overlap, 2_000)

    found, _ = covered(losses, 0, block_length(units, overlap))
    short, _ = covered(losses, 0, overlap)

    assert found.mean() > short.mean() + 0.02
