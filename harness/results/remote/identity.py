"""The object of a home in a store that tells it from another home at the same URL, and what the store has to be."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from pathlib import Path

from harness.data.damage import warn
from harness.data.storage import checked_content, checked_fields
from harness.results.remote.store import Store, StoreUnavailable

HOME, SCHEMA = "home.json", 1


def prepare_store(store: Store) -> None:
    """Make sure that a store can be written to, and that it keeps what is there; raises StoreUnavailable."""
    content = store.read([HOME]).get(HOME)
    if content is None:
        store.create(HOME, checked_content(json.dumps({"id": uuid.uuid4().hex, "schema": SCHEMA})))
        content = store.read([HOME]).get(HOME, b"")
    if store.create(HOME, content):
        raise StoreUnavailable(
            f"the store {store.url} replaces an object that is there instead of refusing to (it does not know "
            "conditional writes), so machines could lose each other's results",
            "use another store",
        )
    if not store.is_exclusive:
        warn(f"{store.url}: of two machines that finish a cell at the same time, one can replace the other's")


def home_identity(store: Store, listed: Collection[str]) -> bytes:
    """The identifier of the home in a store with these objects; empty if there is none."""
    content = store.read([HOME]).get(HOME) if HOME in listed else None
    return b"" if content is None else str(checked_fields(content, HOME, SCHEMA).get("id")).encode()


def emptied(store: Store, known: Path) -> StoreUnavailable:
    """The error of a store that has nothing, while this file of the local copy tells which home it had."""
    return StoreUnavailable(
        f"the store {store.url} is empty, but this machine has read a home from it",
        "check that its folder is mounted, or that its server is the right one, and run the command again; if it was "
        f"emptied on purpose, delete {known}",
        may_pass=True,
    )
