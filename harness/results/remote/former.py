"""What of a local copy is no longer in the store: moved to <home>/removed/, and named in one sentence."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.data.damage import warn
from harness.results.remote.copies import FILE
from harness.results.remote.items import main_file

REMOVED = "removed"
COPIED = ("journal", "boards", "bench", "plans", "packs", FILE)  # of a home


def move_aside(home: Path, items: Sequence[str], url: str) -> None:
    """Move items away that somebody removed from the store."""
    place = home / REMOVED / uuid.uuid4().hex[:8]
    for item in items:
        main = Path(main_file(home, item))
        moved = main if item.startswith(("bench/", "boards/", "plans/", "selections/")) else main.parent
        target = place / moved.relative_to(home)
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            os.rename(moved, target)
    if items:
        what = "1 result that was" if len(items) == 1 else f"{len(items):,} results that were"
        warn(f"{what} removed from {url} moved to {place}")


def move_everything_aside(home: Path, known: str, url: str) -> None:
    """Move the copy of another home that was at this URL away."""
    place = home / REMOVED / f"{known[:8]}-{uuid.uuid4().hex[:8]}"
    place.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        with suppress(FileNotFoundError):
            os.rename(home / name, place / name)
    warn(f"{url} is another home than before, or was emptied; the results of the former one moved to {place}")
