"""Parts of cells: which series of a cell are evaluated together, by one process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Part:
    """The series of a part of a cell: those at the positions `first` to `last` − 1 of the panel.

    `plan` tells it from a part with these series of another plan, such as one for an earlier run of the cell.
    """

    first: int
    last: int
    plan: str = ""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.first}-{self.last}" + (f"-{self.plan}" if self.plan else "")


@dataclass(frozen=True)
class PartsPlan:
    """The parts of a cell, which together have all of its windows, and those of them that are audited."""

    parts: tuple[Part, ...]
    audited: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Split:
    """A cell in parts, and those that are not evaluated yet."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class PartEnd:
    """That a part has a run; `is_last` if the forecaster failed, so that no later part changes the run of the cell."""

    is_last: bool = False
