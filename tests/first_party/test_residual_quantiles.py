"""Quantiles of residuals, of errors whose distribution is known."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from harness import Contexts, Floats, Panel, RollingOrigin, Task, TrainingData, evaluate
from harness_models.residual_quantiles import ResidualQuantiles
from harness_models.tabular import GradientBoosting, LagRegression, RidgeRegression

LEVELS = (0.05, 0.3, 0.5, 0.9)


def contexts(horizon: int = 3, gap: int = 0) -> Contexts:
    """One window of each of the series a, b and c."""
    panel = Panel.of([np.zeros(20)] * 3, ids=["a", "b", "c"])
    return Contexts(panel, np.arange(3), np.array([10, 10, 10]), horizon, gap, LEVELS)


def quantiles(residuals: Floats, of: Contexts, units: float = 1.0, **settings: object) -> Floats:
    found = ResidualQuantiles.of(residuals, LEVELS, **settings)  # type: ignore[arg-type]
    assert found is not None
    forecast = found.forecast(np.full((3, of.horizon, 1), 100.0), np.full((3, 1), units), of)
    assert forecast.quantiles is not None
    return forecast.quantiles - 100


def normal_errors(windows: int = 4000, steps: int = 3, scale: Floats | float = 1.0) -> Floats:
    return np.random.default_rng(1).normal(size=(windows, steps, 1)) * scale


def test_normal_errors_have_normal_quantiles_at_every_step() -> None:
    steps = np.array([1.0, 2.0, 3.0])

    found = quantiles(normal_errors(scale=steps[:, None]), contexts(), units=7.0)

    expected = 7 * steps[:, None] * [NormalDist().inv_cdf(level) for level in LEVELS]
    np.testing.assert_allclose(found[0, :, 0], expected, rtol=0.05)
    np.testing.assert_array_equal(found[..., 2], 0)


def test_one_large_error_of_few_is_not_left_out() -> None:
    """The 90 % interval of nine residuals is the largest one: ⌈0.9 · 10⌉ = 9, where the plain quantile is less."""
    residuals = np.array([1.0] * 8 + [5.0])[:, None, None]

    found = ResidualQuantiles.of(residuals, (0.05, 0.95))

    assert found is not None
    np.testing.assert_allclose(found.offsets * found.deviations[0, 0, 0], [-5, 5])


def test_each_series_has_its_own_deviation_and_others_that_of_all() -> None:
    scale = np.repeat([1.0, 3.0], 2000)[:, None, None]

    found = quantiles(normal_errors(scale=scale), contexts(), ids=["a"] * 2000 + ["b"] * 2000)

    widths = found[:, 0, 0, -1]
    assert widths[1] / widths[0] == pytest.approx(3, rel=0.1)
    assert widths[2] / widths[0] == pytest.approx(np.sqrt(5), rel=0.1)


def test_few_residuals_of_a_series_count_less_than_those_of_all() -> None:
    residuals = np.concatenate([normal_errors(100), np.full((1, 3, 1), 50.0)])

    found = ResidualQuantiles.of(residuals, LEVELS, ["a"] * 100 + ["b"])

    assert found is not None
    of_all, _, of_b = found.deviations[:, 0, 0]
    assert of_b**2 == pytest.approx((50**2 + 10 * of_all**2) / 11)


def test_later_steps_have_the_last_deviation_and_a_gap_leaves_out_the_first() -> None:
    residuals = normal_errors(scale=np.array([1.0, 2.0, 3.0])[:, None])

    longer, later = quantiles(residuals, contexts(horizon=5)), quantiles(residuals, contexts(horizon=3, gap=2))

    np.testing.assert_array_equal(later, longer[:, 2:])
    np.testing.assert_array_equal(longer[:, 4], longer[:, 2])


def test_missing_residuals_are_left_out() -> None:
    residuals, gaps = normal_errors(50), normal_errors(50)
    gaps[20:30, 1] = np.nan
    nothing = np.where([[True], [False], [True]], residuals, np.nan)

    found, of_others = ResidualQuantiles.of(gaps, LEVELS), ResidualQuantiles.of(residuals, LEVELS)

    assert found is not None
    assert of_others is not None
    np.testing.assert_array_equal(found.deviations[:, [0, 2]], of_others.deviations[:, [0, 2]])
    assert ResidualQuantiles.of(nothing, LEVELS) is None


@pytest.mark.parametrize("make", [RidgeRegression, GradientBoosting])
def test_series_too_short_for_a_second_fit_have_quantiles_of_the_first(make: type[LagRegression]) -> None:
    panel = Panel.of([np.random.default_rng(i).normal(size=13) for i in range(30)])
    forecaster = make(lags=5)

    run = evaluate(forecaster, Task("x", RollingOrigin(4, windows=1), quantile_levels=(0.1, 0.9)), panel)

    assert run.notes == ()
    assert run.scores["coverage"] > 0.5


def test_the_second_fit_does_not_see_the_windows_of_the_residuals() -> None:
    """A step at the very end is a surprise to it, but the first fit has learned it."""
    values = np.random.default_rng(0).normal(scale=0.1, size=200)
    values[190:] += 30
    deviations = []
    for end in (185, 200):
        forecaster = RidgeRegression(lags=3)
        forecaster.fit(TrainingData(Panel.of([values[:end]]), None, 1, 0, LEVELS, 1))
        assert forecaster.quantiles_ is not None
        deviations.append(forecaster.quantiles_.deviations[0, 0, 0])

    assert deviations[1] > 5 * deviations[0]
