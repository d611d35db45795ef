"""Every metric against someone else's implementation, or against numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scoringrules
import utilsforecast.losses as uf
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from harness.arrays import Floats
from harness.data.panel import Channel, Panel
from harness.evaluation.metrics import Aggregation, Metric
from harness.evaluation.outcomes import Actuals, Outcomes
from harness.evaluation.scales import seasonal_error
from harness.evaluation.scoring import applies, by_series, by_step, by_window, score, terms
from harness.forecasters.forecast import Forecast
from harness.tasks.folds import backtest
from harness.tasks.protocols import RollingOrigin
from harness.tasks.splits import TimeSplit
from harness.tasks.task import Task
from harness.tasks.windows import Windows

from ..numeric_metrics import METRICS

METRIC = {metric.name: metric for metric in METRICS}
AGGREGATIONS: tuple[Aggregation, ...] = ("pooled", "series", "cutoff", "window")
LEVELS = (0.05, 0.3, 0.5, 0.95)
SYMMETRIC = (0.1, 0.3, 0.5, 0.7, 0.9)
SEASON = 4
NAN = math.nan


def panel_of(series: int = 3, length: int = 40, targets: int = 1, seed: int = 0, missing: float = 0.0) -> Panel:
    """Random series around 20, nowhere near zero; that share of their values is missing."""
    rng = np.random.default_rng(seed)
    values = 20 + rng.normal(0, 3, (series, length, targets))
    values[rng.random(values.shape) < missing] = NAN
    channels = [Channel(f"target {i}") for i in range(targets)]
    return Panel.of(list(values), season_length=SEASON, channels=channels)


def windows_of(panel: Panel, horizon: int = 5, windows: int = 3, levels: tuple[float, ...] = LEVELS) -> Windows:
    """The last windows of every series."""
    return backtest(Task("trial", RollingOrigin(horizon, windows=windows), quantile_levels=levels), panel).windows


def actuals_of(windows: Windows) -> Actuals:
    """What came in these windows, in their order."""
    levels = windows.quantile_levels
    pairs = zip(windows.series, windows.cutoffs, strict=True)
    numbers = np.array([int((windows.cutoffs[windows.series == one] < cutoff).sum()) for one, cutoff in pairs])
    return Actuals(
        windows.panel.ids, windows.series, windows.cutoffs, numbers, windows.actuals, levels, _windows=windows
    )


def forecast_of(windows: Windows, seed: int = 1) -> Forecast:
    """A rough forecast; its mean is not its median."""
    rng = np.random.default_rng(seed)
    shape = windows.actuals.shape
    quantiles = np.sort(20 + rng.normal(0, 4, (*shape, len(windows.quantile_levels))), axis=-1)
    mean = 20 + rng.normal(0, 3, shape)
    return Forecast(mean, windows.quantile_levels, quantiles) if windows.quantile_levels else Forecast(mean)


def outcomes_of(windows: Windows, seed: int = 1) -> Outcomes:
    """A rough forecast beside what came."""
    return Outcomes(actuals_of(windows), forecast_of(windows, seed))


def by_hand(past: object, actuals: object, mean: object, quantiles: object = None, levels=(), season=1) -> Outcomes:
    """One series of one window: what went before, what came and what was said."""
    past, actuals = np.asarray(past, dtype=float), np.asarray(actuals, dtype=float)
    panel = Panel.of([np.concatenate([past, actuals])], season_length=season)
    cutoff = np.array([len(past)])
    windows = Windows(panel, np.array([0]), cutoff, len(actuals), 0, levels, season)
    forecast = Forecast.point(np.asarray(mean, dtype=float)[None, :, None])
    if quantiles is not None:
        forecast = replace(forecast, quantile_levels=levels, quantiles=np.asarray(quantiles, float)[None, :, None])
    return Outcomes(actuals_of(windows), forecast)


def scored(name: str | Metric, outcomes: Outcomes) -> float:
    """The score of all windows."""
    metric = METRIC[name] if isinstance(name, str) else name
    return score(metric, terms(metric, outcomes), outcomes.observed)


def taken(outcomes: Outcomes, windows: object) -> Outcomes:
    """Some of the windows, in that order."""
    truth, forecast = outcomes.observed, outcomes.forecast
    assert truth._windows is not None
    quantiles = None if forecast.quantiles is None else forecast.quantiles[windows]
    some = actuals_of(truth._windows.take(windows))
    return Outcomes(
        replace(some, values=truth.values[windows]), Forecast(forecast.mean[windows], truth.quantile_levels, quantiles)
    )


def point_of(outcomes: Outcomes, name: str) -> Floats:
    """The functional of the forecast that the metric scores, taken from the forecast itself."""
    return outcomes.forecast.median if METRIC[name].functional == "median" else outcomes.forecast.mean


def frames(outcomes: Outcomes, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same as long tables, a group each window and target: what the metric scores beside actuals, and the past."""
    rows, past = [], []
    truth, forecast = outcomes.observed, outcomes.forecast
    point = point_of(outcomes, name)
    panel = truth._windows.panel
    for window, (series, cutoff) in enumerate(zip(truth.series, truth.cutoffs, strict=True)):
        begin = panel.offsets[series]
        for target in range(truth.values.shape[2]):
            name = f"{window:04}-{target}"
            for step in range(truth.values.shape[1]):
                row = {"unique_id": name, "window": window, "step": step, "ds": cutoff + step}
                row |= {"y": truth.values[window, step, target], "model": point[window, step, target]}
                if forecast.quantiles is not None:
                    row |= {f"q{i}": value for i, value in enumerate(forecast.quantiles[window, step, target])}
                rows.append(row)
            values = panel.target_values[begin : begin + cutoff, target]
            past += [{"unique_id": name, "ds": time, "y": value} for time, value in enumerate(values)]
    return pd.DataFrame(rows).dropna(), pd.DataFrame(past)


