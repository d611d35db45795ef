"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.errors import BadInput
from harness.forecasters.pools import POOLS

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.fields.types import Json

Command = TypeVar("Command", bound=Callable[..., Any])


def workspace_option(command: Command) -> Command:
    """The option `--home`, which gives the command a `workspace`."""
    return click.option(
        "--home",
        "workspace",
        type=click.Path(file_okay=False, path_type=Path),
        callback=_workspace,
        default=".harness",
        envvar="HARNESS_HOME",
        show_default=True,
        help="Folder of the journal, the data and MLflow's store.",
    )(command)


def _workspace(context: click.Context, _: click.Parameter, home: Path) -> Workspace:
    from harness.boards.workspace import Workspace

    return Workspace(home, context.find_root().obj)


def set_option(command: Command) -> Command:
    """The option `--set`: hyperparameters; `settings_of` reads them."""
    help_ = "Set a hyperparameter of a forecaster. Repeatable."
    return click.option("--set", "settings", multiple=True, metavar="NAME.KEY=VALUE", help=help_)(command)


def csv_option(command: Command) -> Command:
    """The flag `--csv`."""
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")(command)


def pool_option(help_: str) -> Callable[[Command], Command]:
    """The option `--pool`, which gives the command `pools`; `help_` says what it does with their forecasters."""
    return click.option("--pool", "pools", multiple=True, type=click.Choice(POOLS), help=f"{help_} Repeatable.")


def check_arguments(arguments: Sequence[str]) -> None:
    """Raise BadInput for an argument that is empty, or cannot be passed on to the operating system."""
    for position, argument in enumerate(arguments, start=1):
        if not argument or re.fullmatch(r"--[\w-]+=", argument):
            what = f"option {argument.rstrip('=')}" if argument else f"argument {position}"
            raise BadInput(f"{what} is empty; give it a value, or leave it out")
        if "\0" in argument:
            raise BadInput(f"argument {position} contains a NUL character: {argument!r:.80}")


def one_line(text: str) -> str:
    """A text with its line breaks and other control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def settings_of(given: tuple[str, ...]) -> dict[str, dict[str, Json]]:
    """`NAME.KEY=VALUE` texts, by name and key; a value is JSON, or else a text."""
    import json

    settings: dict[str, dict[str, Json]] = {}
    for text in given:
        path, equals, value = text.partition("=")
        name, _, key = path.rpartition(".")
        if not (equals and name and key):
            raise BadInput(f"--set takes NAME.KEY=VALUE, such as ridge.alpha=0.1, not {text!r}")
        try:
            settings.setdefault(name, {})[key] = json.loads(value, parse_constant=str)
        except ValueError:
            settings.setdefault(name, {})[key] = value
    return settings


def output_format(**options: object) -> str | None:
    """The output format that was asked for, by its option's name; None for the terminal's, BadInput for two."""
    given = [name for name, value in options.items() if value]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(f'--{name}' for name in given)} show the same in other ways; choose one of them")
    return given[0] if given else None
