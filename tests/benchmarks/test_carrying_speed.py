"""A fitted local model carried to a hundred cutoffs of one series, against one pass over that series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from floors import compare
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from harness import Contexts, Panel, TrainingData
from harness.plugins.catalog import load_catalog

LENGTH, TRAINED, SEASON, HORIZON = 2000, 1500, 12, 12
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "arima": ("arima", {}),
    "seasonal arima": ("arima", {"seasonal_order": (1, 0, 1)}),
    "auto-arima": ("auto-arima", {"max_p": 1, "max_q": 1}),
    "ets": ("ets", {}),
    "theta": ("theta", {}),
    "autoreg": ("autoreg", {}),
}


def monthly() -> np.ndarray:
    rng, months = np.random.default_rng(0), np.arange(LENGTH)
    return 50 + 10 * np.sin(months * 2 * np.pi / SEASON) + np.cumsum(0.1 * rng.normal(size=LENGTH))


def carried(case: str, cutoffs: np.ndarray) -> tuple[Any, Contexts]:
    name, settings = CASES[case]
    values = monthly()
    contexts = Contexts(Panel.of([values]), np.zeros(len(cutoffs), np.int64), cutoffs, HORIZON, season_length=SEASON)
    forecaster = load_catalog().forecasters[name].spec.make(settings)
    forecaster.fit(TrainingData(Panel.of([values[:TRAINED]]), None, HORIZON, season_length=SEASON))
    forecaster.fit_contexts(contexts)
    return forecaster, contexts


def one_pass(state: Any) -> Callable[[], object] | None:
    """What statsmodels does once over the series; None for what it has no filter of."""
    values = monthly()
    if hasattr(state, "specification"):
        model = state.specification.model(values / state.scale)
        model.update(state.parameters)
        return lambda: model.ssm.filter()
    if hasattr(state, "restart"):
        model = ETSModel(values, seasonal="add", seasonal_periods=SEASON)
        return lambda: model.smooth(model.start_params)
    return None


@pytest.mark.parametrize("case", CASES)
def test_a_hundred_cutoffs_cost_little_more_than_one(case, record_ratio) -> None:
    forecaster, hundred = carried(case, np.linspace(TRAINED, LENGTH - HORIZON, 100).astype(np.int64))
    one = hundred.take(slice(99, 100))

    compared = compare(lambda: forecaster.predict(hundred), lambda: forecaster.predict(one), rounds=15)
    record_ratio(f"{case}, 100 cutoffs to the last of them", compared, 4)


@pytest.mark.parametrize("case", ["arima", "seasonal arima", "auto-arima", "ets"])
def test_a_hundred_cutoffs_cost_one_filter_pass(case, record_ratio) -> None:
    forecaster, hundred = carried(case, np.linspace(TRAINED, LENGTH - HORIZON, 100).astype(np.int64))
    floor = one_pass(forecaster.states_["0"][0])
    assert floor is not None

    compared = compare(lambda: forecaster.predict(hundred), floor, rounds=15)
    record_ratio(f"{case}, 100 cutoffs to one filter pass of statsmodels", compared, 2)
