"""What the forecasters of a board were trained on, as it is stored with the board's plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.forecasters.card import SelectedOn, reaches

Period = tuple[str, str]  # the times of the first and the last forecast step of a task, in ISO 8601


@dataclass(frozen=True)
class Training:
    """What a pretrained forecaster was trained on, as far as the tasks of a board are concerned."""

    earlier: Mapping[str, str] = field(default_factory=dict)  # by task: date until which its dataset's values were used
    until: str | None = None  # the latest stated date of its training data
    dated: bool = False  # whether there is no training data after `until`; if that is None, none at all
    selected_on: SelectedOn | None = None

    def is_earlier(self, task: str, period: Period | None) -> bool:
        """Whether values of the task's dataset were used only before its first forecast step."""
        return task in self.earlier and period is not None and not reaches(self.earlier[task], period[0])

    def overlaps_by_date(self, period: Period | None) -> bool | None:
        """Whether the training data reaches the first forecast step of a task; None where that is unknown."""
        if self.until is None and self.dated:
            return False
        if period is None or self.until is None:
            return None
        return True if reaches(self.until, period[0]) else False if self.dated else None