# Losses of utilsforecast, by window and target, as we define them: see the conventions below.
UTILSFORECAST: dict[str, Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]] = {
    "MAE": lambda ahead, past: uf.mae(ahead, ["model"]),
    "MSE": lambda ahead, past: uf.mse(ahead, ["model"]),
    "RMSE": lambda ahead, past: uf.rmse(ahead, ["model"]),
    "MAPE": lambda ahead, past: uf.mape(ahead, ["model"]),
    "sMAPE": lambda ahead, past: uf.smape(ahead, ["model"]).assign(model=lambda frame: 200 * frame["model"]),
    "WAPE": lambda ahead, past: uf.nd(ahead, ["model"]),
    "MASE": lambda ahead, past: uf.mase(ahead, ["model"], SEASON, past),
    "RMSSE": lambda ahead, past: uf.rmsse(ahead, ["model"], SEASON, past),
    "bias": lambda ahead, past: uf.bias(ahead, ["model"]),
    "WQL": lambda ahead, past: uf.scaled_crps(ahead, {"model": QUANTILES}, np.array(LEVELS)),
    "SQL": lambda ahead, past: doubled(
        uf.scaled_mqloss(ahead, {"model": QUANTILES}, np.array(LEVELS), SEASON, past),
    ),
    "MQL": lambda ahead, past: doubled(uf.mqloss(ahead, {"model": QUANTILES}, np.array(LEVELS))),
    "coverage": lambda ahead, past: uf.coverage(interval(ahead), ["model"], 90),
    "MSIS": lambda ahead, past: scaled_interval_score(ahead, past),
}
QUANTILES = [f"q{i}" for i in range(len(LEVELS))]


def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    """Quantile losses with the factor 2 that utilsforecast leaves out."""
    return frame.assign(model=2 * frame["model"])


def interval(ahead: pd.DataFrame) -> pd.DataFrame:
    """The outermost quantiles under the names of a 90 % interval."""
    return ahead.rename(columns={"q0": "model-lo-90", QUANTILES[-1]: "model-hi-90"})


