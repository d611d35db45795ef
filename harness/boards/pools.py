"""The pools of forecasters, as their specs state them or as derived from their cards and classes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from harness.attempt import Failure, attempt
from harness.forecasters.spec import underlying_class

if TYPE_CHECKING:
    from harness.forecasters.pools import Pool
    from harness.forecasters.spec import ForecasterSpec
    from harness.plugins.catalog import Catalog


def forecaster_pools(names: Iterable[str], catalog: Catalog) -> dict[str, Pool]:
    """The pools of forecasters of the catalog, by name; one that cannot be imported has none."""
    found = {name: attempt(partial(pool, catalog.forecasters[name].spec)) for name in dict.fromkeys(names)}
    return {name: known for name, known in found.items() if not isinstance(known, Failure)}


def pool(spec: ForecasterSpec) -> Pool:
    """The pool of a forecaster, as stated or derived; imports the factory where its base class decides."""
    return _stated_pool(spec) or _pool_of_class(spec.load())


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


def _pool_of_class(factory: object) -> Pool:
    """The pool of a class or a partial of one; of any other factory, its forecasters are unknown: "trained"."""
    from harness.forecasters.forecaster import FittedLocalForecaster, LocalForecaster

    factory = underlying_class(factory)
    is_local = isinstance(factory, type) and issubclass(factory, LocalForecaster | FittedLocalForecaster)
    return "local" if is_local else "trained"
