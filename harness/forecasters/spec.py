"""What a plugin says of a forecaster; the model itself loads when it is made. Loads nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from harness.errors import BadInput, BadParameter
from harness.fields.references import import_object
from harness.fields.types import Json

if TYPE_CHECKING:
    from harness.data.missing import Missing
    from harness.forecasters.forecaster import Forecaster


@dataclass(frozen=True)
class Resources:
    """What a cell may use; no part of its key."""

    threads: int = 1
    memory: int | None = None  # bytes
    seconds: float | None = None
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class ForecasterSpec:
    """A forecaster that a plugin provides.

    `factory` is a dataclass whose fields are the hyperparameters, or where it lies, as text
    ("package.module:Class"), so that listing it imports nothing.

        ForecasterSpec("moving-average", MovingAverage, description="the mean of the last values")
    """

    name: str
    factory: Callable[..., Forecaster] | str
    description: str = ""
    missing: Missing = "native"  # how missing values of the past are filled before it sees them
    draws: bool | None = None  # whether it has a field `seed`; None: look at the factory
    imports: tuple[str, ...] = ()  # heavy modules that worker processes load before they start
    resources: Resources = Resources()
    trained_on: tuple[str, ...] = ()  # data sets that a pretrained model has seen

    @property
    def summary(self) -> str:
        """The description, or else the first line of the factory's docstring, if that is at hand."""
        if self.description or isinstance(self.factory, str):
            return self.description
        return (self.factory.__doc__ or "").strip().partition("\n")[0]

    def load(self) -> Callable[..., Forecaster]:
        """The factory itself, imported now."""
        return cast("Callable[..., Forecaster]", import_object(self.factory))

    def takes_seed(self) -> bool:
        """Whether the forecaster draws random numbers, and so runs once a seed."""
        if self.draws is not None:
            return self.draws
        return "seed" in _parameters(self.load())

    def make(self, parameters: Mapping[str, Json], seed: int | None = None) -> Forecaster:
        """A forecaster with these hyperparameters; raises BadParameter for those it does not take."""
        from harness.fields.reading import build

        factory = self.load()
        if seed is not None and "seed" in parameters:
            raise BadParameter(f"forecaster {self.name!r}: a board counts seeds and does not name them; leave out seed")
        drawn = {"seed": seed} if "seed" in _parameters(factory) and seed is not None else {}
        try:
            if not dataclasses.is_dataclass(factory):
                return factory(**parameters, **drawn)
            return cast("Forecaster", build(cast("type[Any]", factory), {**parameters, **drawn}))
        except (TypeError, ValueError, BadInput) as error:
            raise BadParameter(f"forecaster {self.name!r}: {error}") from error


def _parameters(factory: Callable[..., Forecaster]) -> tuple[str, ...]:
    if not dataclasses.is_dataclass(factory):
        return ()
    return tuple(one.name for one in dataclasses.fields(factory) if one.init)
