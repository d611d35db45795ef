"""Facts about a forecaster that only the import of its class tells."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import Failure, attempt
from harness.forecasters.described import DescribedFactory
from harness.forecasters.pools import Pool
from harness.forecasters.spec import ForecasterSpec, underlying_class


@dataclass(frozen=True)
class Facts:
    """Whether a forecaster takes a seed, and the pool that follows from its class; None where it cannot be imported.

    `problem` is why that could not be found out, as a sentence; another time it may be.
    """

    takes_seed: bool | None = None
    pool: Pool | None = None
    problem: str = ""


def facts_of(spec: ForecasterSpec) -> Facts:
    """The facts about a forecaster, which is imported for that in this process, unless an environment told them."""
    if isinstance(spec.factory, DescribedFactory):
        description = spec.factory.description
        return Facts(description.takes_seed if spec.draws is None else spec.draws, description.pool)
    takes_seed, factory = attempt(spec.takes_seed), attempt(spec.load)
    return Facts(
        None if isinstance(takes_seed, Failure) else bool(takes_seed),
        None if isinstance(factory, Failure) else pool_of_class(factory),
    )


def is_per_series(forecaster: object) -> bool:
    """Whether a forecaster is a local one that leaves the fit and the order of series to its base class.

    Then it forecasts each series without the others, so that the result does not depend on which of them it is given.
    """
    from harness.forecasters.forecaster import FittedLocalForecaster, LocalForecaster

    methods: dict[type, tuple[str, ...]] = {
        LocalForecaster: ("fit", "predict"),
        FittedLocalForecaster: ("fit", "fit_contexts", "predict"),
    }
    kind = type(forecaster)
    for base, names in methods.items():
        if issubclass(kind, base):
            return all(getattr(kind, name) is getattr(base, name) for name in names)
    return False


def pool_of_class(factory: object) -> Pool:
    """The pool of a class or a partial of one; of any other factory, its forecasters are unknown: "trained"."""
    if isinstance(factory, DescribedFactory):
        return factory.description.pool or "trained"
    from harness.forecasters.forecaster import FittedLocalForecaster, LocalForecaster

    factory = underlying_class(factory)
    is_local = isinstance(factory, type) and issubclass(factory, LocalForecaster | FittedLocalForecaster)
    return "local" if is_local else "trained"
