"""Regressions on lags: against scikit-learn on tables built by hand, and on series whose law is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from harness import (
    Channel,
    Contexts,
    Floats,
    Forecast,
    Generation,
    Panel,
    RollingOrigin,
    SeriesSplit,
    Status,
    Task,
    Unsupported,
)
from harness.evaluation.evaluate import evaluate
from harness.tasks.folds import Fold, backtest
from harness_models.lag_features import Encoding, Scale, forecast_rows
from harness_models.lag_regression import LagRegression
from harness_models.linear import Recursion
from harness_models.tabular import GradientBoosting, RidgeRegression


def fold_of(panel: Panel, **protocol: Any) -> Fold:
    rolling = RollingOrigin(**{"horizon": 3, "windows": 4, "stride": 2} | protocol)
    return next(backtest(Task("test", rolling), panel).folds())


def run(forecaster: LagRegression, fold: Fold) -> Forecast:
    forecaster.fit(fold.train)
    return forecaster.predict(fold.windows.contexts)


def walks(count: int = 3, length: int = 80) -> Panel:
    rng = np.random.default_rng(11)
    return Panel.of([rng.normal(size=length).cumsum() + 10 * i for i in range(count)])


def waves(count: int = 2, length: int = 60) -> list[Floats]:
    rng = np.random.default_rng(13)
    return [a * np.cos(0.7 * np.arange(length) + b) for a, b in rng.uniform(0.5, 2, size=(count, 2))]


def lag_table(panel: Panel, lags: int, ahead: int) -> tuple[Floats, Floats]:
    """Every window of every series, the slow way."""
    table, outputs = [], []
    for series in panel:
        values = series[:, 0]
        for first in range(len(values) - lags - ahead + 1):
            table.append(values[first : first + lags])
            outputs.append(values[first + lags : first + lags + ahead])
    return np.array(table), np.array(outputs)


def standardised(table: Floats) -> tuple[Floats, Floats, Floats]:
    return (table - table.mean(axis=0)) / table.std(axis=0), table.mean(axis=0), table.std(axis=0)


@pytest.mark.parametrize("strategy", ["direct", "multi-output"])
def test_ridge_is_scikit_learn_s_on_the_table_of_all_windows(strategy: str) -> None:
    fold = fold_of(walks(), gap=1)

    forecast = run(RidgeRegression(lags=4, strategy=strategy, scale="none", alpha=2.0), fold)

    table, outputs = lag_table(fold.train.panel, 4, 4)
    columns, mean, sd = standardised(table)
    oracle = Ridge(alpha=2.0).fit(columns, outputs[:, 1:])
    past = fold.windows.contexts.last_targets(4)[:, :, 0]
    np.testing.assert_allclose(forecast.mean[:, :, 0], oracle.predict((past - mean) / sd), rtol=1e-9)


def test_a_recursive_model_is_fed_on_its_own_output() -> None:
    fold = fold_of(walks(), gap=1)

    forecast = run(RidgeRegression(lags=4, scale="none", alpha=2.0), fold)

    table, outputs = lag_table(fold.train.panel, 4, 1)
    columns, mean, sd = standardised(table)
    oracle = Ridge(alpha=2.0).fit(columns, outputs[:, 0])
    for i, past in enumerate(fold.windows.contexts.last_targets(4)[:, :, 0]):
        values = list(past)
        for _ in range(4):
            values.append(float(oracle.predict([(np.array(values[-4:]) - mean) / sd])[0]))
        np.testing.assert_allclose(forecast.mean[i, :, 0], values[-3:], rtol=1e-9)


def step_by_step(forecaster: LagRegression, contexts: Contexts) -> Floats:
    """A model fed on its own output, a row of its table after the other: slow, and plain to see."""
    rows = forecast_rows(contexts, forecaster.encoding_, forecaster.feature_lags)
    ahead = np.empty((len(contexts), contexts.gap + contexts.horizon, len(contexts.targets)))
    for window, target in np.ndindex(len(contexts), len(contexts.targets)):
        lags = rows.lags[window, target]
        observed = Scale.of(lags[None], forecaster.scale).spread
        for step in range(len(rows.known[window])):
            scale = Scale.of(lags[None], forecaster.scale).at_most(observed)
            row = np.concatenate([scale.apply(lags[None])[0], rows.other[window], rows.known[window, step]])
            value = scale.undo(forecaster.models_[0].predict(row[None]).reshape(1, 1))[0, 0]
            lags = np.append(lags[1:], value)
            ahead[window, step, target] = value
    return ahead[:, contexts.gap :]


def panel_with(what: str) -> Panel:
    """Three walks, and what may stand beside them or be missing of them."""
    if what == "covariates":
        panel = covariate_panel()
        values = panel.values.copy()
        values[np.random.default_rng(1).random(len(values)) < 0.02, 2] = np.nan  # visits
        return Panel.of([values, values[:150] + 1], channels=panel.channels, static={"shop": ["a", "b"]})
    panel = walks(length=260)
    values = panel.values.copy()
    if what == "targets":
        return Panel.of(
            [np.column_stack([values, values**2]) for values in panel], channels=[Channel("a"), Channel("b")]
        )
    if what == "gaps":
        values[np.random.default_rng(1).random(values.shape) < 0.02] = np.nan
    if what == "flat":
        values[:520] = np.repeat([0.0, 5.0], 260)[:, None]
    return panel.with_values(values)


@pytest.mark.parametrize("windows", [1, 5])
@pytest.mark.parametrize("scale", ["none", "last", "standard"])
@pytest.mark.parametrize("what", ["nothing", "covariates", "targets", "gaps", "flat"])
def test_a_recursion_of_lags_as_they_are_is_that_of_the_table(what: str, scale: str, windows: int) -> None:
    fold = fold_of(panel_with(what), horizon=130 if what == "nothing" else 20, windows=5, gap=1)
    forecaster = RidgeRegression(lags=4, scale=scale, alpha=0.1)
    forecaster.fit(fold.train)
    contexts = fold.windows.contexts.take(slice(0, windows))

    expected = step_by_step(forecaster, fold.windows.contexts)
    together = forecaster.predict(fold.windows.contexts).mean
    alone = forecaster.predict(contexts).mean

    largest = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(together / largest, expected / largest, rtol=0, atol=1e-10)
    np.testing.assert_allclose(alone / largest[:windows], expected[:windows] / largest[:windows], rtol=0, atol=1e-10)


def test_an_outlier_that_has_left_the_lags_is_forgotten() -> None:
    lags = np.random.default_rng(2).normal(size=(9, 6))
    lags[:, 0] = 1e6
    coefficients, push = np.array([0, 0, 1.0, 0, 0, 0]), 1e-3  # it is never looked at
    recursion = Recursion.of(coefficients, "standard")

    together = recursion.forecast(lags, np.full((1000, 1), push))
    alone = recursion.forecast(lags[:1], np.full((1000, 1), push))

    values = lags[0].tolist()
    for _ in range(1000):
        scale = Scale.of(np.array([values[-6:]]), "standard")
        values.append(values[-4] + push * scale.spread[0])
    np.testing.assert_allclose(together[0], values[6:], rtol=0, atol=5e-9)
    np.testing.assert_allclose(alone[0], values[6:], rtol=0, atol=5e-9)


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi-output"])
def test_boosting_is_scikit_learn_s_on_scaled_rows(strategy: str) -> None:
    fold = fold_of(walks(), horizon=1)

    forecast = run(GradientBoosting(lags=4, strategy=strategy, scale="last", max_iter=10), fold)

    table, outputs = lag_table(fold.train.panel, 4, 1)
    oracle = HistGradientBoostingRegressor(max_iter=10, early_stopping=False, random_state=0)
    oracle.fit(table - table[:, -1:], outputs[:, 0] - table[:, -1])
    past = fold.windows.contexts.last_targets(4)[:, :, 0]
    expected = oracle.predict(past - past[:, -1:]) + past[:, -1]
    np.testing.assert_allclose(forecast.mean[:, 0, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi-output"])
@pytest.mark.parametrize("scale", ["none", "last", "standard"])
def test_every_strategy_and_scale_learns_a_wave(strategy: str, scale: str) -> None:
    fold = fold_of(Panel.of(waves(4)))

    forecast = run(RidgeRegression(lags=6, strategy=strategy, scale=scale, alpha=1e-9), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=1e-6)


def test_a_free_run_on_noise_free_cosines_stays_true() -> None:
    rng = np.random.default_rng(5)
    time = np.arange(1000)
    cosines = [rng.uniform(0.5, 1.5) * np.cos(10 / 99 * time + rng.uniform(0, 2 * np.pi)) for _ in range(40)]
    task = Task("cosines", Generation(warm_up=100, horizon=900), SeriesSplit(30))
    fold = next(backtest(task, Panel.of(cosines)).folds())

    two_lags = run(RidgeRegression(lags=2, scale="none", alpha=0.0), fold)
    many_lags = run(RidgeRegression(scale="none", alpha=1e-10), fold)

    assert ((two_lags.mean - fold.windows.actuals) ** 2).mean() < 1e-16
    assert ((many_lags.mean - fold.windows.actuals) ** 2).mean() < 1e-16


def test_scaled_rows_do_not_care_how_large_a_series_is() -> None:
    small, large = walks(2), walks(2).values * 1e6
    panel = small.with_values(large)

    of_small = run(RidgeRegression(lags=5), fold_of(small)).mean
    of_large = run(RidgeRegression(lags=5), fold_of(panel)).mean

    np.testing.assert_allclose(of_large, of_small * 1e6, rtol=1e-9)


def test_a_scale_is_read_off_the_lags_observed() -> None:
    lags = np.array([[np.nan, 1.0, 3.0], [5.0, 5.0, 5.0], [0.0, 0.0, 0.0]])

    standard, last = Scale.of(lags, "standard"), Scale.of(lags, "last")

    assert standard.location.tolist() == [2, 5, 0]
    assert standard.spread == pytest.approx([1, 5e-3, 1])
    assert last.location.tolist() == [3, 5, 0]
    np.testing.assert_array_equal(standard.undo(standard.apply(lags)), lags)


def test_a_run_away_is_held_by_the_spread_observed() -> None:
    fold = fold_of(Panel.of(waves(3, length=400)), horizon=200, windows=1)

    forecast = run(GradientBoosting(lags=5, max_iter=5), fold)

    assert np.abs(forecast.mean).max() < 100


def covariate_panel() -> Panel:
    """A target that is half its own past, the covariate of its step, and a past covariate of the step before."""
    rng = np.random.default_rng(17)
    known, seen, target = rng.normal(size=200), rng.normal(size=200), np.zeros(200)
    for t in range(1, 200):
        target[t] = 0.5 * target[t - 1] + 2 * known[t] + 3 * seen[t - 1]
    channels = [Channel("price", "known covariate"), Channel("demand"), Channel("visits", "past covariate")]
    return Panel.of([np.column_stack([known, target, seen])], channels=channels)


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi-output"])
def test_covariates_explain_what_lags_cannot(strategy: str) -> None:
    fold = fold_of(covariate_panel(), horizon=1, windows=20)

    forecast = run(RidgeRegression(lags=2, strategy=strategy, scale="none", alpha=1e-8), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=1e-6)


def test_known_covariates_of_later_steps_are_used_at_those_steps() -> None:
    rng = np.random.default_rng(19)
    known = rng.normal(size=100)
    panel = Panel.of([np.column_stack([known, 3 * known])], channels=[Channel("x", "known covariate"), Channel("y")])
    fold = fold_of(panel, gap=1)

    for strategy in ("recursive", "direct", "multi-output"):
        forecast = run(RidgeRegression(lags=2, strategy=strategy, scale="none", alpha=1e-8), fold)
        np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=1e-6)


def test_facts_of_a_series_set_its_level() -> None:
    rng = np.random.default_rng(23)
    facts = {"shop": ["a", "b", "a", "b"], "size": [1.0, 2.0, 3.0, 4.0], "name": [*"wxyz"]}
    series = [
        10.0 * (shop == "b") + size + rng.normal(size=40) / 1e6 for shop, size in zip("abab", [1, 2, 3, 4], strict=True)
    ]
    fold = fold_of(Panel.of(series, static=facts))

    forecast = run(RidgeRegression(lags=1, scale="none", alpha=1e-8), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=1e-4)


def test_facts_become_columns() -> None:
    encoding = Encoding.of({"kind": ["b", "a"], "size": [1.5, 2.0]})

    columns = encoding.encode({"kind": ["a", "c"], "size": [3.0, 4.0]}, 2)

    assert columns.tolist() == [[1, 0, 3], [0, 0, 4]]


def test_names_are_no_facts() -> None:
    assert Encoding.of({"id": [str(i) for i in range(33)]}).encode({"id": ["0"]}, 1).shape == (1, 0)


def test_each_target_is_a_series_of_rows() -> None:
    both = np.column_stack(waves(2))
    panel = Panel.of([both], channels=[Channel("a"), Channel("b")])
    fold = fold_of(panel)

    forecast = run(RidgeRegression(lags=4, alpha=1e-9), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=1e-6)


def test_boosting_takes_missing_values_as_they_are() -> None:
    panel = walks()
    values = panel.values.copy()
    values[np.random.default_rng(0).random(values.shape) < 0.2] = np.nan
    fold = fold_of(panel.with_values(values))

    forecast = run(GradientBoosting(lags=6, max_iter=5), fold)

    assert forecast.finite().all()


def test_short_contexts_are_forecast_from_what_there_is() -> None:
    panel = Panel.of([*waves(3), waves(1)[0][:8]])
    fold = fold_of(panel, windows=1)

    for forecaster in (RidgeRegression(lags=6), GradientBoosting(lags=6, max_iter=5)):
        assert run(forecaster, fold).finite().all()


def test_rows_are_spread_evenly_where_there_are_too_many() -> None:
    fold = fold_of(Panel.of(waves(4)))

    forecast = run(RidgeRegression(lags=6, alpha=1e-9, max_rows=20), fold)

    np.testing.assert_allclose(forecast.mean, fold.windows.actuals, atol=1e-5)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fold = fold_of(walks())
    forecaster = RidgeRegression(lags=5)
    together = run(forecaster, fold)

    monkeypatch.setattr("harness_models.lag_regression.BATCH", 20)

    np.testing.assert_allclose(forecaster.predict(fold.windows.contexts).mean, together.mean, rtol=1e-12)


def test_lags_default_to_two_seasons_where_the_series_are_long_enough() -> None:
    panel, short = Panel.of([np.arange(400.0)], season_length=24), Panel.of([np.arange(40.0)], season_length=24)
    forecaster = RidgeRegression()

    forecaster.fit(fold_of(panel).train)
    assert forecaster.lags_ == 48
    forecaster.fit(fold_of(short, windows=1).train)
    assert forecaster.lags_ == 18  # of 37 observations and 1 step ahead


def test_series_that_are_too_short_are_said_to_be() -> None:
    fold = fold_of(Panel.of([np.arange(12.0)]), windows=1)

    with pytest.raises(Unsupported, match=r"8 lags and 3 steps ahead need series of 11 observations .* longest has 9"):
        RidgeRegression(lags=8, strategy="direct").fit(fold.train)


def test_contexts_that_are_clipped_too_short_are_said_to_be() -> None:
    fold = fold_of(walks(), max_context=5)

    with pytest.raises(Unsupported, match="6 lags need contexts as long; they are clipped to 5"):
        run(RidgeRegression(lags=6), fold)


def test_the_same_seed_gives_the_same_trees() -> None:
    fold = fold_of(walks())

    first, second = (run(GradientBoosting(lags=4, max_iter=5, seed=3), fold) for _ in range(2))

    np.testing.assert_array_equal(first.mean, second.mean)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RidgeRegression(lags=0), "lags must be at least 1, not 0"),
        (lambda: RidgeRegression(strategy="magic"), "strategy is one of recursive, direct, multi-output, not 'magic'"),
        (lambda: RidgeRegression(scale="big"), "scale is one of"),
        (lambda: RidgeRegression(alpha=-1.0), "alpha must be at least 0"),
        (lambda: RidgeRegression(max_rows=0), "max_rows must be at least 1"),
        (lambda: GradientBoosting(max_iter=0), "max_iter must be at least 1"),
        (lambda: GradientBoosting(learning_rate=0.0), "learning_rate must be positive"),
    ],
)
def test_senseless_parameters_are_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_column_that_is_constant_but_for_rounding_is_no_information() -> None:
    rng = np.random.default_rng(0)
    level = np.full(80, 0.1) + 1e-17 * rng.normal(size=80)
    channels = (Channel("y"), Channel("c", "past covariate"))
    panel = Panel.of([np.stack([rng.normal(size=80), 3 * level], axis=1)], channels=channels)

    run = evaluate(RidgeRegression(lags=3), Task("x", RollingOrigin(4, windows=3)), panel)

    assert run.status is Status.COMPLETED
    assert run.scores["MAE"] < 10
