"""What every classical forecaster must honour: the past alone decides, window by window."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

import harness_models
from harness import (
    Channel,
    Contexts,
    Floats,
    Forecast,
    Forecaster,
    ForecasterSpec,
    Generation,
    Panel,
    RollingOrigin,
    SeriesSplit,
    Task,
)
from harness.forecasters.forecaster import predict_and_check
from harness.tasks.folds import Fold, backtest

NAMES = (
    "naive",
    "seasonal-naive",
    "drift",
    "mean",
    "arima",
    "auto-arima",
    "autoreg",
    "comb",
    "dynamic-optimized-theta",
    "ets",
    "median-ensemble",
    "mstl",
    "theta",
    "ridge",
    "gradient-boosting",
)
SMALL = {
    "auto-arima": {"max_p": 1, "max_q": 1},
    "median-ensemble": {"components": ["comb", "drift", "dynamic-optimized-theta"]},
    "ridge": {"lags": 8},
    "gradient-boosting": {"lags": 8, "max_iter": 5},
}
SPECS = {spec.name: spec for spec in harness_models.harness_forecasters() if ":" not in spec.name}
LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(params=NAMES)
def spec(request: pytest.FixtureRequest) -> ForecasterSpec:
    return SPECS[request.param]


def waves(targets: int = 1, length: int = 90) -> Panel:
    rng = np.random.default_rng(7)
    time = np.arange(length)[:, None]
    series = [
        20 + 5 * np.sin(2 * np.pi * (time + phase) / 6) + rng.normal(size=(length, targets)).cumsum(axis=0) / 4
        for phase in (0, 2)
    ]
    return Panel.of(series, season_length=6, channels=[Channel(f"target {i}") for i in range(targets)])


def task(gap: int = 0, max_context: int | None = None) -> Task:
    protocol = RollingOrigin(horizon=5, first_cutoff=60, stride=4, gap=gap, max_context=max_context)
    return Task("waves", protocol, quantile_levels=LEVELS)


def fold_of(panel: Panel, wanted: Task) -> Fold:
    return next(backtest(wanted, panel).folds())


def fitted(spec: ForecasterSpec, fold: Fold) -> Forecaster:
    forecaster = spec.make(SMALL.get(spec.name, {}), seed=1)
    forecaster.fit(fold.train.filled(spec.missing))
    if hasattr(forecaster, "fit_contexts"):
        forecaster.fit_contexts(fold.windows.contexts.filled(spec.missing))
    return forecaster


def predicted(spec: ForecasterSpec, forecaster: Forecaster, contexts: Contexts) -> Forecast:
    return predict_and_check(forecaster, contexts.filled(spec.missing))


def numbers(forecast: Forecast) -> Floats:
    quantiles = [] if forecast.quantiles is None else [forecast.quantiles.reshape(len(forecast), -1)]
    return np.concatenate([forecast.mean.reshape(len(forecast), -1), *quantiles], axis=1)


def with_future(panel: Panel, series: int, cutoff: int, values: Floats | float) -> Panel:
    changed = panel.values.copy()
    changed[panel.offsets[series] + cutoff : panel.offsets[series + 1]] = values
    return panel.with_values(changed)


@pytest.mark.parametrize("max_context", [None, 40])
def test_the_future_does_not_matter(spec: ForecasterSpec, max_context: int | None) -> None:
    panel = waves()
    fold = fold_of(panel, task(max_context=max_context))
    forecaster = fitted(spec, fold)
    contexts = fold.windows.contexts
    truth = predicted(spec, forecaster, contexts)
    rng = np.random.default_rng(0)

    for window in (0, 3, len(contexts) - 1):
        series, cutoff = int(contexts.series[window]), int(contexts.cutoffs[window])
        rest = len(panel.values[panel.offsets[series] + cutoff : panel.offsets[series + 1]])
        alone = contexts.take(np.array([window]))
        for future in (math.nan, rng.normal(scale=1e6, size=(rest, 1)), -np.ones((rest, 1))):
            other = replace(contexts, _panel=with_future(panel, series, cutoff, future))
            again = predicted(spec, forecaster, other)
            np.testing.assert_array_equal(numbers(again)[window], numbers(truth)[window])
            by_itself = predicted(spec, forecaster, other.take(np.array([window])))
            np.testing.assert_array_equal(numbers(by_itself), numbers(predicted(spec, forecaster, alone)))


@pytest.mark.parametrize("max_context", [None, 40])
def test_neighbours_in_the_batch_do_not_matter(spec: ForecasterSpec, max_context: int | None) -> None:
    fold = fold_of(waves(), task(max_context=max_context))
    forecaster = fitted(spec, fold)
    contexts = fold.windows.contexts
    together = numbers(predicted(spec, forecaster, contexts))

    order = np.random.default_rng(0).permutation(len(contexts))
    shuffled = numbers(predicted(spec, forecaster, contexts.take(order)))
    alone = [numbers(predicted(spec, forecaster, contexts.take(np.array([i]))))[0] for i in range(len(contexts))]

    np.testing.assert_allclose(shuffled, together[order], rtol=1e-9)
    np.testing.assert_allclose(np.array(alone), together, rtol=1e-9)


def test_a_gap_leaves_out_the_first_steps(spec: ForecasterSpec) -> None:
    panel = waves()
    fold = fold_of(panel, task())
    forecaster = fitted(spec, fold)
    contexts = fold.windows.contexts

    longer = predicted(spec, forecaster, replace(contexts, horizon=7))
    later = predicted(spec, forecaster, replace(contexts, gap=2))

    np.testing.assert_allclose(later.mean, longer.mean[:, 2:], rtol=1e-9)
    if later.quantiles is not None:
        assert longer.quantiles is not None
        np.testing.assert_allclose(later.quantiles, longer.quantiles[:, 2:], rtol=1e-9)


def test_several_targets_are_as_good_as_one_by_one(spec: ForecasterSpec) -> None:
    panel = waves(targets=2)
    fold = fold_of(panel, task())
    both = predicted(spec, fitted(spec, fold), fold.windows.contexts)
    assert both.mean.shape == (len(fold.windows), 5, 2)
    if spec.name in ("ridge", "gradient-boosting"):
        return  # their one model learns from both

    for target in range(2):
        single = Panel.of([values[:, target] for values in panel], season_length=6)
        alone = fold_of(single, task())
        forecast = predicted(spec, fitted(spec, alone), alone.windows.contexts)
        np.testing.assert_allclose(both.mean[:, :, target], forecast.mean[:, :, 0], rtol=1e-9)


def test_missing_values_of_the_past_are_no_obstacle(spec: ForecasterSpec) -> None:
    panel = waves()
    values = panel.values.copy()
    values[[0, 1, 10, 30, 31, 64, 65, 100, 170]] = math.nan
    fold = fold_of(panel.with_values(values), task())

    forecast = predicted(spec, fitted(spec, fold), fold.windows.contexts)

    assert forecast.finite().all()
    assert np.abs(forecast.mean - 20).max() < 30


def test_a_series_never_trained_on_can_be_continued(spec: ForecasterSpec) -> None:
    wanted = Task("waves", Generation(warm_up=60, horizon=20), SeriesSplit(1))
    fold = fold_of(waves(), wanted)

    forecast = predicted(spec, fitted(spec, fold), fold.windows.contexts)

    assert forecast.finite().all()


def test_training_data_may_begin_later_than_the_series(spec: ForecasterSpec) -> None:
    protocol = RollingOrigin(horizon=6, first_cutoff=60, stride=5, train_length=43)
    fold = fold_of(waves(), Task("waves", protocol))

    forecast = predicted(spec, fitted(spec, fold), fold.windows.contexts)

    skill = np.abs(forecast.mean - fold.windows.actuals).mean()
    seasonal = SPECS["seasonal-naive"].make({}).predict(fold.windows.contexts).mean
    if spec.name in ("theta", "ets"):  # whose seasonal factors have a phase
        assert skill < 1.2 * np.abs(seasonal - fold.windows.actuals).mean()


def test_hyperparameters_are_json_and_stay_as_they_are(spec: ForecasterSpec) -> None:
    forecaster = spec.make({})
    before = {field.name: getattr(forecaster, field.name) for field in fields(forecaster)}  # type: ignore[arg-type]

    fold = fold_of(waves(), task())
    forecaster.fit(fold.train)

    json.dumps(before)
    assert {name: getattr(forecaster, name) for name in before} == before
    assert spec.takes_seed() == ("seed" in before)


def test_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, harness_models; harness_models.harness_forecasters(); print([*sys.modules])"

    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout

    assert not {"numpy", "pandas", "scipy", "sklearn", "statsmodels", "torch"} & set(eval(listed))
