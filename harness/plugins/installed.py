"""What the installed plugins provide, for code that is given no catalog: workers, and readers of stored results."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from harness.plugins.catalog import Catalog, load_catalog
from harness.tasks.protocols import PROTOCOLS, Protocol


def protocols_for(kinds: Iterable[object]) -> tuple[type[Protocol], ...]:
    """The built-in protocols; where one of the kinds is not among them, those of the installed plugins too."""
    built_in = {protocol.kind for protocol in PROTOCOLS}
    return PROTOCOLS if built_in.issuperset(kinds) else installed_catalog().protocol_classes


@lru_cache(maxsize=1)
def installed_catalog() -> Catalog:
    """The catalog of the installed plugins, loaded once."""
    return load_catalog()
