"""The pools of forecasters, as their specs state them or as derived from their cards and classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.plugins.installation import install_command
from harness.worker.facts import pool_of_class

if TYPE_CHECKING:
    from harness.forecasters.pools import Pool
    from harness.forecasters.spec import ForecasterSpec
    from harness.plugins.catalog import Catalog


def forecaster_pools(names: Iterable[str], catalog: Catalog) -> dict[str, Pool]:
    """The pools of forecasters of the catalog, by name; one that cannot be imported has none."""
    from harness.worker.probing import known_facts  # here, since most commands ask no process

    entries = {name: catalog.forecasters[name] for name in dict.fromkeys(names)}
    stated = {name: found for name, entry in entries.items() if (found := _stated_pool(entry.spec)) is not None}
    unknown = (entry for name, entry in entries.items() if name not in stated and not install_command(entry))
    facts = known_facts(unknown)
    known = stated | {name: found.pool for name, found in facts.items() if found.pool is not None}
    return {name: known[name] for name in entries if name in known}


def pool(spec: ForecasterSpec) -> Pool:
    """The pool of a forecaster, as stated or derived; imports the factory where its base class decides."""
    return _stated_pool(spec) or pool_of_class(spec.load())


def known_pool(spec: ForecasterSpec) -> Pool | None:
    """The pool of a forecaster as far as it is known without an import; None where its base class decides."""
    return _stated_pool(spec) if isinstance(spec.factory, str) else pool(spec)


def _stated_pool(spec: ForecasterSpec) -> Pool | None:
    """The pool that the spec states or that follows from its card; None where its base class decides."""
    card = spec.card
    if spec.pool is not None:
        return spec.pool
    if card is not None and card.components:
        return "system"
    return "zero-shot" if spec.trained_on or (card is not None and card.is_pretrained) else None
