"""How to fix a forecaster that fails a check."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.plugins.checks.capabilities import CATEGORICAL, COVARIATES, QUANTILES, SEASON, TARGETS
from harness.plugins.checks.forecasters import AUDIT, IN_STRICT_MODE, INSTALLED, SAME_SEED, STATE
from harness.plugins.contract import DATACLASS, JSON, METHODS

_HINTS = {
    INSTALLED: "Install the distributions, or correct `depends` of the ForecasterSpec.",
    DATACLASS: "Write @dataclass above the class; its fields are the hyperparameters.",
    METHODS: "Write fit(self, train) and predict(self, contexts), or derive from LocalForecaster and write "
    "predict_series(self, context).",
    JSON: "Use numbers, texts, booleans, None, lists and dictionaries as hyperparameters; make other objects in fit.",
    SAME_SEED: "Draw random numbers from a generator that `fit` seeds with the field `seed`; in `predict`, seed it by "
    "the seed, the series and the cutoff. If sums are added in varying order, state `tolerance` in the ForecasterSpec.",
    STATE: "Do not change attributes in `predict`: seed a new generator in each call, and put layers such as dropout "
    "and batch normalisation into evaluation mode.",
    AUDIT: "Use only what the context of a window holds: no values after its cutoff, and no mean or scale over the "
    "windows of a call. If series are forecast together on purpose, state batches='cutoff' in the ForecasterSpec.",
    QUANTILES: "State in the ForecasterSpec whether it gives quantiles: quantiles=True or quantiles=False.",
    COVARIATES: "State the covariates that it uses in the ForecasterSpec, such as covariates=('known covariate',), or "
    "covariates=() if it uses none.",
    TARGETS: "State in the ForecasterSpec whether forecasts of one target depend on the history of the other targets: "
    "multivariate=True or multivariate=False.",
    CATEGORICAL: "State categorical=True in the ForecasterSpec if it forecasts the probabilities of classes; otherwise "
    "leave it out.",
    SEASON: "On tasks without a season, either raise harness.Unsupported('needs a season') in fit or predict and state "
    "needs_season=True in the ForecasterSpec, or forecast them and leave needs_season out.",
}
_STRICT = (
    "Forecast each window from its own context: in strict mode those of one point in time are forecast together, "
    "without later values in reach. If series are forecast together on purpose, state batches='cutoff' in the "
    "ForecasterSpec; if sums are added in varying order, state `tolerance`."
)
_BY_DESCRIPTION = {
    "several series": "Forecast each window from its own context: a forecast has the shape (window, horizon, target).",
    "missing values": "Handle NaN, or state missing='interpolate' (or 'ffill', 'seasonal') in the ForecasterSpec.",
    "shorter than a season": "The history of a window may be shorter than a season, or a single value: use what there "
    "is, such as its last value.",
    "different lengths": "Do not stack series of different lengths; contexts.last(length) pads short ones with NaN.",
    "two targets": "Forecast all targets: a forecast has the shape (window, horizon, target).",
    "covariates": "The channels of a context are targets and covariates: contexts.targets has the positions of the "
    "targets, and last_targets(length) their values.",
    "gap": "Skip the steps of contexts.gap before the first step that is forecast, and let fit replace all that it "
    "learned before.",
    "quantile levels": "Return quantiles at contexts.quantile_levels, or a point forecast.",
    "generation": "The horizon may be longer than a season, and the series may be others than those of fit.",
}
_REFUSE = "A task that the forecaster does not support is refused: raise harness.Unsupported('why') in fit or predict."
_SHAPE = (
    "Return a forecast of the shape (window, horizon, target) in predict, or an array of the shape (horizon, target) "
    "in predict_series, also for one target or one step."
)
_NAN = (
    "Find where NaN or infinite values come from: the mean of no values, a division by zero, the logarithm of a value "
    "that is not positive, or a fit that diverges."
)
_CROSSING = "Sort the quantiles along the last axis, that of levels: np.sort(quantiles, axis=-1)."
_NAN_BY_DESCRIPTION = {
    "missing values": _BY_DESCRIPTION["missing values"],
    "delayed": "The last values of a delayed covariate are NaN at each cutoff: leave them out, or fill them.",
}
_PLACE = re.compile(r"\((\S+), line (\d+), in ([^)]+)\)")


def hint(name: str, detail: str = "") -> str:
    """How to fix a forecaster that fails the check of this name with this detail, in a sentence or two."""
    found = _of_failure(name, detail)
    if name in _HINTS and not found:
        return _HINTS[name]
    if name.endswith(IN_STRICT_MODE) and not found:
        return _STRICT
    return f"{found or _of_task(name)} {_REFUSE}"


def _of_failure(name: str, detail: str) -> str:
    """How to fix an exception, or a forecast of the wrong form; empty for other failures."""
    if place := _PLACE.search(detail):
        file, line, function = place.groups()
        return f"The code of the forecaster raised: look at line {line} of {file}, in {function}."
    if "NaN or infinite values" in detail:
        return _described(name, _NAN_BY_DESCRIPTION) or _NAN
    if "quantiles cross" in detail:
        return _CROSSING
    if "shape" in detail or "axis" in detail:
        return _described(name, {"two targets": _BY_DESCRIPTION["two targets"]}) or _SHAPE
    return ""


def _of_task(name: str) -> str:
    """What is special about the task of a check."""
    return _described(name, _BY_DESCRIPTION) or "Read the reason above."


def _described(name: str, texts: Mapping[str, str]) -> str:
    """The text for the first description that the name of a check contains; empty without one."""
    return next((text for part, text in texts.items() if part in name), "")
