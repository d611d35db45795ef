"""DescribedFactory: what a process of an environment told of a forecaster's class, which this process cannot import."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from harness.errors import BadInput, UnknownName
from harness.forecasters.pools import Pool


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter of a forecaster: its default as text, if it has one, and its meaning, if it is documented."""

    name: str
    default: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class FactoryDescription:
    """The hyperparameters of a class, and what else only its import tells; None where it could not be imported."""

    hyperparameters: tuple[Hyperparameter, ...] | None = None
    takes_seed: bool | None = None
    pool: Pool | None = None
    version: str = ""  # the result version of the forecaster
    parts: Mapping[str, Any] = field(default_factory=dict)  # what that is a hash of, as JSON values


def normalised_name(distribution: str) -> str:
    """The name of a distribution, the same for all its spellings."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


class DescribedFactory:
    """The factory of a forecaster of an environment: it is described, and cannot be called in this process."""

    def __init__(self, environment: str, description: FactoryDescription, versions: Mapping[str, str]) -> None:
        self.environment, self.description = environment, description
        self._versions = {normalised_name(name): version for name, version in versions.items()}

    def version_of(self, distribution: str) -> str | None:
        """The version of a distribution in the environment; None if it is not installed there."""
        return self._versions.get(normalised_name(distribution))

    def __call__(self, **parameters: object) -> NoReturn:
        """Raise BadInput."""
        raise BadInput(
            f"it is in environment {self.environment!r}, which this process cannot import; run it on a board, "
            "without --jobs 0"
        )

    def check_names(self, names: Mapping[str, object]) -> None:
        """Raise BadInput for a hyperparameter that it does not have."""
        known = self.description.hyperparameters
        for name in names if known is not None else ():
            if all(each.name != name for each in known or ()):
                raise UnknownName("hyperparameter", name, [each.name for each in known or ()])

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its hyperparameters, and `seed` if it takes one."""
        names = [each.name for each in self.description.hyperparameters or ()]
        return (*names, *(["seed"] if self.description.takes_seed else []))
