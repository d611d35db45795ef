"""The drifts of free runs as metrics; NumPy is imported when the first is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import Metric

if TYPE_CHECKING:
    from harness import Floats, Outcomes


def _phase_drift(outcomes: Outcomes) -> Floats:
    from harness_models.drifts import phase_drift

    return phase_drift(outcomes)


def _amplitude_drift(outcomes: Outcomes) -> Floats:
    from harness_models.drifts import amplitude_drift

    return amplitude_drift(outcomes)


METRICS = [
    Metric("phase drift", _phase_drift, description="how far a free run gets out of step, in radians; none if short"),
    Metric(
        "amplitude drift",
        _amplitude_drift,
        description="|log| of the factor by which a free run grows or dies away; none if short",
    ),
]
