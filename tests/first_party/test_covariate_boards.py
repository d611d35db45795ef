"""What the forecasters of the two boards with covariates gain from them, and that they look at nothing else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from harness import Forecaster, Panel, RollingOrigin, Task
from harness.boards.leaderboard import Leaderboard, load_board
from harness.evaluation.evaluate import evaluate
from harness.plugins.catalog import load_catalog
from harness.tasks.folds import backtest
from harness_datasets import sales, victoria
from harness_models.tabular import RidgeRegression

CERTAIN = ("category", "weekend", "promotion", "orders")
EVERY = (*CERTAIN, "temperature")
STEPS = np.arange(1, sales.HORIZON + 1)
GLOBAL = ("ridge", "gradient-boosting", "dense")
WORKING_HOLIDAYS = [str(day) for day in victoria.PUBLIC_HOLIDAYS[2:] if day.item().weekday() < 5]


@cache
def board(name: str) -> Leaderboard:
    return load_board(name, load_catalog())


def made(name: str, board_name: str = "covariates", **changes: object) -> tuple[Forecaster, str]:
    """A forecaster with the hyperparameters of a board, and its filling of missing values."""
    (entry,) = [entry for entry in board(board_name).forecasters if entry.name == name]
    spec = load_catalog().forecasters[name].spec
    return spec.make({**entry.parameters, **changes}, 0), spec.missing


@cache
def panel(series: int = sales.SERIES) -> Panel:
    return sales.sales()[:series]


def rmse(name: str, covariates: tuple[str, ...] | None, given: Panel) -> float:
    forecaster, missing = made(name)
    task = Task("covariates", RollingOrigin(sales.HORIZON, windows=4), covariates=covariates)
    run = evaluate(forecaster, task, given, missing=missing)
    assert run.status == "completed", run.reason
    return float(run.scores["RMSE"])


def sampling(given: Panel) -> float:
    """Three relative standard deviations of an RMSE of so many normal errors, 7 × 4 of each series."""
    return float(3 / np.sqrt(2 * 28 * len(given)))


@pytest.mark.parametrize("name", GLOBAL)
def test_a_global_forecaster_gets_near_the_best_forecasts(name: str) -> None:
    """Near means: better than whoever knows the model, but takes the temperature forecasts at face value."""
    least, slack = sales.least_rmse(EVERY), sampling(panel())
    at_face_value = np.sqrt(1 + sales.TEMPERATURE**2 * sales.ERROR_VARIANCE * STEPS.mean())

    every, certain = rmse(name, None, panel()), rmse(name, CERTAIN, panel())

    assert least * (1 - slack) < every < at_face_value * (1 - slack)
    # the certain ones: better than whoever lacks one of them
    lacking_one = min(sales.least_rmse([kept for kept in CERTAIN if kept != out]) for out in ("promotion", "orders"))
    assert sales.least_rmse(CERTAIN) * (1 - slack) < certain < lacking_one * (1 - slack)


@pytest.mark.parametrize("name", GLOBAL)
def test_without_covariates_no_forecaster_is_near(name: str) -> None:
    assert rmse(name, (), panel()) > sales.least_rmse(()) * (1 - sampling(panel()))


def test_arima_gets_near_the_best_forecasts_from_known_covariates() -> None:
    """It has no orders, and takes the temperature forecasts at face value: it learns from actual temperatures."""
    given = panel(40)
    variance = 1 + sales.ORDERS**2 + sales.TEMPERATURE**2 * sales.ERROR_VARIANCE * STEPS.mean()
    estimation = 1 + 5 / 84  # of the variance: five parameters from 84 days
    slack = sampling(given)

    every, none = rmse("arima", None, given), rmse("arima", (), given)

    assert every == pytest.approx(np.sqrt(variance * estimation), rel=slack)
    assert none > sales.least_rmse(()) * (1 - slack)


@pytest.mark.parametrize("name", ["ridge", "dense"])
def test_covariates_of_other_days_are_worth_nothing(name: str) -> None:
    order = np.random.default_rng(1).permutation(len(panel().values))
    values = panel().values.copy()
    column = [channel.name for channel in panel().channels].index("promotion")
    values[:, column] = values[order, column]

    score = rmse(name, CERTAIN, panel().with_values(values))

    lacking = sales.least_rmse([kept for kept in CERTAIN if kept != "promotion"])
    assert score > lacking * (1 - sampling(panel()))


@pytest.mark.parametrize("name", [*GLOBAL, "arima", "lstm"])
def test_values_that_a_delay_hides_change_no_forecast(name: str) -> None:
    given = panel(9)
    task = Task("covariates", RollingOrigin(sales.HORIZON, windows=1))
    (fold,) = backtest(task, given).folds()
    values = given.values.copy()
    column = [channel.name for channel in given.channels].index("orders")
    hidden = (given.offsets[:-1] + fold.windows.cutoffs)[:, None] - np.arange(1, sales.DELAY + 1)
    values[hidden, column] = 1e3
    forecasts = []

    for shown in (given, given.with_values(values)):
        if name == "lstm":
            spec = load_catalog().forecasters[name].spec
            forecaster, missing = spec.make({"iterations": 20}, 0), spec.missing
        else:
            forecaster, missing = made(name)
        run = evaluate(forecaster, task, shown, missing=missing)
        assert run.results is not None, run.reason
        forecasts.append(run.results.forecast.mean)

    np.testing.assert_array_equal(*forecasts)


def test_ridge_weighs_temperature_forecasts_by_their_lead() -> None:
    """As in the closed form: the coefficient of a forecast h days ahead is 2 / (1 + 0.15 h)."""
    task = Task("covariates", RollingOrigin(sales.HORIZON, windows=4))
    (fold,) = backtest(task, panel()).folds()
    forecaster = RidgeRegression(lags=28, strategy="direct", scale="none", past_lags=7)
    forecaster.fit(fold.train)

    for step, model in enumerate(forecaster.models_):
        coefficient = float(model._coefficients[-1, 0])  # type: ignore[attr-defined]
        expected = sales.TEMPERATURE / (1 + sales.ERROR_VARIANCE * (step + 1))
        assert coefficient == pytest.approx(expected, abs=0.15)


def test_the_audit_finds_nothing_on_the_synthetic_board() -> None:
    for task in board("covariates").tasks:
        for entry in board("covariates").forecasters:
            cheaper = {"iterations": 20} if entry.name == "dense" else {}
            forecaster, missing = made(entry.name, **cheaper)

            run = evaluate(forecaster, task, panel(9), missing=missing)

            assert run.status == "completed", (entry.name, run.reason)


@pytest.mark.parametrize("name", ["ridge", "gradient-boosting", "lstm"])
def test_a_calendar_helps_on_public_holidays_and_weekends(name: str) -> None:
    errors = {}
    for task in board("vic-elec").tasks:
        forecaster, missing = made(name, "vic-elec")
        run = evaluate(forecaster, task, victoria.demand(), missing=missing)
        assert run.status == "completed", run.reason  # no leakage, by the audit
        assert run.results is not None
        (fold,) = backtest(task, victoria.demand()).folds()
        days = (victoria.START + fold.windows.cutoffs).astype("datetime64[D]")
        by_day = np.abs(run.results.forecast.mean - fold.windows.actuals).mean(axis=(1, 2))
        holidays = np.isin(days, np.array(WORKING_HOLIDAYS, dtype="datetime64[D]"))
        errors[task.label] = by_day[holidays].mean(), by_day[~np.is_busday(days)].mean(), by_day.mean()

    with_calendar, without = errors["calendar"], errors["none"]
    assert all(more < less for more, less in zip(with_calendar, without, strict=True))
