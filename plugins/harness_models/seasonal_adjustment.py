"""Seasonal adjustment by STL or classical decomposition, of series whose model has no seasonal component."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from statsmodels.tsa.seasonal import STL, DecomposeResult, seasonal_decompose
from statsmodels.tsa.stattools import acf

from harness import CountedRemark, Floats, Forecast, Ints
from harness_models.univariate import TargetPasts

SEASONAL_WINDOW = 11  # of the loess over the years of one season; as in R's forecast::mstl
FEWEST_SEASONS = 3  # in fewer, the noise of each season looks like a seasonal component
EVOLVING_SEASONS = 6  # from so many on the seasonal component may change; it is constant in fewer
STRONG_SEASON = 0.64  # Wang, Smith and Hyndman 2006; the limit of R's forecast::nsdiffs
SIGNIFICANT = 1.645  # standard errors of the autocorrelation at the season length; a test at 10 %, as in M4
LEAST_INDEX = 0.01  # of a multiplicative season: with a lower one, the decomposition is additive


@dataclass(frozen=True, eq=False)
class SeasonalAdjustment:
    """The seasonal component of the training data, which may change.

    Its first season is repeated before the training data, and its last one after them, as in R's forecast::stlf.
    """

    component: Floats  # from the first value of the training data on, (values,); one season, if it does not change
    season_length: int
    start: np.datetime64 | int  # the time of that first value
    multiplicative: bool = False  # the component is a factor of each value

    def season(self, positions: Ints) -> Floats:
        """The seasonal component at positions relative to the first value of the training data."""
        last = len(self.component) - self.season_length  # where the last season begins
        places = np.where(positions < 0, positions % self.season_length, positions)
        places = np.where(places > last, last + (places - last) % self.season_length, places)
        return np.asarray(self.component[places])

    def constant(self) -> SeasonalAdjustment:
        """The adjustment by the last season throughout."""
        return replace(self, component=np.roll(self.component[-self.season_length :], len(self.component)))

    def remove(self, values: Floats, positions: Ints) -> Floats:
        """The values without their seasonal component."""
        season = self.season(positions)
        return values / season if self.multiplicative else values - season

    def adjust(self, past: TargetPasts) -> TargetPasts:
        """The pasts without their seasonal component."""
        columns = np.arange(past.values.shape[1])
        return replace(past, values=self.remove(past.values, self._first_columns(past)[:, None] + columns))

    def restore(self, past: TargetPasts, forecast: Forecast) -> Forecast:
        """The forecast of the seasonally adjusted target, with the seasonal component of each step."""
        ends = self._first_columns(past)[past.rows] + past.ends  # (window,)
        season = self.season(ends[:, None] + past.steps - 1)[:, :, None]

        def restored(array: Floats) -> Floats:
            shaped = season if array.ndim == season.ndim else season[..., None]
            return array * shaped if self.multiplicative else array + shaped

        return forecast.mapped(restored)

    def _first_columns(self, past: TargetPasts) -> Ints:
        """The position of the first column of each past, (past,)."""
        return np.asarray(past.begins - past.paddings - past.position(self.start))


def seasonal_adjustment(values: Floats, season_length: int, start: np.datetime64 | int) -> SeasonalAdjustment | None:
    """The adjustment of training data that begin at `start`; None without a strong season.

    There must be three seasons, and the seasonal strength must exceed 0.64. STL: Cleveland, Cleveland,
    McRae and Terpenning 1990.
    """
    if len(values) < FEWEST_SEASONS * season_length:
        return None
    strength, component = _decomposed(interpolated(values), season_length)
    return SeasonalAdjustment(component, season_length, start) if strength > STRONG_SEASON else None


def classical_adjustment(values: Floats, season_length: int, start: np.datetime64 | int) -> SeasonalAdjustment | None:
    """The adjustment by classical decomposition; None without a significant season.

    As for the benchmarks of the M4 competition, the autocorrelation at the season length must be significant at 10 %,
    and the decomposition is multiplicative. It is additive where values are not positive, or an index is below 0.01.
    """
    if season_length < 2 or len(values) < 2 * season_length or np.ptp(values) == 0:
        return None
    correlations = acf(values, nlags=season_length, fft=True)[1:]
    error = np.sqrt((1 + 2 * np.sum(correlations[:-1] ** 2)) / len(values))
    if abs(correlations[-1]) <= SIGNIFICANT * error:
        return None
    factors = seasonal_decompose(values, "multiplicative", period=season_length).seasonal if values.min() > 0 else None
    if factors is not None and factors.min() >= LEAST_INDEX:
        return SeasonalAdjustment(np.asarray(factors), season_length, start, multiplicative=True)
    indices = seasonal_decompose(values, period=season_length).seasonal
    return SeasonalAdjustment(np.asarray(indices), season_length, start)


def adjustment_size(adjustment: SeasonalAdjustment | None) -> int:
    """The number of seasonal indices that were estimated: the season length, or 0 without an adjustment."""
    return 0 if adjustment is None else adjustment.season_length


def adjustment_remarks(adjustments: Iterable[SeasonalAdjustment | None]) -> list[CountedRemark]:
    """How many of the models' series had their season removed."""
    known = list(adjustments)
    lengths = sorted({adjustment.season_length for adjustment in known if adjustment is not None})
    count = sum(adjustment is not None for adjustment in known)
    text = (
        f"the season of {' or '.join(map(str, lengths))} steps is too long for the model: {{count}} of {{total}} "
        "targets were seasonally adjusted by STL, and the last season was added to their forecasts"
    )
    return [CountedRemark("seasonal adjustment", text if count else "", count, len(known))]


def interpolated(values: Floats) -> Floats:
    """The values with missing ones interpolated linearly."""
    positions, observed = np.arange(len(values)), ~np.isnan(values)
    return np.interp(positions, positions[observed], values[observed])


def seasonal_strength(values: Floats, season_length: int) -> float:
    """The seasonal strength of Wang, Smith and Hyndman, from 0 to 1."""
    return _strength(STL(values, period=season_length).fit())


def _decomposed(values: Floats, season_length: int) -> tuple[float, Floats]:
    """The seasonal strength and the seasonal component."""
    evolving = len(values) >= EVOLVING_SEASONS * season_length
    window = SEASONAL_WINDOW if evolving else 10 * len(values) + 1  # a wide one gives the mean over all seasons
    parts = STL(values, period=season_length, seasonal=window, seasonal_deg=0).fit()  # the degree of R's stl
    return _strength(parts), np.asarray(parts.seasonal)


def _strength(parts: DecomposeResult) -> float:
    rest = float(np.var(parts.seasonal + parts.resid))
    return max(0.0, 1 - float(np.var(parts.resid)) / rest) if rest > 0 else 0.0
