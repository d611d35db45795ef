"""All forecasters of the environments of a home."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from harness.errors import Failure, HarnessError, attempt
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.environments.descriptions import description_of
from harness.plugins.environments.environment import Environment, environments_of
from harness.plugins.environments.plugins import described_forecasters
from harness.plugins.registry import Registered
from harness.plugins.restriction import restriction


def forecasters_of(home: Path, problems: list[str]) -> list[Registered[ForecasterSpec]]:
    """The forecasters of all environments of a home by their own names; what is wrong with one is noted.

    HARNESS_PLUGINS restricts them to those of the environments that it names; raises UnknownName if there is none.
    """
    return list(_forecasters(home, problems))


def _forecasters(home: Path, problems: list[str]) -> Iterator[Registered[ForecasterSpec]]:
    allowed, found_environments = restriction(), list(environments_of(home))
    allowed.check_environments(found.name for found in found_environments if isinstance(found, Environment))
    for environment in found_environments:
        if isinstance(environment, HarnessError):
            problems.append(str(environment))
            continue
        if not allowed.allows_environment(environment.name):
            continue
        found = attempt(partial(_of_environment, environment, problems))
        if isinstance(found, Failure):
            problems.append(environment.unusable(f"the description of its plugins cannot be read ({found})"))
        else:
            yield from found


def _of_environment(environment: Environment, problems: list[str]) -> list[Registered[ForecasterSpec]]:
    description = description_of(environment, problems)
    if description is None:
        return []
    problems += [f"environment {environment.name!r}: {problem}" for problem in description["problems"]]
    return list(described_forecasters(environment, description, problems))
