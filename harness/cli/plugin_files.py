"""Which plugin file a command imports: the one that it names, or the one beside a board that it names by its path."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from harness.errors import BadInput
from harness.plugins.catalog import COLLECTION_FILE
from harness.plugins.plugin_file import FILE, VARIABLE, checked_plugin_file, plugin_file, plugin_file_beside

# the parameters of commands that take boards
BOARDS = {
    "run": ("boards",),
    "plan": ("boards",),
    "status": ("board",),
    "show": ("board",),
    "compare": ("first", "second"),
    "publish": ("board",),
    "bench": ("board",),
    "runs": ("board",),
    "replay": ("names",),
    "generate": ("board",),
    "forecast": ("source",),
}


def use_plugin_file(group: click.Group, arguments: Sequence[str], named: str | None) -> None:
    """Let this process, and those that it starts, import the plugin file of a command.

    `named` is the value of --plugin-file. Raises BadInput where several files would be imported, or one cannot be.
    """
    beside = plugin_file_beside(list(_board_files(_boards(group, arguments))))
    given = checked_plugin_file(Path(named)) if named else None
    if given is not None and beside is not None and given != beside:
        raise BadInput(
            f"--plugin-file or {VARIABLE} names {given}, and the board has a {FILE} beside it; leave one of both out"
        )
    if file := given or beside:
        os.environ[VARIABLE] = str(file)


def named_plugin_file(boards: Iterable[str]) -> Path | None:
    """The plugin file of this process that a command with these boards has to name, as it is not beside one of them."""
    used = plugin_file()
    return None if used == plugin_file_beside(list(_board_files(boards))) else used


def _board_files(boards: Iterable[str]) -> Iterator[Path]:
    """The files of boards and collections that are named by a path.

    A bare name is none, so that no file of the current folder is imported because a board has its name.
    """
    for name in boards:
        paths = []
        if name.endswith(".toml"):
            paths = [Path(name)]
        elif name in (os.curdir, os.pardir) or "/" in name or os.sep in name:
            paths = [Path(name, COLLECTION_FILE), Path(name, "leaderboard.toml")]
        yield from [path for path in paths if path.is_file()][:1]


def _boards(group: click.Group, arguments: Sequence[str]) -> Iterator[str]:
    """The boards that the arguments of a command name; none where they cannot be parsed, which is an error later."""
    try:
        _, rest, _ = group.make_parser(click.Context(group, resilient_parsing=True)).parse_args(list(arguments))
        command = group.commands.get(rest[0]) if rest else None
        if command is None:
            return
        options, _, _ = command.make_parser(click.Context(command, resilient_parsing=True)).parse_args(rest[1:])
    except click.ClickException:
        return
    for parameter in BOARDS.get(rest[0], ()):
        value = options.get(parameter)
        names = list(value) if isinstance(value, list | tuple) else [value]
        if rest[0] == "replay":  # RUN, or BOARD FORECASTER TASK
            names = names[:1] if len(names) == 3 else []
        for name in (name for name in names if isinstance(name, str)):  # click has an object for what is not given
            # BOARD@PLACE
            yield name.rpartition("@")[0] if rest[0] == "compare" and "@" in name else name
