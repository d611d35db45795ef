"""The check of a dataset says what its covariates are, and finds vintages that do not fit the actual values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import Channel, DatasetSpec, Floats, Panel, Vintages
from harness.plugins.check_results import CheckResult
from harness.plugins.checks.contracts import check_dataset
from harness.plugins.checks.covariates import check_covariates

DAYS, LEADS, NAN = 60, 5, np.nan
RNG = np.random.default_rng(8)
TEMPERATURE = np.array([[10.0], [30.0]]) + RNG.normal(0, 3, (2, DAYS + LEADS))  # (series, day)
ISSUED = np.arange(DAYS - LEADS + 1)
ROWS = ISSUED[:, None] + np.arange(LEADS)  # (vintage, lead)
ERRORS = RNG.normal(size=(2, *ROWS.shape)) * np.arange(1, LEADS + 1) / 4


def panel_with(forecasts: list[Floats] | None) -> Panel:
    """Two series with all kinds of covariates, and these forecasts (vintage, lead) of the temperature of each."""
    columns = RNG.normal(size=(2, DAYS, 4))
    columns[:, :, 1] = TEMPERATURE[:, :DAYS]
    columns[0, :12, 3] = NAN
    return Panel.of(
        list(columns),
        channels=[
            Channel("sales"),
            Channel("temperature", "known covariate", certain=False),
            Channel("visitors", "past covariate", delay=2),
            Channel("promotion", "known covariate"),
        ],
        static={"region": ["coast", "coast"], "area": [NAN, float("nan")]},
        vintages={} if forecasts is None else {"temperature": Vintages.of([(ISSUED, part) for part in forecasts])},
    )


def results(panel: Panel) -> dict[str, CheckResult]:
    return {result.name.split("'")[1]: result for result in check_covariates(panel)}


GOOD = [TEMPERATURE[i][ROWS] + ERRORS[i] for i in range(2)]


def test_each_covariate_is_described() -> None:
    found = results(panel_with(GOOD))

    assert list(found) == ["temperature", "visitors", "promotion", "region", "area"]
    assert all(result.passed for result in found.values())
    assert found["visitors"].detail == "past covariate, delay 2"
    assert found["promotion"].detail == "known covariate, 10 % missing"
    assert found["region"].detail == "static covariate, different values: 1"
    assert found["area"].detail == "static covariate, different values: 0"


def test_vintages_are_compared_with_the_actual_values() -> None:
    first, last = np.sqrt((ERRORS**2).mean(axis=(0, 1)))[[0, -1]]
    deviation = np.sqrt(TEMPERATURE[:, :DAYS].var(axis=1).mean())

    detail = results(panel_with(GOOD))["temperature"].detail

    assert detail == (
        f"known covariate, 112 vintages of 2 series, 5 leads, RMSE {first:.3g} at lead 1 and {last:.3g} at lead 5, "
        f"standard deviation {deviation:.3g}"
    )


def test_missing_values_of_vintages_are_counted_and_not_compared() -> None:
    incomplete = [part.copy() for part in GOOD]
    for part in incomplete:
        part[:, -1] = NAN

    detail = results(panel_with(incomplete))["temperature"].detail

    assert "20 % of the vintages missing" in detail
    assert "at lead 4, standard" in detail


def test_a_forecast_without_vintages_is_said() -> None:
    detail = results(panel_with(None))["temperature"].detail

    assert detail == "known covariate, a forecast without vintages: forecasters are given its actual values"


@pytest.mark.parametrize("pair", [([DAYS], np.ones((1, 3))), ([], [])])
def test_vintages_without_an_actual_value_are_not_compared(pair: tuple[Floats, Floats]) -> None:
    panel = panel_with(None).with_vintages({"temperature": Vintages.of([pair, ([], [])])})

    result = results(panel)["temperature"]

    assert result.passed
    assert result.detail.endswith("no actual value to compare them with")


def test_actual_values_as_vintages_are_found() -> None:
    result = results(panel_with([TEMPERATURE[i][ROWS] for i in range(2)]))["temperature"]

    assert (result.passed, result.detail) == (
        False,
        "the vintages are the actual values: they equal them at all leads",
    )


def test_exact_forecasts_of_one_step_are_not_the_actual_values() -> None:
    exact = [np.where(np.arange(LEADS) == 0, TEMPERATURE[i][ROWS], GOOD[i]) for i in range(2)]

    assert results(panel_with(exact))["temperature"].passed


@pytest.mark.parametrize(
    "forecasts",
    [GOOD[::-1], [TEMPERATURE[i][ROWS + 1] for i in range(2)], [part * 9 / 5 + 32 for part in GOOD]],
    ids=["swapped series", "shifted by a step", "another unit"],
)
def test_vintages_of_other_values_are_found(forecasts: list[Floats]) -> None:
    result = results(panel_with(forecasts))["temperature"]

    assert not result.passed
    assert "the vintages do not fit the actual values: their RMSE at lead 1 is " in result.detail


def test_a_constant_covariate_may_be_forecast_exactly() -> None:
    panel = panel_with([np.full(ROWS.shape, 5.0)] * 2)
    values = panel.values.copy()
    values[:, 1] = 5

    assert results(panel.with_values(values))["temperature"].passed


def test_a_delay_that_hides_all_values_is_found() -> None:
    panel = panel_with(GOOD)
    late = tuple(replace(channel, delay=DAYS) if channel.delay else channel for channel in panel.channels)

    result = results(replace(panel, channels=late))["visitors"]

    assert not result.passed
    assert "delay 60 of channel 'visitors' hides all of its values" in result.detail


def test_the_check_of_a_dataset_contains_them(tmp_path: Path) -> None:
    spec = DatasetSpec("trial", lambda: panel_with(GOOD[::-1]), source="here", licence="none needed")

    failed = [result.name for result in check_dataset(spec, tmp_path) if not result.passed]

    assert "covariate 'temperature'" in failed