def scaled_interval_score(ahead: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    """Winkler's score over the scale by which MASE divides MAE."""
    score, error, scaled = (
        frame.set_index("unique_id")["model"]
        for frame in (
            uf.winkler_score(interval(ahead), ["model"], 90),
            uf.mae(ahead, ["model"]),
            uf.mase(ahead, ["model"], SEASON, past),
        )
    )
    return (score * scaled / error).reset_index()


def test_every_metric_has_an_oracle_here():
    assert set(UTILSFORECAST) == set(METRIC)


@pytest.mark.parametrize("name", METRIC)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_each_window_scores_as_in_utilsforecast(name: str, missing: float):
    outcomes = outcomes_of(windows_of(panel_of(missing=missing)))

    scores = by_window(METRIC[name], terms(METRIC[name], outcomes))

    oracle = UTILSFORECAST[name](*frames(outcomes, name)).sort_values("unique_id")
    np.testing.assert_allclose(scores, oracle["model"], rtol=1e-9)


@pytest.mark.parametrize("name", METRIC)
def test_several_targets_of_a_window_score_as_their_mean(name: str):
    outcomes = outcomes_of(windows_of(panel_of(targets=3)))

    scores = by_window(METRIC[name], terms(METRIC[name], outcomes))

    oracle = UTILSFORECAST[name](*frames(outcomes, name)).sort_values("unique_id")
    np.testing.assert_allclose(scores, oracle["model"].to_numpy().reshape(-1, 3).mean(axis=1), rtol=1e-9)


SKLEARN: dict[str, Callable[..., float]] = {
    "MAE": sk.mean_absolute_error,
    "MSE": sk.mean_squared_error,
    "RMSE": sk.root_mean_squared_error,
    "MAPE": sk.mean_absolute_percentage_error,
}


@pytest.mark.parametrize("name", SKLEARN)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_all_windows_together_score_as_in_scikit_learn(name: str, missing: float):
    outcomes = outcomes_of(windows_of(panel_of(targets=2, missing=missing)))

    pooled = scored(name, outcomes)

    seen = ~np.isnan(outcomes.actuals)
    assert pooled == pytest.approx(SKLEARN[name](outcomes.actuals[seen], point_of(outcomes, name)[seen]), rel=1e-12)


@pytest.mark.parametrize("name", SKLEARN)
def test_each_series_scores_as_in_scikit_learn(name: str):
    outcomes = outcomes_of(windows_of(panel_of(series=3, missing=0.2)))

    scores = by_series(METRIC[name], terms(METRIC[name], outcomes), outcomes.observed.series, 3)

    for series in range(3):
        mine = outcomes.observed.series == series
        seen = ~np.isnan(outcomes.actuals[mine])
        oracle = SKLEARN[name](outcomes.actuals[mine][seen], point_of(outcomes, name)[mine][seen])
        assert scores[series] == pytest.approx(oracle, rel=1e-12)


@pytest.mark.parametrize("name", SKLEARN)
def test_each_step_scores_as_in_scikit_learn(name: str):
    outcomes = outcomes_of(windows_of(panel_of()))

    scores = by_step(METRIC[name], outcomes)

    oracle = SKLEARN[name](outcomes.actuals[..., 0], point_of(outcomes, name)[..., 0], multioutput="raw_values")
    np.testing.assert_allclose(scores, oracle, rtol=1e-12)


@pytest.mark.parametrize("name", METRIC)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_each_step_scores_as_windows_of_that_step_alone(name: str, missing: float):
    outcomes = outcomes_of(windows_of(panel_of(missing=missing)))

    scores = by_step(METRIC[name], outcomes)

    for step in range(5):
        held = outcomes.observed.values.copy()
        held[:, np.arange(5) != step] = NAN
        alone = Outcomes(replace(outcomes.observed, values=held), outcomes.forecast)
        assert scores[step] == pytest.approx(scored(name, alone), rel=1e-12)


def test_mql_is_the_quantile_approximation_of_crps_in_scoringrules():
    outcomes = outcomes_of(windows_of(panel_of(targets=2)))

    crps = scored("MQL", outcomes)

    oracle = scoringrules.crps_quantile(outcomes.actuals, outcomes.forecast.quantiles, np.array(LEVELS))
    assert crps == pytest.approx(np.mean(oracle), rel=1e-12)


def test_crps_from_many_levels_comes_near_the_one_of_the_normal_distribution():
    levels = tuple((np.arange(500) + 0.5) / 500)
    windows = windows_of(panel_of(), levels=levels)
    mean = forecast_of(windows).mean
    outcomes = Outcomes(actuals_of(windows), Forecast.from_normal(mean, np.asarray(2.0), levels))

    crps = scored("MQL", outcomes)

    assert crps == pytest.approx(np.mean(scoringrules.crps_normal(outcomes.actuals, mean, 2.0)), rel=1e-3)


def test_interval_score_is_the_one_of_scoringrules():
    outcomes = outcomes_of(windows_of(panel_of(targets=2)))

    scores = outcomes.interval_score

    low, high = outcomes.quantile(0.05), outcomes.quantile(0.95)
    np.testing.assert_allclose(scores, scoringrules.interval_score(outcomes.actuals, low, high, 0.1), rtol=1e-9)


def test_msis_by_hand():
    outcomes = by_hand([1, 3, 1], [5, 0, 2], [2, 2, 2], [[1, 4], [1, 4], [1, 4]], levels=(0.1, 0.9))

    msis = scored("MSIS", outcomes)

    # widths of 3; the 5 lies 1 above and the 0 lies 1 below, each times 2 / 0.2; the scale is 2
    assert msis == pytest.approx((3 + 10 + 3 + 10 + 3) / 3 / 2)


def test_coverage_counts_both_ends_of_the_interval_as_inside():
    outcomes = by_hand([1, 3], [1, 4, 4.1, 0.9], [2] * 4, [[1, 4]] * 4, levels=(0.1, 0.9))

    coverage = scored("coverage", outcomes)

    assert coverage == 0.5


def test_coverage_is_best_at_the_distance_of_the_outermost_levels():
    distances = [METRIC["coverage"].distance(share, (0.1, 0.5, 0.9)) for share in (0.7, 0.8, 1.0)]

    assert distances == pytest.approx([0.1, 0.0, 0.2])


def test_bias_is_best_at_zero():
    assert METRIC["bias"].distance(-3.0) == 3.0


def test_bias_is_positive_where_too_much_was_forecast():
    assert scored("bias", by_hand([1, 2], [10, 10], [13, 11])) == 2.0


def test_mase_by_hand():
    outcomes = by_hand([1, 4, 3, 8], [5, 5], [7, 4], season=2)

    mase = scored("MASE", outcomes)

    assert mase == pytest.approx((2 + 1) / 2 / ((2 + 4) / 2))


def test_rmsse_by_hand():
    outcomes = by_hand([1, 4, 3, 8], [5, 5], [7, 4], season=2)

    rmsse = scored("RMSSE", outcomes)

    assert rmsse == pytest.approx(math.sqrt((4 + 1) / 2 / ((4 + 16) / 2)))


def test_wql_by_hand():
    outcomes = by_hand([1, 2], [10, -5], [9, 0], [[8, 12], [-6, -1]], levels=(0.2, 0.6))

    wql = scored("WQL", outcomes)

    first = (2 * 0.2 + 2 * 0.4) / 2
    second = (1 * 0.2 + 4 * 0.4) / 2
    assert wql == pytest.approx(2 * (first + second) / (10 + 5))


# What counts for nothing


def test_actuals_of_zero_do_not_count_in_mape():
    assert scored("MAPE", by_hand([1, 2], [0, 4], [3, 5])) == 0.25


def test_mape_of_nothing_but_zeros_is_undefined():
    assert math.isnan(scored("MAPE", by_hand([1, 2], [0, 0], [3, 0])))


def test_smape_is_zero_where_actual_and_forecast_are_zero():
    assert scored("sMAPE", by_hand([1, 2], [0, 0], [0, 3])) == 100.0


@pytest.mark.parametrize("name", ["WAPE", "WQL"])
def test_a_sum_of_zeros_divides_nothing(name: str):
    outcomes = by_hand([1, 2], [0, 0], [3, 0], [[1], [1]], levels=(0.5,))

    assert math.isnan(scored(name, outcomes))


@pytest.mark.parametrize("name", METRIC)
def test_a_task_without_any_actual_has_no_score(name: str):
    outcomes = by_hand([1, 2, 4], [NAN, NAN], [3, 4], [[1, 2], [1, 2]], levels=(0.1, 0.9))

    assert math.isnan(scored(name, outcomes))


@pytest.mark.parametrize("name", ["MASE", "RMSSE", "SQL", "MSIS"])
@pytest.mark.parametrize("past", [[5, 5, 5, 5], [1, 2], [7], [1, NAN, 5, NAN]])
def test_a_window_without_a_scale_has_no_scaled_score(name: str, past: list[float]):
    """Constant, as short as a season or shorter, without a pair of values a season apart."""
    season = 1 if len(past) == 4 else 2
    outcomes = by_hand(past, [5, 6], [3, 4], [[1, 2], [1, 2]], levels=(0.1, 0.9), season=season)

    assert math.isnan(scored(name, outcomes))


@pytest.mark.parametrize("name", ["MASE", "RMSSE", "SQL", "MSIS"])
def test_a_window_without_a_scale_is_masked_and_others_still_count(name: str):
    series = [np.full(30, 5.0), *panel_of(1, 30)]
    both = outcomes_of(windows_of(Panel.of(series, season_length=SEASON), windows=1))
    second = taken(both, np.array([1]))

    masked = scored(name, both)

    assert masked == pytest.approx(scored(name, second), rel=1e-12)


def test_a_target_without_a_scale_leaves_the_others():
    values = np.stack([np.full(20, 5.0), np.arange(20.0)], axis=1)
    windows = windows_of(Panel.of([values], channels=[Channel("a"), Channel("b")]), windows=2)
    outcomes = Outcomes(actuals_of(windows), Forecast.point(windows.actuals + 3.0))

    scores = by_window(METRIC["MASE"], terms(METRIC["MASE"], outcomes))

    np.testing.assert_allclose(scores, [3.0, 3.0])


def test_the_scale_takes_all_of_the_past_whatever_a_forecaster_is_shown():
    panel = panel_of()
    shown = RollingOrigin(5, windows=3, max_context=6)

    clipped = Actuals.of(backtest(Task("trial", shown), panel)).scale(1)

    np.testing.assert_array_equal(clipped, actuals_of(windows_of(panel)).scale(1))


def seasonal_error_by_loop(past: list[float], season: int, power: int) -> float:
    """Mean of |y_t − y_{t−m}|^power, as one reads it."""
    errors = []
    for t in range(season, len(past)):
        error = abs(past[t] - past[t - season])
        if not math.isnan(error):
            errors.append(error**power)
    mean = math.fsum(errors) / len(errors) if errors else 0.0
    return mean if mean > 0 else NAN


VALUES = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e4, 1e4).map(lambda x: round(x, 3)), st.just(NAN))


