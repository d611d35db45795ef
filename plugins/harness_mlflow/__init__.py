"""harness_mlflow: mirrors runs and standings into MLflow, and shows them. The journal stays the truth.

harness_run_finished   starts the mirror, a process of its own, and goes on at once
harness_finished       lets it send what is left, and says how it went
harness_commands       adds `harness ui`
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def harness_run_finished(home: Path) -> None:
    """Have a mirror follow the journal from the first finished cell on."""
    from harness_mlflow.companion import companion_of

    companion_of(home.resolve()).start()


@hookimpl
def harness_finished(home: Path) -> list[str]:
    """Wait until everything is mirrored, and say where to look, or what waits and why."""
    from harness_mlflow.companion import companion_of

    return companion_of(home.resolve()).finish()


@hookimpl
def harness_commands(cli: click.Group) -> None:
    """Add `harness ui`."""
    from harness_mlflow.command import ui

    cli.add_command(ui)
