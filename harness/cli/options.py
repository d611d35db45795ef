"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.data.home_folders import DEFAULT, check_slashes, home_folder, is_url
from harness.errors import BadInput
from harness.fields.sizes import parse_bytes
from harness.forecasters.pools import POOLS

if TYPE_CHECKING:
    from harness.boards.workspace import Workspace
    from harness.fields.types import Json
    from harness.plugins.catalog import Catalog

Command = TypeVar("Command", bound=Callable[..., Any])


def workspace_option(command: Command) -> Command:
    """The option `--home`, which gives the command a `workspace`."""
    return _home_option("workspace", _workspace)(command)


def read_workspace_option(command: Command) -> Command:
    """The option `--home` of a command that only reads: if the store cannot be reached, the local copy is used."""
    return _home_option("workspace", _read_workspace)(command)


def catalog_option(command: Command) -> Command:
    """The option `--home`, which gives the command a `catalog`; a workspace would load NumPy."""
    return _home_option("catalog", _catalog)(command)


class HomeType(click.Path):
    """A folder, or the URL of a home in a store."""

    name = "home"

    def __init__(self) -> None:
        super().__init__(file_okay=False)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The text as it is, if it is a URL or the name of what can be a folder."""
        check_slashes(str(value))
        return value if is_url(str(value)) else super().convert(value, parameter, context)


def _home_option(
    name: str, value_of: Callable[[click.Context, click.Parameter, str], object]
) -> Callable[[Command], Command]:
    return click.option(
        "--home",
        name,
        type=HomeType(),
        metavar="FOLDER|URL",
        callback=value_of,
        default=DEFAULT,
        envvar="HARNESS_HOME",
        show_default=True,
        help="Folder of the journal, the data, environments and MLflow's store, or a URL such as s3://bucket/run.",
    )


def _workspace(context: click.Context, parameter: click.Parameter, home: str) -> Workspace:
    from harness.boards.workspace import open_workspace

    return open_workspace(home, _catalog(context, parameter, home))


def _read_workspace(context: click.Context, parameter: click.Parameter, home: str) -> Workspace:
    from harness.boards.workspace import open_workspace

    return open_workspace(home, _catalog(context, parameter, home), reads_only=True)


def _catalog(context: click.Context, _: click.Parameter, home: str) -> Catalog:
    catalog: Catalog = context.find_root().obj
    catalog.use_home(home_folder(home))
    return catalog


def set_option(command: Command) -> Command:
    """The option `--set`: hyperparameters; `settings_of` reads them."""
    help_ = "Set a hyperparameter of a forecaster. Repeatable."
    return click.option("--set", "settings", multiple=True, metavar="NAME.KEY=VALUE", help=help_)(command)


def size_option(name: str, help_: str) -> Callable[[Command], Command]:
    """An option for a size such as "4GB", which gives the command a number of bytes."""

    def parsed(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
        return None if text is None else parse_bytes(text)

    return click.option(name, metavar="SIZE", callback=parsed, help=help_)


def limit_options(command: Command) -> Command:
    """The options `--timeout` and `--memory` on each cell, and `--strict`."""
    return _limit_options(
        command,
        "End a cell after this time.  [default: the board's or the forecaster's]",
        "End a cell that takes more, such as 4GB.  [default: as for --timeout]",
        "Forecast one point in time after the other, without later values in memory.",
    )


def check_options(command: Command) -> Command:
    """The options `--timeout` and `--memory` on each check of a forecaster, and `--strict`."""
    return _limit_options(
        command,
        "End a check after this time, and the command with it.  [default: the forecaster's, or 600]",
        "End a check that takes more, such as 4GB.  [default: the forecaster's]",
        "Check strict mode too, and compare its forecasts with those of batches.",
    )


def _limit_options(command: Command, timeout_help: str, memory_help: str, strict_help: str) -> Command:
    seconds = click.option("--timeout", metavar="SECONDS", callback=_positive_seconds, help=timeout_help)
    memory = size_option("--memory", memory_help)
    strict = click.option("--strict", is_flag=True, help=strict_help)
    return seconds(memory(strict(command)))


def _positive_seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """A number of seconds, or a time with its unit; raises BadInput for any other text."""
    from harness.efficiency.budget import parse_seconds

    if text is None:
        return None
    seconds = parse_seconds(f"{text}s" if re.fullmatch(r"[\d.]+", text) else text)
    if seconds <= 0:
        raise BadInput(f"--timeout must be more than 0 seconds, not {text!r}")
    return seconds


def csv_option(command: Command) -> Command:
    """The flag `--csv`."""
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")(command)


def json_option(command: Command) -> Command:
    """The flag `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


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
