"""The limits of a board's cells as its file states them, and the limits of cells that several boards have."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.errors import BadInput
from harness.fields.sizes import parse_bytes
from harness.forecasters.limits import Limits


@dataclass(frozen=True)
class BoardLimits:
    """The limits on each cell of a board, `limits = { seconds = 600, memory = "4GB" }`; None where there is none."""

    seconds: float | None = None
    memory: int | str | None = None  # bytes, or a text such as "4GB"

    def __post_init__(self) -> None:
        if self.seconds is not None and not (self.seconds > 0 and math.isfinite(self.seconds)):
            raise BadInput(f"seconds of the limits must be a positive number, not {self.seconds!r:.80}")
        if isinstance(self.memory, int) and self.memory <= 0:
            raise BadInput(f"memory of the limits must be a positive number of bytes, not {self.memory!r:.80}")
        self.of_cells()

    def of_cells(self) -> Limits:
        """The limits of each cell; raises BadInput for a memory that is no size."""
        if not isinstance(self.memory, str):
            return Limits(self.seconds, self.memory)
        return Limits(self.seconds, parse_bytes(self.memory))


def widest(first: Limits, second: Limits) -> Limits:
    """The wider limits on seconds and memory of both; none is wider than any."""
    seconds = None if first.seconds is None or second.seconds is None else max(first.seconds, second.seconds)
    memory = None if first.memory is None or second.memory is None else max(first.memory, second.memory)
    return replace(first, seconds=seconds, memory=memory)