@given(st.data(), st.integers(1, 5), st.sampled_from([1, 2, 3, 4]))
def test_the_scale_of_every_window_is_what_a_loop_over_its_past_gives(data, season: int, power: int):
    lengths = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    series = [data.draw(st.lists(VALUES, min_size=length, max_size=length)) for length in lengths]
    pairs = [(i, cutoff) for i, length in enumerate(lengths) for cutoff in range(1, length + 1)]
    chosen = np.array(data.draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=8)))
    windows = Windows(Panel.of(series), chosen[:, 0], chosen[:, 1], 1, season_length=season)

    scales = seasonal_error(windows, power)[:, 0]

    expected = [seasonal_error_by_loop(series[i][:cutoff], season, power) for i, cutoff in chosen]
    np.testing.assert_allclose(scales, expected, rtol=1e-9)


def test_the_scale_of_each_target_is_its_own():
    windows = windows_of(panel_of(targets=2, missing=0.2))

    scales = seasonal_error(windows, 1)

    for window, (series, cutoff) in enumerate(zip(windows.series, windows.cutoffs, strict=True)):
        past = list(windows.panel)[series][:cutoff]
        for target in range(2):
            expected = seasonal_error_by_loop(past[:, target].tolist(), SEASON, 1)
            assert scales[window, target] == pytest.approx(expected, rel=1e-12)


