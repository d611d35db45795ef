"""Parts and locks in the store of a home that nobody needs any more."""

from __future__ import annotations

from contextlib import closing

from harness.execution.locks.remote import RemoteLocks
from harness.execution.locks.stored import LEASES, LOCKS, lock_name, lock_numbers, owner_token
from harness.execution.split_cells import not_needed
from harness.results.journal import Journal
from harness.results.remote.items import PARTS, latest
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
    keys = {item.split("/")[1] for item in latest(remote.store.names(PARTS))}
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
    """Remove the locks of finished cells, and of their parts, whose owners have no lease any more.

    Those that the lock of a living owner replaced stay with it.
    """
    journal = Journal(remote.home)
    found = lock_numbers(remote.store.names(LOCKS))
    locks = {
        key: [lock_name(key, number) for number in numbers]
        for key, numbers in found.items()
        if journal.has(key.partition(".")[0])
    }
    if locks:
        contents = remote.store.read(name for names in locks.values() for name in names)
        owners = {name: owner_token(content) for name, content in contents.items()}
        living = {name.rpartition("/")[2] for name in remote.store.names(LEASES)}  # after the locks
        gone = [name for names in locks.values() if owners.get(names[-1]) not in living for name in names]
        remote.store.remove([name for name in gone if owners.get(name) not in living])
