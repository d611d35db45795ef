"""The objects of locks and leases in a store, and what processes tell in them.

<url>/leases/<token>           a process that runs cells: a counter that it raises at intervals, and its activity
<url>/locks/<key>/<number>     the process that runs a cell, by its token; the highest number counts
<url>/locks/<key>.<part>/<number>   the process that evaluates a part of a cell
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.execution.activity import Activity, read_activity
from harness.results.remote.store import Store

LEASES, LOCKS = "leases", "locks"
LOCK = re.compile(rf"{LOCKS}/([^/.][^/]*)/([1-9][0-9]{{0,8}})")
TOKEN = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True)
class Lease:
    """What a process tells of itself."""

    host: str
    process: int
    identity: str
    counter: int = 0


@dataclass(frozen=True)
class Lock:
    """The lock of a cell: its number, the token of its owner, and the numbers of the locks that it replaced."""

    number: int
    token: str
    replaced: tuple[int, ...] = ()


def lock_name(key: str, number: int) -> str:
    """The object of a lock."""
    return f"{LOCKS}/{key}/{number}"


def lock_numbers(names: Iterable[str]) -> dict[str, list[int]]:
    """The numbers of the locks of each key, the highest last; names of other objects are ignored."""
    numbers: dict[str, list[int]] = {}
    for name in names:
        if (found := LOCK.fullmatch(name)) is not None:
            numbers.setdefault(found[1], []).append(int(found[2]))
    return {key: sorted(each) for key, each in numbers.items()}


def read_locks(store: Store, numbers: Mapping[str, Sequence[int]]) -> dict[str, Lock]:
    """The lock that counts of each key, the highest, as far as it is still there."""
    names = {lock_name(key, each[-1]): key for key, each in numbers.items()}
    found = {names[name]: owner_token(content) for name, content in store.read(names).items()}
    return {key: Lock(numbers[key][-1], token, tuple(numbers[key][:-1])) for key, token in found.items()}


def owner_token(content: bytes) -> str:
    """The token of the owner of a lock; empty where it is damaged."""
    token = content.decode(errors="replace")
    return token if TOKEN.fullmatch(token) else ""


def read_leases(store: Store, tokens: Iterable[str]) -> dict[str, Lease | None]:
    """The leases of processes by token; None where one was removed, or is damaged."""
    names = {f"{LEASES}/{token}": token for token in tokens}
    found = store.read(name for name, token in names.items() if token)
    return {token: _lease(found.get(name, b"null")) for name, token in names.items()}


def remote_activities(store: Store) -> list[Activity]:
    """What the processes do that run cells of a home in a store, as each last wrote it."""
    found = []
    for content in store.read(store.names(LEASES)).values():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            activity = read_activity(json.loads(content)["activity"])
            if activity is not None:
                found.append(activity)
    return found


def _lease(content: bytes) -> Lease | None:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        fields: dict[str, Any] = json.loads(content)
        return Lease(str(fields["host"]), int(fields["process"]), str(fields["identity"]), int(fields["counter"]))
    return None
