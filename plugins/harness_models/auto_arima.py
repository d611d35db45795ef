"""Automatic ARIMA: differencing by tests, orders by AICc."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from operator import attrgetter

import numpy as np
from statsmodels.tsa.stattools import kpss

from harness import Context, CountedRemark, Floats, Unsupported
from harness_models.arima import FilteredArima, FittedArima
from harness_models.arima_specification import Specification, fit_model
from harness_models.seasonal_adjustment import (
    STRONG_SEASON,
    adjustment_remarks,
    interpolated,
    seasonal_adjustment,
    seasonal_strength,
)

KPSS_CRITICAL_VALUE = 0.463  # of level stationarity at 5 %: Kwiatkowski et al. 1992, table 1
NEARLY_NO_NOISE = np.array([1e-12])  # the variance of a constant series: the filter needs one above zero


@dataclass
class AutoArima(FilteredArima):
    """ARIMA (p, d, q)(P, D, Q)m chosen for each series, after Hyndman and Khandakar 2008. Covariates are ignored.

    - D is 1 where the seasonal strength (by STL) exceeds 0.64, else 0; d is the least for which a KPSS
      test at 5 % does not reject stationarity of the differences, at most `max_d`.
    - The grid, by AICc: first (P, Q) of 0 and 1 with (p, q) = (1, 1); then with these all (p, q) of at
      most `max_p` and `max_q` whose sum is at most `max_order`; then the model with and without its
      constant (d + D = 0) or drift (d + D = 1). A fit that fails or does not converge is ignored.
    - Seasons of 2 to `max_season_length` steps are modelled if `seasonal` and the series has three of them.
      A strong longer season is estimated by STL from all training data: the last season is removed from
      them, and added to the forecasts (a note of the run says so).

    The likelihood is that of the differenced series, of its last `truncate` observations (None: all).
    Values are divided by the standard deviation of their differences first, so that the diffuse prior of
    statsmodels is vague at any scale. Series whose differences are constant, such as
    a constant or an exactly periodic one, are continued without orders.
    """

    max_p: int = 3
    max_d: int = 2
    max_q: int = 3
    max_order: int = 4
    seasonal: bool = True
    max_season_length: int = 24
    truncate: int | None = 400

    def __post_init__(self) -> None:
        for name in ("max_p", "max_d", "max_q", "max_order"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if self.truncate is not None and self.truncate < 20:
            raise ValueError(f"truncate must be at least 20 observations or none, not {self.truncate}")

    @property
    def remarks_(self) -> list[CountedRemark]:
        """Which seasons were removed by STL."""
        return adjustment_remarks(state.adjustment for state in self.fitted_states())

    def fit_target(self, values: Floats, context: Context) -> FittedArima:
        """The model of the grid with the lowest AICc."""
        first = 0 if self.truncate is None else max(0, len(values) - self.truncate)
        if (~np.isnan(values[first:])).sum() < 8:
            raise Unsupported(f"auto-arima needs 8 observations to choose by; series {context.id!r} has fewer")
        adjustment = None
        if self.seasonal and context.season_length > self.max_season_length:
            adjustment = seasonal_adjustment(values, context.season_length, context.start)
            if adjustment is not None:
                adjustment = adjustment.constant()  # ARIMA follows its changes better: docs/statistical.md
                values = adjustment.remove(values, np.arange(len(values)))
        shown = values[first:]
        if np.nanmin(shown) == np.nanmax(shown):
            return FittedArima(Specification((0, 1, 0)), NEARLY_NO_NOISE, context.start, adjustment=adjustment)
        scale = _scale(shown)
        season = self._season(len(shown), context.season_length)
        d, seasonal_d = _differences(shown, season, self.max_d)
        search = _Search(shown / scale, d, seasonal_d, season)
        exact = search.without_noise(Specification((0, d, 0), (0, seasonal_d, 0, season if seasonal_d else 0), "n"))
        if exact is not None:
            return FittedArima(exact.specification, exact.parameters, context.start, scale, adjustment)
        best = search.best(self._grid(d, seasonal_d, season, search))
        return FittedArima(best.specification, best.parameters, context.start, scale, adjustment)

    def _season(self, length: int, season_length: int) -> int:
        modelled = self.seasonal and 2 <= season_length <= self.max_season_length and length >= 3 * season_length
        return season_length if modelled else 0

    def _grid(self, d: int, seasonal_d: int, season: int, search: _Search) -> Iterator[Specification]:
        """The models to compare; later ones depend on the AICc of earlier ones."""
        trend = "n" if d + seasonal_d else "c"
        seasonal_order = (0, 0, 0, 0)
        if season:
            seasons = [(sp, seasonal_d, sq, season) for sp, sq in product((0, 1), repeat=2)]
            start = min(self.max_p, 1), d, min(self.max_q, 1)
            best = search.best(Specification(start, seasonal, trend) for seasonal in seasons)
            seasonal_order = best.specification.seasonal_order
        orders = [
            (p, d, q) for p, q in product(range(self.max_p + 1), range(self.max_q + 1)) if p + q <= self.max_order
        ]
        grid = [Specification(order, seasonal_order, trend) for order in orders]
        yield from grid
        best = search.best(grid)
        if d + seasonal_d <= 1:
            yield replace(best.specification, trend={"c": "n", "n": "t"}[trend])


@dataclass(frozen=True, eq=False)
class _Candidate:
    specification: Specification
    parameters: Floats
    aicc: float


class _Search:
    """Fits each model of one series once, and caches the results.

    Models are fitted to the differenced series: the same parameters, and a filter of half as many states.
    """

    def __init__(self, values: Floats, d: int, seasonal_d: int, season: int) -> None:
        self._rounding = 1e-10 * float(np.nanmax(np.abs(values)))
        values = np.diff(values, d)
        self._differences = values[season:] - values[:-season] if seasonal_d else values
        self._slope = season if seasonal_d else 1  # the change of a difference by one step of drift
        self._candidates: dict[Specification, _Candidate | None] = {}

    def without_noise(self, differenced: Specification) -> _Candidate | None:
        """The differences alone, with their drift, where these are constant; None elsewhere."""
        observed = self._differences[~np.isnan(self._differences)]
        if not len(observed) or np.ptp(observed) > self._rounding:
            return None
        drift = float(observed.mean())
        if abs(drift) <= self._rounding:
            return _Candidate(differenced, NEARLY_NO_NOISE, -np.inf)
        if differenced.order[1] + differenced.seasonal_order[1] != 1:
            return None  # of higher order than the trends that are compared
        parameters = np.append(drift / self._slope, NEARLY_NO_NOISE)
        return _Candidate(replace(differenced, trend="t"), parameters, -np.inf)

    def best(self, specifications: Iterable[Specification]) -> _Candidate:
        """The candidate with the lowest AICc."""
        candidates = [candidate for candidate in map(self._candidate, specifications) if candidate is not None]
        if not candidates:
            raise Unsupported("no ARIMA model of the grid could be fitted: all fits failed or did not converge")
        return min(candidates, key=attrgetter("aicc"))

    def _candidate(self, specification: Specification) -> _Candidate | None:
        if specification not in self._candidates:
            self._candidates[specification] = self._fit(specification)
        return self._candidates[specification]

    def _fit(self, specification: Specification) -> _Candidate | None:
        (p, _, q), (sp, _, sq, season) = specification.order, specification.seasonal_order
        trend = "n" if specification.trend == "n" else "c"
        arma = Specification((p, 0, q), (sp, 0, sq, season), trend, concentrate_scale=True)
        if int((~np.isnan(self._differences)).sum()) < arma.minimum_length:
            return None
        try:
            results = fit_model(arma, self._differences)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return None
        if not (results.mle_retvals["converged"] and np.isfinite(results.aicc)):
            return None
        parameters = np.append(results.params, results.scale)
        if specification.trend == "t":
            parameters[0] /= self._slope
        return _Candidate(specification, parameters, float(results.aicc))


def _scale(values: Floats) -> float:
    """The standard deviation of the differences, or 1 where it is zero."""
    differences = np.diff(values)
    spread = float(np.nanstd(differences)) if (~np.isnan(differences)).any() else 0.0
    return spread if spread > 0 else 1.0


def _differences(values: Floats, season: int, max_d: int) -> tuple[int, int]:
    """The orders of differencing, d and D."""
    values, seasonal = interpolated(values), 0
    if season and seasonal_strength(values, season) > STRONG_SEASON:
        seasonal, values = 1, values[season:] - values[:-season]
    for d in range(max_d):
        if len(values) < 8 or np.ptp(values) == 0 or _kpss(values) <= KPSS_CRITICAL_VALUE:
            return d, seasonal
        values = np.diff(values)
    return max_d, seasonal


def _kpss(values: Floats) -> float:
    """The KPSS statistic of level stationarity, with the short lag truncation of Hyndman and Khandakar."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of p-values outside the table, which are not used
        return float(kpss(values, regression="c", nlags=int(3 * np.sqrt(len(values)) / 13))[0])
