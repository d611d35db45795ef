"""The processes that run the cells for which a drive waits: the user is told once which, and once if one is silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.boards.planning import PlannedCell
from harness.execution.events import Waiting
from harness.execution.locks.interface import Locks

NO_SIGN = 20.0  # seconds without a sign of another process until the user is told


class AwaitedOwners:
    """Those of whom something was told."""

    def __init__(self, locks: Locks) -> None:
        self._locks = locks
        self._named = set[str]()  # those of whom it was said that their cells are awaited
        self._silent = set[str]()  # those of whom it was said that they give no sign

    def news(self, cells: Iterable[tuple[str, PlannedCell]]) -> Iterator[Waiting]:
        """What was not yet told of the owners of these cells, as part of a sentence, each with its cell."""
        owners: dict[str, list[PlannedCell]] = {}
        for owner, planned in cells:
            owners.setdefault(owner, []).append(planned)
        for owner in owners.keys() - self._named:
            self._named.add(owner)
            yield Waiting(owner, tuple(owners[owner]))
        for owner in owners.keys() - self._silent:
            silent_for = max(self._locks.silent_for(planned.key) for planned in owners[owner])
            if silent_for > NO_SIGN:
                self._silent.add(owner)
                yield Waiting(owner, tuple(owners[owner]), silent_for)
