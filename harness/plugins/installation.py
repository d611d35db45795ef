"""Whether the libraries that forecasters and datasets need are installed, and the commands that install them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.data.dataset import DatasetSpec
from harness.errors import BadInput
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.registry import Registered

Forecasters = Mapping[str, Registered[ForecasterSpec]]  # those of a catalog


def install_command(registered: Registered[ForecasterSpec]) -> str:
    """The command that installs what a forecaster needs; empty where it is installed, as in an environment."""
    is_here = getattr(registered.plugin, "environment", None) is None  # no import of what most commands do not need
    return registered.spec.install_command if is_here else ""


def not_installed(names: Iterable[str], forecasters: Forecasters) -> dict[str, str]:
    """The command that installs each of these forecasters that is not installed, by name."""
    commands = {name: install_command(forecasters[name]) for name in dict.fromkeys(names)}
    return {name: command for name, command in commands.items() if command}


def check_installed(name: str, forecasters: Forecasters) -> None:
    """Raise BadInput for a forecaster that is not installed, with the command that installs it."""
    if command := install_command(forecasters[name]):
        raise BadInput(f"forecaster {name!r} is not installed; run `{command}`")


def check_data_installed(spec: DatasetSpec) -> None:
    """Raise BadInput for a dataset that is not installed, with the command that installs it."""
    if command := spec.install_command:
        raise BadInput(f"dataset {spec.name!r} is not installed; run `{command}`")


def not_installed_text(commands: Mapping[str, str]) -> str:
    """Which forecasters are not installed, and the commands that install them; `commands` are by forecaster."""
    names: dict[str, list[str]] = {}
    for name, command in commands.items():
        names.setdefault(command, []).append(name)
    return "; ".join(f"not installed: {', '.join(group)} (`{command}`)" for command, group in names.items())