# Point forecasts


@pytest.mark.parametrize(("quantile_metric", "point_metric"), [("MQL", "MAE"), ("WQL", "WAPE"), ("SQL", "MASE")])
def test_the_quantile_loss_of_a_point_forecast_is_its_absolute_error(quantile_metric: str, point_metric: str):
    """With levels that lie symmetrically around a half."""
    windows = windows_of(panel_of(targets=2, missing=0.1), levels=SYMMETRIC)
    outcomes = Outcomes(actuals_of(windows), Forecast.point(forecast_of(windows).mean))

    degenerate = scored(quantile_metric, outcomes)

    assert degenerate == pytest.approx(scored(point_metric, outcomes), rel=1e-12)


def test_what_metrics_share_is_made_once():
    asked = []

    def shared(outcomes: Outcomes) -> float:
        asked.append(outcomes)
        return float(outcomes.error.sum())

    outcomes, other = (outcomes_of(windows_of(panel_of()), seed) for seed in (1, 2))

    assert outcomes.once(shared) == outcomes.once(shared) == outcomes.error.sum()
    assert other.once(shared) == other.error.sum()
    assert asked == [outcomes, other]


def test_the_interval_of_a_point_forecast_covers_hits_alone():
    outcomes = by_hand([1, 2], [3, 4], [3, 5], levels=(0.1, 0.9))

    assert scored("coverage", outcomes) == 0.5


def test_the_interval_score_of_a_point_forecast_is_its_error_times_two_over_alpha():
    outcomes = by_hand([1, 3], [3, 4], [3, 5], levels=(0.1, 0.9))

    assert scored("MSIS", outcomes) == pytest.approx((0 + 1) / 2 * 2 / 0.2 / 2)


@pytest.mark.parametrize("name", METRIC)
def test_metrics_of_quantiles_apply_only_where_a_task_asks_for_levels(name: str):
    of_quantiles = name in ("WQL", "SQL", "MQL", "coverage", "MSIS")

    assert applies(METRIC[name], (0.1, 0.9))
    assert applies(METRIC[name], (0.5,)) == (name not in ("coverage", "MSIS"))  # an interval has two bounds
    assert applies(METRIC[name], ()) is not of_quantiles


# How windows become one number


def test_aggregations_by_hand():
    """Errors over actuals of two series of two windows: 1/10 and 2/10, 3/20 and 8/20."""
    panel = Panel.of([[1, 10, 10], [1, 20, 20]])
    windows = Windows(panel, np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2]), 1)
    errors = np.array([1, 2, 3, 8.0])[:, None, None]
    outcomes = Outcomes(actuals_of(windows), Forecast.point(windows.actuals + errors))

    scores = {how: scored(replace(METRIC["WAPE"], aggregation=how), outcomes) for how in AGGREGATIONS}

    assert scores == pytest.approx(
        {
            "pooled": 14 / 60,
            "series": (3 / 20 + 11 / 40) / 2,
            "cutoff": (4 / 30 + 10 / 30) / 2,
            "window": (0.1 + 0.2 + 0.15 + 0.4) / 4,
        }
    )


def test_roots_are_taken_before_the_mean_over_windows():
    panel = Panel.of([[0, 1, 1, 1]])
    windows = Windows(panel, np.array([0, 0]), np.array([2, 3]), 1)
    outcomes = Outcomes(actuals_of(windows), Forecast.point(windows.actuals + np.array([1, 7.0])[:, None, None]))

    by_each = scored(replace(METRIC["RMSE"], aggregation="window"), outcomes)

    assert by_each == 4.0
    assert scored("RMSE", outcomes) == 5.0


def test_targets_of_different_sizes_are_pooled_or_averaged():
    panel = Panel.of([np.array([[1, 1], [10, 1000]])], channels=[Channel("a"), Channel("b")])
    windows = Windows(panel, np.array([0]), np.array([1]), 1)
    outcomes = Outcomes(actuals_of(windows), Forecast.point(windows.actuals + np.array([5.0, 100.0])))

    scores = [scored(replace(METRIC["WAPE"], aggregation=how), outcomes) for how in ("pooled", "window")]

    assert scores == pytest.approx([105 / 1010, (0.5 + 0.1) / 2])


def test_a_series_without_windows_has_no_score():
    windows = windows_of(panel_of(series=3)).take(np.array([0, 1, 2, 6]))
    outcomes = outcomes_of(windows)

    scores = by_series(METRIC["MAE"], terms(METRIC["MAE"], outcomes), windows.series, 3)

    assert np.isnan(scores).tolist() == [False, True, False]


@pytest.mark.parametrize("how", AGGREGATIONS)
def test_series_scores_of_a_window_metric_are_means_of_its_windows(how: Aggregation):
    metric = replace(METRIC["RMSE"], aggregation="window")
    outcomes = outcomes_of(windows_of(panel_of()))

    summed = terms(metric, outcomes)

    expected = by_window(metric, summed).reshape(3, 3).mean(axis=1)
    np.testing.assert_allclose(by_series(metric, summed, outcomes.observed.series, 3), expected)


