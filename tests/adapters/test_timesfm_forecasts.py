"""TimesFM with small checkpoints of random weights: the forecasts of the library itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("timesfm")

import timesfm
import timesfm3
from adapter_checks import HORIZON, backtest_run, histories, hourly_panel, largest_difference, seeded_run
from small_timesfm import NAMES, made

from harness import Channel, Contexts, Floats, Panel, RollingOrigin, Task, TrainingData
from harness_timesfm.checkpoints import LEVELS

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library
# as the results of TimesFM 2.5 on GIFT-Eval were computed (github.com/SalesforceAIResearch/gift-eval, timesfm2p5.ipynb)
OPTIONS_2_5 = {
    "normalize_inputs": True,
    "use_continuous_quantile_head": True,
    "force_flip_invariance": True,
    "infer_is_positive": True,
    "fix_quantile_crossing": True,
}


def test_forecasts_of_2_5_equal_the_library(timesfm_folders: dict[str, str]) -> None:
    panel = hourly_panel()
    forecaster = made("timesfm:TimesFM-2.5", timesfm_folders, batch_size=16)

    run = backtest_run(forecaster, panel, LEVELS)

    own = _own_forecasts("timesfm:TimesFM-2.5", timesfm_folders["timesfm:TimesFM-2.5"])
    median, found = own(histories(panel))
    assert run.results is not None
    assert largest_difference(run.results.forecast.median[..., 0], median) < 1e-6
    assert largest_difference(run.results.forecast.mean[..., 0], found[..., 0]) < 1e-6
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS)[:, :, 0], found[..., 1:]) < 1e-6


def test_forecasts_of_3_0_equal_the_library(timesfm_folders: dict[str, str]) -> None:
    panel = hourly_panel()

    run = backtest_run(made("timesfm:TimesFM-3.0", timesfm_folders, batch_size=16), panel, LEVELS)

    own = _own_forecasts("timesfm:TimesFM-3.0", timesfm_folders["timesfm:TimesFM-3.0"])
    found = np.stack([output.quantiles for output in own(histories(panel))])
    assert run.results is not None
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS)[:, :, 0], found) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_harness_takes_no_longer_than_the_library(timesfm_folders: dict[str, str], name: str) -> None:
    panel = hourly_panel()
    past = histories(panel)
    own = _own_forecasts(name, timesfm_folders[name])

    ours, theirs = [], []
    for _ in range(3):
        begin = time.process_time()
        own(list(past))
        theirs.append(time.process_time() - begin)
        ours.append(backtest_run(made(name, timesfm_folders), panel).costs.predict_cpu_seconds)

    assert min(ours) < 1.25 * min(theirs)


def test_targets_and_covariates_reach_3_0_as_the_library_takes_them(timesfm_folders: dict[str, str]) -> None:
    panel = _panel_with_covariates()
    task = Task("covariates", RollingOrigin(10, windows=2, gap=3), quantile_levels=LEVELS)

    run = seeded_run(made("timesfm:TimesFM-3.0", timesfm_folders), task, panel)

    model = timesfm3.TimesFM3Evaluator.from_pretrained(timesfm_folders["timesfm:TimesFM-3.0"], device="cpu")
    found = []
    for values in panel:
        for cutoff in (len(values) - 23, len(values) - 13):
            output = model.predict(
                values[:cutoff, :2].T,
                13,
                past_only_covariates=values[:cutoff, 2:3].T,
                past_future_covariates=values[: cutoff + 13, 3:].T,
                return_quantiles=True,
                use_symmetric_averaging=True,
                make_positive=True,
            )
            found.append(output.quantiles[:, 3:].transpose(1, 0, 2))
    assert run.results is not None, run.reason
    assert largest_difference(run.results.forecast.quantiles_of(LEVELS), np.stack(found)) < 1e-6


def test_a_window_is_forecast_as_without_the_others(timesfm_folders: dict[str, str]) -> None:
    panel = _panel_with_covariates()
    contexts = _contexts(panel, [150, 149, 40, 90, 12])
    forecaster = made("timesfm:TimesFM-3.0", timesfm_folders)
    forecaster.fit(_training(panel))

    together = forecaster.predict(contexts).quantiles
    alone = [forecaster.predict(contexts.take(slice(i, i + 1))).quantiles for i in range(len(contexts))]

    assert largest_difference(np.concatenate(alone), together) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_target_without_observations_has_no_forecast(timesfm_folders: dict[str, str], name: str) -> None:
    values = np.sin(np.arange(240.0)).reshape(-1, 2)
    values[:100, 1] = np.nan
    panel = Panel.of([values], channels=[Channel("a"), Channel("b")])
    forecaster = made(name, timesfm_folders)
    forecaster.fit(_training(panel))

    forecast = forecaster.predict(_contexts(panel, [90, 110]))

    finite = np.isfinite(forecast.quantiles).all(axis=(1, 3))
    assert finite.tolist() == [[True, False], [True, True]]


def test_the_context_of_2_5_is_the_end_of_the_history(timesfm_folders: dict[str, str]) -> None:
    panel = hourly_panel(3)
    cut = Panel.of([values[-600:] for values in panel], season_length=24)
    forecaster = made("timesfm:TimesFM-2.5", timesfm_folders, max_context=500)

    whole, end = (backtest_run(forecaster, data, LEVELS).results for data in (panel, cut))

    assert whole is not None
    assert end is not None
    assert np.array_equal(whole.forecast.quantiles_of(LEVELS), end.forecast.quantiles_of(LEVELS))


def _own_forecasts(name: str, checkpoint: str) -> Callable[[list[Floats]], Any]:
    """The library's own function from histories to forecasts."""
    if name == "timesfm:TimesFM-3.0":
        evaluator = timesfm3.TimesFM3Evaluator.from_pretrained(checkpoint, device="cpu", per_core_batch_size=64)
        return lambda past: list(evaluator.predict_batch(past, HORIZON))
    model = timesfm.TimesFM_2p5_200M_torch(torch_compile=False)
    model.load_checkpoint(checkpoint)
    model.compile(timesfm.ForecastConfig(max_context=704, max_horizon=HORIZON, per_core_batch_size=64, **OPTIONS_2_5))
    return lambda past: model.forecast(HORIZON, past)


def _training(panel: Panel) -> TrainingData:
    return TrainingData(panel, None, horizon=4)


def _contexts(panel: Panel, cutoffs: list[int]) -> Contexts:
    """The windows of the first series at these cutoffs."""
    return Contexts(panel, np.zeros(len(cutoffs), dtype=np.int64), np.array(cutoffs), horizon=4, quantile_levels=LEVELS)


def _panel_with_covariates() -> Panel:
    """Series of different lengths with two targets, a past covariate and a known one."""
    rng = np.random.default_rng(0)
    roles = ("target", "target", "past covariate", "known covariate")
    channels = [Channel(name, role) for name, role in zip("abcd", roles, strict=True)]
    return Panel.of([rng.normal(size=(length, 4)).cumsum(axis=0) for length in (150, 90)], channels=channels)
