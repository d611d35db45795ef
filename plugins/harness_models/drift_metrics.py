"""Phase drift and amplitude drift as metrics; NumPy is imported when they are computed."""

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
    Metric("phase drift", _phase_drift, description="phase drift of a free run, in radians; NaN if it is short"),
    Metric(
        "amplitude drift",
        _amplitude_drift,
        description="|log| of the change of a free run's relative amplitude; NaN if it is short",
    ),
]
