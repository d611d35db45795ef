"""Two-way clustered variances and the panel test, against explicit sums and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import cov_cluster, cov_cluster_2groups

from harness.analysis.statistics.clustering import block_sums, two_way_covariance
from harness.analysis.statistics.diebold_mariano import panel_diebold_mariano
from harness.analysis.statistics.resampling import Stratum
from harness.arrays import Floats
from harness.errors import BadInput

SERIES, CUTOFFS = 12, 9


def losses(forecasters: int = 2) -> Floats:
    """(series, cutoff, forecaster), with effects of both."""
    rng = np.random.default_rng(4)
    effects = rng.normal(size=(SERIES, 1, forecasters)) + rng.normal(size=(1, CUTOFFS, forecasters))
    return effects + rng.normal(size=(SERIES, CUTOFFS, forecasters))


def deviations(values: Floats) -> Floats:
    return (values - values.mean(axis=(0, 1))) / (SERIES * CUTOFFS)


class TestCovariance:
    def test_equals_that_of_a_regression_on_a_constant(self) -> None:
        values = losses(1)
        series, cutoffs = (positions.ravel() for positions in np.indices((SERIES, CUTOFFS)))
        fitted = sm.OLS(values.ravel(), np.ones(values.size)).fit()

        found = two_way_covariance(deviations(values), Stratum(SERIES), Stratum(CUTOFFS), corrected=False)

        both, by_series, by_cutoff = cov_cluster_2groups(fitted, series, cutoffs, use_correction=False)
        assert found.series == pytest.approx(by_series)
        assert found.cutoffs == pytest.approx(by_cutoff)
        assert found.series + found.cutoffs - found.cells == pytest.approx(both)
        assert found.variances == pytest.approx(max(both, by_series, by_cutoff)[0])

    @pytest.mark.parametrize("kind", ["series", "cutoffs"])
    def test_of_one_kind_equals_one_way_clusters(self, kind) -> None:
        values = losses(1)
        groups = np.indices((SERIES, CUTOFFS))[0 if kind == "series" else 1].ravel()
        fitted = sm.OLS(values.ravel(), np.ones(values.size)).fit()
        strata = (Stratum(SERIES), None) if kind == "series" else (None, Stratum(CUTOFFS))

        found = two_way_covariance(deviations(values), *strata, corrected=False)

        assert found.variances == pytest.approx(np.diag(cov_cluster(fitted, groups, use_correction=False)))

    def test_is_corrected_for_few_groups(self) -> None:
        plain, corrected = (
            two_way_covariance(deviations(losses()), Stratum(SERIES), Stratum(CUTOFFS), corrected=correct)
            for correct in (False, True)
        )

        assert corrected.series == pytest.approx(plain.series * SERIES / (SERIES - 1))
        assert corrected.cutoffs == pytest.approx(plain.cutoffs * CUTOFFS / (CUTOFFS - 1))
        assert corrected.cells == pytest.approx(plain.cells)

    def test_is_never_below_either_kind(self) -> None:
        alternating = np.indices((SERIES, CUTOFFS)).sum(axis=0)[..., None] % 2 * 1.0  # V_cells is the largest

        found = two_way_covariance(deviations(alternating), Stratum(SERIES), Stratum(CUTOFFS))

        assert found.cells > found.series + found.cutoffs
        assert found.variances == pytest.approx(max(found.series, found.cutoffs)[0])

    def test_of_differences_is_that_of_the_difference(self) -> None:
        values = losses(3)

        found = two_way_covariance(deviations(values), Stratum(SERIES), Stratum(CUTOFFS, 2)).variances_of_differences

        difference = deviations(values[..., [0]] - values[..., [2]])
        expected = two_way_covariance(difference, Stratum(SERIES), Stratum(CUTOFFS, 2)).variances
        assert found[0, 2] == found[2, 0] == pytest.approx(expected[0])
        assert np.diag(found) == pytest.approx(0)

    @pytest.mark.parametrize("block", [1, 2, 4, 9, 20])
    def test_blocks_are_circular(self, block) -> None:
        values = np.random.default_rng(0).normal(size=(9, 2))

        found = block_sums(values, block)

        length = min(block, 9)
        expected = [sum(values[(start + i) % 9] for i in range(length)) for start in range(9)]
        np.testing.assert_allclose(found, expected, atol=1e-12)

    @pytest.mark.parametrize(
        ("shape", "strata"),
        [((3, 4), (Stratum(3), Stratum(4))), ((3, 4, 1), (Stratum(4), Stratum(4))), ((3, 4, 1), (None, None))],
    )
    def test_what_does_not_fit_is_refused(self, shape, strata) -> None:
        with pytest.raises(BadInput):
            two_way_covariance(np.zeros(shape), *strata)


class TestPanelTest:
    def test_is_the_t_test_of_the_regression(self) -> None:
        values = losses()
        means = values.mean(axis=(0, 1))

        found = panel_diebold_mariano(
            deviations(values), means[:, None] - means[None, :], Stratum(SERIES), Stratum(CUTOFFS)
        )

        difference = deviations(values[..., [0]] - values[..., [1]])
        variance = two_way_covariance(difference, Stratum(SERIES), Stratum(CUTOFFS)).variances
        assert found.statistic == pytest.approx((means[0] - means[1]) / np.sqrt(variance))
        assert found.standard_error == pytest.approx(np.sqrt(variance))
        assert found.freedom == CUTOFFS - 1

    def test_equal_losses_do_not_differ_and_constant_differences_always_do(self) -> None:
        values = losses(1).repeat(3, axis=2) + np.array([0.0, 0.0, 1.0])
        means = values.mean(axis=(0, 1))

        found = panel_diebold_mariano(
            deviations(values), means[:, None] - means[None, :], Stratum(SERIES), Stratum(CUTOFFS)
        )

        assert found.p_value == pytest.approx([1, 0, 0])
