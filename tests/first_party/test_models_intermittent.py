"""Croston, SBA and TSB: the numbers of statsforecast 2.1, demands simulated from the assumed distribution, gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness import Contexts, Panel, RollingOrigin, Task
from harness.tasks.folds import backtest
from harness_models.intermittent import Croston, SyntetosBoylan, TeunterSyntetosBabai

METHODS = (Croston(), SyntetosBoylan(), TeunterSyntetosBabai(), TeunterSyntetosBabai(0.3, 0.05))
SERIES = {
    "starts with zeros": [0, 0, 3, 0, 1, 0, 0, 5, 2, 0, 0],
    "one demand": [4, 0, 0, 0, 0, 0, 0],
    "no demand": [0, 0, 0, 0, 0],
    "demand at the end": [0, 0, 0, 0, 7],
    "always a demand": [3.5, 2.25, 4, 1, 6],
}
# CrostonClassic, CrostonSBA, TSB(0.1, 0.1) and TSB(0.3, 0.05) of statsforecast 2.1.1
ORACLE = {
    "starts with zeros": (1.073188672305995, 1.0195292386906951, 0.7297650156780002, 0.4462801285864569),
    "one demand": (4.0, 3.8, 2.1257640000000007, 2.940367562499999),
    "no demand": (0, 0, 0, 0),
    "demand at the end": (1.4, 1.33, 0.7, 0.35),
    "always a demand": (3.474375, 3.30065625, 3.474375, 3.6698749999999995),
}


def contexts_of(*series: object, **protocol: object) -> Contexts:
    levels = protocol.pop("levels", ())
    panel = Panel.of([np.append(np.asarray(values, dtype=float), np.zeros(2)) for values in series])
    task = Task("test", RollingOrigin(**{"horizon": 2, "windows": 1} | protocol), quantile_levels=levels)  # type: ignore[arg-type]
    return backtest(task, panel).windows.contexts


@pytest.mark.parametrize("name", SERIES)
def test_the_mean_is_that_of_statsforecast(name: str) -> None:
    contexts = contexts_of(SERIES[name])

    found = [method.predict(contexts).mean[0, :, 0].tolist() for method in METHODS]

    assert found == [pytest.approx([value, value], rel=1e-12) for value in ORACLE[name]]


def test_all_series_and_cutoffs_at_once_are_as_one_alone() -> None:
    rng = np.random.default_rng(1)
    series = [rng.poisson(0.5, length).astype(float) for length in (30, 42, 25)]
    contexts = contexts_of(*series, windows=8, levels=(0.1, 0.9))

    for method in METHODS:
        whole = method.predict(contexts)
        for window in range(len(contexts)):
            alone = method.predict(contexts.take(np.array([window])))
            np.testing.assert_allclose(alone.mean[0], whole.mean[window], rtol=1e-12)
            np.testing.assert_allclose(alone.quantiles[0], whole.quantiles[window], rtol=1e-12)  # type: ignore[index]


def test_missing_values_are_skipped() -> None:
    with_gaps = contexts_of([np.nan, 0, 0, 3, np.nan, 0, 1, 0, 0, np.nan, np.nan, 5, 2, 0, 0, np.nan])
    without = contexts_of(SERIES["starts with zeros"])

    for method in METHODS:
        assert method.predict(with_gaps).mean.tolist() == method.predict(without).mean.tolist()


def test_quantiles_are_those_of_the_demand() -> None:
    rng = np.random.default_rng(0)
    demand = np.where(rng.random(20_000) < 0.3, rng.gamma(4, 2, 20_000), 0.0)
    levels = (0.05, 0.5, 0.65, 0.8, 0.9, 0.99)

    forecast = TeunterSyntetosBabai(0.001, 0.001).predict(contexts_of(demand, levels=levels))

    assert forecast.mean[0, 0, 0] == pytest.approx(demand.mean(), rel=0.1)
    assert forecast.quantiles is not None
    assert forecast.quantiles[0, 0, 0] == pytest.approx(np.quantile(demand, levels), rel=0.1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.5, -3.0, np.nan]), max_size=40).map(lambda values: [*values, 0.0])
)
@example([1.0, -1.0])
def test_quantiles_rise_and_do_not_change_the_mean(values: list[float]) -> None:
    levels = (0.01, 0.2, 0.5, 0.8, 0.99)
    for method in METHODS:
        point = method.predict(contexts_of(values))
        forecast = method.predict(contexts_of(values, levels=levels))

        assert forecast.mean.tolist() == point.mean.tolist()
        assert forecast.median.tolist() == point.median.tolist()
        assert forecast.quantiles is not None
        assert np.isfinite(forecast.quantiles).all()
        assert (np.diff(forecast.quantiles, axis=-1) >= 0).all()
        assert (forecast.quantiles[..., 2] == forecast.median).all()


@pytest.mark.parametrize("value", [0, -0.1, 1.5])
def test_weights_are_above_zero_and_at_most_one(value: float) -> None:
    with pytest.raises(ValueError, match="smoothing must be above 0 and at most 1"):
        Croston(value)
    with pytest.raises(ValueError, match="probability_smoothing must be above 0 and at most 1"):
        TeunterSyntetosBabai(0.1, value)
