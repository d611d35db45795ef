"""The protocols to read stored tasks with."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from harness.plugins.catalog import load_catalog
from harness.tasks.protocols import PROTOCOLS, Protocol


def protocols_for(kinds: Iterable[object]) -> tuple[type[Protocol], ...]:
    """The built-in protocols; where one of the kinds is not among them, those of the installed plugins too."""
    built_in = {protocol.kind for protocol in PROTOCOLS}
    return PROTOCOLS if built_in.issuperset(kinds) else _installed_protocols()


@lru_cache(maxsize=1)
def _installed_protocols() -> tuple[type[Protocol], ...]:
    return load_catalog().protocol_classes
