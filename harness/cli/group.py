"""The click group of commands that all take --debug, and whether it was given."""

from __future__ import annotations

from copy import copy

import click

from harness.errors import BadInput

DEBUG = "harness.debug"  # in the `meta` of a click context


def is_debugging() -> bool:
    """Whether the command that runs was given --debug."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(DEBUG))


def _note(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    context.meta[DEBUG] = given


class HarnessGroup(click.Group):
    """A group that gives each of its commands --debug, and in which a command cannot be replaced by another."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, giving it --debug; raises BadInput if the group has another command of that name."""
        key = name or cmd.name
        if key is not None and self.commands.get(key, cmd) is not cmd:
            raise BadInput(f"there is already a command called {key!r}; choose another name")
        if all(parameter.name != "debug" for parameter in cmd.params):
            option = click.Option(
                ["--debug"], is_flag=True, expose_value=False, callback=_note, help="Show tracebacks, of plugins too."
            )
            cmd.params.append(option)
        super().add_command(cmd, name)

    def copy(self) -> HarnessGroup:
        """A group with the same commands, to which others can be added."""
        copied = copy(self)
        copied.commands = dict(self.commands)
        return copied
