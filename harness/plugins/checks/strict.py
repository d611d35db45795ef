"""The check that a forecaster forecasts in strict mode as it does in batches."""

from __future__ import annotations

from harness.evaluation.audit.rules import FATAL, Rules
from harness.evaluation.run import Run
from harness.evaluation.strict_comparison import difference_text, strict_difference
from harness.forecasters.spec import ForecasterSpec


def compared_with_batches(spec: ForecasterSpec, strict: Run, batch: Run, is_stochastic: bool) -> str:
    """How a run in strict mode compares with one in batches.

    Raises AssertionError if they differ by more than the audit allows a forecaster that declares that its forecasts do
    not depend on the other windows of a call.
    """
    difference = strict_difference(strict, batch)
    if difference is None:
        raise AssertionError("it has no forecasts to compare")
    text = difference_text(difference)
    most = FATAL * Rules(tolerance=spec.tolerance).rounding
    if difference <= most:
        return text
    if is_stochastic:
        return f"{text}; its random numbers depend on the windows of a call"
    if spec.batches != "any":
        return f"{text}; it declares batches = {spec.batches!r}"
    raise AssertionError(
        f"its forecasts are {text}, more than {most:g}: they depend on the other windows of a call, or on other calls; "
        'declare batches = "cutoff" or "window" in its spec if it shares information across series'
    )
