"""Covariates without a value in the training data have no effect on regressions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness import Channel, Floats, Panel, RollingOrigin, Status, Task, Vintages
from harness.evaluation.evaluate import evaluate
from harness_models.lag_regression import LagRegression
from harness_models.linear import Linear
from harness_models.tabular import GradientBoosting, RidgeRegression

LENGTH = 60
TASK = Task("demand", RollingOrigin(3, windows=4, gap=1), quantile_levels=(0.1, 0.5, 0.9))


def demand(covariate: Channel, vintages: Vintages | None = None) -> Panel:
    rng = np.random.default_rng(4)
    series = [np.column_stack([rng.normal(size=LENGTH).cumsum(), rng.normal(size=LENGTH)]) for _ in range(2)]
    channels = (Channel("y"), covariate)
    return Panel.of(series, channels=channels, vintages={} if vintages is None else {covariate.name: vintages})


def issued_from(first: int) -> Vintages:
    """Vintages of two series, one after each observation from the first of these on."""
    issued = np.arange(first, LENGTH + 1)
    return Vintages.of([(issued, np.ones((len(issued), 4)))] * 2)


UNKNOWN = {
    "no vintages": demand(Channel("weather", "known covariate", certain=False), Vintages.of([([], [])] * 2)),
    "late vintages": demand(Channel("weather", "known covariate", certain=False), issued_from(LENGTH - 5)),
    "long delay": demand(Channel("sales", "past covariate", delay=LENGTH - 1)),
}


@pytest.mark.parametrize("panel", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi-output"])
@pytest.mark.parametrize("make", [GradientBoosting, RidgeRegression])
def test_a_covariate_that_is_missing_in_training_has_no_effect(
    make: type[LagRegression], strategy: str, panel: Panel
) -> None:
    settings: dict[str, Any] = {"lags": 4, "strategy": strategy}
    settings |= {"max_iter": 5} if make is GradientBoosting else {}

    runs = [evaluate(make(**settings), task, panel) for task in (TASK, replace(TASK, covariates=()))]

    assert [run.status for run in runs] == [Status.COMPLETED] * 2
    first, second = (run.results for run in runs)
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(first.forecast.mean, second.forecast.mean, rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("columns", [3, 70])  # two solvers
def test_a_column_without_a_value_has_no_weight(alpha: float, columns: int) -> None:
    rng = np.random.default_rng(2)
    table, outputs = rng.normal(size=(200, columns)), rng.normal(size=(200, 1))
    model, without = Linear(alpha), Linear(alpha)

    model.fit(with_column(table, np.nan), outputs)
    without.fit(table, outputs)

    for value in (np.nan, 1e6):
        np.testing.assert_allclose(model.predict(with_column(table, value)), without.predict(table), atol=1e-8)


def with_column(table: Floats, value: float) -> Floats:
    return np.insert(table, 1, value, axis=1)


def test_boosting_is_fitted_where_every_column_is_missing() -> None:
    """Every second value is missing, so that the one lag of a row with an output always is."""
    values = np.where(np.arange(LENGTH) % 2, np.nan, np.arange(LENGTH))

    run = evaluate(GradientBoosting(lags=1, scale="none", max_iter=5), TASK, Panel.of([values]))

    assert run.status == Status.COMPLETED, run.reason


def test_ridge_is_a_constant_where_every_column_is_missing() -> None:
    model = Linear(1.0)

    model.fit(np.full((4, 2), np.nan), np.array([[1.0], [2.0], [3.0], [6.0]]))

    assert model.predict(np.array([[np.nan, np.nan], [5.0, -5.0]])).tolist() == [[3.0], [3.0]]
