"""Parts and locks in the store of a home that nobody needs any more."""

from __future__ import annotations

from contextlib import closing

from harness.execution.locks.remote import LEASES, LOCKS, RemoteLocks
from harness.execution.split_cells import not_needed
from harness.results.journal import Journal
from harness.results.remote.items import PARTS
from harness.results.remote.remote_home import RemoteHome
from harness.results.remote.remote_parts import remove_parts
from harness.results.stored_parts import StoredParts


def remove_stored_leftovers(remote: RemoteHome) -> None:
    """Remove the parts of cells that are finished, or that no board has any more, unless a process runs them.

    The locks of finished cells are removed, too, if their processes were killed. Raises StoreUnavailable.
    """
    _remove_parts(remote)
    _remove_locks(remote)


def _remove_parts(remote: RemoteHome) -> None:
    keys = {name.split("/")[1] for name in remote.store.names(PARTS)}
    if not keys:
        return
    remote.pull()  # after the listing: a board whose cell has parts was stored before them
    if not (found := not_needed(keys, Journal(remote.home))):
        return
    with closing(RemoteLocks(remote)) as locks:
        locks.look()
        for key in found:
            StoredParts(remote.home, key).remove()  # so that they are not read when the cell is locked
            if locks.take(key):
                remove_parts(remote, key)
                locks.release(key)


def _remove_locks(remote: RemoteHome) -> None:
    """Remove the locks of finished cells, and of their parts, whose owners have no lease any more."""
    journal = Journal(remote.home)
    names = [name for name in remote.store.names(LOCKS) if journal.has(name.split("/")[1].partition(".")[0])]
    if names:
        owners = remote.store.read(names)
        living = {name.rpartition("/")[2] for name in remote.store.names(LEASES)}  # after the locks
        remote.store.remove([name for name, owner in owners.items() if owner.decode() not in living])
