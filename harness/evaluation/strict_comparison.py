"""Comparison of a run in strict mode with one in batch mode."""

from __future__ import annotations

import math

from harness.evaluation.forecast_comparison import relative_difference
from harness.evaluation.run import Run


def strict_difference(strict: Run, batch: Run) -> float | None:
    """The largest relative difference of the forecasts of both; None where one of them has none."""
    if strict.results is None or batch.results is None:
        return None
    return relative_difference(batch.results.forecast, strict.results.forecast)


def difference_text(difference: float) -> str:
    """How the forecasts of a strict run compare with those of the batch run, as an adjective."""
    if difference == 0:
        return "equal to the batch run to the last bit"
    if math.isinf(difference):
        return "unlike the batch run, where other values or quantiles are missing"
    return f"different from the batch run by {difference:.2g} at most, relative to their size"


def difference_note(difference: float) -> str:
    """The same as a note of the strict run."""
    return f"in strict mode, its forecasts are {difference_text(difference)}"
