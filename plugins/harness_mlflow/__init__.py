"""harness_mlflow: mirrors runs and standings into MLflow, and shows them. The journal stays authoritative.

harness_run_finished   starts the mirror, a separate process, and returns at once
harness_finished       lets it send the rest, and reports the result
harness_commands       adds `harness ui`

With HARNESS_MLFLOW=off in the environment, or without mlflow, nothing is sent.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness import hookimpl
from harness_mlflow.installation import missing_mlflow

if TYPE_CHECKING:
    import click


@hookimpl
def harness_run_finished(home: Path) -> None:
    """Start the mirror at the first finished cell."""
    if _is_off() or missing_mlflow():
        return
    from harness_mlflow.companion import companion_of

    companion_of(home.resolve()).start()


@hookimpl
def harness_finished(home: Path) -> list[str]:
    """Wait until everything is mirrored; say where to look, or what is not mirrored and why."""
    if _is_off():
        return ["MLflow: nothing is sent, as HARNESS_MLFLOW is off; `harness ui` sends what is new"]
    if command := missing_mlflow():
        return [f"MLflow: nothing is sent, as it is not installed; after `{command}`, `harness ui` sends what is new"]
    import click

    from harness_mlflow.companion import companion_of

    return companion_of(home.resolve()).finish(lambda sentence: click.echo(sentence, err=True))


@hookimpl
def harness_commands(cli: click.Group) -> None:
    """Add `harness ui`."""
    from harness_mlflow.command import ui

    cli.add_command(ui)


def _is_off() -> bool:
    return os.environ.get("HARNESS_MLFLOW", "").lower() == "off"
