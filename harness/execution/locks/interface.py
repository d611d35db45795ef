"""The interface of locks on cells."""

from __future__ import annotations

from typing import Protocol


class Locks(Protocol):
    """Locks on cells, which processes on the same home share. Each method may raise InfrastructureFault."""

    def take(self, key: str) -> bool:
        """Lock a cell; False if another, living process holds its lock."""
        ...

    def release(self, key: str) -> None:
        """Unlock a cell, unless another process took its lock over."""
        ...

    def owner(self, key: str) -> str:
        """Who holds the lock of a cell, as part of a sentence."""
        ...

    def silent_for(self, key: str) -> float:
        """For how many seconds the owner of the lock of a cell has given no sign while this process watched it."""
        ...

    def look(self) -> None:
        """Learn what other processes did, before cells that they locked are looked at."""
        ...

    def read_finished(self) -> bool:
        """Read the cells that other processes finished, without looking at their locks; False if that failed."""
        ...

    def close(self) -> None:
        """Release all locks."""
        ...