# Scores as z-scores


def standardised(panel: Panel, standardise: bool) -> Outcomes:
    task = Task("trial", RollingOrigin(5), TimeSplit(20), quantile_levels=LEVELS, standardise=standardise)
    made = backtest(task, panel)
    return Outcomes(Actuals.of(made), forecast_of(made.windows))


def test_standardised_errors_are_errors_over_the_deviation_of_the_training_part():
    panel = panel_of(series=1)
    deviation = np.std(panel.values[:20])

    mae = scored("MAE", standardised(panel, True))

    assert mae == pytest.approx(scored("MAE", standardised(panel, False)) / deviation, rel=1e-12)


@pytest.mark.parametrize("name", ["MASE", "RMSSE", "SQL", "MSIS", "coverage"])
def test_scores_without_a_unit_do_not_care_for_standardisation(name: str):
    panel = panel_of(series=2, targets=2, missing=0.1)

    standard = scored(name, standardised(panel, True))

    assert standard == pytest.approx(scored(name, standardised(panel, False)), rel=1e-9)


@pytest.mark.parametrize("rows", [np.full(20, 3.0), np.full(20, NAN)])
def test_a_series_without_a_deviation_is_masked(rows):
    """Its training part is constant, or missing."""
    series = [np.concatenate([rows, np.arange(20.0)]), np.arange(40.0) % 7]
    outcomes = standardised(Panel.of(series, season_length=SEASON), True)

    scores = by_series(METRIC["MAE"], terms(METRIC["MAE"], outcomes), outcomes.observed.series, 2)

    assert np.isnan(scores).tolist() == [True, False]


# What must hold for whatever was forecast


@st.composite
def some_outcomes(draw, missing: bool = True) -> Outcomes:
    panel = panel_of(
        series=draw(st.integers(1, 3)),
        length=30,
        targets=draw(st.integers(1, 2)),
        seed=draw(st.integers(0, 1000)),
        missing=draw(st.sampled_from([0.0, 0.3])) if missing else 0.0,
    )
    windows = windows_of(panel, horizon=draw(st.integers(1, 4)), windows=draw(st.integers(1, 4)))
    return outcomes_of(windows, seed=draw(st.integers(0, 1000)))


@given(some_outcomes(), st.sampled_from(METRICS), st.sampled_from(AGGREGATIONS), st.randoms(use_true_random=False))
def test_the_order_of_windows_is_nothing(outcomes: Outcomes, metric: Metric, how: Aggregation, random):
    metric, order = replace(metric, aggregation=how), list(range(len(outcomes.observed)))
    random.shuffle(order)

    shuffled = scored(metric, taken(outcomes, np.array(order)))

    assert shuffled == pytest.approx(scored(metric, outcomes), rel=1e-9, nan_ok=True)


@given(some_outcomes(), st.sampled_from(METRICS), st.sampled_from(["pooled", "series", "window"]), st.data())
def test_a_window_masked_is_a_window_dropped(outcomes: Outcomes, metric: Metric, how: Aggregation, data):
    metric = replace(metric, aggregation=how)
    dropped = np.array(data.draw(st.lists(st.booleans(), min_size=(count := len(outcomes.observed)), max_size=count)))
    values = np.where(dropped[:, None, None], NAN, outcomes.observed.values)

    masked = scored(metric, Outcomes(replace(outcomes.observed, values=values), outcomes.forecast))

    if dropped.all():
        assert math.isnan(masked)
    else:
        left = scored(metric, taken(outcomes, np.flatnonzero(~dropped)))
        assert masked == pytest.approx(left, rel=1e-9, nan_ok=True)


@given(some_outcomes(), st.sampled_from(METRICS), st.sampled_from(["pooled", "series", "window"]), st.data())
def test_a_failed_forecast_is_a_window_dropped(outcomes: Outcomes, metric: Metric, how: Aggregation, data):
    metric = replace(metric, aggregation=how)
    failed = np.array(data.draw(st.lists(st.booleans(), min_size=(count := len(outcomes.observed)), max_size=count)))
    forecast = outcomes.forecast
    mean = np.where(failed[:, None, None], NAN, forecast.mean)
    quantiles = np.where(failed[:, None, None, None], NAN, forecast.quantiles)

    masked = scored(metric, Outcomes(outcomes.observed, Forecast(mean, LEVELS, quantiles)))

    if failed.all():
        assert math.isnan(masked)
    else:
        left = scored(metric, taken(outcomes, np.flatnonzero(~failed)))
        assert masked == pytest.approx(left, rel=1e-9, nan_ok=True)


@given(some_outcomes(), st.sampled_from(METRICS), st.sampled_from(AGGREGATIONS))
def test_a_step_masked_is_a_shorter_horizon(outcomes: Outcomes, metric: Metric, how: Aggregation):
    metric, truth, forecast = replace(metric, aggregation=how), outcomes.observed, outcomes.forecast
    values = np.concatenate([truth.values, np.full_like(truth.values[:, :1], NAN)], axis=1)
    mean = np.concatenate([forecast.mean, forecast.mean[:, :1]], axis=1)
    quantiles = np.concatenate([forecast.quantiles, forecast.quantiles[:, :1]], axis=1)

    longer = scored(metric, Outcomes(replace(truth, values=values), Forecast(mean, LEVELS, quantiles)))

    assert longer == pytest.approx(scored(metric, outcomes), rel=1e-9, nan_ok=True)


