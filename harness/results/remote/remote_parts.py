"""Parts of cells in a store: those of a cell are read and stored together, and removed when its run is stored."""

from __future__ import annotations

from collections.abc import Sequence

from harness.evaluation.parts import Part
from harness.results.remote.items import PARTS, part_item
from harness.results.remote.remote_home import RemoteHome
from harness.results.stored_parts import StoredParts


def exchange_parts(remote: RemoteHome, key: str) -> None:
    """Read the parts of a cell that other machines stored, and store those that were made here.

    The plan that was stored first counts. Parts of another plan are ignored.
    """
    folder, stored = f"{PARTS}/{key}", StoredParts(remote.home, key)
    remote.pull_folder(folder)
    own = plan = stored.plan()
    if own is not None:
        remote.push(part_item(key))
        plan = stored.plan()
    if plan != own:
        remote.pull_folder(folder)
    for part in () if plan is None else plan.parts:
        remote.push(part_item(key, part.name))


def push_part(remote: RemoteHome, key: str, part: Part) -> None:
    """Store a part, unless another machine has stored it, or the run of the cell, whose parts are removed then."""
    if StoredParts(remote.home, key).has(part):
        remote.push(part_item(key, part.name))


def reject_parts(remote: RemoteHome, key: str, pending: Sequence[Part]) -> None:
    """Have the objects of parts not read again that were read and turned out to be unusable: they are pending."""
    for part in pending:
        if remote.copies.is_stored(part_item(key, part.name)):
            remote.reject(part_item(key, part.name))


def remove_parts(remote: RemoteHome, key: str) -> None:
    """Remove the parts of a cell here and in the store."""
    StoredParts(remote.home, key).remove()
    remote.remove_folder(f"{PARTS}/{key}")
