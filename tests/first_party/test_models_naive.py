"""The naive forecasters: numbers worked out by hand, and a plain loop over windows as their oracle."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Channel, Contexts, Floats, Forecast, Panel, RollingOrigin, Task
from harness.tasks.folds import backtest
from harness_models.naive import Drift, Mean, Naive, SeasonalNaive

NAN = math.nan
UPPER = NormalDist().inv_cdf(0.9)


def contexts_of(*series: object, season: int = 1, channels: int = 1, **protocol: object) -> Contexts:
    levels = protocol.pop("levels", ())
    panel = Panel.of(
        [np.array(values, dtype=float) for values in series],
        season_length=season,
        channels=[Channel(f"c{i}") for i in range(channels)],
    )
    task = Task("test", RollingOrigin(**{"horizon": 3, "windows": 1} | protocol), quantile_levels=levels)  # type: ignore[arg-type]
    return backtest(task, panel).windows.contexts


def deviations(forecast: Forecast) -> Floats:
    """What the quantile of level 0.9 says of the deviation, (window, horizon)."""
    return (forecast.quantile(0.9) - forecast.mean)[:, :, 0] / UPPER


def test_naive_repeats_the_last_value() -> None:
    contexts = contexts_of([5, 1, 4, 0, 0, 0])

    forecast = Naive().predict(contexts)

    assert forecast.mean[:, :, 0].tolist() == [[4, 4, 4]]
    assert forecast.quantiles is None


def test_naive_deviation_grows_like_a_random_walk() -> None:
    contexts = contexts_of([1, 3, 0, 4, 0, 0, 0], levels=(0.5, 0.9))

    forecast = Naive().predict(contexts)

    sigma = math.sqrt((2**2 + 3**2 + 4**2) / 3)
    assert deviations(forecast)[0] == pytest.approx([sigma, sigma * math.sqrt(2), sigma * math.sqrt(3)])
    assert forecast.quantile(0.5)[0, :, 0].tolist() == [4, 4, 4]


def test_seasonal_naive_repeats_the_last_season() -> None:
    contexts = contexts_of([9, 9, 1, 2, 3, 0, 0, 0, 0, 0], season=3, horizon=5)

    assert SeasonalNaive().predict(contexts).mean[0, :, 0].tolist() == [1, 2, 3, 1, 2]


def test_seasonal_naive_deviation_grows_with_each_season() -> None:
    contexts = contexts_of([1, 2, 4, 8, 0, 0, 0], season=2, levels=(0.5, 0.9))

    forecast = SeasonalNaive().predict(contexts)

    sigma = math.sqrt((3**2 + 6**2) / 2)
    assert deviations(forecast)[0] == pytest.approx([sigma, sigma, sigma * math.sqrt(2)])


def test_a_season_of_its_own_replaces_the_task_s() -> None:
    contexts = contexts_of([9, 9, 1, 2, 0, 0, 0], season=4)

    assert SeasonalNaive(season_length=2).predict(contexts).mean[0, :, 0].tolist() == [1, 2, 1]


def test_seasonal_naive_is_naive_where_a_context_is_shorter_than_a_season() -> None:
    contexts = contexts_of([7, 8, 0, 0, 0], [1, 2, 3, 4, 0, 0, 0], season=4, levels=(0.5, 0.9))

    forecast = SeasonalNaive().predict(contexts)

    assert forecast.mean[:, :, 0].tolist() == [[8, 8, 8], [1, 2, 3]]
    assert deviations(forecast)[0] == pytest.approx([1, math.sqrt(2), math.sqrt(3)])
    assert deviations(forecast)[1] == pytest.approx([0, 0, 0])  # no two values lie a season apart


def test_seasonal_naive_takes_the_last_value_observed_of_each_phase() -> None:
    contexts = contexts_of([1, 2, 3, 4, NAN, NAN, NAN, 8, NAN, 0, 0, 0], season=3)

    assert SeasonalNaive().predict(contexts).mean[0, :, 0].tolist() == [4, 8, 3]


def test_a_phase_never_observed_takes_the_last_value_observed() -> None:
    contexts = contexts_of([1, NAN, 3, NAN, 0, 0, 0], season=2)

    assert SeasonalNaive().predict(contexts).mean[0, :, 0].tolist() == [3, 3, 3]


def test_drift_continues_the_line_through_the_ends() -> None:
    contexts = contexts_of([1, 2, 0, 7, 0, 0, 0], levels=(0.5, 0.9))

    forecast = Drift().predict(contexts)

    assert forecast.mean[0, :, 0] == pytest.approx([9, 11, 13])
    sigma = math.sqrt(((1 - 2) ** 2 + (-2 - 2) ** 2 + (7 - 2) ** 2) / 3)
    expected = [sigma * math.sqrt(h * (1 + h / 3)) for h in (1, 2, 3)]
    assert deviations(forecast)[0] == pytest.approx(expected)


def test_drift_counts_the_steps_since_the_last_value_observed() -> None:
    contexts = contexts_of([NAN, 1, NAN, 5, NAN, 0, 0, 0])

    assert Drift().predict(contexts).mean[0, :, 0] == pytest.approx([9, 11, 13])


def test_drift_of_a_single_value_is_flat() -> None:
    contexts = contexts_of([5, 0, 0, 0], levels=(0.5, 0.9))

    forecast = Drift().predict(contexts)

    assert forecast.mean[0, :, 0].tolist() == [5, 5, 5]
    assert deviations(forecast)[0].tolist() == [0, 0, 0]


def test_mean_is_the_mean_of_what_is_observed() -> None:
    contexts = contexts_of([2, NAN, 4, 9, 0, 0, 0], levels=(0.5, 0.9))

    forecast = Mean().predict(contexts)

    assert forecast.mean[0, :, 0] == pytest.approx([5, 5, 5])
    sd = math.sqrt((9 + 1 + 16) / 2)
    assert deviations(forecast)[0] == pytest.approx([sd * math.sqrt(4 / 3)] * 3)


def test_mean_of_the_last_values_only() -> None:
    contexts = contexts_of([100, 2, 4, 0, 0, 0])

    assert Mean(length=2).predict(contexts).mean[0, :, 0] == pytest.approx([3, 3, 3])


def test_mean_does_not_lose_a_small_spread_on_a_high_level() -> None:
    contexts = contexts_of([1e9, 1e9 + 1, 1e9 - 1, 0, 0, 0], levels=(0.5, 0.9))

    assert deviations(Mean().predict(contexts))[0, 0] == pytest.approx(math.sqrt(4 / 3), rel=1e-6)


def test_steps_count_from_the_last_observation_across_a_gap() -> None:
    contexts = contexts_of([1, 2, 3, 4, 0, 0, 0, 0, 0], season=2, gap=2, levels=(0.5, 0.9))

    assert Drift().predict(contexts).mean[0, :, 0] == pytest.approx([7, 8, 9])
    assert SeasonalNaive().predict(contexts).mean[0, :, 0].tolist() == [3, 4, 3]
    assert deviations(Naive().predict(contexts))[0] == pytest.approx([math.sqrt(3), 2, math.sqrt(5)])


def test_targets_are_forecast_side_by_side() -> None:
    contexts = contexts_of([[1, 10], [2, NAN], [3, 30], [0, 0], [0, 0], [0, 0]], channels=2, levels=(0.5, 0.9))

    forecast = Naive().predict(contexts)

    assert forecast.mean[0].tolist() == [[3, 30]] * 3
    assert forecast.quantiles is not None
    assert forecast.quantiles.shape == (1, 3, 2, 2)


@pytest.mark.parametrize("make", [lambda: SeasonalNaive(season_length=0), lambda: Mean(length=0)])
def test_senseless_parameters_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        make()  # type: ignore[operator]


def plain(kind: str, past: Floats, steps: range, season: int) -> tuple[list[float], list[float]]:
    """The mean and deviation of one window, one step after another."""
    at = [t for t, value in enumerate(past) if not math.isnan(value)]
    last, n = past[at[-1]], len(past)
    lag = season if kind == "seasonal" and n >= season else 1
    residuals = [past[t] - past[t - lag] for t in at if t - lag >= 0 and not math.isnan(past[t - lag])]
    slope = (last - past[at[0]]) / (at[-1] - at[0]) if len(at) > 1 else 0.0
    if kind == "drift":
        residuals = [residual - slope for residual in residuals]
    count = max(len(residuals), 1)
    sigma = math.sqrt(sum(residual**2 for residual in residuals) / count)
    mean, sd = [], []
    for h in steps:
        if kind == "drift":
            mean.append(last + slope * (h + n - 1 - at[-1]))
            sd.append(sigma * math.sqrt(h * (1 + h / count)))
        elif kind == "mean":
            values = [past[t] for t in at]
            mean.append(float(np.mean(values)))
            sd.append(float(np.std(values, ddof=1)) * math.sqrt(1 + 1 / len(values)) if len(values) > 1 else 0.0)
        else:
            same = [t for t in at if (t - (n - 1 + h)) % lag == 0]
            mean.append(past[same[-1]] if same else last)
            sd.append(sigma * math.sqrt((h - 1) // lag + 1))
    return mean, sd


values = st.one_of(st.just(NAN), st.floats(-100, 100, allow_subnormal=False).map(lambda x: round(x, 2)))


@settings(max_examples=60, deadline=None)
@given(
    series=st.lists(st.lists(values, min_size=5, max_size=30), min_size=1, max_size=3),
    season=st.integers(1, 5),
    gap=st.integers(0, 2),
    max_context=st.one_of(st.none(), st.integers(1, 12)),
)
def test_all_windows_at_once_are_what_a_loop_over_windows_gives(
    series: list[list[float]], season: int, gap: int, max_context: int | None
) -> None:
    series = [[1.0, *values, 0.0, 0.0, 0.0, 0.0] for values in series]
    contexts = contexts_of(
        *series,
        season=season,
        horizon=4,
        windows=None,
        first_cutoff=1,
        stride=2,
        gap=gap,
        max_context=max_context,
        levels=(0.5, 0.9),
    )
    kinds = {"naive": Naive(), "seasonal": SeasonalNaive(), "drift": Drift(), "mean": Mean()}

    for kind, forecaster in kinds.items():
        forecast = forecaster.predict(contexts)
        for i, context in enumerate(contexts):
            mean, sd = plain(kind, context.target[:, 0], range(gap + 1, gap + 5), season)
            assert forecast.mean[i, :, 0] == pytest.approx(mean, abs=1e-9)
            assert deviations(forecast)[i] == pytest.approx(sd, abs=1e-5)
        alone = forecaster.predict(contexts.take(slice(0, 1)))
        np.testing.assert_allclose(alone.mean, forecast.mean[:1], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(deviations(alone), deviations(forecast)[:1], atol=1e-5)


def test_a_batch_smaller_than_the_panel_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    series = [rng.normal(size=length) for length in (40, 25, 33, 60)]
    contexts = contexts_of(*series, season=4, windows=5, stride=2, levels=(0.5, 0.9))
    whole = [forecaster.predict(contexts) for forecaster in (Naive(), SeasonalNaive(), Drift(), Mean(), Mean(7))]

    monkeypatch.setattr("harness_models.pasts.CACHED", 64)

    for expected, forecaster in zip(whole, (Naive(), SeasonalNaive(), Drift(), Mean(), Mean(7)), strict=True):
        again = forecaster.predict(contexts)
        assert again.quantiles is not None
        assert expected.quantiles is not None
        np.testing.assert_array_equal(again.mean, expected.mean)
        np.testing.assert_array_equal(again.quantiles, expected.quantiles)


def test_ten_thousand_windows_take_milliseconds() -> None:
    series = np.random.default_rng(0).normal(size=10_200)
    contexts = contexts_of(series, season=24, horizon=24, windows=None, first_cutoff=100, stride=1)

    for forecaster in (Naive(), SeasonalNaive(), Drift(), Mean()):
        begin = time.process_time()
        forecaster.predict(contexts)
        assert time.process_time() - begin < 0.1  # seconds, of which it needs 0.002


DATA = Path(os.environ.get("HARNESS_DATA_DIR", "/nowhere"))


@pytest.mark.skipif(not (DATA / "ETTh2.csv").exists(), reason="needs ETTh1.csv and ETTh2.csv in HARNESS_DATA_DIR")
@pytest.mark.parametrize(
    ("forecaster", "mase", "sql"),
    [
        (Naive(), 1.718414182, 2.313658912),
        (SeasonalNaive(), 1.322715890, 1.206889929),
        (Drift(), 1.782332336, 2.422186261),
    ],
)
def test_published_scores_of_fev_bench_ett_1h(forecaster: Naive, mase: float, sql: float) -> None:
    series = [np.loadtxt(DATA / f"ETTh{i}.csv", delimiter=",", skiprows=1, usecols=range(1, 8)) for i in (1, 2)]
    panel = Panel.of(series, season_length=24, channels=[Channel(str(i)) for i in range(7)])
    levels = np.arange(1, 10) / 10
    task = Task("ett", RollingOrigin(168, windows=20, max_context=1000), quantile_levels=tuple(levels))
    windows = backtest(task, panel).windows

    forecast = forecaster.predict(windows.contexts)

    assert forecast.quantiles is not None
    pairs = zip(windows.series, windows.cutoffs, strict=True)
    scale = np.array([np.abs(series[i][24:cutoff] - series[i][: cutoff - 24]).mean(axis=0) for i, cutoff in pairs])
    errors = np.abs(windows.actuals - forecast.mean).mean(axis=1) / scale
    gaps = windows.actuals[..., None] - forecast.quantiles
    losses = 2 * np.maximum(levels * gaps, (levels - 1) * gaps).mean(axis=(1, 3)) / scale
    assert errors.mean() == pytest.approx(mase, abs=1e-8)
    assert losses.mean() == pytest.approx(sql, abs=1e-8)
