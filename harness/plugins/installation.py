"""Whether the libraries and the weights that forecasters and datasets need are there, and the commands for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.data.dataset import DatasetSpec
from harness.errors import BadInput
from harness.fields.libraries import missing_packages
from harness.forecasters.libraries import library_of
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.forecaster_names import create_command
from harness.plugins.registry import Registered

if TYPE_CHECKING:
    from harness.fields.types import Json
    from harness.forecasters.weights.declared import Weights

Forecasters = Mapping[str, Registered[ForecasterSpec]]  # those of a catalog
OWN = "forecast-harness"
CHECKPOINT = "checkpoint"  # the hyperparameter that is a folder with weights instead of those of the spec
FETCH = "harness weights fetch"
PLAIN = re.compile(r"[\w.:@=+-]+")  # a word that a shell takes as it is


def install_command(registered: Registered[ForecasterSpec], parameters: Mapping[str, Json] | None = None) -> str:
    """The command that installs what a forecaster with these hyperparameters needs, or fetches its weights.

    Empty where all of it is there; the libraries of one of an environment are. An included model of another library is
    installed in an environment, since several of these libraries cannot be installed beside harness.
    """
    is_here = getattr(registered.plugin, "environment", None) is None  # no import of what most commands do not need
    command = registered.spec.install_command if is_here else ""
    if command and registered.plugin.included:
        command = _environment_command(registered.spec) or command
    return command or _fetch_command(registered.spec, parameters or {})


def is_fetch_command(command: str) -> bool:
    """Whether a command of `install_command` fetches weights."""
    return command.startswith(FETCH)


def uses_checkpoint(spec: ForecasterSpec, parameters: Mapping[str, Json]) -> bool:
    """Whether a forecaster with these hyperparameters reads weights of its own instead of those of its spec."""
    return CHECKPOINT in spec.paths and bool(parameters.get(CHECKPOINT))


def not_installed(names: Iterable[str], forecasters: Forecasters) -> dict[str, str]:
    """The command that installs each of these forecasters that is not installed, by name."""
    commands = {name: install_command(forecasters[name]) for name in dict.fromkeys(names)}
    return {name: command for name, command in commands.items() if command}


def check_installed(name: str, forecasters: Forecasters, parameters: Mapping[str, Json] | None = None) -> None:
    """Raise BadInput for a forecaster that lacks libraries or weights, with the command for it."""
    if command := install_command(forecasters[name], parameters):
        raise BadInput(lacks(f"forecaster {name!r}", command))


def lacks(forecaster: str, command: str) -> str:
    """The sentence that a forecaster lacks its libraries or its weights."""
    if is_fetch_command(command):
        return f"the weights of {forecaster} are not fetched; run `{command}`"
    return f"{forecaster} is not installed; run `{command}`"


def check_data_installed(spec: DatasetSpec) -> None:
    """Raise BadInput for a dataset that is not installed, with the command that installs it."""
    if command := spec.install_command:
        raise BadInput(f"dataset {spec.name!r} is not installed; run `{command}`")


def not_installed_text(commands: Mapping[str, str]) -> str:
    """Which forecasters lack libraries or weights, and the commands for it; `commands` are by forecaster."""
    names: dict[str, list[str]] = {}
    for name, command in commands.items():
        if not is_fetch_command(command):
            names.setdefault(command, []).append(name)
    parts = [f"not installed: {', '.join(group)} (`{command}`)" for command, group in names.items()]
    fetched = {name: command for name, command in commands.items() if is_fetch_command(command)}
    if fetched:
        words = dict.fromkeys(command.removeprefix(f"{FETCH} ") for command in fetched.values())
        parts.append(f"weights not fetched: {', '.join(fetched)} (`{FETCH} {' '.join(words)}`)")
    return "; ".join(parts)


def left_out_lines(reasons: Mapping[str, str]) -> list[str]:
    """Which forecasters are left out of a board, and why; `reasons` are by forecaster."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return [f"left out: {', '.join(group)} ({reason})" for reason, group in names.items()]


def _environment_command(spec: ForecasterSpec) -> str:
    """The command that makes an environment for a model of a library that an extra of harness is named after.

    Empty for another forecaster, and where the library is installed, so that only others are missing.
    """
    library = library_of(spec.name)
    if not library or not missing_packages(spec.imports[:1]):
        return ""
    of_extra = _requirements_of_extra(library)
    if not of_extra:
        return ""
    if spec.requires == f"{OWN}[{library}]":
        return create_command(library, of_extra)
    if not spec.requires:
        return create_command(library, dict.fromkeys(module.partition(".")[0] for module in spec.imports))
    return create_command(library, [*(() if spec.requires.startswith(library) else of_extra), spec.requires])


@lru_cache
def _requirements_of_extra(extra: str) -> tuple[str, ...]:
    """The requirements of an extra of harness; none where there is no such extra, or harness is not installed."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        every = [text.partition(";")[::2] for text in requires(OWN) or ()]
    except PackageNotFoundError:
        return ()
    return tuple(name.strip() for name, marker in every if re.search(rf"extra == .{re.escape(extra)}\W", marker))


def _fetch_command(spec: ForecasterSpec, parameters: Mapping[str, Json]) -> str:
    """The command that fetches the weights of a forecaster; empty where it has none, or they are there."""
    if spec.weights is None or uses_checkpoint(spec, parameters):
        return ""
    if _are_fetched(spec.weights):
        return ""
    name = spec.name if PLAIN.fullmatch(spec.name) else f"'{spec.name}'"
    return f"{FETCH} {name}"


def _are_fetched(weights: Weights) -> bool:
    """Whether weights can be used; the imports of their check are made only where they have a lock."""
    from harness.forecasters.weights.paths import lock_path

    if not os.path.exists(lock_path(weights)):
        return False
    from harness.forecasters.weights.store import weights_problem

    return not weights_problem(weights)
