"""Synthetic sales with covariates of every kind, for which the best forecasts are known.

The sales of series s in step t are

    level(category of s) + 4 weekend_t + 5 promotion_st + 2 temperature_st + 2 orders_s,t−9 + noise_st

where promotions are on three days of ten, and temperature, orders and noise are independent standard normal numbers.
Weekends and promotions are known in advance. Orders are published two days later, so that those that matter for the
next seven days are just known at the cutoff. The temperature h days ahead is only known by a forecast: the temperature
and the sum of h independent normal errors of variance 0.15, so that a new forecast removes an error of the one before.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from harness import Channel, Floats, Ints, Panel, Vintages

SERIES, DAYS, HORIZON = 120, 112, 7
LEVELS = {"books": 10.0, "food": 20.0, "toys": 30.0}
WEEKEND, PROMOTION, TEMPERATURE, ORDERS = 4.0, 5.0, 2.0, 2.0  # effects
PROMOTION_SHARE = 0.3
LEAD = 9  # from orders to sales
DELAY = 2  # of the orders: LEAD − HORIZON
ERROR_VARIANCE = 0.15  # of a temperature forecast, per day ahead

CHANNELS = (
    Channel("sales"),
    Channel("weekend", "known covariate"),
    Channel("promotion", "known covariate"),
    Channel("temperature", "known covariate", certain=False),
    Channel("orders", "past covariate", delay=DELAY),
)


def sales() -> Panel:
    """120 series of 112 days from a Monday, with vintages of the temperature for seven days from each day on."""
    rng = np.random.default_rng(21)
    category = np.arange(SERIES) % len(LEVELS)
    weekend = np.broadcast_to(np.arange(DAYS) % 7 >= 5, (SERIES, DAYS)).astype(float)
    promotion = (rng.random((SERIES, DAYS)) < PROMOTION_SHARE).astype(float)
    temperature = rng.normal(size=(SERIES, DAYS + HORIZON))
    orders = rng.normal(size=(SERIES, LEAD + DAYS))  # from LEAD days before the first one on
    errors = rng.normal(size=(SERIES, DAYS + HORIZON, HORIZON)) * np.sqrt(ERROR_VARIANCE)
    forecasts = temperature[:, :, None] + errors.cumsum(axis=2)  # (series, day, lead)
    values = np.stack(
        [
            np.array(list(LEVELS.values()))[category][:, None]
            + WEEKEND * weekend
            + PROMOTION * promotion
            + TEMPERATURE * temperature[:, :DAYS]
            + ORDERS * orders[:, :DAYS]
            + rng.normal(size=(SERIES, DAYS)),
            weekend,
            promotion,
            temperature[:, :DAYS],
            orders[:, LEAD:],
        ],
        axis=2,
    )
    leads = np.arange(HORIZON)
    issued = np.arange(DAYS + 1)
    vintages = forecasts[:, issued[:, None] + leads, leads]  # (series, issued, lead)
    return Panel.of(
        list(values),
        ids=[f"{list(LEVELS)[kind]}-{number:03d}" for number, kind in enumerate(category, start=1)],
        start=np.datetime64("2024-01-01", "ns"),
        freq="D",
        season_length=7,
        channels=CHANNELS,
        static={"category": [list(LEVELS)[kind] for kind in category]},
        vintages={"temperature": Vintages.of([(issued, part) for part in vintages])},
    )


def least_error_variance(covariates: Collection[str], steps: Ints) -> Floats:
    """The error variance of the best forecast of each step ahead, from 1 on, given these covariates, (step,).

    What is not given adds its variance. Of a temperature T that is forecast as v = T + e, where the variances are 1 and
    τ², the best forecast is v / (1 + τ²), with the error variance τ² / (1 + τ²) (the conditional distribution of normal
    variables; earlier forecasts of the same day add further errors to v, and tell nothing more). Levels and the pattern
    of the week are known from a long history, and so is everything else about the model.
    """
    forecast_error = ERROR_VARIANCE * steps
    temperature = forecast_error / (1 + forecast_error) if "temperature" in covariates else np.ones(len(steps))
    variance = 1 + TEMPERATURE**2 * temperature
    if "promotion" not in covariates:
        variance = variance + PROMOTION**2 * PROMOTION_SHARE * (1 - PROMOTION_SHARE)
    if "orders" not in covariates:
        variance = variance + ORDERS**2
    return variance


def least_rmse(covariates: Collection[str]) -> float:
    """The expected RMSE of the best forecasts of the next seven days, given these covariates."""
    return float(np.sqrt(least_error_variance(covariates, np.arange(1, HORIZON + 1)).mean()))
