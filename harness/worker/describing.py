"""What a forecaster tells of itself, as JSON values."""

from __future__ import annotations

from typing import Any

from harness.evaluation.description import describe
from harness.fields.dumping import dump
from harness.forecasters.forecaster import Forecaster
from harness.forecasters.remote import Description
from harness.worker.faults import Raised, caught


def described(forecaster: Forecaster) -> dict[str, Any]:
    """Its hyperparameters, size and layers of its model, curves, gradient norms, remarks; what raises is left out."""
    outcome = caught(lambda: describe(forecaster))
    return dump(Description() if isinstance(outcome, Raised) else outcome.value)  # as it would be stored
