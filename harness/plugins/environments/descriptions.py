"""The stored description of the plugins of an environment, which is renewed when one of their files changes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.data.storage import read_json, write_json
from harness.plugins.environments.child import describe
from harness.plugins.environments.environment import Environment, EnvironmentUnusable
from harness.plugins.environments.links import harness_identity
from harness.plugins.module_files import state_of

FILE = "plugins.json"


def description_of(environment: Environment, problems: list[str]) -> dict[str, Any] | None:
    """What the plugins of an environment provide: as stored, or told by a process of it where that is outdated.

    Where no process tells it, that is noted as a problem, and the outdated description is returned; None without one.
    """
    stored = read_json(Path(environment.folder, FILE))
    if stored is not None and _is_present(stored, environment):
        if problem := environment.problem:
            problems.append(environment.unusable(problem))
        return stored
    try:
        return renew_description(environment)
    except EnvironmentUnusable as error:
        problems.append(str(error))
        return stored


def renew_description(environment: Environment) -> dict[str, Any]:
    """Have a process of the environment tell what its plugins provide, and store that; raises EnvironmentUnusable."""
    told = {"harness": harness_identity(), "plugin_file": _file_state(environment), **describe(environment)}
    with suppress(OSError):  # a home that cannot be written to: it is told again next time
        write_json(Path(environment.folder, FILE), told)
    return told


def _is_present(description: dict[str, Any], environment: Environment) -> bool:
    """Whether a description is of the running harness and of the files as they are."""
    if description.get("harness") != harness_identity() or description.get("plugin_file") != _file_state(environment):
        return False
    return all(state_of(plugin["files"]) == plugin["state"] for plugin in description["plugins"])


def _file_state(environment: Environment) -> str:
    """The state of its plugin file, which may be one that cannot be imported, and so is described by nothing else."""
    return state_of([environment.plugin_file] if environment.plugin_file else [])
