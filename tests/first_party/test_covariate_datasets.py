"""The datasets with covariates: against their formulas, a simulation, and rules for public holidays."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from dateutil.easter import easter

from harness import Contexts, DataUnavailable, Floats, Panel
from harness.errors import BadData
from harness_datasets import sales, victoria

EVERY = ("category", "weekend", "promotion", "temperature", "orders")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return sales.sales()


@pytest.fixture(scope="module")
def contexts(panel: Panel) -> Contexts:
    """The windows of every series at every day from which the next seven are within the series."""
    cutoffs = np.arange(sales.LEAD, sales.DAYS - sales.HORIZON + 1)
    return Contexts(panel, np.repeat(np.arange(len(panel)), len(cutoffs)), np.tile(cutoffs, len(panel)), sales.HORIZON)


def column(panel: Panel, name: str) -> int:
    return [channel.name for channel in panel.channels].index(name)


def best_forecasts(contexts: Contexts, panel: Panel) -> Floats:
    """The conditional expectation, from what a context contains, (window, step)."""
    level = np.array([sales.LEVELS[str(category)] for category in contexts.static["category"]])
    weekend, promotion, temperature = np.moveaxis(contexts.known(), 2, 0)
    # the orders of the days from LEAD days before the first one on; the last DELAY rows of a context have none
    orders = contexts.last(sales.LEAD)[:, : sales.HORIZON, column(panel, "orders")]
    share = 1 / (1 + sales.ERROR_VARIANCE * np.arange(1, sales.HORIZON + 1))
    return np.asarray(
        level[:, None]
        + sales.WEEKEND * weekend
        + sales.PROMOTION * promotion
        + sales.TEMPERATURE * share * temperature
        + sales.ORDERS * orders
    )


def actuals(contexts: Contexts, panel: Panel) -> Floats:
    rows = (panel.offsets[contexts.series] + contexts.cutoffs)[:, None] + np.arange(contexts.horizon)
    return panel.target_values[rows, 0]


def test_the_best_forecasts_of_sales_have_the_error_variance_of_the_formula(panel: Panel, contexts: Contexts) -> None:
    errors = actuals(contexts, panel) - best_forecasts(contexts, panel)

    expected = sales.least_error_variance(EVERY, np.arange(1, sales.HORIZON + 1))
    deviation = expected * np.sqrt(2 / len(errors))  # of a mean of squares of independent normal errors
    assert not np.isnan(errors).any()
    assert (np.abs((errors**2).mean(axis=0) - expected) < 4 * deviation).all()
    assert (np.abs(errors.mean(axis=0)) < 4 * np.sqrt(expected / len(errors))).all()


def test_what_is_not_given_adds_its_variance(panel: Panel, contexts: Contexts) -> None:
    """Without a covariate, its mean takes its place: 0 of temperature and orders, 0.3 of promotions."""
    _, promotion, temperature = np.moveaxis(contexts.known(), 2, 0)
    orders = contexts.last(sales.LEAD)[:, : sales.HORIZON, column(panel, "orders")]
    share = 1 / (1 + sales.ERROR_VARIANCE * np.arange(1, sales.HORIZON + 1))
    effects = {
        "promotion": sales.PROMOTION * (promotion - sales.PROMOTION_SHARE),
        "temperature": sales.TEMPERATURE * share * temperature,
        "orders": sales.ORDERS * orders,
    }
    errors = actuals(contexts, panel) - best_forecasts(contexts, panel)

    for left_out in (["temperature"], ["orders"], ["promotion"], [*effects]):
        rmse = np.sqrt(np.mean((errors + sum(effects[name] for name in left_out)) ** 2))
        given = [name for name in EVERY if name not in left_out]
        assert rmse == pytest.approx(sales.least_rmse(given), rel=0.02)


def test_the_formula_is_the_exact_conditional_expectation_of_the_temperature() -> None:
    """The posterior of the temperature by quadrature, given the last forecast and given the last two."""
    grid = np.linspace(-8, 8, 4001)
    prior = np.exp(-(grid**2) / 2)
    rng = np.random.default_rng(5)
    for step in (1, 3, 7):
        variance = sales.ERROR_VARIANCE * step
        forecast = rng.normal()
        earlier = forecast + rng.normal() * np.sqrt(sales.ERROR_VARIANCE)  # issued a day before: one more error
        likelihood = np.exp(-((forecast - grid) ** 2) / (2 * variance))
        posterior = prior * likelihood / (prior * likelihood).sum()
        given_both = posterior * np.exp(-((earlier - forecast) ** 2) / (2 * sales.ERROR_VARIANCE))

        mean = (grid * posterior).sum()
        assert mean == pytest.approx(forecast / (1 + variance))
        assert (grid * given_both).sum() / given_both.sum() == pytest.approx(mean)
        spread = ((grid - mean) ** 2 * posterior).sum()
        assert 1 + sales.TEMPERATURE**2 * spread == pytest.approx(
            sales.least_error_variance(EVERY, np.array([step]))[0], rel=1e-6
        )


def test_temperature_forecasts_get_worse_by_the_day(panel: Panel, contexts: Contexts) -> None:
    rows = (panel.offsets[contexts.series] + contexts.cutoffs)[:, None] + np.arange(sales.HORIZON)
    errors = contexts.known()[:, :, 2] - panel.values[rows, column(panel, "temperature")]

    expected = sales.ERROR_VARIANCE * np.arange(1, sales.HORIZON + 1)
    assert (np.abs(errors.var(axis=0) - expected) < 4 * expected * np.sqrt(2 / len(errors))).all()


def test_public_holidays_of_victoria_follow_their_rules() -> None:
    sunday = easter(2012)
    march = [date(2012, 3, day) for day in range(1, 32)]
    expected = [
        date(2012, 1, 2),  # New Year's Day was a Sunday
        date(2012, 1, 26),
        [day for day in march if day.weekday() == 0][1],  # Labour Day
        *(sunday + timedelta(days=days) for days in (-2, -1, 1)),
        date(2012, 4, 25),
    ]

    assert date(2012, 1, 1).weekday() == 6
    assert victoria.PUBLIC_HOLIDAYS.tolist() == expected


def test_working_days_and_hours_are_those_of_the_clocks_in_melbourne() -> None:
    times = pd.date_range("2012-01-01", periods=victoria.HOURS, freq="h", tz="Etc/GMT-10")
    local = times.tz_convert(ZoneInfo("Australia/Melbourne"))

    working_day, hour = victoria.calendar(times.tz_localize(None).to_numpy())

    holidays = {str(day) for day in victoria.PUBLIC_HOLIDAYS}
    expected = [time.weekday() < 5 and str(time.date()) not in holidays for time in local]
    assert working_day.tolist() == expected
    assert hour.tolist() == local.hour.tolist()


def test_demand_in_victoria_is_that_of_statsmodels_file() -> None:
    panel = victoria.demand()

    assert panel.values.shape == (3600, 10)
    assert panel.values[:3, 0].tolist() == [7926.529376, 7901.82699, 7255.72135]
    digest = hashlib.sha256(panel.target_values.astype("<f8").tobytes()).hexdigest()
    assert digest == "1765c9ece0f16019131e2bb482f2d872367dbebfcba44ed5d164c10284e7731f"
    assert panel.start[0] == np.datetime64("2012-01-01")
    working, sine = panel.values[:, 1], panel.values[:, 2]
    np.testing.assert_array_equal(panel.values[:, 6], working * sine)


def test_the_demand_says_what_to_do_where_statsmodels_has_no_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_datasets.statsmodels_files.resources.files", lambda package: tmp_path)

    with pytest.raises(DataUnavailable, match=r"statsmodels has no file tsa/stl/.*mstl_elec_vic\.csv"):
        victoria.demand()


def test_a_file_of_other_hours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / victoria.FILE
    file.parent.mkdir(parents=True)
    file.write_text("ds,y\n2012-01-01 00:00:00,1\n2012-01-01 02:00:00,2\n")
    monkeypatch.setattr("harness_datasets.statsmodels_files.resources.files", lambda package: tmp_path)

    with pytest.raises(BadData, match="must have the 3,600 hours from 2012-01-01T00 on"):
        victoria.demand()
