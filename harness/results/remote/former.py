"""What of a local copy is out of date.

Items that are no longer in the store are moved to <home>/removed/, and named in one sentence. Standings of other cells
are removed.
"""

from __future__ import annotations

import os
import shlex
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from harness.data.damage import warn
from harness.results.conflicts import CONFLICTS
from harness.results.remote.copies import FILE
from harness.results.remote.items import CELLS, PARTS, main_file
from harness.results.standings import remove_standings
from harness.results.stored_plan import stored_plans

REMOVED = "removed"
COPIED = ("journal", "boards", "bench", "plans", "packs", CONFLICTS, FILE)  # of a home


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
        what = "a result was removed" if len(items) == 1 else f"{len(items):,} results were removed"
        back = _merge_hint(place, url) if any(item.startswith(CELLS) for item in items) else ""
        warn(f"{what} from {url}; what was read of that before is now in {place}{back}")


def move_everything_aside(home: Path, known: str, url: str, unstored: int) -> None:
    """Move the copy of another home that was at this URL away; it has so many results that were never stored."""
    place = home / REMOVED / f"{known[:8]}-{uuid.uuid4().hex[:8]}"
    place.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        with suppress(FileNotFoundError):
            os.rename(home / name, place / name)
    own = "a result that was" if unstored == 1 else f"{unstored:,} results that were"
    warn(
        f"{url} is another home than before; what was read of the former one is now in {place}"
        f"{f', with {own} made here and never stored' if unstored else ''}{_merge_hint(place, url)}"
    )


def _merge_hint(place: Path, url: str) -> str:
    """How the results that were moved away are stored again."""
    return f"; to store its results again, run `harness merge {shlex.quote(str(place))} {shlex.quote(url)}`"


def remove_former_standings(home: Path, items: Iterable[str]) -> None:
    """Remove the standings of boards whose plans or cells are among these items: they are computed again."""
    changed = {item for item in items if not item.startswith(PARTS)}
    for plan in stored_plans(home) if changed else ():
        if f"boards/{plan.name}" in changed or any(f"{CELLS}/{cell.key}" in changed for cell in plan.cells):
            remove_standings(home, plan.name)