@given(some_outcomes(), st.sampled_from(METRICS), st.sampled_from(AGGREGATIONS), st.floats(-100, 100))
def test_what_was_forecast_where_nothing_came_is_nothing(outcomes, metric: Metric, how: Aggregation, other: float):
    metric, forecast = replace(metric, aggregation=how), outcomes.forecast
    missing = np.isnan(outcomes.actuals)
    mean = np.where(missing, other, forecast.mean)
    quantiles = np.where(missing[..., None], other, forecast.quantiles)

    changed = scored(metric, Outcomes(outcomes.observed, Forecast(mean, LEVELS, quantiles)))

    assert changed == pytest.approx(scored(metric, outcomes), rel=1e-12, nan_ok=True)


AVERAGES = [metric for metric in METRICS if metric.weights is None and not metric.root]


@given(some_outcomes(missing=False), st.sampled_from(AVERAGES), st.sampled_from(AGGREGATIONS))
def test_aggregations_of_plain_averages_agree_on_complete_data(outcomes, metric: Metric, how: Aggregation):
    aggregated = scored(replace(metric, aggregation=how), outcomes)

    assert aggregated == pytest.approx(scored(replace(metric, aggregation="pooled"), outcomes), rel=1e-9)


@given(some_outcomes(missing=False), st.sampled_from(AVERAGES))
def test_windows_series_and_steps_average_to_the_whole(outcomes: Outcomes, metric: Metric):
    summed, truth = terms(metric, outcomes), outcomes.observed

    parts = (
        by_window(metric, summed),
        by_series(metric, summed, truth.series, len(truth.ids)),
        by_step(metric, outcomes),
    )

    assert [part.mean() for part in parts] == pytest.approx([scored(metric, outcomes)] * 3, rel=1e-9)


POWERS = {"MAE": 1, "MSE": 2, "RMSE": 1, "bias": 1, "MQL": 1}  # of the unit; all others have none


def in_other_units(outcomes: Outcomes, factor: float, shift: float) -> Outcomes:
    """The same actuals and forecasts, multiplied and shifted."""
    windows, forecast = outcomes.observed._windows, outcomes.forecast
    panel = windows.panel.with_values(windows.panel.values * factor + shift)
    changed = Forecast(forecast.mean * factor + shift, LEVELS, forecast.quantiles * factor + shift)
    return Outcomes(actuals_of(replace(windows, panel=panel)), changed)


@given(some_outcomes(), st.sampled_from(METRICS), st.floats(1e-3, 1e3))
def test_scores_scale_with_the_unit_or_have_none(outcomes: Outcomes, metric: Metric, factor: float):
    changed = scored(metric, in_other_units(outcomes, factor, 0.0))

    expected = scored(metric, outcomes) * factor ** POWERS.get(metric.name, 0)
    assert changed == pytest.approx(expected, rel=1e-6, nan_ok=True)


UNMOVED = [metric for metric in METRICS if metric.name not in ("MAPE", "sMAPE", "WAPE", "WQL")]


@given(some_outcomes(), st.sampled_from(UNMOVED), st.floats(-1e3, 1e3))
def test_errors_do_not_care_where_zero_is(outcomes: Outcomes, metric: Metric, shift: float):
    changed = scored(metric, in_other_units(outcomes, 1.0, shift))

    if metric.name != "coverage":  # an actual on the border of its interval may be rounded to the other side
        assert changed == pytest.approx(scored(metric, outcomes), rel=1e-6, abs=1e-9, nan_ok=True)


@given(some_outcomes(missing=False))
def test_the_root_of_squares_is_never_below_the_mean_of_sizes(outcomes: Outcomes):
    point = Outcomes(outcomes.observed, Forecast.point(outcomes.forecast.mean))

    assert scored("RMSE", point) >= scored("MAE", point) * (1 - 1e-12)


@given(some_outcomes(missing=False))
def test_smape_lies_between_0_and_200(outcomes: Outcomes):
    assert 0 <= scored("sMAPE", outcomes) <= 200


# One name, several metrics: ours, and what others mean by it


def test_smape_goes_to_200_as_in_m4():
    assert scored("sMAPE", by_hand([1, 2], [1, 1], [-1, 0])) == 200.0


def test_smape_is_200_times_the_one_of_utilsforecast():
    outcomes = outcomes_of(windows_of(panel_of()))

    theirs = uf.smape(frames(outcomes, "sMAPE")[0], ["model"])["model"].mean()  # 0 to 1

    assert scored("sMAPE", outcomes) == pytest.approx(200 * theirs, rel=1e-12)


def test_smape_is_100_times_the_one_of_fev_and_sktime():
    outcomes = outcomes_of(windows_of(panel_of()))
    actual, median = outcomes.actuals, outcomes.median

    theirs = np.mean(2 * np.abs(actual - median) / (np.abs(actual) + np.abs(median)))  # 0 to 2

    assert scored("sMAPE", outcomes) == pytest.approx(100 * theirs, rel=1e-12)


