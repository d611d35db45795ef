"""Estimation of ETS models by statsmodels: several starts, so that no model is worse than one nested in it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from statsmodels.tools.eval_measures import aicc
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.seasonal import seasonal_decompose

from harness import Floats

LEVEL_STARTS = (0.01, 0.1, 0.5, 0.9)  # α
TREND_STARTS = (0.01, 0.3)  # β/α
SEASON_STARTS = (0.01, 0.3, 0.8)  # γ/(1 − α)
DAMPING_STARTS = (0.85, 0.97)  # φ
LONGEST_ESTIMATED_SEASON = 12  # the initial states of longer ones are not estimated, but decomposed
LEAST_INDEX = 0.01  # of a multiplicative season; as in R's forecast::ets
NO_SMOOTHING = 1e-4  # the least β/α and γ/(1 − α) that statsmodels allows
LIGHTEST_DAMPING = 0.98  # the largest φ that statsmodels allows
TOLERANCE = 1e9  # of L-BFGS-B, in units of rounding: the log-likelihood of 1,000 values to less than 0.001


@dataclass(frozen=True)
class EtsForm:
    """The components of an ETS model; `error` and `seasonal` are "add" or "mul", `trend` is "add"."""

    error: str
    trend: str | None
    damped: bool
    seasonal: str | None

    def includes(self, other: EtsForm) -> bool:
        """Whether the states of the other model are among those of this one; its errors may differ."""
        trend = other.trend is None or (other.trend, other.damped) == (self.trend, self.damped)
        return trend and other.seasonal in (None, self.seasonal)

    def model(self, values: Floats, season_length: int) -> Any:
        """The model of statsmodels."""
        return ETSModel(
            values,
            error=self.error,
            trend=self.trend,
            damped_trend=self.damped,
            seasonal=self.seasonal,
            seasonal_periods=season_length if self.seasonal else None,
        )


@dataclass(frozen=True, eq=False)
class EtsEstimate:
    """A fitted ETS model; `parameters` are smoothing parameters and initial states by the names of statsmodels."""

    form: EtsForm
    parameters: dict[str, float]
    log_likelihood: float
    aicc: float  # −∞ where the model fits exactly
    variance: float  # of the one-step errors, relative ones for a multiplicative error

    def initial_seasons(self, season_length: int) -> Floats:
        """The initial seasonal component in the order of time, (season length,)."""
        states = [self.parameters[f"initial_seasonal.{i}"] for i in range(season_length)]
        return np.array(states[::-1])


def estimates(values: Floats, season_length: int, forms: Iterable[EtsForm]) -> Iterator[EtsEstimate]:
    """Maximum-likelihood estimates of ETS models of one series, without those that could not be fitted.

    L-BFGS-B begins at the best point of a grid of smoothing parameters with heuristic initial states, and
    at the best estimate of a model before it whose states it includes: in the order of growing models, none
    is less likely than one nested in it. Without such a model, it begins at the default of statsmodels as
    well. Gradients are differences, so values should be of the order of 1.

    The initial states of a season of more than 12 steps are the indices of a classical decomposition of all
    values. They count as estimated parameters in the AICc. Of all starts, the best one is optimised.
    """
    found: list[EtsEstimate] = []
    for form in forms:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            estimate = _estimate(values, season_length, form, found)
        if estimate is not None:
            found.append(estimate)
            yield estimate


def _estimate(values: Floats, season_length: int, form: EtsForm, simpler: list[EtsEstimate]) -> EtsEstimate | None:
    """The most likely of the fits from all starts."""
    model = form.model(values, season_length)
    names: list[str] = model.param_names
    seasons = _decomposed_seasons(values, season_length, form)
    heuristic = dict(zip(names, model.start_params, strict=True)) | seasons
    nested = [_embedded(estimate, form) for estimate in simpler if form.includes(estimate.form)]
    best: EtsEstimate | None = None
    for points in [_grid(heuristic) + nested] if seasons else [_grid(heuristic), nested or [heuristic]]:
        starts = [np.array([seasons.get(name, point[name]) for name in names]) for point in points]
        likelihoods = [_number(model.loglike(start)) for start in starts]
        if max(likelihoods) == -np.inf:
            continue
        start = starts[int(np.argmax(likelihoods))]
        with model.fix_params(seasons):  # without results, whose Hessian takes most of the time
            found = model.fit(start, disp=False, factr=TOLERANCE, return_params=True)
        fitted, _ = model.smooth(found, return_raw=True)
        log_likelihood = _number(model.loglike(found))
        criterion = float(aicc(log_likelihood, len(values), len(names) + 1))
        if np.isnan(criterion) or criterion == np.inf or (form.error == "mul" and np.min(fitted) <= 0):
            continue
        if best is None or log_likelihood > best.log_likelihood:
            errors = (values - fitted) / (fitted if form.error == "mul" else 1.0)
            parameters = dict(zip(names, found.tolist(), strict=True))
            best = EtsEstimate(form, parameters, log_likelihood, criterion, float(np.mean(errors**2)))
    return best


def _decomposed_seasons(values: Floats, season_length: int, form: EtsForm) -> dict[str, float]:
    """The initial states of a long season by the names of statsmodels; empty for those that are estimated."""
    if form.seasonal is None or season_length <= LONGEST_ESTIMATED_SEASON:
        return {}
    multiplicative = form.seasonal == "mul"
    parts = seasonal_decompose(values, model="multiplicative" if multiplicative else "additive", period=season_length)
    indices = np.maximum(parts.seasonal, LEAST_INDEX) if multiplicative else parts.seasonal
    return {f"initial_seasonal.{season_length - 1 - i}": float(indices[i]) for i in range(season_length)}


def _grid(heuristic: dict[str, float]) -> list[dict[str, float]]:
    """Smoothing parameters of a grid, with the same initial states."""
    trends = TREND_STARTS if "smoothing_trend" in heuristic else (0.0,)
    seasons = SEASON_STARTS if "smoothing_seasonal" in heuristic else (0.0,)
    dampings = DAMPING_STARTS if "damping_trend" in heuristic else (1.0,)
    return [
        heuristic
        | {
            "smoothing_level": level,
            "smoothing_trend": trend * level,
            "smoothing_seasonal": season * (1 - level),
            "damping_trend": damping,
        }
        for level, trend, season, damping in product(LEVEL_STARTS, trends, seasons, dampings)
    ]


def _embedded(estimate: EtsEstimate, form: EtsForm) -> dict[str, float]:
    """The parameters with which a larger model forecasts the same."""
    level = estimate.parameters["smoothing_level"]
    neutral = {
        "smoothing_trend": NO_SMOOTHING * level,
        "smoothing_seasonal": NO_SMOOTHING * (1 - level),
        "damping_trend": LIGHTEST_DAMPING,
        "initial_trend": 0.0,
    }
    return _Defaults(neutral | estimate.parameters, season=1.0 if form.seasonal == "mul" else 0.0)


class _Defaults(dict[str, float]):
    """Parameters by name, whose other ones are seasonal states."""

    def __init__(self, known: dict[str, float], season: float) -> None:
        super().__init__(known)
        self._season = season

    def __missing__(self, name: str) -> float:
        return self._season


def _number(log_likelihood: float) -> float:
    """The log-likelihood, −∞ where it is undefined."""
    return -np.inf if np.isnan(log_likelihood) else float(log_likelihood)
