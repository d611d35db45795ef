"""Contract: what the class of a forecaster alone tells, checked where that is imported."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from harness.evaluation.description import hyperparameters
from harness.forecasters.spec import ForecasterSpec, underlying_class
from harness.plugins.check_results import CheckResult, check_result

DATACLASS = "is a dataclass of hyperparameters"
METHODS = "has the methods fit and predict"
JSON = "its hyperparameters are JSON values"
CHECKS = (DATACLASS, METHODS, JSON)


@dataclass(frozen=True)
class Contract:
    """The results of the checks of a class, and what further checks need to know."""

    results: tuple[CheckResult, ...]
    takes_seed: bool = False
    can_be_called: bool = True  # whether there is something to check further


def contract_of(spec: ForecasterSpec) -> Contract:
    """The contract of a forecaster, which is imported and made in this process."""
    results = [check_result(DATACLASS, lambda: _is_dataclass(spec))]
    results.append(check_result(METHODS, lambda: _has_methods(spec)))
    if not results[-1].passed:
        return Contract(tuple(results), can_be_called=False)
    results.append(check_result(JSON, lambda: _has_json_fields(spec)))
    return Contract(tuple(results), spec.takes_seed())


def _is_dataclass(spec: ForecasterSpec) -> str:
    if not dataclasses.is_dataclass(underlying_class(spec.load())):
        raise AssertionError("the factory must be a dataclass")
    return ""


def _has_methods(spec: ForecasterSpec) -> str:
    forecaster = spec.make({}, 0)
    missing = [name for name in ("fit", "predict") if not callable(getattr(forecaster, name, None))]
    if missing:
        raise AssertionError(
            f"{type(forecaster).__name__} has no method {' and no method '.join(missing)}; "
            "write fit(train) and predict(contexts), or derive from LocalForecaster or FittedLocalForecaster"
        )
    if spec.reusable and not callable(getattr(forecaster, "load_model", None)):
        raise AssertionError(
            f"{type(forecaster).__name__} has no method load_model, which loads the model of a forecaster whose spec "
            "states reusable=True"
        )
    return ""


def _has_json_fields(spec: ForecasterSpec) -> str:
    forecaster = spec.make({})
    for name in hyperparameters(forecaster):
        try:
            json.dumps(getattr(forecaster, name))
        except TypeError:
            raise AssertionError(f"{name} is {getattr(forecaster, name)!r}, which is no JSON value") from None
    return json.dumps(hyperparameters(forecaster))
