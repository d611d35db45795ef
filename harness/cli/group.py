"""The click group of commands that all take --debug."""

from __future__ import annotations

from copy import copy

import click

from harness.errors import BadInput


class HarnessGroup(click.Group):
    """A group that gives each of its commands --debug, and in which a command cannot be replaced by another."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, giving it --debug; raises BadInput if the group has another command of that name."""
        key = name or cmd.name
        if key is not None and self.commands.get(key, cmd) is not cmd:
            raise BadInput(f"there is already a command called {key!r}; choose another name")
        if all(parameter.name != "debug" for parameter in cmd.params):
            cmd.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."))
        super().add_command(cmd, name)

    def copy(self) -> HarnessGroup:
        """A group with the same commands, to which others can be added."""
        copied = copy(self)
        copied.commands = dict(self.commands)
        return copied
