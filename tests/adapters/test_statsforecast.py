"""The adapter of statsforecast: the same forecasts as the library's own backtest, and its contract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hourly import HORIZON, SEASON, WINDOWS, backtest, cpu_seconds, failed_checks, frame_of, hourly

from harness import Panel, RollingOrigin, Status, Task, evaluate
from harness.errors import BadParameter

statsforecast = pytest.importorskip("statsforecast")
from statsforecast import StatsForecast, models  # noqa: E402

from harness_statsforecast import harness_forecasters  # noqa: E402
from harness_statsforecast.names import LEFT_OUT, MODELS, WITH_COVARIATES, WITHOUT_INTERVALS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
SPECS = {spec.name: spec for spec in harness_forecasters()}
REQUIRED = {
    "AutoMFLES": {"test_size": 4},
    "AutoRegressive": {"lags": 2},
    "ConstantModel": {"constant": 1.0},
    "SeasonalExponentialSmoothing": {"alpha": 0.2},
    "SeasonalWindowAverage": {"window_size": 2},
    "SimpleExponentialSmoothing": {"alpha": 0.2},
    "TSB": {"alpha_d": 0.1, "alpha_p": 0.1},
    "WindowAverage": {"window_size": 3},
}
SLOW = {"ADIDA", "AutoARIMA", "AutoCES", "AutoMFLES", "AutoTBATS", "GARCH", "MFLES", "TBATS"}
LEVELS = (0.1, 0.5, 0.9)


def made(name: str, **parameters):
    return SPECS[f"statsforecast:{name}"].make(parameters)


class TestList:
    def test_all_models_of_the_library_are_listed(self) -> None:
        assert {*MODELS, *LEFT_OUT} == set(models.__all__)

    def test_models_that_take_covariates_are_those_of_the_library(self) -> None:
        assert {name for name in MODELS if getattr(models, name).uses_exog} == WITH_COVARIATES

    @pytest.mark.parametrize("name", sorted(set(MODELS) - SLOW))
    def test_quantiles_are_stated_as_the_library_gives_them(self, name: str) -> None:
        y = 20 + np.sin(np.arange(60) / 2) + np.random.default_rng(0).normal(size=60)
        forecaster = made(name, **REQUIRED.get(name, {}))
        model = forecaster.library_model(season_length=12, steps=2)

        if name in WITHOUT_INTERVALS:
            with pytest.raises(Exception, match="prediction_intervals"):
                model.forecast(y=y, h=2, level=[80])
        else:
            assert "lo-80" in model.forecast(y=y, h=2, level=[80])


@pytest.mark.parametrize("name", sorted(set(MODELS) - SLOW - {"ARCH", "AutoRegressive", "UCM"}))
def test_contract(name: str) -> None:
    assert failed_checks(SPECS[f"statsforecast:{name}"], **REQUIRED.get(name, {})) == []


@pytest.mark.parametrize(
    ("name", "refit"),
    [
        ("SeasonalNaive", True),
        ("HistoricAverage", True),
        ("DynamicOptimizedTheta", True),
        ("DynamicOptimizedTheta", False),
        ("MSTL", False),
    ],
)
def test_forecasts_are_those_of_cross_validation(name: str, refit: bool) -> None:
    series = hourly()
    parameters = {"season_length": SEASON} if name not in ("HistoricAverage",) else {}
    library = StatsForecast([getattr(models, name)(**parameters)], freq=1).cross_validation(
        df=frame_of(series), h=HORIZON, n_windows=WINDOWS, step_size=HORIZON, refit=refit, level=[80]
    )

    run = backtest(made(name), series, refit=refit, levels=LEVELS)

    assert run.status is Status.COMPLETED
    order = np.lexsort((run.results.cutoffs, run.results.series))
    forecast = run.results.forecast
    library = library.set_index("unique_id").loc[list(series)]  # each with its windows in their order
    for column, ours in (
        (name, forecast.mean),
        (f"{name}-lo-80", forecast.quantile(0.1)),
        (f"{name}-hi-80", forecast.quantile(0.9)),
    ):
        np.testing.assert_allclose(ours[order].ravel(), library[column], rtol=1e-6)
    assert run.scores["MAE"] == pytest.approx(np.abs(library["y"] - library[name]).mean(), rel=1e-6)


def test_the_adapter_adds_less_than_a_twentieth_to_the_time_of_the_library() -> None:
    series = hourly(4)
    frame, model = frame_of(series), models.AutoETS(season_length=SEASON)

    library, adapter = cpu_seconds(
        lambda: StatsForecast([model], freq=1).cross_validation(
            df=frame, h=HORIZON, n_windows=WINDOWS, step_size=HORIZON, refit=False, level=[80]
        ),
        lambda: backtest(made("AutoETS"), series, levels=LEVELS),
    )

    assert adapter < 1.05 * library


def test_covariates_are_passed_on() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal(size=80)
    panel = Panel.of(
        [np.stack([10 + 3 * known + 0.01 * rng.normal(size=80), known], axis=1)],
        channels=[
            *Panel.of([[1.0]]).channels,
            replace(Panel.of([[1.0]]).channels[0], name="x", role="known covariate"),
        ],
    )

    run = evaluate(made("ARIMA"), Task("x", RollingOrigin(5, windows=2)), panel)

    assert run.scores["MAE"] < 0.05


class TestFailures:
    def test_a_model_that_the_library_replaces_fails(self) -> None:
        panel = Panel.of([np.ones(60), 5 + np.sin(np.arange(60))], season_length=4)

        run = evaluate(made("AutoCES"), Task("x", RollingOrigin(2, windows=2)), panel)

        assert {failure.reason for failure in run.window_failures} == {
            "statsforecast replaces AutoCES by Naive for this series"
        }

    def test_parameters_that_the_library_refuses_are_refused(self) -> None:
        with pytest.raises(BadParameter, match=r"statsforecast:MSTL.*should not adjust seasonal models"):
            made("MSTL", trend_forecaster="AutoETS")

    def test_unknown_and_missing_parameters_are_refused(self) -> None:
        with pytest.raises(BadParameter, match="damp"):
            made("AutoETS", damp=True)
        with pytest.raises(BadParameter, match="'window_size' is missing"):
            made("WindowAverage")


def test_conformal_intervals_give_quantiles() -> None:
    series = {"a": 10 + np.random.default_rng(1).normal(size=200)}

    run = backtest(made("CrostonClassic", prediction_intervals={"n_windows": 3}), series, levels=LEVELS)

    forecast = run.results.forecast
    assert (forecast.quantile(0.1) < forecast.quantile(0.9)).all()


def test_the_forecaster_of_the_trend_is_chosen_by_its_name() -> None:
    run = backtest(made("MSTL", trend_forecaster={"name": "Naive"}), {"a": np.sin(np.arange(200.0) / 4)})

    assert run.status is Status.COMPLETED


def test_the_seed_determines_sampled_intervals() -> None:
    series = {"a": 10 + np.random.default_rng(1).normal(size=200)}
    spec = SPECS["statsforecast:ConformalSeasonalPool"]

    quantiles = [
        backtest(spec.make({}, seed=seed), series, levels=LEVELS).results.forecast.quantiles for seed in (0, 0, 1)
    ]

    np.testing.assert_array_equal(quantiles[0], quantiles[1])
    assert (quantiles[0] != quantiles[2]).any()
