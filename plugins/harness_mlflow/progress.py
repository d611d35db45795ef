"""The progress of the mirror: a file that it writes, and that the command which waits for it reads."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness_mlflow.place import Place
from harness_mlflow.storage import write_text

PATIENCE = 45.0  # seconds to wait without progress, more than a request to a server may take
LOADING = 180.0  # seconds until the mirror has loaded MLflow
SAVE = 0.5  # seconds between writings of the file


@dataclass(frozen=True)
class Reported:
    """What a mirror has reported last."""

    problem: str = ""
    steps: int = 0  # grows with everything that is done
    patience: float = LOADING  # seconds that the present step may take
    notes: tuple[str, ...] = ()  # what was done with the home's own store, as sentences

    @classmethod
    def of(cls, place: Place) -> Reported:
        """What the mirror of a home has reported last; nothing at first."""
        try:
            found = json.loads(_path(place).read_text(encoding="utf-8"))
            notes = tuple(map(str, found["notes"]))
            return cls(str(found["problem"]), int(found["steps"]), float(found["patience"]), notes)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):  # absent, or damaged
            return cls()


@dataclass
class Progress:
    """The progress of the mirror of this process."""

    place: Place
    problem: str = ""
    sent: int = 0  # cells and standings
    notes: list[str] = field(default_factory=list)
    steps: int = 0
    patience: float = PATIENCE
    _saved: float = -SAVE

    def advance(self) -> None:
        """Count a step that was done."""
        self.steps += 1
        if time.monotonic() - self._saved > SAVE:
            self.save()

    @contextlib.contextmanager
    def long_step(self, seconds: float) -> Iterator[None]:
        """A step that may take so many seconds."""
        before, self.patience = self.patience, seconds
        self.steps += 1
        self.save()
        try:
            yield
        finally:
            self.patience = before
            self.steps += 1
            self.save()

    def save(self) -> None:
        """Write the file."""
        self._saved = time.monotonic()
        known = {"problem": self.problem, "sent": self.sent, "steps": self.steps, "patience": self.patience}
        write_text(_path(self.place), json.dumps({**known, "notes": self.notes}))


def forget_reported(place: Place) -> None:
    """Remove what the last mirror reported."""
    _path(place).unlink(missing_ok=True)


def _path(place: Place) -> Path:
    return place.folder / "mirror.json"
