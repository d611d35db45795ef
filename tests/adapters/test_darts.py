"""The models of Darts: the contract, and the forecasts of the library's own backtest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("darts")

from adapter_checks import (
    HORIZON,
    LEVELS,
    WINDOWS,
    backtest_run,
    failed_checks,
    first_forecasts,
    hourly_panel,
    largest_difference,
    seeded_run,
    spec_of,
)
from darts import TimeSeries, models
from darts.models import ARIMA, ExponentialSmoothing, LinearRegressionModel, NBEATSModel
from darts.utils.likelihood_models.torch import QuantileRegression
from hourly import cpu_seconds

import harness_darts
from harness import Floats, Panel, RollingOrigin, Task
from harness_darts.names import GLOBAL, LEFT_OUT, LOCAL, NETWORKS, UNTRAINED, WITH_COVARIATES

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library
SPECS = harness_darts.harness_forecasters()
RATE = {"optimizer_kwargs": {"lr": 0.01}}
SMALL: dict[str, dict[str, Any]] = {
    "ARIMA": {"p": 1, "d": 0, "num_samples": 50},
    "LinearRegressionModel": {},
    "NBEATSModel": {"n_epochs": 6, "num_stacks": 2, "layer_widths": 16, **RATE},
    "NaiveSeasonal": {},
    "RNNModel": {"n_epochs": 1, "num_samples": 10},
    "TiDEModel": {"n_epochs": 4, "hidden_size": 8, **RATE},
}
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def test_every_model_of_the_library_is_listed_or_left_out() -> None:
    assert {*LOCAL, *GLOBAL, *NETWORKS, *LEFT_OUT} == set(models.__all__)
    assert not {*LOCAL, *GLOBAL, *NETWORKS} & {*LEFT_OUT}


@pytest.mark.parametrize("name", SMALL)
def test_contract(name: str) -> None:
    assert failed_checks(spec_of(SPECS, f"darts:{name}", SMALL[name])) == []


@pytest.mark.parametrize("name", sorted({*LOCAL, *GLOBAL, *NETWORKS} - {"VARIMA"}))
def test_every_model_forecasts(name: str) -> None:
    panel = Panel.of([np.sin(np.arange(120) / 2) + 3, np.cos(np.arange(100) / 2) + 3], season_length=12)
    parameters: dict[str, Any] = {"n_epochs": 1} if name in {*NETWORKS} - UNTRAINED else {}
    if name == "TFTModel":
        parameters |= {
            "add_relative_index": True,
            "likelihood": "GaussianLikelihood",
            "num_samples": 10,
        }  # quantiles cross
    forecaster = spec_of(SPECS, f"darts:{name}", parameters).make({}, 0)

    run = seeded_run(forecaster, Task("small", RollingOrigin(4, windows=2)), panel)

    assert run.status == "completed", run.reason


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_covariates_are_those_that_the_model_takes(name: str) -> None:
    given = {"input_chunk_length": 4, "output_chunk_length": 2}
    if name == "RNNModel":
        given = {"input_chunk_length": 4, "training_length": 6}
    model = getattr(models, name)(**given)

    kinds = {
        "known covariate": model.supports_future_covariates,
        "past covariate": model.supports_past_covariates,
        "static": model.supports_static_covariates,
    }

    assert set(WITH_COVARIATES.get(name, ())) == {kind for kind, taken in kinds.items() if taken}


NBEATS = {
    "num_stacks": 2,
    "layer_widths": 16,
    "n_epochs": 1,
    "input_chunk_length": 96,
    "batch_size": 256,
    "use_reversible_instance_norm": True,
    **RATE,
}
LIBRARY_MODELS: dict[str, Callable[[], Any]] = {
    "ExponentialSmoothing": lambda: ExponentialSmoothing(seasonal_periods=24),
    "ARIMA": lambda: ARIMA(p=2, d=0),
    "LinearRegressionModel": lambda: LinearRegressionModel(lags=96, output_chunk_length=HORIZON),
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "NBEATSModel": NBEATS,
    "ARIMA": {"p": 2, "d": 0},
    "ExponentialSmoothing": {},
    "LinearRegressionModel": {"lags": 96},
}


def test_a_network_equals_the_backtest_of_the_library() -> None:
    panel = hourly_panel()

    run = backtest_run(spec_of(SPECS, "darts:NBEATSModel", NBEATS).make({}, 7), panel)

    found = _by_library("NBEATSModel", panel)
    assert run.results is not None
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS), np.sort(found[:, :, None], axis=-1)) < 1e-6


@pytest.mark.parametrize("name", ["ExponentialSmoothing", "ARIMA", "LinearRegressionModel"])
def test_other_models_equal_the_backtest_of_the_library(name: str) -> None:
    panel = hourly_panel(3)

    run = backtest_run(spec_of(SPECS, f"darts:{name}", PARAMETERS[name]).make({}, 7), panel, ())

    assert run.results is not None
    assert largest_difference(run.results.forecast.mean, _by_library(name, panel)) < 1e-6


@pytest.mark.parametrize("name", ["NBEATSModel", "ExponentialSmoothing", "LinearRegressionModel"])
def test_the_adapter_adds_less_than_a_twentieth_to_the_time_of_the_library(name: str) -> None:
    panel = hourly_panel()
    levels = LEVELS if name == "NBEATSModel" else ()
    spec = spec_of(SPECS, f"darts:{name}", PARAMETERS[name])

    library, adapter = cpu_seconds(
        lambda: _by_library(name, panel), lambda: backtest_run(spec.make({}, 7), panel, levels)
    )

    assert adapter < 1.05 * library


def test_samples_do_not_depend_on_later_windows() -> None:
    spec = spec_of(SPECS, "darts:RNNModel", {"n_epochs": 1, "num_samples": 10, "likelihood": "GammaLikelihood"})

    forecasts = [first_forecasts(lambda: spec.make({}, 0), later) for later in (np.zeros(8), 9 * np.ones(8))]

    np.testing.assert_array_equal(*forecasts)


def test_a_model_that_darts_would_replace_fails() -> None:
    panel = Panel.of([np.sin(np.arange(80.0)) - 0.5], season_length=4)
    forecaster = spec_of(SPECS, "darts:FourTheta", {"model_mode": "multiplicative", "season_mode": "additive"}).make(
        {}, 0
    )

    run = seeded_run(forecaster, Task("x", RollingOrigin(2, windows=1)), panel)

    assert run.status == "unsupported"
    assert "Darts" in run.reason


def test_wrong_names_are_refused_with_the_names_of_some() -> None:
    by_name = {spec.name: spec for spec in SPECS}
    with pytest.raises(Exception, match="such as QuantileRegression or GaussianLikelihood, not 'Normal'"):
        by_name["darts:TiDEModel"].make({"likelihood": "Normal"}, 0)
    with pytest.raises(Exception, match="seasonal is one of multiplicative, additive, none, not 'sometimes'"):
        by_name["darts:ExponentialSmoothing"].make({"seasonal": "sometimes"}, 0)


def test_nothing_is_written_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    panel = Panel.of([np.sin(np.arange(80.0))], season_length=12)
    forecaster = spec_of(SPECS, "darts:NBEATSModel", SMALL["NBEATSModel"]).make({}, 0)

    run = seeded_run(forecaster, Task("x", RollingOrigin(2, windows=1)), panel)

    assert run.status == "completed"
    assert list(tmp_path.iterdir()) == []


def _series(panel: Panel, dtype: type) -> list[TimeSeries]:
    return [TimeSeries.from_values(values.astype(dtype)) for values in panel]


def _by_library(name: str, panel: Panel) -> Floats:
    """The forecasts of the backtest of the library, (window, horizon, component)."""
    if name == "NBEATSModel":
        network = NBEATSModel(
            output_chunk_length=HORIZON,
            likelihood=QuantileRegression(list(LEVELS)),
            random_state=7,
            pl_trainer_kwargs=QUIET,
            **NBEATS,
        )
        series = _series(panel, np.float32)
        network.fit([whole[: -WINDOWS * HORIZON] for whole in series])
        return _backtest(network, series, retrain=False, predict_likelihood_parameters=True)
    series, make = _series(panel, np.float64), LIBRARY_MODELS[name]
    if name == "LinearRegressionModel":
        model = make()
        model.fit([whole[: -WINDOWS * HORIZON] for whole in series])
        return _backtest(model, series, retrain=False)
    parts = []
    for whole in series:
        model = make()
        if name == "ARIMA":  # of which the library keeps the parameters
            model.fit(whole[: -WINDOWS * HORIZON])
        parts.append(_backtest(model, [whole], retrain=name != "ARIMA"))
    return np.concatenate(parts)


def _backtest(model: Any, series: list[TimeSeries], **options: Any) -> Floats:
    """The forecasts of `historical_forecasts`, (window, horizon, component)."""
    found = model.historical_forecasts(
        series,
        start=-WINDOWS * HORIZON,
        start_format="position",
        forecast_horizon=HORIZON,
        stride=HORIZON,
        last_points_only=False,
        verbose=False,
        **options,
    )
    return np.stack([window.values() for windows in found for window in windows])
