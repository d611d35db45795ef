"""The interface of stores: named objects, each written whole or not at all.

An object never changes its content, except for leases: who has read it need not read it again. If somebody removes it,
there may be another one of its name later, which a listing tells by its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.errors import InfrastructureFault


class StoreUnavailable(InfrastructureFault):
    """The object store of a home does not answer, refuses, or has no such bucket.

    `problem` is the message without the remedy. `may_pass` says whether the store could not be reached, or had a fault,
    so that it may answer later.
    """

    problem, may_pass = "", False

    def __init__(self, problem: str, remedy: str = "", *, may_pass: bool = False) -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem, self.may_pass = problem, may_pass


@dataclass(frozen=True)
class Entry:
    """What a listing tells of an object: its size in bytes, and what another object of its name would not share.

    The version is empty in a store whose listings have nothing of that kind.
    """

    size: int
    version: str = ""


class Store(Protocol):
    """Objects by name, such as "cells/0123abcd/1". Each method raises StoreUnavailable if the store does not answer."""

    url: str  # as the user named it
    is_exclusive: bool  # whether of two machines that create an object at the same time only one succeeds

    def names(self, prefix: str = "") -> Mapping[str, int]:
        """The names of all objects, or of those in a folder such as "cells", with their sizes in bytes."""
        ...

    def entries(self, prefix: str = "") -> Mapping[str, Entry]:
        """What is listed of all objects, or of those in a folder, by their names."""
        ...

    def read(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """The contents of objects, many at a time; those that are not there are left out."""
        ...

    def read_start(self, name: str, size: int) -> bytes:
        """The first bytes of an object that is not empty; nothing if it is not there."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Write an object, in one round trip if it is not large; False if there is one of that name, which stays."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write an object, replacing one of that name."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are ignored."""
        ...
