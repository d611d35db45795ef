"""CellOptions: how a command runs its cells; not part of their keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.forecasters.limits import Limits

TRIES = 3  # again, of a cell that could not be run for a reason outside of the forecaster


@dataclass(frozen=True)
class CellOptions:
    """How cells are run: in strict mode or not, and within which limits beside their own."""

    strict: bool = False
    limits: Limits = field(default_factory=Limits)
    parts: bool = True  # whether cells of many series may be evaluated in parts
    audit_seed: int | None = None  # None: drawn after the forecast
    devices: str | None = None  # the GPUs that cells may use; None: see `visible_devices`
