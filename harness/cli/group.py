"""The click group of commands that all take --debug."""

from __future__ import annotations

import click


class HarnessGroup(click.Group):
    """A group that gives each of its commands --debug."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, giving it --debug."""
        cmd.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."))
        super().add_command(cmd, name)