def test_mape_is_the_fraction_of_scikit_learn_and_a_hundredth_of_the_one_of_darts():
    outcomes = outcomes_of(windows_of(panel_of()))

    percent = 100 * np.mean(np.abs((outcomes.actuals - outcomes.median) / outcomes.actuals))  # darts, TFB

    assert scored("MAPE", outcomes) == pytest.approx(percent / 100, rel=1e-12)
    assert scored("MAPE", outcomes) == pytest.approx(
        sk.mean_absolute_percentage_error(outcomes.actuals.ravel(), outcomes.median.ravel()), rel=1e-12
    )


def test_the_quantile_loss_is_twice_the_pinball_loss_of_scikit_learn():
    outcomes = outcomes_of(windows_of(panel_of()))

    pinball = [
        sk.mean_pinball_loss(outcomes.actuals.ravel(), outcomes.quantile(level).ravel(), alpha=level)
        for level in LEVELS
    ]

    assert scored("MQL", outcomes) == pytest.approx(2 * np.mean(pinball), rel=1e-12)


def test_the_quantile_loss_is_twice_the_one_of_utilsforecast():
    outcomes = outcomes_of(windows_of(panel_of()))

    theirs = uf.mqloss(frames(outcomes, "MQL")[0], {"model": QUANTILES}, np.array(LEVELS))["model"].mean()

    assert scored("MQL", outcomes) == pytest.approx(2 * theirs, rel=1e-12)


def test_mase_divides_by_all_of_the_past_as_utilsforecast_does():
    outcomes = outcomes_of(windows_of(panel_of()))
    ahead, past = frames(outcomes, "MASE")
    recent = past.groupby("unique_id").tail(3 * SEASON)

    whole, clipped = (uf.mase(ahead, ["model"], SEASON, part)["model"].mean() for part in (past, recent))

    assert scored("MASE", outcomes) == pytest.approx(whole, rel=1e-12)
    assert scored("MASE", outcomes) != pytest.approx(clipped, rel=1e-3)


def gluonts_score(definition: Callable[..., object], outcomes: Outcomes) -> float:
    """A metric of gluonts.ev over everything; it asks for the mean, or for the median as the level 0.5."""
    data = {"label": outcomes.actuals, "mean": outcomes.mean, "seasonal_error": outcomes.seasonal_error[:, None]}
    data |= {str(level): outcomes.quantile(level) for level in LEVELS}
    return float(definition(axis=None).update(data).get())


@pytest.mark.parametrize(
    ("name", "theirs", "factor"),
    [
        ("MAE", lambda ev: ev.metrics.MAE("0.5"), 1),
        ("MSE", lambda ev: ev.metrics.MSE("mean"), 1),
        ("RMSE", lambda ev: ev.metrics.RMSE("mean"), 1),
        ("MAPE", lambda ev: ev.metrics.MAPE("0.5"), 1),
        ("sMAPE", lambda ev: ev.metrics.SMAPE("0.5"), 100),  # 0 to 2 there
        ("WAPE", lambda ev: ev.metrics.ND("0.5"), 1),
        ("MASE", lambda ev: ev.metrics.MASE("0.5"), 1),
        ("WQL", lambda ev: ev.metrics.MeanWeightedSumQuantileLoss(LEVELS), 1),  # twice the pinball loss there too
        ("SQL", lambda ev: ev.metrics.AverageMeanScaledQuantileLoss(LEVELS), 1),
    ],
)
def test_scores_of_all_windows_are_those_of_gluonts(name: str, theirs, factor: float):
    ev = pytest.importorskip("gluonts.ev")
    outcomes = outcomes_of(windows_of(panel_of(targets=2)))

    assert scored(name, outcomes) == pytest.approx(factor * gluonts_score(theirs(ev), outcomes), rel=1e-12)


def test_the_interval_score_is_the_one_of_gluonts():
    ev = pytest.importorskip("gluonts.ev")
    windows = windows_of(panel_of(), levels=(0.025, 0.975))
    outcomes = outcomes_of(windows)
    data = {"label": outcomes.actuals, "seasonal_error": outcomes.seasonal_error[:, None]}
    data |= {str(level): outcomes.quantile(level) for level in windows.quantile_levels}

    theirs = ev.metrics.MSIS(alpha=0.05)(axis=None).update(data).get()

    assert scored("MSIS", outcomes) == pytest.approx(float(theirs), rel=1e-9)


def test_cutoffs_are_grouped_as_the_protocol_counts_them_though_windows_were_left_out() -> None:
    """The short series lacks its first window; its others still belong to the second and the third cutoff."""
    long, short = np.arange(40.0), np.arange(23.0)
    panel = Panel.of([long, short])
    task = Task("trial", RollingOrigin(5, windows=3, min_context=12))

    actuals = Actuals.of(backtest(task, panel))

    assert actuals.series.tolist() == [0, 0, 0, 1, 1]
    assert actuals.cutoff_index.tolist() == [0, 1, 2, 1, 2]
