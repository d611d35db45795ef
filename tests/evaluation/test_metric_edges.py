"""Metrics where there is little to divide by, to compare or to average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from harness.arrays import Floats
from harness.data.panel import Panel
from harness.evaluation.evaluate import evaluate
from harness.evaluation.metrics import Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.run import Status
from harness.evaluation.scales import seasonal_error
from harness.evaluation.scoring import applies, by_step, by_window, score, terms
from harness.forecasters.forecast import Forecast
from harness.forecasters.forecaster import LocalForecaster
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.splits import TimeSplit
from harness.tasks.task import Task
from harness.tasks.windows import Context, Windows

from ..numeric_metrics import METRICS

METRIC = {metric.name: metric for metric in METRICS}
SCALED = ("MASE", "RMSSE", "SQL", "MSIS")
LEVELS = (0.1, 0.5, 0.9)
NAN = math.nan


def outcomes_of(
    series: Sequence[Any],
    horizon: int = 3,
    windows: int = 1,
    levels: tuple[float, ...] = LEVELS,
    season: int = 1,
    off: float = 1.0,
) -> Outcomes:
    """The last windows of these series, forecast too high by `off`, with normal quantiles."""
    panel = Panel.of([np.asarray(values, dtype=float) for values in series], season_length=season)
    task = Task("trial", RollingOrigin(horizon, windows=windows), quantile_levels=levels)
    actuals = Actuals.of(backtest(task, panel))
    return Outcomes(actuals, Forecast.from_normal(np.nan_to_num(actuals.values) + off, np.asarray(1.0), levels))


def scored(name: str | Metric, outcomes: Outcomes) -> float:
    metric = METRIC[name] if isinstance(name, str) else name
    return score(metric, terms(metric, outcomes), outcomes.observed)


# Scales of rounding


def proper(length: int = 60) -> Floats:
    return 10 + np.sin(np.arange(length) / 3)


def thirds(length: int = 60) -> Floats:
    """A constant series but for rounding: 0.1 * 3 is not 0.3."""
    values = np.where(np.arange(length) % 2, 0.1 * 3, 0.3)
    assert len(set(values)) == 2
    return values


def a_sine(length: int = 60) -> Floats:
    """A periodic series of twelve steps but for rounding."""
    values: Floats = np.sin(2 * np.pi * np.arange(length) / 12)
    assert len(set(values)) > 12
    return values


ROUNDED = {
    "constant": (thirds(), 1),
    "large": (1e9 * thirds(), 1),
    "small": (1e-9 * thirds(), 1),
    "negative": (-thirds(), 1),
    "periodic": (a_sine(), 12),
    "periodic about a level": (1e6 + a_sine(), 12),
    "summed": (np.cumsum(np.tile([0.1, 0.2, -0.3], 20)), 3),
    "with missing values": (np.where(np.arange(60) % 7 == 0, NAN, thirds()), 1),
}


@pytest.mark.parametrize("case", ROUNDED)
@pytest.mark.parametrize("name", SCALED)
def test_a_scale_of_rounding_is_none(case: str, name: str) -> None:
    values, season = ROUNDED[case]
    alone, beside = outcomes_of([values], season=season), outcomes_of([values, proper()], season=season)

    assert math.isnan(scored(name, alone))
    assert scored(name, beside) == pytest.approx(scored(name, outcomes_of([proper()], season=season)), rel=1e-12)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_every_window_after_a_value_that_differs_has_a_scale(power: int) -> None:
    values = thirds()
    values[30] += 1
    panel = Panel.of([values])
    cutoffs = np.array([10, 30, 31, 50])
    windows = Windows(panel, np.zeros(4, dtype=np.int64), cutoffs, 1, season_length=1)

    assert np.isnan(seasonal_error(windows, power)[:, 0]).tolist() == [True, True, False, False]


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_small_changes_that_are_no_rounding_have_a_scale(size: float) -> None:
    values = size * (1 + 1e-9 * (np.arange(60) % 2))

    assert scored("MASE", outcomes_of([values])) == pytest.approx(1 / (1e-9 * size), rel=1e-5)


def test_a_small_series_beside_a_large_one_keeps_its_scale() -> None:
    small, large = np.arange(60) % 5 * 1e-9, 1e12 * proper()

    scales = outcomes_of([small, large]).seasonal_error

    assert scales[0, 0] == pytest.approx(np.abs(np.diff(small[:57])).mean())


@given(st.integers(1, 5), st.floats(1e-6, 1e6), st.integers(0, 2**32 - 1))
def test_whatever_repeats_has_no_scale_in_any_unit(season: int, unit: float, seed: int) -> None:
    pattern = np.random.default_rng(seed).normal(3, 1, season)
    values = np.tile(pattern, 12) * unit / 3 * 3 + 0.1 * unit - 0.1 * unit

    outcomes = outcomes_of([values[: 12 * season]], horizon=1, season=season)

    assert np.isnan(outcomes.seasonal_error).all()
    assert np.isnan(outcomes.seasonal_squared_error).all()


class OneHigher(LocalForecaster):
    def predict_series(self, context: Context) -> Floats:
        return np.full((context.horizon, 1), context.target[-1, 0] + 1)


def test_windows_without_a_scale_but_for_rounding_are_noted_as_exact_ones_are() -> None:
    exact, rounded = (
        evaluate(OneHigher(), Task("trial", RollingOrigin(3, windows=1)), Panel.of([values, proper()]))
        for values in (np.full(60, 0.3), thirds())
    )

    assert exact.notes == rounded.notes
    assert exact.notes[0].startswith("1 of 2 windows are left out of MASE and RMSSE: the seasonal error")
    assert exact.scores["MASE"] == pytest.approx(rounded.scores["MASE"], rel=1e-12)


@pytest.mark.parametrize("values", [np.full(60, 0.3), thirds(), 1e9 * thirds(), -thirds()])
def test_standardised_tasks_have_the_same_rule(values: Floats) -> None:
    task = Task("trial", RollingOrigin(2, windows=2), TimeSplit(40, 10, 10), standardise=True)

    actuals = Actuals.of(backtest(task, Panel.of([values])))

    assert actuals.standard is not None
    assert np.isnan(actuals.standard[1]).all()


# Percentage errors


def test_actuals_that_are_zero_but_for_rounding_do_not_count_in_mape() -> None:
    series = np.sin(np.pi * np.arange(60) / 2)  # 0, 1, 0, −1, …, but for rounding

    mape = scored("MAPE", outcomes_of([series], horizon=8, off=0.5))

    ahead = series[-8:][np.abs(series[-8:]) > 0.5]
    assert mape == pytest.approx(sk.mean_absolute_percentage_error(ahead, ahead + 0.5), rel=1e-12)


@pytest.mark.parametrize("off", [0.0, 1e-17, 1e-16])
def test_smape_is_zero_where_both_are_but_for_rounding(off: float) -> None:
    series = np.sin(np.pi * np.arange(60))

    outcomes = outcomes_of([np.append(series, [1.0, 0.0])], horizon=4, off=0.0)
    forecast = Forecast.point(outcomes.mean + np.array([off, off, 0.0, 0.0])[None, :, None])

    assert scored("sMAPE", Outcomes(outcomes.observed, forecast)) == 0.0


def test_values_that_are_small_in_a_small_series_count() -> None:
    small, large = 1e-9 * proper(), 1e9 * proper()

    outcomes = outcomes_of([small, large])
    ten_percent_too_high = Outcomes(outcomes.observed, Forecast.point(outcomes.actuals * 1.1))

    np.testing.assert_allclose(METRIC["MAPE"].losses(ten_percent_too_high), 0.1, rtol=1e-6)


@pytest.mark.parametrize("name", ["MAPE", "WAPE", "WQL"])
def test_nothing_but_zeros_has_no_percentage(name: str) -> None:
    assert math.isnan(scored(name, outcomes_of([np.zeros(60)])))


# Quantile levels


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metrics_apply_from_their_number_of_levels_on(metric: Metric) -> None:
    least = {"WQL": 1, "SQL": 1, "MQL": 1, "coverage": 2, "MSIS": 2}.get(metric.name, 0)

    assert [applies(metric, LEVELS[:count]) for count in range(4)] == [count >= least for count in range(4)]
    assert metric.requirement == ("", "needs quantile levels", "needs at least two quantile levels")[least]


def test_a_metric_whose_best_score_is_nominal_needs_an_interval() -> None:
    assert not applies(Metric("own", lambda o: o.covered, best="nominal"), (0.5,))


def test_a_single_level_has_no_interval_and_is_scored_by_its_loss() -> None:
    task = Task("trial", RollingOrigin(3, windows=2), quantile_levels=(0.9,))

    run = evaluate(OneHigher(), task, Panel.of([proper()]))

    assert {"coverage", "MSIS"}.isdisjoint(run.scores)
    actuals = Actuals.of(backtest(task, Panel.of([proper()]))).values.ravel()
    assert run.results is not None
    pinball = sk.mean_pinball_loss(actuals, run.results.forecast.mean.ravel(), alpha=0.9)
    assert run.scores["MQL"] == pytest.approx(2 * pinball, rel=1e-12)


@given(st.lists(st.integers(1, 99), min_size=2, max_size=6, unique=True).map(sorted), st.integers(0, 2**32 - 1))
def test_levels_need_not_be_symmetric(percents: list[int], seed: int) -> None:
    levels = tuple(percent / 100 for percent in percents)
    rng = np.random.default_rng(seed)
    outcomes = outcomes_of([rng.normal(size=60)], horizon=12, levels=levels, off=float(rng.normal()))
    y, low, high = outcomes.actuals, outcomes.quantile(levels[0]), outcomes.quantile(levels[-1])

    distance = np.where(y < low, (low - y) / levels[0], np.where(y > high, (y - high) / (1 - levels[-1]), 0.0))
    np.testing.assert_allclose(outcomes.interval_score, high - low + distance, atol=1e-9)
    if math.isclose(levels[0], 1 - levels[-1]):
        oracle = scoringrules.interval_score(y, low, high, 2 * levels[0])
        np.testing.assert_allclose(outcomes.interval_score.squeeze(), oracle.squeeze(), rtol=1e-9)
    assert scored("coverage", outcomes) == np.mean((low <= y) & (y <= high))
    pinball = [sk.mean_pinball_loss(y.ravel(), outcomes.quantile(level).ravel(), alpha=level) for level in levels]
    assert scored("MQL", outcomes) == pytest.approx(2 * np.mean(pinball), rel=1e-9)


# Mean quantile loss and the continuous ranked probability score

NORMAL_CRPS = 1 / math.sqrt(math.pi)  # expected, of a perfect forecast of N(0, 1) (Gneiting & Raftery 2007, eq. 21)
DECILES = tuple(round(0.1 * i, 1) for i in range(1, 10))


@pytest.mark.parametrize(
    ("levels", "percent"),
    [((0.025, 0.5, 0.975), -39), ((0.1, 0.5, 0.9), -11), (DECILES, 9), (tuple(i / 100 for i in range(1, 100)), 1)],
)
def test_mql_is_near_crps_for_many_levels_only(levels: tuple[float, ...], percent: int) -> None:
    """The numbers of docs/metrics.md: a perfect forecast of the standard normal distribution."""
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    outcomes = outcomes_of([np.append([0.0, 1.0], draws)], horizon=20_000, levels=levels)
    perfect = Forecast.from_normal(np.zeros_like(outcomes.actuals), np.asarray(1.0), levels)

    mql = scored("MQL", Outcomes(outcomes.observed, perfect))

    assert np.mean(scoringrules.crps_normal(draws, 0.0, 1.0)) == pytest.approx(NORMAL_CRPS, rel=1e-4)
    assert mql == pytest.approx(2 * np.mean(stats.norm.pdf(stats.norm.ppf(levels))), rel=1e-3)  # in expectation
    assert round(100 * (mql / NORMAL_CRPS - 1)) == percent


# Windows without anything, a single window, forecasts without end


@pytest.mark.parametrize("name", METRIC)
def test_a_window_without_actuals_is_ignored(name: str) -> None:
    outcomes = outcomes_of([proper(), proper() + np.arange(60) % 3], windows=2)
    values = outcomes.observed.values.copy()
    values[1] = NAN
    missing = Outcomes(_with_values(outcomes, values), outcomes.forecast)
    kept = [0, 2, 3]

    by_windows = by_window(METRIC[name], terms(METRIC[name], missing))

    assert np.isnan(by_windows[1])
    np.testing.assert_array_equal(by_windows[kept], by_window(METRIC[name], terms(METRIC[name], outcomes))[kept])
    assert math.isfinite(scored(name, missing))
    nothing = Outcomes(_with_values(outcomes, np.full_like(values, NAN)), outcomes.forecast)
    assert math.isnan(scored(name, nothing))
    assert np.isnan(by_step(METRIC[name], nothing)).all()


def _with_values(outcomes: Outcomes, values: Floats) -> Actuals:
    return replace(outcomes.observed, values=values)


@pytest.mark.parametrize("aggregation", ["pooled", "series", "cutoff", "window"])
@pytest.mark.parametrize("name", METRIC)
def test_a_single_window_of_a_single_step_scores_its_loss(name: str, aggregation: Any) -> None:
    outcomes = outcomes_of([proper()], horizon=1)
    metric = replace(METRIC[name], aggregation=aggregation)

    value = scored(metric, outcomes)

    loss = metric.losses(outcomes)[0, 0, 0]
    weight = 1.0 if metric.weights is None else metric.weights(outcomes)[0, 0, 0]
    scale = 1.0 if metric.scale is None else metric.scale(outcomes)[0, 0]
    expected = loss / weight / scale
    assert value == pytest.approx(math.sqrt(expected) if metric.root else expected, rel=1e-12)


@pytest.mark.parametrize("value", [math.inf, -math.inf, NAN])
def test_a_forecast_without_end_costs_its_window_and_no_more(value: float) -> None:
    class Diverges(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            diverges = context.cutoff == 57
            return np.full((context.horizon, 1), value if diverges else context.target[-1, 0])

    task = Task("trial", RollingOrigin(3, windows=3, stride=3), quantile_levels=LEVELS)

    run = evaluate(Diverges(), task, Panel.of([proper()]))

    assert (run.status, [failure.window for failure in run.window_failures]) == (Status.COMPLETED, [2])
    assert all(map(math.isfinite, run.scores.values()))
    assert set(run.scores) == set(METRIC)


def test_errors_that_are_too_large_for_a_number_have_no_score_and_a_note() -> None:
    class Explodes(LocalForecaster):
        def predict_series(self, context: Context) -> Floats:
            return np.full((context.horizon, 1), 1e200)

    with np.errstate(over="ignore"):
        run = evaluate(Explodes(), Task("trial", RollingOrigin(3, windows=3)), Panel.of([proper()]))

    assert run.status is Status.COMPLETED
    assert run.scores["MAE"] == pytest.approx(1e200)
    assert {"MSE", "RMSE", "RMSSE"}.isdisjoint(run.scores)
    assert [note for note in run.notes if "infinite" in note] == [
        f"no score by {name}: it is infinite" for name in ("MSE", "RMSE", "RMSSE")
    ]
